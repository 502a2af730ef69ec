package client

import (
	"encoding/json"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// MaxLine is the longest line of a stream, in bytes: the greatest seal with the greatest subscriptions, as base64.
const MaxLine = (feed.MaxSeal+(1<<20))/3*4 + 4096

// Line is one line of a mailbox's stream: a JSON object with exactly one of begin, entry, seal, handover and end. Empty lines between them are
// signs of life.
type Line struct {
	Begin         *Begin `json:"begin,omitempty"`         // the first line
	Entry         []byte `json:"entry,omitempty"`         // canonical form of the next entry
	Payload       []byte `json:"payload,omitempty"`       // of the entry's record
	Witness       []byte `json:"witness,omitempty"`       // canonical form: what the origin of the entry's item signed of it
	Seal          []byte `json:"seal,omitempty"`          // canonical form of the next seal
	Subscriptions []byte `json:"subscriptions,omitempty"` // that held in the seal's epoch
	Handover      []byte `json:"handover,omitempty"`      // canonical form: the mailbox goes on at another instance
	End           *End   `json:"end,omitempty"`           // the last line, if the stream did not just break off
}

// Begin says what is about to be read.
type Begin struct {
	Mailbox      string      `json:"mailbox"`
	Instance     string      `json:"instance"`     // that has it
	Number       feed.Number `json:"number"`       // of the entry before the first one to come; 0 if that is the mailbox's first
	Acknowledged feed.Number `json:"acknowledged"` // up to which the subscriber said that it needs the entries no more
}

// End says why no more is read.
type End struct {
	Code    string `json:"code"` // moved, collected, stopped or failed
	Message string `json:"message"`
}

// The codes of an End.
const (
	EndMoved     = "moved"     // another instance has the mailbox from here on
	EndCollected = "collected" // what would come next is not kept any more
	EndStopped   = "stopped"   // the instance stops
	EndFailed    = "failed"
)

// LineOf is what is sent of a piece of news.
func LineOf(n pipeline.News) Line {
	if n.Delivered != nil {
		l := Line{Entry: n.Delivered.Entry.Encode(), Payload: n.Delivered.Payload}
		if n.Delivered.Witness != nil {
			l.Witness = n.Delivered.Witness.Encode()
		}
		return l
	}
	if n.Handover != nil {
		return Line{Handover: n.Handover.Encode()}
	}
	return Line{Seal: n.Seal.Encode(), Subscriptions: n.Subscriptions.Encode()}
}

// ParseLine reads a line. What is in it is in its one form, and otherwise not verified. Errors are feed.ErrMalformed.
func ParseLine(raw []byte) (Line, pipeline.News, error) {
	var l Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, pipeline.News{}, fmt.Errorf("line of a mailbox: %w: %w", feed.ErrMalformed, err)
	}
	parts := 0
	for _, there := range []bool{l.Begin != nil, l.Entry != nil, l.Seal != nil, l.Handover != nil, l.End != nil} {
		if there {
			parts++
		}
	}
	if parts != 1 || (l.Payload != nil || l.Witness != nil) && l.Entry == nil || (l.Subscriptions != nil) != (l.Seal != nil) {
		return l, pipeline.News{}, fmt.Errorf("line of a mailbox: %w: not one thing", feed.ErrMalformed)
	}
	var n pipeline.News
	switch {
	case l.Entry != nil:
		e, err := feed.DecodeEntry(l.Entry)
		if err != nil {
			return l, n, err
		}
		n.Delivered = &pipeline.Delivered{Entry: e, Payload: l.Payload}
		if l.Witness != nil {
			w, err := feed.DecodeWitness(l.Witness)
			if err != nil {
				return l, n, err
			}
			n.Delivered.Witness = &w
		}
	case l.Seal != nil:
		s, err := feed.DecodeSeal(l.Seal)
		if err != nil {
			return l, n, err
		}
		subs, err := feed.DecodeSubscriptions(l.Subscriptions)
		if err != nil {
			return l, n, err
		}
		n.Seal, n.Subscriptions = &s, subs
	case l.Handover != nil:
		h, err := feed.DecodeHandover(l.Handover)
		if err != nil {
			return l, n, err
		}
		n.Handover = &h
	}
	return l, n, nil
}
