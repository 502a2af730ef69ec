package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Bounds of one comparison.
const (
	// maxPartings is after how many epochs that differ it ends: who differs in more has enough to show.
	maxPartings = 8
	// maxCrossed and maxCrossedEntries bound what is fetched at once of a subscriber at another instance.
	maxCrossed        = 16
	maxCrossedEntries = 1 << 18
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

// Compare compares what a subscriber keeps with another one: at the instances that both have read from by trails, of which the epochs
// that differ are fetched, and otherwise by what their instances took in of the same sources.
func Compare(ctx context.Context, own Archive, other Other, keys feed.Keyring) Comparison {
	c := Comparison{Peer: other.Name()}
	newest, ok := own.chapter("")
	if !ok {
		c.Wrong = ErrNothingShared
		return c
	}
	met := false // at the instance that has one's own mailbox now
	for i, chapter := range own.Chapters {
		if len(chapter.Kept) == 0 {
			continue
		}
		last := i == len(own.Chapters)-1
		err := c.follow(ctx, own.Mailbox, chapter, other, keys, last)
		if err != nil && !errors.Is(err, ErrNotKept) {
			c.Wrong = err
			return c
		}
		met = met || last && err == nil
	}
	if !met {
		c.Wrong = c.cross(ctx, own.Mailbox, newest, other, keys)
	}
	if c.Wrong == nil && c.Epochs+c.Items+c.Untold+len(c.Findings) == 0 {
		c.Wrong = ErrNothingShared
	}
	return c
}

// follow compares what both got of one instance.
func (c *Comparison) follow(ctx context.Context, mailbox string, own Chapter, other Other, keys feed.Keyring, current bool) error {
	seen := map[feed.Epoch]bool{} // that need no more comparing with this one
	if current {
		defer func() { c.Confirmed, c.Confirms = own.confirmed(seen) }()
	}
	q := Question{Instance: own.Instance, Mailbox: mailbox, From: own.Kept[0].Epoch, Whole: own.whole()}
	for parted := range maxPartings {
		t, err := other.Trail(ctx, q)
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
		m := t.Follow(mailbox, Chapter{Kept: own.Kept}.from(q.From))
		c.Epochs, c.Untold = c.Epochs+len(m.Same), c.Untold+len(m.Untold)
		for _, e := range m.Same {
			seen[e] = true
		}
		if !m.Differs {
			return nil
		}
		if m.Heads {
			c.Findings = append(c.Findings, feed.Finding{Epoch: m.At, Heads: true})
		} else if seen[m.At], err = c.part(ctx, own.export(mailbox).Only(m.At), t, m.At, other, keys); err != nil {
			return err
		}
		q.From = m.At + 1
	}
	return nil
}

// confirmed is how far all is seen of what is whole and not verified.
func (c Chapter) confirmed(seen map[feed.Epoch]bool) (until feed.Epoch, any bool) {
	for _, k := range c.Kept {
		if k.Heads == nil && k.Epoch >= c.Unverified && !seen[k.Epoch] {
			break
		}
		until, any = k.Epoch, any || seen[k.Epoch]
	}
	return until, any
}

// part fetches the one epoch in which two trails part, and finds the records. Excused is whether it is nobody's fault, by what the
// instance signed: a mailbox was full.
func (c *Comparison) part(ctx context.Context, own feed.Export, t feed.Trail, at feed.Epoch, other Other, keys feed.Keyring) (excused bool, _ error) {
	theirs, err := other.Epoch(ctx, t.Instance, at)
	if errors.Is(err, ErrNotKept) {
		return false, fmt.Errorf("epoch %d, which differs, is kept whole no more", at)
	}
	if err != nil {
		return false, err
	}
	if theirs.Instance != t.Instance || theirs.Mailbox != t.Mailbox || len(theirs.Epochs) != 1 || theirs.Epochs[0].Epoch != at {
		return false, fmt.Errorf("epoch %d: %w", at, ErrTwoStories)
	}
	found, blames, err := feed.Compare(ctx, own, theirs, keys)
	if err != nil {
		return false, fmt.Errorf("compare epoch %d: %w", at, err)
	}
	c.Blames = append(c.Blames, blames...)
	if len(found) == 0 {
		return false, fmt.Errorf("epoch %d: %w", at, ErrTwoStories)
	}
	c.Findings = append(c.Findings, found...)
	proved := slices.ContainsFunc(found, func(f feed.Finding) bool { return f.Proof != nil })
	return !proved && len(blames) == 0, nil
}

// cross compares with a subscriber at another instance, beginning with what is not verified.
func (c *Comparison) cross(ctx context.Context, mailbox string, own Chapter, other Other, keys feed.Keyring) error {
	ours := own.unverified(mailbox)
	if len(ours.Epochs) == 0 {
		return ErrNothingShared
	}
	from := ours.Epochs[0].Epoch
	t, err := other.Trail(ctx, Question{Mailbox: mailbox, From: from - min(from, 1), Whole: 0})
	if err != nil {
		return err
	}
	c.Instance, c.Mailbox = t.Instance, t.Mailbox
	if t.Instance == own.Instance {
		return fmt.Errorf("%s: %w", t.Instance, ErrTwoStories)
	}
	theirs := feed.Export{Instance: t.Instance, Mailbox: t.Mailbox}
	entries := 0
	for _, mark := range t.Marks {
		if len(theirs.Epochs) >= maxCrossed+2 || entries >= maxCrossedEntries { // one more at each end: epochs end at other moments
			break
		}
		x, err := other.Epoch(ctx, t.Instance, mark.Epoch)
		if err != nil {
			return err
		}
		if x.Instance != t.Instance || x.Mailbox != t.Mailbox || len(x.Epochs) != 1 || x.Epochs[0].Epoch != mark.Epoch {
			return fmt.Errorf("epoch %d: %w", mark.Epoch, ErrTwoStories)
		}
		theirs.Epochs, entries = append(theirs.Epochs, x.Epochs[0]), entries+len(x.Epochs[0].Entries)
	}
	if len(theirs.Epochs) == 0 {
		return ErrNothingShared
	}
	crossing, err := feed.Across(ctx, ours, theirs, keys)
	if err != nil {
		return fmt.Errorf("compare with mailbox %s at %s: %w", t.Mailbox, t.Instance, err)
	}
	c.Items, c.Confirmed, c.Confirms = crossing.Items, crossing.Until, crossing.Covered && len(crossing.Blames) == 0
	c.Findings, c.Blames = append(c.Findings, crossing.Findings...), append(c.Blames, crossing.Blames...)
	return nil
}

// unverified is what is whole and not verified, the oldest maxCrossed epochs of it; at least the newest two.
func (c Chapter) unverified(mailbox string) feed.Export {
	x := c.export(mailbox)
	first := max(0, len(x.Epochs)-2)
	if i := slices.IndexFunc(x.Epochs, func(k feed.Kept) bool { return k.Epoch >= c.Unverified }); i >= 0 {
		first = min(first, i)
	}
	x.Epochs = x.Epochs[first:min(len(x.Epochs), first+maxCrossed)]
	return x
}
