package net

import (
	"fmt"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"google.golang.org/protobuf/proto"
)

// later is the operator's key as pubsub is given it for a publication: it does not sign yet. Pubsub verifies whatever
// carries a signature, its own included.
type later struct{ crypto.PrivKey }

// Sign implements crypto.PrivKey; it leaves the message unsigned.
func (later) Sign([]byte) ([]byte, error) { return nil, nil }

// sign signs a publication of ours, as pubsub would have: all fields but signature and key, behind the prefix. The key
// is inside the author's peer ID, so the key field stays empty.
func (h *Host) sign(m *pb.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if m.Signature, err = h.signing.Sign(append([]byte(pubsub.SignPrefix), data...)); err != nil {
		return fmt.Errorf("sign message: %w", err)
	}
	return nil
}
