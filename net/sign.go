package net

import (
	"fmt"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
)

// later is the operator's key as pubsub is given it for a publication: it does not sign yet. Pubsub verifies whatever
// carries a signature, its own included.
type later struct{ crypto.PrivKey }

// Sign implements crypto.PrivKey; it leaves the message unsigned.
func (later) Sign([]byte) ([]byte, error) { return nil, nil }

// sign signs a publication of ours, as pubsub would have: all fields but signature and key, behind the prefix. The key
// is inside the author's peer ID, so the key field stays empty.
func (h *Host) sign(m *pb.Message) error {
	signature, err := h.signing.Sign(signedBytes(m))
	if err != nil {
		return fmt.Errorf("sign message: %w", err)
	}
	m.Signature = signature
	return nil
}
