// Package pipeline is the inside of an instance's feed: the stages that a record passes on its way into the mailboxes, the links
// between them that see what passes, and the sequencer that seals an epoch when its window is over.
//
// Records flow at once; an epoch's end is a mark that flows with them. Each stage is one goroutine that owns its state and signs one
// root per epoch. There is no goroutine per wallet, mailbox or subscriber, and every channel is bounded: at the bound the one before
// waits, up to the source. Only a lost outbox is not waited for.
//
// The stages of a process are one fault domain with one key, so they do not sign what they hand each other. What lies between
// neighbours is settled by the link: it hashes and counts what passes, and tells the sequencer.
//
// What is accepted of a source is in the log before the source is told so. What was not sealed when a process ended is taken through
// the stages again, and counts the same.
//
//	pipeline.go, log.go, records.go         the stages put together; the log they stand on, and how it is read
//	link.go, account.go                     what the links see
//	entrance.go, inbox.go                   what sources submit: checked, numbered, stored
//	router.go, receiver.go                  to which mailboxes a record goes
//	outbox.go, box.go, pile.go, catchup.go  mailboxes, and what an outbox owes them after it was away
//	sequencer.go, roll.go, sealing.go       epochs, outboxes that are given up, seals
//	subscribe.go, follow.go                 who gets what, and how it is read
//	admit.go, leave.go, abandoned.go        mailboxes that move in, move out, or have lost their instance
//	loss.go                                 what is left where data was lost
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// Defaults of Config.
const (
	DefaultShards   = 4
	DefaultOutboxes = 2

	defaultMailboxBound = 1 << 16
	// defaultPatience is the deadline of a commitment, in new blocks seen after the window's end: about two minutes. A stage that works
	// commits within milliseconds.
	defaultPatience = 10
	// MaxSubmission is the most messages of one submission.
	MaxSubmission = 1024
	// MaxPage is the most bytes of payloads that are submitted or read at a time.
	MaxPage = 8 << 20

	pageSize = 256 // records or entries read from the log at a time
	linkSize = 16  // batches that wait between two stages
)

// Config is what a feed is made of. Signer, Log and WindowBlocks must be there; the rest has defaults.
type Config struct {
	Signer       feed.Signer
	Log          Log
	Sources      []string // who may submit; none: whoever does, up to feed.MaxSources
	Shards       int      // receivers, 1 to feed.MaxShards
	Outboxes     int      // 1 to feed.MaxOutboxes
	MailboxBound uint64   // entries of a mailbox that wait for their acknowledgement; at it the mailbox is closed with a gap
	Patience     uint64   // new blocks seen; a jump of heights counts as one
	WindowBlocks uint64   // blocks of an epoch
}

// Feed is one instance's feed. Run runs it; the other methods may be called at any time by anyone, and wait for Run.
type Feed struct {
	cfg   Config
	logic logic

	submissions   chan submission
	admissions    chan admission
	subscriptions chan subscribing
	begun         chan struct{} // closed when Now tells what the log does
	stopped       chan struct{} // closed when Run has ended

	mu     sync.Mutex
	now    Now
	boxes  map[string]*box // a mailbox's state is its outbox's; here it can be found
	change chan struct{}   // closed and replaced when an entry or a seal is stored
}

// logic is what each stage does with records, apart from being a stage. Tests put faulty ones in their place.
type logic struct {
	take   func(items []feed.Item, last uint64) []feed.Item
	number func(items []feed.Item, first feed.Seq, t Term) []feed.Record
	route  func(records []feed.Record, shards int) [][]feed.Record
	fan    func(records []feed.Record, subs *feed.Subscriptions) []addressed
	keep   func(copies []addressed) []addressed
	commit func(c feed.Commitment) feed.Commitment
	due    func(h chain.Height, blocks uint64) feed.Epoch
	seal   func(s feed.Seal) feed.Seal
}

// New checks the configuration and makes a feed.
func New(cfg Config) (*Feed, error) {
	setDefault(&cfg.Shards, DefaultShards)
	setDefault(&cfg.Outboxes, DefaultOutboxes)
	setDefault(&cfg.MailboxBound, defaultMailboxBound)
	setDefault(&cfg.Patience, defaultPatience)
	var errs []error
	if cfg.Log == nil || cfg.WindowBlocks == 0 || cfg.Signer.Instance() == "" {
		errs = append(errs, errors.New("a feed needs a log, a key and the length of a window"))
	}
	if cfg.Shards < 1 || cfg.Shards > feed.MaxShards || cfg.Outboxes < 1 || cfg.Outboxes > feed.MaxOutboxes {
		errs = append(errs, fmt.Errorf("a feed has 1 to %d receivers and 1 to %d outboxes", feed.MaxShards, feed.MaxOutboxes))
	}
	if len(cfg.Sources) > feed.MaxSources {
		errs = append(errs, fmt.Errorf("a feed has at most %d sources, not %d", feed.MaxSources, len(cfg.Sources)))
	}
	for i, s := range cfg.Sources {
		if err := feed.CheckName(s); err != nil {
			errs = append(errs, fmt.Errorf("source: %w", err))
		}
		if slices.Contains(cfg.Sources[:i], s) {
			errs = append(errs, fmt.Errorf("source %s is named twice", s))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Feed{
		cfg: cfg, logic: logic{take: take, number: number, route: route, fan: fan, keep: keep, commit: commit, due: due, seal: seal},
		submissions: make(chan submission), admissions: make(chan admission), subscriptions: make(chan subscribing), begun: make(chan struct{}),
		stopped: make(chan struct{}), boxes: map[string]*box{}, change: make(chan struct{}),
	}, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run reads where the log stands, takes the epochs that are not sealed through the stages again, and then serves until the context
// ends. It runs once. Heights are those of the chain; a jump over windows seals each of them.
func (f *Feed) Run(ctx context.Context, heights <-chan chain.Height) error {
	defer close(f.stopped)
	state, err := f.cfg.Log.State(ctx)
	if err != nil {
		return fmt.Errorf("read the feed's state: %w", err)
	}
	var (
		orders   = make(chan order)
		reports  = make(chan report)
		rejoins  = make(chan rejoin)
		numbered = make(chan batch, linkSize)
		shards   = make([]chan batch, f.cfg.Shards)
		queues   = make([]*queue, f.cfg.Outboxes)
		g, run   = errgroup.WithContext(ctx)
	)
	for i := range shards {
		shards[i] = make(chan batch, linkSize)
	}
	for j := range queues {
		queues[j] = newQueue()
	}
	for j, q := range queues {
		o := &outbox{feed: f, index: j, state: state, reports: reports, rejoins: rejoins}
		g.Go(func() error { return o.run(run, q) })
	}
	for i, in := range shards {
		r := &receiver{feed: f, index: i, in: in, queues: queues, reports: reports}
		g.Go(func() error { return r.run(run, state) })
	}
	g.Go(func() error { return (&router{feed: f, in: numbered, out: shards, reports: reports}).run(run) })
	g.Go(func() error {
		return newInbox(f, state, orders, numbered, reports, queues).run(run)
	})
	q := newSequencer(f, state, queues, orders, reports, rejoins)
	close(f.begun)
	g.Go(func() error { return q.run(run, heights) })
	err = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Now is where a running feed is.
type Now struct {
	Open   bool
	Term   Term       // the open epoch, if one is
	Sealed *feed.Seal // the last seal; nil if none
}

// Begun is closed when Run has read where the log stands, from when on Now tells it.
func (f *Feed) Begun() <-chan struct{} { return f.begun }

// Now tells where the feed is, which is nowhere before it has begun.
func (f *Feed) Now() Now {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Changed is closed at the next entry, seal or epoch.
func (f *Feed) Changed() <-chan struct{} { return f.changed() }

// show tells where the sequencer is, and wakes who waits for it.
func (f *Feed) show(now Now) {
	f.mu.Lock()
	f.now = now
	f.mu.Unlock()
	f.announce()
}

// announce wakes whoever waits for something new in the log.
func (f *Feed) announce() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.change)
	f.change = make(chan struct{})
}

func (f *Feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.change
}

func commit(c feed.Commitment) feed.Commitment { return c }

func seal(s feed.Seal) feed.Seal { return s }

// due is the epoch that a height is in.
func due(h chain.Height, blocks uint64) feed.Epoch { return feed.Epoch(uint64(h) / blocks) }

// report is a stage's commitment, and beside it what the links saw.
type report struct {
	commitment feed.Commitment
	saw        feed.Commitment // unsigned
	blames     []feed.Blame
	first      feed.Seq // of the inbox: what it numbered
	count      uint64
}

// commit signs what a stage says of an epoch and tells the sequencer.
func (f *Feed) report(ctx context.Context, to chan<- report, saw feed.Commitment, r report) error {
	r.saw, r.commitment = saw, f.logic.commit(saw)
	r.commitment.Sign(f.cfg.Signer)
	return send(ctx, to, r)
}

// wish hands a stage something and waits for what it says to it, unless the feed or the context ends first.
func wish[T any](ctx context.Context, f *Feed, stage chan<- T, what T, done <-chan error) error {
	select {
	case stage <- what:
	case <-f.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-f.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send hands a value over, unless the context ends first.
func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
