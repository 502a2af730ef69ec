package quorum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Config is what a pool is made of. Zero durations and counts take the documented default.
type Config struct {
	Members []Member
	// ChainID is the chain that the endpoints must serve; 0 for whatever more than half of the vote groups serve.
	ChainID uint64
	// PollEvery is the time between two polls of an endpoint, give or take a tenth; 5 s by default. An endpoint that
	// limits rates is asked half as often.
	PollEvery time.Duration
	// Deadline is how long an endpoint may take to answer a poll; 2 s by default. A decision, which is a heavier
	// question, waits for two of them.
	Deadline time.Duration
	// PeersEvery is the time between two questions about an endpoint's peers; 30 s by default.
	PeersEvery time.Duration
	// MinPeers is how many peers an endpoint must have at least; 3 by default. As many as there are endpoints are needed
	// in any case, or they might know nobody but each other.
	MinPeers int
	// Chance is a number from 0 to 1, without 1, by which the time to the next poll of the member with a key differs; nil for one at random. It is called by many
	// goroutines. A simulation has the same one each time.
	Chance func(key string) float64
}

// stallPolls is for how many polls an endpoint's head may stay while the agreed one moves: a minute, five blocks of Ethereum.
const stallPolls = 12

func (c Config) complete() Config {
	fill := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	fill(&c.PollEvery, 5*time.Second)
	fill(&c.Deadline, 2*time.Second)
	fill(&c.PeersEvery, 30*time.Second)
	if c.MinPeers == 0 {
		c.MinPeers = 3
	}
	if c.Chance == nil {
		c.Chance = func(string) float64 { return rand.Float64() } //nolint:gosec // spreads load, hides nothing
	}
	return c
}

// Validate joins every complaint.
func (c Config) Validate() error {
	errs := []error{checkMembers(c.Members)}
	if c.PollEvery < 0 || c.Deadline < 0 || c.PeersEvery < 0 || c.MinPeers < 0 {
		errs = append(errs, errors.New("a negative duration or count"))
	}
	return errors.Join(errs...)
}

func (c Config) decisionDeadline() time.Duration { return 2 * c.Deadline }

// soonest is how short after one poll the next one may be, if somebody asks for it.
func (c Config) soonest() time.Duration { return c.PollEvery / 4 }

// errUnknownEndpoint says that no endpoint of that name is configured.
var errUnknownEndpoint = errors.New("no such chain endpoint")

var errClosed = errors.New("the pool of chain endpoints is closed")

// Pool is many endpoints as one. New opens them, Run keeps watch over them and follows the chain, Close lets them go. All
// methods may be called from any goroutine.
type Pool struct {
	config Config
	log    *slog.Logger
	state  atomic.Pointer[state] // what calls go by; the loop publishes it
	head   atomic.Uint64         // the height that the feed delivered last

	book      *book // New's until Run begins, then its loop's
	reports   chan report
	filled    chan filling
	commands  chan command
	reloading chan struct{} // holds a token while nobody reloads
	closing   sync.Once
	closed    chan struct{} // Run has ended, or will never be called
}

// state is the pool at a moment as calls need it. It is immutable but for the counters of its links.
type state struct {
	snapshot   *Snapshot
	ring       *Ring
	serving    *link // nil if no endpoint may serve
	readers    []reader
	electorate electorate
	senders    []sender
	links      map[string]*link
	next       chan struct{} // closed when another state is published
}

// New opens the endpoints and asks each of them once, all at the same time, for at most the deadline. Endpoints that do
// not answer are no error: a node must start while some of its endpoints are away. A configuration that allows no
// majority is. Run must be called for the pool to stay up to date, Close in any case.
func New(ctx context.Context, config Config, log *slog.Logger) (*Pool, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("chain endpoints: %w", err)
	}
	config = config.complete()
	links, err := open(config.Members)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		config: config, log: log,
		book:    newBook(config, log),
		reports: make(chan report), filled: make(chan filling), commands: make(chan command),
		reloading: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	p.reloading <- struct{}{}
	reports := warm(ctx, config, links, nil)
	if ctx.Err() != nil {
		closeAll(links)
		return nil, ctx.Err()
	}
	p.book.enrol(config.Members, links)
	p.book.judge(time.Now(), reports...)
	p.publish()
	return p, nil
}

// open opens members by their keys.
func open(members []Member) (map[string]*link, error) {
	links := make(map[string]*link, len(members))
	for _, m := range members {
		endpoint, err := m.Open()
		if err != nil {
			closeAll(links)
			return nil, fmt.Errorf("open endpoint %s: %w", m.Name, err)
		}
		links[m.key()] = newLink(m.key(), endpoint)
	}
	return links, nil
}

func closeAll(links map[string]*link) {
	for _, l := range links {
		l.endpoint.Close()
	}
}

// warm polls links that no poller has yet, once and all at the same time.
func warm(ctx context.Context, config Config, links map[string]*link, ring *Ring) []report {
	ctx, cancel := context.WithTimeout(ctx, config.Deadline)
	defer cancel()
	reports := make(chan report, len(links))
	for _, l := range links {
		go func() { reports <- l.poll(ctx, config, ring) }()
	}
	all := make([]report, 0, len(links))
	for range links {
		all = append(all, <-reports)
	}
	return all
}

// Run polls the endpoints and delivers heads until ctx ends, whose error it returns; no failure of the endpoints ends
// it. heads is called from one goroutine, parents before children; it must not block. Heights may skip, and a
// reorganisation delivers those of the new branch again.
func (p *Pool) Run(ctx context.Context, heads func(chain.Header)) error {
	var started sync.WaitGroup
	defer started.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.closing.Do(func() { close(p.closed) })
	started.Go(func() { newFeed(p, heads).run(ctx) })
	for _, t := range p.book.tracks {
		p.watch(ctx, &started, t)
	}
	p.loop(ctx, &started)
	return ctx.Err()
}

// loop owns the book. Nothing in it waits for an endpoint.
func (p *Pool) loop(ctx context.Context, started *sync.WaitGroup) {
	for {
		if task, wanted := p.book.startFilling(); wanted {
			sources := p.state.Load().readers
			started.Go(func() { p.fill(ctx, task, sources) })
		}
		answer := func() {}
		select {
		case r := <-p.reports:
			p.book.judge(time.Now(), r)
		case f := <-p.filled:
			p.book.endFilling(f)
		case c := <-p.commands:
			err := c.do()
			answer = func() { c.done <- err }
		case <-ctx.Done():
			return
		}
		p.reconcile(ctx, started)
		p.publish()
		answer() // what was commanded can be seen by now
	}
}

// reconcile gives every endpoint in the book its poller, and lets go those that left it.
func (p *Pool) reconcile(ctx context.Context, started *sync.WaitGroup) {
	for _, t := range p.book.tracks {
		if t.stop == nil {
			p.watch(ctx, started, t)
		}
	}
	left := p.book.left
	p.book.left = nil
	if len(left) == 0 {
		return
	}
	p.publish() // nobody is to find them any more before they are retired
	for _, t := range left {
		t.stop()
		idle := t.link.retire()
		started.Go(func() {
			select {
			case <-idle:
			case <-ctx.Done():
			}
			t.link.endpoint.Close()
			<-idle
		})
	}
}

// watch starts an endpoint's poller.
func (p *Pool) watch(ctx context.Context, started *sync.WaitGroup, t *track) {
	ctx, t.stop = context.WithCancel(ctx)
	link := t.link
	started.Go(func() { p.keepPolling(ctx, link) })
}

// publish makes the book's present the pool's. The loop calls it, or New before there is one.
func (p *Pool) publish() {
	next := p.book.state()
	next.next = make(chan struct{})
	if last := p.state.Swap(next); last != nil {
		close(last.next)
	}
}

// command is something for the loop to do.
type command struct {
	do   func() error
	done chan error // has room for the answer
}

// command has the loop do something, and returns when it can be seen.
func (p *Pool) command(ctx context.Context, do func() error) error {
	c := command{do, make(chan error, 1)}
	select {
	case p.commands <- c:
		return <-c.done // the loop has it, and finishes what it has
	case <-p.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Snapshot returns the pool at this moment.
func (p *Pool) Snapshot() *Snapshot { return p.state.Load().snapshot }

// History returns how an endpoint's status changed, oldest first, the newest 256 changes; false if there is no endpoint
// of that name.
func (p *Pool) History(name string) ([]Change, bool) {
	l, ok := p.state.Load().links[name]
	if !ok {
		return nil, false
	}
	return l.history(), true
}

// Close ends the connections; calls in flight fail. Run must have ended, or will never be called.
func (p *Pool) Close() {
	p.closing.Do(func() { close(p.closed) })
	for _, l := range p.state.Load().links {
		idle := l.retire()
		l.endpoint.Close()
		<-idle
	}
}

// ChainID returns the configured chain, or the one that more than half of the vote groups serve; chain.ErrNoQuorum if
// there is none such.
func (p *Pool) ChainID(ctx context.Context) (uint64, error) {
	if p.config.ChainID != 0 {
		return p.config.ChainID, nil
	}
	id, err := decide(ctx, p, "the chain's ID", func(ctx context.Context, e Endpoint) (uint64, error) { return e.ChainID(ctx) })
	return id, ctxOr(ctx, err)
}

// Genesis returns the hash of the chain's first block as more than half of the vote groups tell it. Endpoints may come up
// together with the node, so for a decision's deadline they are asked again; then it is chain.ErrNoQuorum. One endpoint's
// word is never taken: a store is bound to the answer for good.
func (p *Pool) Genesis(ctx context.Context) (chain.Hash, error) {
	last := time.Now().Add(p.config.decisionDeadline())
	for {
		first, err := p.Header(ctx, 0)
		if !errors.Is(err, chain.ErrNoQuorum) || time.Until(last) < p.config.soonest() {
			return first.Hash, err
		}
		select {
		case <-time.After(p.config.soonest()):
		case <-ctx.Done():
			return chain.Hash{}, ctx.Err()
		}
	}
}
