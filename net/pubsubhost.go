package net

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// pubsubHost is the host as pubsub has it, without two things that pubsub does for each message and that nobody here has a use for: it
// counts for the connection manager who delivers how much, and gives each write a deadline of its own.
type pubsubHost struct{ host.Host }

// ConnManager implements host.Host.
func (h pubsubHost) ConnManager() connmgr.ConnManager { return untallied{h.Host.ConnManager()} }

// NewStream implements host.Host.
func (h pubsubHost) NewStream(ctx context.Context, to peer.ID, protocols ...protocol.ID) (network.Stream, error) {
	s, err := h.Host.NewStream(ctx, to, protocols...)
	if err != nil {
		return nil, err
	}
	return &unhurried{Stream: s}, nil
}

// untallied is a connection manager that does not tally who delivers messages: peers are admitted for what they hold, and trimmed by
// nobody's deliveries. Those in a mesh are protected as before.
type untallied struct{ connmgr.ConnManager }

// RegisterDecayingTag implements connmgr.Decayer.
func (untallied) RegisterDecayingTag(name string, interval time.Duration, _ connmgr.DecayFn, _ connmgr.BumpFn) (connmgr.DecayingTag, error) {
	return blank{name, interval}, nil
}

// blank is a tag that stays as it is.
type blank struct {
	name     string
	interval time.Duration
}

// Name implements connmgr.DecayingTag.
func (b blank) Name() string { return b.name }

// Interval implements connmgr.DecayingTag.
func (b blank) Interval() time.Duration { return b.interval }

// Bump implements connmgr.DecayingTag.
func (blank) Bump(peer.ID, int) error { return nil }

// Remove implements connmgr.DecayingTag.
func (blank) Remove(peer.ID) error { return nil }

// Close implements connmgr.DecayingTag.
func (blank) Close() error { return nil }

// writeSlack is by how much a write may have to end sooner than pubsub wants, which gives it 30 s.
const writeSlack = 5 * time.Second

// unhurried is a stream whose write deadline is put off once in a while, and not with each of the writes that follow each other: that
// takes two timers each time. One goroutine of pubsub writes, and sets the deadline.
type unhurried struct {
	network.Stream
	deadline time.Time // zero if there is none
}

// SetWriteDeadline implements network.MuxedStream; the deadline is up to writeSlack sooner than told.
func (s *unhurried) SetWriteDeadline(t time.Time) error {
	if sooner := t.Sub(s.deadline); !t.IsZero() && sooner >= 0 && sooner < writeSlack {
		return nil
	}
	s.deadline = t
	return s.Stream.SetWriteDeadline(t)
}
