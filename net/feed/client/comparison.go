package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// What callers tell apart with errors.Is.
var (
	// ErrNothingShared says that two subscribers have nothing that could be compared.
	ErrNothingShared = errors.New("the two have nothing in common to compare")
	// ErrTwoStories says that a subscriber's trail and its epochs do not belong together.
	ErrTwoStories = errors.New("the other subscriber's trail is not that of its epochs; what it says is of no use")
)

// Verdict is what a comparison comes to.
type Verdict uint8

// The verdicts.
const (
	Agree   Verdict = 1 + iota // something was compared, and all of it is the same
	Blamed                     // somebody is to blame, and it can be shown to others
	Unclear                    // nothing could be compared, or something differs and nobody can be blamed
)

// String returns the verdict's name.
func (v Verdict) String() string {
	switch v {
	case Agree:
		return "agree"
	case Blamed:
		return "blamed"
	case Unclear:
		return "unclear"
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Comparison is what came of comparing with another subscriber.
type Comparison struct {
	Peer     string
	Instance string // at which its mailbox is, and
	Mailbox  string // which; empty if it did not say
	Epochs   int    // of one instance, that both got alike
	Items    int    // of two instances, that both got alike
	Untold   int    // epochs of which one keeps heads alone, and the mailboxes want different things: the seals are the same
	// Confirmed is the last epoch, of the instance that has one's own mailbox, up to which all that was kept whole and not verified
	// was alike, or differs by nobody's fault; if Confirms.
	Confirmed feed.Epoch
	Confirms  bool
	Earlier   []Confirmed // the same of earlier stays, as far as it confirms any of them
	Findings  []feed.Finding
	Blames    []feed.Blame // by what the two keep of the epochs that differ
	Proofs    []string     // files in which proofs are kept, where there is a directory
	Wrong     error        // why it ended before all was compared
}

// Verdict sums it up. What a subscriber shows of its deliveries is not signed, and blames nobody.
func (c Comparison) Verdict() Verdict {
	if slices.ContainsFunc(c.Findings, func(f feed.Finding) bool { return f.Proof != nil }) ||
		slices.ContainsFunc(c.Blames, func(b feed.Blame) bool { return b.Reason != feed.Delivery }) {
		return Blamed
	}
	if c.Wrong != nil || len(c.Findings)+len(c.Blames) > 0 || c.Epochs+c.Items == 0 {
		return Unclear
	}
	return Agree
}

// Compare compares what a subscriber keeps with another one, stay by stay: at the instances that both have read from by trails, of which
// the epochs that differ are fetched, and otherwise by what their instances took in of the same sources.
func Compare(ctx context.Context, own Archive, other Other, keys feed.Keyring) Comparison {
	c := Comparison{Peer: other.Name()}
	for i, stay := range own.Stays {
		if len(stay.Kept) == 0 {
			continue
		}
		m := &meeting{to: &c, all: own, stay: i, other: other, keys: keys, seen: map[feed.Epoch]bool{}}
		err := m.run(ctx)
		until, confirms := confirmed(stay, m.seen)
		last := i == len(own.Stays)-1
		switch {
		case last:
			c.Confirmed, c.Confirms = until, confirms
		case confirms:
			c.Earlier = append(c.Earlier, Confirmed{stay.Moves, stay.Instance, until})
		}
		if nothing := errors.Is(err, ErrNotKept) || errors.Is(err, ErrNothingShared); err != nil && (last || !nothing) {
			c.Wrong = err
			return c
		}
	}
	if c.Epochs+c.Items+c.Untold+len(c.Findings) == 0 {
		c.Wrong = ErrNothingShared
	}
	return c
}

// Agreed is how far all of some comparisons confirm what a subscriber keeps, stay by stay.
func Agreed(own Archive, list []Comparison) (all []Confirmed) {
	for i, stay := range own.Stays {
		until, agreed := ^feed.Epoch(0), len(list) > 0
		for _, c := range list {
			e, ok := c.Confirmed, c.Confirms
			if i < len(own.Stays)-1 {
				n := slices.IndexFunc(c.Earlier, func(e Confirmed) bool { return e.Moves == stay.Moves })
				if ok = n >= 0; ok {
					e = c.Earlier[n].Until
				}
			}
			until, agreed = min(until, e), agreed && ok
		}
		if agreed {
			all = append(all, Confirmed{stay.Moves, stay.Instance, until})
		}
	}
	return all
}
