package net

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// sign signs a publication of ours, as pubsub would have: all fields but signature and key, behind the prefix. Their
// digest is the message's identity, which pubsub has asked for already. The key is inside the author's peer ID, so the
// key field stays empty.
func (t *traffic) sign(msg *pubsub.Message) {
	digest := identity(msg)
	msg.Signature = ecdsa.Sign(t.operator, digest[:]).Serialize()
}
