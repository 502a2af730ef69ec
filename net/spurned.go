package net

import (
	"slices"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
)

const (
	// spurnTurn is for how long a message is known at least that was dropped as needless: longer than neighbours gossip about one,
	// three heartbeats of a second.
	spurnTurn = 5 * time.Second
	// maxSpurned bounds what is known of one turn. Forgetting costs what it costs to hear a message once more.
	maxSpurned = 1 << 14
)

// spurned is the messages that were dropped before pubsub saw them, since everybody in reach knows what they say. Pubsub would
// ask every neighbour that gossips about one for it, three times. It belongs to pubsub's main loop.
type spurned struct {
	turned      time.Time
	now, before map[string]struct{} // by the messageID, of this turn and of the one before
}

func (s *spurned) add(id [32]byte, at time.Time) {
	s.turn(at)
	if len(s.now) >= maxSpurned {
		s.before, s.now, s.turned = s.now, nil, at
	}
	if s.now == nil {
		s.now = make(map[string]struct{})
	}
	s.now[string(id[:])] = struct{}{}
}

func (s *spurned) turn(at time.Time) {
	switch age := at.Sub(s.turned); {
	case age >= 2*spurnTurn:
		s.before, s.now, s.turned = nil, nil, at
	case age >= spurnTurn:
		s.before, s.now, s.turned = s.now, nil, at
	}
}

// sift takes out of a neighbour's gossip what need not be asked for.
func (s *spurned) sift(control *pb.ControlMessage, at time.Time) {
	s.turn(at)
	if control == nil || len(s.now)+len(s.before) == 0 {
		return
	}
	for _, gossip := range control.GetIhave() {
		gossip.MessageIDs = slices.DeleteFunc(gossip.GetMessageIDs(), func(id string) bool {
			_, now := s.now[id]
			_, before := s.before[id]
			return now || before
		})
	}
}
