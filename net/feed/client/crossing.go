package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Bounds of what is fetched at once of a subscriber at another instance.
const (
	maxCrossed        = 16 // epochs
	maxCrossedEntries = 1 << 18
)

// cross compares the stay with what the other one got of other instances, beginning with what is not verified. Met is whether some of it was
// compared at one's own. Where either is known to have lost data a difference proves nothing: what came before is numbered otherwise, and what an
// instance never tells may be forgotten everywhere.
func (m *meeting) cross(ctx context.Context, met bool) error {
	c, own := m.to, m.own()
	ours := m.crossed(met)
	if len(ours.Epochs) == 0 {
		return ErrNothingShared
	}
	theirs, again, err := elsewhere(ctx, m.all.Mailbox, ours, m.other, lost(m.all.Stays[:m.stay+1]))
	if err != nil {
		return err
	}
	if len(theirs) == 0 {
		return ErrNothingShared
	}
	at := len(theirs) - 1
	c.Instance, c.Mailbox = theirs[at].Instance, theirs[at].Mailbox
	theirs = slices.DeleteFunc(theirs, func(x feed.Export) bool { return x.Instance == own.Instance || len(x.Epochs) == 0 })
	switch {
	case len(theirs) == 0 && !met:
		return fmt.Errorf("%s: %w", own.Instance, ErrTwoStories)
	case len(theirs) == 0:
		return nil
	}
	crossing, err := feed.Across(ctx, ours, theirs, m.keys, m.all.exports()...)
	if err != nil {
		return fmt.Errorf("compare with mailbox %s at %s: %w", c.Mailbox, c.Instance, err)
	}
	if crossing.Covered && len(crossing.Blames) == 0 {
		for _, k := range ours.Epochs {
			if _, compared := m.seen[k.Epoch]; !compared && k.Epoch <= crossing.Until { // what differs at one's own instance differs
				m.seen[k.Epoch] = true
			}
		}
	}
	if again || lost(m.all.Stays) {
		crossing.Findings = slices.DeleteFunc(crossing.Findings, func(f feed.Finding) bool { return f.Elsewhere.After > 0 })
		for n := range crossing.Findings {
			if f := &crossing.Findings[n]; !f.Elsewhere.Strays { // one seal shows it, whatever was lost
				f.Proof, f.Trace = nil, nil
			}
		}
	}
	c.Items += crossing.Items
	c.Findings, c.Blames = append(c.Findings, crossing.Findings...), append(c.Blames, crossing.Blames...)
	return nil
}

// elsewhere fetches what another subscriber got in some epochs and one before, stay by stay: epochs end at other moments. Again is whether an
// instance comes twice in a row, which has lost data between: then it is what came before, or after.
func elsewhere(ctx context.Context, mailbox string, ours feed.Export, other Other, after bool) (list []feed.Export, again bool, _ error) {
	first, last := ours.Epochs[0].Epoch, ours.Epochs[len(ours.Epochs)-1].Epoch
	q := Question{Mailbox: mailbox, From: first - min(first, 1)}
	epochs, entries := 0, 0
	for range maxPartings {
		t, err := other.Trail(ctx, q)
		if errors.Is(err, ErrNotKept) && len(list) > 0 || err == nil && len(t.Marks) == 0 {
			break
		}
		if err != nil {
			return nil, false, err
		}
		if n := len(list); n > 0 && list[n-1].Instance == t.Instance {
			if again = true; !after {
				break
			}
			list = nil
		}
		x := feed.Export{Instance: t.Instance, Mailbox: t.Mailbox}
		for _, mark := range t.Marks {
			if q.From = mark.Epoch + 1; t.Instance == ours.Instance {
				continue
			}
			if epochs >= maxCrossed+2 || entries >= maxCrossedEntries {
				break
			}
			got, err := other.Epoch(ctx, t.Instance, mark.Epoch)
			if err != nil {
				return nil, false, err
			}
			if got.Instance != t.Instance || got.Mailbox != t.Mailbox || len(got.Epochs) != 1 || got.Epochs[0].Epoch != mark.Epoch {
				return nil, false, fmt.Errorf("epoch %d: %w", mark.Epoch, ErrTwoStories)
			}
			x.Epochs, epochs, entries = append(x.Epochs, got.Epochs[0]), epochs+1, entries+len(got.Epochs[0].Entries)
		}
		list = append(list, x)
		if q.From > last+1 || epochs >= maxCrossed+2 || entries >= maxCrossedEntries {
			break
		}
	}
	return list, again, nil
}

// crossed is what is crossed at once: what is whole and not verified, the oldest maxCrossed epochs of it. Where nothing of it was compared yet
// the newest two at least, for one may be empty.
func (m *meeting) crossed(met bool) feed.Export {
	x := m.own().Export(m.all.Mailbox)
	first := len(x.Epochs) - len(pending(m.own(), m.all.Mailbox, m.seen).Epochs)
	if !met {
		first = max(0, min(first, len(x.Epochs)-2))
	}
	x.Epochs = x.Epochs[first:min(len(x.Epochs), first+maxCrossed)]
	return x
}

// lost is whether data was lost between some stays: then an instance took the mailbox from itself. What sources told under numbers that were
// forgotten comes again under others.
func lost(stays []feed.Stay) bool {
	for i := 1; i < len(stays); i++ {
		if stays[i-1].Instance == stays[i].Instance && stays[i-1].Moves+1 == stays[i].Moves {
			return true
		}
	}
	return false
}
