// Package instance is one instance's part in the feed of an operator: it takes in what all instances tell, keeps the mailboxes that
// are at home with it, and moves them from one instance to another at the end of an epoch.
//
// Every instance takes in everything, its own and its siblings', so that whichever has a mailbox can go on with it. What a sibling
// tells carries its signature, one per message; what is not signed as it must be is refused, and that sibling is blamed.
//
//	instance.go, ledger.go                            an instance put together, and what it asks of the shared store
//	intake.go, absence.go                             what is told by all instances is taken in, also after this one was away
//	steward.go, moving.go, orphans.go                 mailboxes move in, out, and here from an instance that is gone
//	mailboxes.go, follow.go, crossings.go, export.go  how they are shown and followed, across moves too, and exported
//	journal.go, marks.go, recall.go                   what was told last, in own files, and what follows if the store has forgotten it
//	watch.go                                          what goes wrong is counted, old epochs are collected
package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// MaxMailbox is the most characters of the name of a mailbox that is kept here: its echo's name is longer.
const MaxMailbox = feed.MaxName - len("to.")

// Times and bounds of an instance.
const (
	// Pace is the time between two looks at what siblings told and wish.
	Pace = time.Second
	// defaultKeep is how many sealed epochs are kept: a week of windows of three hours.
	defaultKeep = 56
	factsPage   = pipeline.MaxSubmission
	// gather is how long what this process tells is waited for after the first of it: what a window's end brings within that time
	// is a few transactions for all, where each of them costs as much as a hundred records. A signer is to have a proposal within a second.
	gather = 100 * time.Millisecond
	// gatherOn is the same while more comes within gather of what was taken in last: then none of it is what somebody waits for alone, and what comes one
	// by one for a while is a third of the transactions. With what is done after it, it is still within that second.
	gatherOn = 300 * time.Millisecond
)

// What callers tell apart with errors.Is.
var (
	// ErrNotReady says that the mailbox is here and cannot be read yet: it opens with an epoch, or is moving in.
	ErrNotReady = errors.New("the mailbox is not open yet; try again in a moment")
	// ErrStays says that a mailbox is one instance's own and cannot go on at another.
	ErrStays = errors.New("the mailbox is that instance's own and does not move; each instance has one: read the other instance's")
)

// Elsewhere says that another instance has the mailbox.
type Elsewhere struct{ Mailbox, Instance string }

// Error names the instance.
func (e Elsewhere) Error() string {
	return fmt.Sprintf("instance %s has mailbox %s", e.Instance, e.Mailbox)
}

// Config is what an instance needs; Keep has a default.
type Config struct {
	Signer    feed.Signer
	Ledger    Ledger
	Alone     bool                // there are no siblings: what the instance tells itself is not signed
	Mailboxes []feed.Subscription // all of the operator's; every instance is told the same
	// Keep is how many sealed epochs are kept.
	Keep         uint64
	WindowBlocks uint64 // blocks of an epoch
	MailboxBound uint64 // entries of a mailbox that wait for their acknowledgement; 0 for the default
	// Journal is the file in which the newest seal is kept beside the database, which may be put back, and with ".marks" at its end the one
	// of the newest entries. None: nobody notices it then.
	Journal string
	Logger  *slog.Logger
	// Away is whether an error says that the instance has no session, which passes; ErrNoSession does in any case.
	Away func(error) bool
}

// Instance is one instance's part of the feed. Run runs it; the other methods may be called by anyone at any time.
type Instance struct {
	cfg  Config
	name string
	log  pipeline.Log // journalled

	journal journal
	marks   *marks
	// recalled is whether the log is known to have all that was told.
	recalled atomic.Bool

	mu      sync.Mutex
	feed    *pipeline.Feed // the one that runs; nil between two
	homes   map[string]string
	changed chan struct{} // closed and replaced when feed or homes change

	counts counts
}

// counts are what is told of an instance since its start.
type counts struct {
	records, seals, missing, blamed, refused, restarts, losses atomic.Uint64
}

// New checks the configuration.
func New(cfg Config) (*Instance, error) {
	if cfg.Ledger == nil || cfg.Logger == nil || cfg.WindowBlocks == 0 || cfg.Signer.Instance() == "" {
		return nil, errors.New("an instance's feed needs a ledger, a key, a logger and the length of a window")
	}
	if feed.IsEcho(cfg.Signer.Instance()) {
		return nil, fmt.Errorf("instance %s: a name that begins with %q is for what the feed repeats; name the instance otherwise",
			cfg.Signer.Instance(), feed.EchoSource(""))
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if _, err := feed.NewSubscriptions(0, cfg.Mailboxes); err != nil {
		return nil, err
	}
	for _, m := range cfg.Mailboxes {
		if len(m.Mailbox) > MaxMailbox {
			return nil, fmt.Errorf("mailbox %s: its name has %d characters, and at most %d can be", m.Mailbox, len(m.Mailbox), MaxMailbox)
		}
	}
	own, seen := journal{cfg.Journal}, &marks{}
	if cfg.Journal != "" {
		seen.path = cfg.Journal + ".marks"
	}
	return &Instance{
		cfg: cfg, name: cfg.Signer.Instance(), log: journalled{cfg.Ledger.Log(cfg.Signer.Instance()), own, seen}, journal: own, marks: seen,
		homes: map[string]string{}, changed: make(chan struct{}),
	}, nil
}

// Name is the instance's.
func (i *Instance) Name() string { return i.name }

// Run serves until the context ends, and returns nil. A log that cannot be written, as without a session, is waited for: the feed is
// made anew, from what is stored.
func (i *Instance) Run(ctx context.Context, heights <-chan chain.Height) error {
	relay := make(chan chain.Height) // the feed that runs takes them; between two the newest is kept
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return newest(ctx, heights, relay) })
	g.Go(func() error {
		failing := false
		for {
			err := i.serve(ctx, relay)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it was told to end
			}
			i.counts.restarts.Add(1)
			switch away := errors.Is(err, ErrNoSession) || i.cfg.Away != nil && i.cfg.Away(err); {
			case !away:
				i.cfg.Logger.Warn("The feed cannot go on and is made anew from what is stored", "error", err)
			case !failing:
				i.cfg.Logger.Info("The feed waits for a session", "error", err)
				fallthrough
			default:
				failing = true
			}
			if pause.For(ctx, Pace) != nil {
				return nil //nolint:nilerr // it was told to end
			}
		}
	})
	return g.Wait()
}

// newest hands heights on, the newest one if several came before it was taken.
func newest(ctx context.Context, in <-chan chain.Height, out chan<- chain.Height) error {
	var last chain.Height
	var to chan<- chain.Height
	for {
		select {
		case h := <-in:
			last, to = h, out
		case to <- last:
			to = nil
		case <-ctx.Done():
			return nil
		}
	}
}

// serve runs one feed from what is stored, until something of it fails.
func (i *Instance) serve(ctx context.Context, heights <-chan chain.Height) error {
	if err := i.cfg.Ledger.SayKey(ctx, i.cfg.Signer.Public()); err != nil {
		return fmt.Errorf("tell the instance's key: %w", err)
	}
	defer i.marks.close() //nolint:errcheck // every write has told its error
	if err := i.recall(ctx); err != nil {
		return err
	}
	i.recalled.Store(true)
	defer i.recalled.Store(false)
	f, err := pipeline.New(pipeline.Config{
		Signer: i.cfg.Signer, Log: i.log, WindowBlocks: i.cfg.WindowBlocks, MailboxBound: i.cfg.MailboxBound,
	})
	if err != nil {
		return err
	}
	state, err := i.log.State(ctx)
	if err != nil {
		return fmt.Errorf("read the feed's state: %w", err)
	}
	from, err := i.resumes(ctx, state)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	s := &steward{Instance: i, feed: f, admitted: map[string]bool{}}
	own, subscribed := make(chan chain.Height), make(chan struct{})
	i.set(f, nil)
	defer i.set(nil, nil)
	g.Go(func() error { return f.Run(ctx, own) })
	g.Go(func() error { return s.run(ctx, subscribed) })
	g.Go(func() error { // no epoch is opened before its mailboxes are known
		select {
		case <-subscribed:
			return newest(ctx, heights, own)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	g.Go(func() error { return i.replaceKeys(ctx, f) })
	in := &intake{Instance: i, feed: f, positions: state.Sources}
	g.Go(func() error {
		if from > 0 {
			if _, err := opened(ctx, f, from); err != nil {
				return err
			}
		}
		return in.run(ctx)
	})
	g.Go(func() error { return i.watch(ctx, f, state.Sealed) })
	return g.Wait()
}

// replaceKeys has the instance's key replace those of before once an epoch is open, or if one was opened before the start: from then on
// nothing is signed by them.
func (i *Instance) replaceKeys(ctx context.Context, f *pipeline.Feed) error {
	now, err := opened(ctx, f, 0)
	if err != nil {
		return err
	}
	if err := i.cfg.Ledger.ReplaceKeys(ctx, i.cfg.Signer.Public(), now); err != nil {
		return fmt.Errorf("replace the keys of before: %w", err)
	}
	return nil
}

// set shows which feed runs, or which mailboxes are where; nil is no change of the latter.
func (i *Instance) set(f *pipeline.Feed, homes map[string]string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if homes != nil && maps.Equal(homes, i.homes) && f == i.feed {
		return
	}
	if i.feed = f; homes != nil {
		i.homes = homes
	}
	close(i.changed)
	i.changed = make(chan struct{})
}

// look returns the feed that runs, where a mailbox is, and what is closed when that changes.
func (i *Instance) look(mailbox string) (*pipeline.Feed, string, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.feed, i.homes[mailbox], i.changed
}

// Keyring is who is believed: the keys of every instance that ever was.
func (i *Instance) Keyring(ctx context.Context) (feed.Keyring, error) {
	known, err := i.cfg.Ledger.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the instances' keys: %w", err)
	}
	return known, nil
}
