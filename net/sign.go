package net

import (
	"fmt"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
)

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
