package net

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
)

// maxFlights bounds what is remembered of messages that wait for verification. Pubsub's queue is shorter; should
// something be left behind all the same, forgetting everything costs a few verifications twice.
const maxFlights = 2 * validateQueue

// flights is the messages between their arrival and their verification. Several neighbours forward the same message
// within moments, and pubsub recognises it only once one of them has been verified. Equal means equal in every byte,
// signature included: a forgery that only resembles a message does not hide it.
type flights struct {
	mu     sync.Mutex
	aloft  map[[32]byte]struct{} // by wholeID
	origin map[*pb.Message]flight
}

// flight is what a message was named on its arrival, so that pubsub need not do so again.
type flight struct{ id, whole [32]byte }

// enter notes a message, which must not be changed from then on; false if an identical one is on its way.
func (f *flights) enter(m *pb.Message) bool {
	id := messageID(m)
	whole := wholeID(id, m)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.aloft[whole]; ok {
		return false
	}
	if f.aloft == nil || len(f.aloft) >= maxFlights {
		f.aloft, f.origin = make(map[[32]byte]struct{}), make(map[*pb.Message]flight)
	}
	f.aloft[whole], f.origin[m] = struct{}{}, flight{id, whole}
	return true
}

// id returns the messageID of a message, on its way or not.
func (f *flights) id(m *pb.Message) [32]byte {
	f.mu.Lock()
	known, ok := f.origin[m]
	f.mu.Unlock()
	if ok {
		return known.id
	}
	return messageID(m)
}

// wholeID names a message by every byte in it: by the identity of what is signed, and by what is not. A field that is
// absent is not one that is empty: to pubsub an empty key is a bad one, and a forgery that adds it must not stand for the
// message.
func wholeID(id [32]byte, m *pb.Message) [32]byte {
	whole := append(make([]byte, 0, 128), id[:]...) // enough for an honest signature and no key
	for _, field := range [...][]byte{m.Signature, m.Key} {
		length := uint64(0) // so that the fields do not run into one another; 0 if absent
		if field != nil {
			length = uint64(len(field)) + 1
		}
		whole = append(binary.BigEndian.AppendUint64(whole, length), field...)
	}
	return sha256.Sum256(whole)
}

// leave notes that pubsub knows what to think of a message: it is verified, rejected or known.
func (f *flights) leave(m *pb.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, ok := f.origin[m]; ok {
		delete(f.origin, m)
		delete(f.aloft, known.whole)
	}
}
