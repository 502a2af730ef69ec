package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// maxPartings is after how many epochs that differ a comparison ends: who differs in more has enough to show.
const maxPartings = 8

// meeting compares one stay of a subscriber with what another one keeps.
type meeting struct {
	to    *Comparison // which has what is found
	all   Archive
	stay  int // the one of all
	other Other
	keys  feed.Keyring
	seen  map[feed.Epoch]bool // what was compared, and whether the other one confirms it
}

// own is the stay.
func (m *meeting) own() feed.Stay { return m.all.Stays[m.stay] }

// run compares what both got of the stay's instance, and what is left of it across instances.
func (m *meeting) run(ctx context.Context) error {
	err := m.follow(ctx)
	if err != nil && !errors.Is(err, ErrNotKept) {
		return err
	}
	met := err == nil
	if met && len(pending(m.own(), m.all.Mailbox, m.seen).Epochs) == 0 {
		return nil
	}
	// The other one was elsewhere in some of it, or in all.
	if err = m.cross(ctx, met); met && (errors.Is(err, ErrNotKept) || errors.Is(err, ErrNothingShared)) {
		return nil
	}
	return err
}

// follow compares what both got of one instance.
func (m *meeting) follow(ctx context.Context) error {
	c, own, mailbox := m.to, m.own(), m.all.Mailbox
	q := Question{Instance: own.Instance, Mailbox: mailbox, From: own.Kept[0].Epoch, Whole: firstWhole(own)}
	for parted := range maxPartings {
		t, err := m.other.Trail(ctx, q)
		if err != nil {
			if parted > 0 && errors.Is(err, ErrNotKept) { // nothing came after what differs
				return nil
			}
			return err
		}
		if t.Instance != own.Instance || t.Mailbox == mailbox {
			return fmt.Errorf("a trail of mailbox %s at %s: %w", t.Mailbox, t.Instance, ErrTwoStories)
		}
		c.Instance, c.Mailbox = t.Instance, t.Mailbox
		match := t.Follow(mailbox, since(q.From, own.Kept))
		c.Epochs, c.Untold = c.Epochs+len(match.Same), c.Untold+len(match.Untold)
		for _, e := range match.Same {
			m.seen[e] = true
		}
		if !match.Differs {
			return nil
		}
		if match.Heads {
			c.Findings = append(c.Findings, feed.Finding{Epoch: match.At, Heads: true})
		} else if m.seen[match.At], err = m.part(ctx, t, match.At); err != nil {
			return err
		}
		q.From = match.At + 1
	}
	return nil
}

// part fetches the one epoch in which two trails part, and finds the records. Excused is whether it is nobody's fault, by what the
// instance signed: a mailbox was full.
func (m *meeting) part(ctx context.Context, t feed.Trail, at feed.Epoch) (excused bool, _ error) {
	theirs, err := m.other.Epoch(ctx, t.Instance, at)
	if errors.Is(err, ErrNotKept) {
		return false, fmt.Errorf("epoch %d, which differs, is kept whole no more", at)
	}
	if err != nil {
		return false, err
	}
	if theirs.Instance != t.Instance || theirs.Mailbox != t.Mailbox || len(theirs.Epochs) != 1 || theirs.Epochs[0].Epoch != at {
		return false, fmt.Errorf("epoch %d: %w", at, ErrTwoStories)
	}
	found, blames, err := feed.Compare(ctx, m.own().Export(m.all.Mailbox).Only(at), theirs, m.keys)
	if err != nil {
		return false, fmt.Errorf("compare epoch %d: %w", at, err)
	}
	m.to.Blames = append(m.to.Blames, blames...)
	if len(found) == 0 {
		return false, fmt.Errorf("epoch %d: %w", at, ErrTwoStories)
	}
	m.to.Findings = append(m.to.Findings, found...)
	proved := slices.ContainsFunc(found, func(f feed.Finding) bool { return f.Proof != nil })
	return !proved && len(blames) == 0, nil
}

// firstWhole is the first epoch of a stay that is kept whole, one after the last if none is.
func firstWhole(s feed.Stay) feed.Epoch {
	for _, k := range s.Kept {
		if k.Heads == nil {
			return k.Epoch
		}
	}
	return s.Kept[len(s.Kept)-1].Epoch + 1
}

// confirmed is how far all is seen of what of a stay is whole and not verified; false if nothing is.
func confirmed(s feed.Stay, seen map[feed.Epoch]bool) (until feed.Epoch, some bool) {
	for _, k := range s.Kept {
		if k.Heads == nil && k.Epoch >= s.Unverified && !seen[k.Epoch] {
			break
		}
		until, some = k.Epoch, some || seen[k.Epoch]
	}
	return until, some
}

// pending is what of a stay is whole, not verified and not seen, from the first such epoch on.
func pending(s feed.Stay, mailbox string, seen map[feed.Epoch]bool) feed.Export {
	x := s.Export(mailbox)
	i := slices.IndexFunc(x.Epochs, func(k feed.Kept) bool {
		_, compared := seen[k.Epoch]
		return k.Epoch >= s.Unverified && !compared
	})
	if i < 0 {
		i = len(x.Epochs)
	}
	x.Epochs = x.Epochs[i:]
	return x
}
