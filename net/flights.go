package net

import (
	"crypto/sha256"
	"sync"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/proto"
)

// maxFlights bounds what is remembered of messages that wait for verification. Pubsub's queue is shorter; should
// something be left behind all the same, forgetting everything costs a few verifications twice.
const maxFlights = 2 * validateQueue

// flights is the messages between their arrival and their verification. Several neighbours forward the same message
// within moments, and pubsub recognises it only once one of them has been verified. Equal means equal in every byte,
// signature included: a forgery that only resembles a message does not hide it.
type flights struct {
	mu     sync.Mutex
	aloft  map[[32]byte]struct{}
	origin map[*pb.Message][32]byte
}

// enter notes a message; false if an identical one is on its way.
func (f *flights) enter(m *pb.Message) bool {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return true // pubsub refuses it
	}
	id := sha256.Sum256(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.aloft[id]; ok {
		return false
	}
	if f.aloft == nil || len(f.aloft) >= maxFlights {
		f.aloft, f.origin = make(map[[32]byte]struct{}), make(map[*pb.Message][32]byte)
	}
	f.aloft[id], f.origin[m] = struct{}{}, id
	return true
}

// leave notes that pubsub knows what to think of a message: it is verified, rejected or known.
func (f *flights) leave(m *pb.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id, ok := f.origin[m]; ok {
		delete(f.origin, m)
		delete(f.aloft, id)
	}
}
