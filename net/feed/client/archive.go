package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// ErrNotKept says that a subscriber keeps nothing of what it is asked for: it never read that instance, or not that far, or keeps it
// no more.
var ErrNotKept = errors.New("the subscriber keeps nothing of it")

// Question is what a subscriber asks another one for its trail with.
type Question struct {
	Instance string     // whose epochs; empty: those of the instance that has the mailbox now
	Mailbox  string     // of who asks
	From     feed.Epoch // earlier ones are of no interest
	Whole    feed.Epoch // the first that who asks keeps whole; of earlier ones heads are enough
}

// Other is another subscriber, who may tell anything: what it says counts as far as an instance has signed it.
type Other interface {
	// Name is what reports call it.
	Name() string
	// Trail fails with ErrNotKept where it keeps nothing of the instance.
	Trail(ctx context.Context, q Question) (feed.Trail, error)
	// Epoch returns the export of one epoch. ErrNotKept if it is not kept whole.
	Epoch(ctx context.Context, instance string, e feed.Epoch) (feed.Export, error)
}

// Archive is what a subscriber keeps of a mailbox, instance by instance.
type Archive struct {
	Label    string // what reports call it; empty for the mailbox's name
	Mailbox  string
	Chapters []Chapter // the last is of the instance that has the mailbox
}

// Chapter is what is kept of what one instance told.
type Chapter struct {
	Instance   string
	Kept       []feed.Kept // ascending
	Unverified feed.Epoch  // the first epoch that others have not confirmed
}

// ReadArchive reads what is kept in a directory, and the keys that are believed there. Nothing is changed.
func ReadArchive(dir string) (Archive, Keys, error) {
	at, kept, found, err := shelf{dir}.read()
	if err != nil {
		return Archive{}, Keys{}, fmt.Errorf("read what the subscriber keeps: %w", err)
	}
	if !found || at.Keys == nil {
		return Archive{}, Keys{}, fmt.Errorf("%s: %w: no mailbox was followed there", dir, ErrNotKept)
	}
	unverified, err := shelf{dir}.verified(at.Instance)
	if err != nil {
		return Archive{}, Keys{}, fmt.Errorf("read what the subscriber keeps: %w", err)
	}
	return Archive{Label: dir, Mailbox: at.Mailbox, Chapters: []Chapter{{at.Instance, kept, unverified}}}, *at.Keys, at.Keys.Verify()
}

// ArchiveOf makes an archive of an export.
func ArchiveOf(label string, x feed.Export) Archive {
	return Archive{Label: label, Mailbox: x.Mailbox, Chapters: []Chapter{{Instance: x.Instance, Kept: x.Epochs}}}
}

// Name implements Other.
func (a Archive) Name() string {
	if a.Label == "" {
		return a.Mailbox
	}
	return a.Label
}

// chapter finds an instance's, the newest where there are several; of no instance the last.
func (a Archive) chapter(instance string) (Chapter, bool) {
	for _, c := range slices.Backward(a.Chapters) {
		if c.Instance == instance || instance == "" {
			return c, len(c.Kept) > 0
		}
	}
	return Chapter{}, false
}

// from leaves out what is before an epoch.
func (c Chapter) from(e feed.Epoch) []feed.Kept {
	i := slices.IndexFunc(c.Kept, func(k feed.Kept) bool { return k.Epoch >= e })
	if i < 0 {
		return nil
	}
	return c.Kept[i:]
}

// whole is the first epoch that is kept whole, one after the last if none is.
func (c Chapter) whole() feed.Epoch {
	for _, k := range c.Kept {
		if k.Heads == nil {
			return k.Epoch
		}
	}
	return c.Kept[len(c.Kept)-1].Epoch + 1
}

// export holds the epochs that are kept whole.
func (c Chapter) export(mailbox string) feed.Export {
	x := feed.Export{Instance: c.Instance, Mailbox: mailbox}
	for _, k := range c.Kept {
		if k.Heads == nil {
			x.Epochs = append(x.Epochs, k)
		}
	}
	return x
}

// Trail implements Other.
func (a Archive) Trail(_ context.Context, q Question) (feed.Trail, error) {
	c, ok := a.chapter(q.Instance)
	if !ok {
		return feed.Trail{}, fmt.Errorf("mailbox %s at %q: %w", a.Mailbox, q.Instance, ErrNotKept)
	}
	return feed.TrailOf(c.Instance, a.Mailbox, c.from(q.From), q.Mailbox, q.Whole), nil
}

// Epoch implements Other.
func (a Archive) Epoch(_ context.Context, instance string, e feed.Epoch) (feed.Export, error) {
	c, _ := a.chapter(instance)
	if x := c.export(a.Mailbox).Only(e); len(x.Epochs) == 1 {
		return x, nil
	}
	return feed.Export{}, fmt.Errorf("epoch %d of mailbox %s at %q: %w", e, a.Mailbox, instance, ErrNotKept)
}
