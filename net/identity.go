package net

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire"
)

// appendSigned writes what the author of a message signs into a buffer, from its beginning: the prefix and the message without
// signature and key, unknown fields included. Nil for what cannot be encoded; pubsub refuses that as badly signed.
func appendSigned(buffer []byte, m *pb.Message) []byte {
	bare := &pb.Message{From: m.From, Data: m.Data, Seqno: m.Seqno, Topic: m.Topic}
	bare.ProtoReflect().SetUnknown(m.ProtoReflect().GetUnknown())
	signed, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(append(buffer[:0], pubsub.SignPrefix...), bare)
	if err != nil {
		return nil
	}
	return signed
}

// buffers are for bytes that are hashed and forgotten.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// messageID is what a message is for pubsub and for the slot table: the digest under its signature.
//
// Pubsub's own choice, author and sequence number, lets an author hide one statement behind another: whoever hears two
// under one number drops the second as a duplicate, before anybody sees that it differs (rule R3). And what is not
// signed must not count: a forwarder can change the signature to its other value of s, and can write anything into the
// key field.
func messageID(m *pb.Message) [32]byte {
	buffer, _ := buffers.Get().(*[]byte)
	signed := appendSigned(*buffer, m)
	id := sha256.Sum256(signed)
	if signed != nil {
		*buffer = signed
	}
	buffers.Put(buffer)
	return id
}

// identity is the messageID of a message that pubsub hands to our validator; pubsub has asked for it before.
func identity(msg *pubsub.Message) [32]byte {
	if len(msg.ID) != sha256.Size {
		return messageID(msg.Message)
	}
	return [32]byte([]byte(msg.ID))
}

// signedSize is the length of what the author of a message signs.
func signedSize(m *pb.Message) int {
	size := len(pubsub.SignPrefix) + proto.Size(m)
	for _, unsigned := range [...][]byte{m.Signature, m.Key} {
		if unsigned != nil {
			size -= 1 + protowire.SizeBytes(len(unsigned)) // a tag of one byte
		}
	}
	return size
}

// copyNumber shortens a message's identity for the slot table. An author could make two of his own messages collide,
// which hides a copy of his own and nothing else: statements are compared by their whole digests.
func copyNumber(id [32]byte) uint64 { return binary.BigEndian.Uint64(id[:]) }

// dropKey takes out the key field, which nobody signs. The author's key is inside his peer ID; a peer ID that does not
// hold an operator's key is no member's, and its message is left as it is, for others to think of it what they think.
// So a copy whose key field is padded, or garbage, is the message itself: it can neither make it too long nor take its
// place, and what is relayed from here is clean.
func dropKey(m *pb.Message) {
	if m.Key != nil && wire.HoldsKey(m.GetFrom()) {
		m.Key = nil
	}
}
