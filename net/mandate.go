package net

import (
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/internal/wire"
)

// mandate is this instance's own delegation: what it shows to peers to prove for whom it speaks.
type mandate struct {
	operator *secp256k1.PrivateKey
	instance peer.ID
	lifetime time.Duration

	mu         sync.Mutex
	delegation []byte // nil before the first renew
	renewAt    time.Time
}

func newMandate(operator *secp256k1.PrivateKey, instance peer.ID, lifetime time.Duration) *mandate {
	return &mandate{operator: operator, instance: instance, lifetime: lifetime}
}

// renew signs a new delegation if half of the life of the one before has passed, and reports whether it did.
func (m *mandate) renew(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.renewAt) {
		return false
	}
	m.delegation = wire.SignDelegation(m.operator, []byte(m.instance), now, now.Add(m.lifetime))
	m.renewAt = now.Add(m.lifetime / 2)
	return true
}

// shown is the delegation that peers are shown.
func (m *mandate) shown() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.delegation
}
