package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
)

// DefaultPolicy is how a subscriber that says nothing keeps epochs: a week of windows, and of older ones the heads.
var DefaultPolicy = feed.Policy{Keep: 56, Then: feed.Compress}

// What callers tell apart with errors.Is.
var (
	// ErrOtherOperator says that a list of keys is another operator's than the one believed so far.
	ErrOtherOperator = errors.New("the instance's list of keys is another operator's; if that is right, begin in a new directory")
	// ErrOtherMailbox says that a directory holds the place in another mailbox.
	ErrOtherMailbox = errors.New("the directory holds the place in another mailbox; name another one")
	// ErrCollected says that entries are gone that were not read yet.
	ErrCollected = errors.New("entries that were not read yet are not kept any more; begin in a new directory with what the mailbox holds")
)

// Instances are where a mailbox is asked for; *client.Client of package net/client leads to those of an operator.
type Instances interface {
	Located(ctx context.Context, r client.Request) (*http.Response, error)
}

// Delivery is an entry, verified as far as it can be before its epoch is sealed: it follows the one before it, and the payload is the
// one that its record names.
type Delivery struct {
	Instance string // whose feed it came through
	Entry    feed.Entry
	Payload  []byte // nil of a gap, and where Wrong is set
	Wrong    error  // feed.ErrPayload: what came as the payload must not be used, and was left out
	Again    bool   // it was handed over before the last start, see Config.Again
}

// Config is what a Follower needs. Instances, Mailbox and Deliver must be there.
type Config struct {
	Instances Instances
	Mailbox   string
	// Operator is whose list of keys is believed. Zero: whose comes first, from then on.
	Operator chain.Operator
	// Dir is where the place is kept, and epochs that are not verified; one Follower has it at a time. Empty keeps nothing: every start
	// begins with the oldest entry that the mailbox holds.
	Dir string
	// Acknowledge says that entries are not needed any more once they are delivered: the instance may forget them.
	Acknowledge bool
	// Again has entries delivered once more after a start whose epoch was not complete before it, or all that there are where the place was
	// lost.
	Again bool
	// Policy is how epochs are kept; what is zero of it is as before, and as in DefaultPolicy at first.
	Policy feed.Policy
	// Deliver takes an entry. When it has returned nil the entry is not delivered again; after a crash those of the last moments are, with
	// the numbers they had. An error ends Run.
	Deliver func(ctx context.Context, d Delivery) error
	// Sealed, if set, is told of each epoch that was sealed, and who is to blame by it. An error ends Run.
	Sealed func(ctx context.Context, s feed.Seal, blames []feed.Blame) error
	// Lost, if set, is told when the instance says that it has lost data: what was delivered after the last seal is void, and may come again
	// under another number. An error ends Run.
	Lost func(ctx context.Context, h feed.Handover) error
	// Peers are other subscribers. Run compares with them after each epoch, keeps proofs in the directory, and has what all of them
	// agree to verified; where the policy is to hold, it reads on then.
	Peers []Other
	// Compared, if set, is told what a comparison came to. It is called beside Deliver and Sealed, by another goroutine.
	Compared func(ctx context.Context, c Comparison)
	Logger   *slog.Logger // nil for none
}

// Follower follows one mailbox. One goroutine runs it; what else it offers may be used meanwhile.
type Follower struct {
	cfg    Config
	shelf  shelf
	at     place
	known  bool // at says where to begin
	again  feed.Number
	told   feed.Number // acknowledged
	asked  int         // how often the list of keys was, since the last seal, because of signatures of origins
	dirty  int         // entries delivered since the place was written
	freed  chan struct{}
	others *comparer

	// mu guards what those need who compare: reader and ring, which Run's goroutine alone changes otherwise, and the directory's epochs.
	mu     sync.Mutex
	reader *feed.Reader // nil before the first line
	ring   feed.Keyring // the reader's, which grows with the list of keys
}

// Open reads the place that was kept, and makes a Follower.
func Open(cfg Config) (*Follower, error) {
	if cfg.Instances == nil || cfg.Deliver == nil {
		return nil, errors.New("follow mailbox: instances, or what to deliver to, are missing")
	}
	if err := feed.CheckName(cfg.Mailbox); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Follower{cfg: cfg, shelf: shelf{cfg.Dir}, freed: make(chan struct{}, 1)}
	f.others = newComparer(f)
	at, stays, found, err := f.shelf.read()
	if err != nil {
		return nil, fmt.Errorf("read the subscriber's place: %w", err)
	}
	switch {
	case found && at.Mailbox != cfg.Mailbox:
		return nil, fmt.Errorf("%w: it is %s's", ErrOtherMailbox, at.Mailbox)
	case found && cfg.Operator != (chain.Operator{}) && at.Operator != cfg.Operator:
		return nil, fmt.Errorf("%w: the directory's is %v", ErrOtherOperator, at.Operator)
	case !found:
		at = place{Mailbox: cfg.Mailbox, Operator: cfg.Operator, Keep: DefaultPolicy.Keep, Then: DefaultPolicy.Then}
	}
	if cfg.Policy != (feed.Policy{}) {
		at.Keep, at.Then = cmp.Or(cfg.Policy.Keep, at.Keep), cmp.Or(cfg.Policy.Then, at.Then)
	}
	f.at, f.known = at, found && at.Keys != nil
	if !f.known {
		return f, nil
	}
	f.again = at.Delivered
	if err := f.resume(stays); err != nil {
		return nil, err
	}
	if cfg.Policy != (feed.Policy{}) { // it holds at the next start, too, whether anything comes until then or not
		return f, f.write()
	}
	return f, nil
}

// resume makes a reader at the place that was kept, with the stays that were.
func (f *Follower) resume(stays []feed.Stay) error {
	f.believe()
	reader, err := feed.NewReader(f.at.Instance, f.at.Mailbox, f.ring, f.at.start(), feed.Policy{Keep: f.at.Keep, Then: f.at.Then})
	if err == nil {
		err = reader.Restore(stays)
	}
	if err != nil {
		return fmt.Errorf("resume mailbox: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reader = reader
	return nil
}

// Kept returns the epochs that are kept, ascending.
func (f *Follower) Kept() []feed.Kept {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader == nil {
		return nil
	}
	return f.reader.Kept()
}

// Export returns the epochs that are kept whole: what can be compared with another subscriber's.
func (f *Follower) Export() feed.Export {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader == nil {
		return feed.Export{Instance: f.at.Instance, Mailbox: f.at.Mailbox}
	}
	return f.reader.Export()
}

// Archive is all that is kept: what Serve shows to others.
func (f *Follower) Archive() Archive {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := Archive{Mailbox: f.cfg.Mailbox}
	if f.reader == nil {
		return a
	}
	a.Stays = f.reader.Stays()
	return a
}

// Verified says that the epochs of an instance up to one, as they were read in its last stay, were the same as another subscriber's. It makes
// room where the policy is to hold. Of an instance of which nothing is kept it changes nothing.
func (f *Follower) Verified(instance string, until feed.Epoch) error {
	for _, stay := range slices.Backward(f.Archive().Stays) {
		if stay.Instance == instance {
			return f.confirm(Confirmed{stay.Moves, instance, until})
		}
	}
	return nil
}

// confirm takes in what others have confirmed.
func (f *Follower) confirm(news ...Confirmed) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader == nil {
		return nil
	}
	more := false
	for _, c := range news {
		more = f.reader.VerifiedIn(c.Moves, c.Until) || more
	}
	if !more {
		return nil
	}
	select {
	case f.freed <- struct{}{}:
	default:
	}
	return f.shelf.verify(f.reader.Stays(), news...)
}

// Unverified is the first epoch that was not the same as other subscribers', of the instance that has the mailbox.
func (f *Follower) Unverified() feed.Epoch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader == nil {
		return 0
	}
	return f.reader.Unverified()
}

// Keys returns the list of keys that is believed; false before the first.
func (f *Follower) Keys() (Keys, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at.Keys == nil {
		return Keys{}, false
	}
	return *f.at.Keys, true
}
