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
	Label   string // what reports call it; empty for the mailbox's name
	Mailbox string
	Stays   []feed.Stay // the last is of the instance that has the mailbox
}

// ReadArchive reads what is kept in a directory, and the keys that are believed there. Nothing is changed.
func ReadArchive(dir string) (Archive, Keys, error) {
	at, stays, found, err := shelf{dir}.read()
	if err != nil {
		return Archive{}, Keys{}, fmt.Errorf("read what the subscriber keeps: %w", err)
	}
	if !found || at.Keys == nil {
		return Archive{}, Keys{}, fmt.Errorf("%s: %w: no mailbox was followed there", dir, ErrNotKept)
	}
	return Archive{Label: dir, Mailbox: at.Mailbox, Stays: stays}, *at.Keys, at.Keys.Verify()
}

// ArchiveOf makes an archive of an export.
func ArchiveOf(label string, x feed.Export) Archive {
	return Archive{Label: label, Mailbox: x.Mailbox, Stays: []feed.Stay{{Instance: x.Instance, Kept: x.Epochs}}}
}

// Name implements Other.
func (a Archive) Name() string {
	if a.Label == "" {
		return a.Mailbox
	}
	return a.Label
}

// newest is of the instance that has the mailbox.
func (a Archive) newest() (feed.Stay, bool) {
	if len(a.Stays) == 0 {
		return feed.Stay{}, false
	}
	s := a.Stays[len(a.Stays)-1]
	return s, len(s.Kept) > 0
}

// at finds what is kept of an instance, of all its stays together. Of no instance it is that of the stay in which an epoch was read, or the
// first one after it.
func (a Archive) at(instance string, e feed.Epoch) (all feed.Stay, _ bool) {
	if instance == "" {
		for _, s := range a.Stays {
			if n := len(s.Kept); n > 0 && s.Kept[n-1].Epoch >= e {
				return s, true
			}
		}
		return a.newest()
	}
	for _, s := range a.Stays {
		if s.Instance != instance {
			continue
		}
		all.Instance = instance
		for _, k := range s.Kept {
			if n := len(all.Kept); n == 0 || all.Kept[n-1].Epoch < k.Epoch { // epochs are windows, which do not come a second time
				all.Kept = append(all.Kept, k)
			}
		}
	}
	return all, len(all.Kept) > 0
}

// since leaves out what is before an epoch.
func since(e feed.Epoch, kept []feed.Kept) []feed.Kept {
	i := slices.IndexFunc(kept, func(k feed.Kept) bool { return k.Epoch >= e })
	if i < 0 {
		return nil
	}
	return kept[i:]
}

// exports are the epochs that are kept whole, stay by stay.
func (a Archive) exports() (list []feed.Export) {
	for _, s := range a.Stays {
		list = append(list, s.Export(a.Mailbox))
	}
	return list
}

// Trail implements Other.
func (a Archive) Trail(_ context.Context, q Question) (feed.Trail, error) {
	stay, ok := a.at(q.Instance, q.From)
	if !ok {
		return feed.Trail{}, fmt.Errorf("mailbox %s at %q: %w", a.Mailbox, q.Instance, ErrNotKept)
	}
	return feed.TrailOf(stay.Instance, a.Mailbox, since(q.From, stay.Kept), q.Mailbox, q.Whole), nil
}

// Epoch implements Other.
func (a Archive) Epoch(_ context.Context, instance string, e feed.Epoch) (feed.Export, error) {
	stay, _ := a.at(instance, e)
	if x := stay.Export(a.Mailbox).Only(e); len(x.Epochs) == 1 {
		return x, nil
	}
	return feed.Export{}, fmt.Errorf("epoch %d of mailbox %s at %q: %w", e, a.Mailbox, instance, ErrNotKept)
}
