package nettest

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/net"
)

// invitation is a document that a member offers, and who has it.
type invitation struct {
	doc []byte
	has map[*Member]bool
}

// Invite offers a document to every member in reach, and to whoever comes into reach, until Withdraw. Weather does not
// concern it. Each member is told once.
func (m *Member) Invite(doc []byte) error {
	if len(doc) == 0 || len(doc) > net.MaxInvitation {
		return fmt.Errorf("invite: a document has 1 .. %d bytes, not %d", net.MaxInvitation, len(doc))
	}
	m.network.mu.Lock()
	id := sha256.Sum256(doc)
	if m.invitations[id] == nil {
		m.invitations[id] = &invitation{slices.Clone(doc), map[*Member]bool{m: true}}
	}
	m.network.mu.Unlock()
	m.network.invite()
	return nil
}

// Withdraw ends the offer of a document.
func (m *Member) Withdraw(doc []byte) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	delete(m.invitations, sha256.Sum256(doc))
}

// OnInvited has hear told of the documents that others offer, as net.Deps.Invited is, also of those that are offered already.
func (m *Member) OnInvited(hear func(doc []byte, from peer.ID)) {
	m.network.mu.Lock()
	m.invited = hear
	m.network.mu.Unlock()
	m.network.invite()
}

// invite tells whoever is in reach of what was not told yet.
func (n *Network) invite() {
	var calls []func()
	n.mu.Lock()
	for _, from := range n.members {
		for _, i := range from.invitations {
			for _, to := range n.members {
				if i.has[to] || to.invited == nil || to.group != from.group || n.closed {
					continue
				}
				i.has[to] = true
				hear, doc, id := to.invited, slices.Clone(i.doc), peer.ID(from.public.PeerID())
				calls = append(calls, func() { hear(doc, id) })
			}
		}
	}
	n.mu.Unlock()
	for _, call := range calls {
		call()
	}
}
