package placement

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Member is a configured backend and the way to it.
type Member struct {
	Spec
	Backend signer.Backend
}

// Config is what a Pool needs. Members, Policy, Log and Logger are required.
type Config struct {
	Members []Member
	Policy  Policy
	Log     Log
	// Term returns the term under which this instance serves a wallet, false if it does not; nil where there is one instance.
	Term   func(chain.WalletID) (signer.Term, bool)
	Logger *slog.Logger
}

// How often a Pool looks, and for how long it waits.
const (
	probePause   = 5 * time.Second  // from one probe of a backend to the next
	lookPause    = time.Second      // from one look at the operator's words to the next
	sweepPause   = time.Minute      // from one comparison of a backend's keys with the assignments to the next
	refreshAfter = 30 * time.Second // after which assignments are read again though none has changed
	healthTime   = time.Second      // within which a backend tells how it is, or is down
	pageTime     = 10 * time.Second // within which it lists some of its keys
)

// Pool knows the operator's backends: who they are, how they fare, and which holds what.
type Pool struct {
	cfg     Config
	members []*member // in the configuration's order
	byID    map[string]*member
	draw    func(below uint64) uint64
	ready   chan struct{} // closed when the records were read for the first time

	mu    sync.RWMutex // guards what follows, and the same part of members
	known records
}

// records is what is written down, as it was last read.
type records struct {
	read        time.Time // zero before the first time
	version     uint64
	assignments map[signer.SessionID]Assignment
	ofWallet    map[chain.WalletID]signer.SessionID
	words       map[string]Word
}

// New checks the configuration. Nobody is asked for anything before Run.
func New(cfg Config) (*Pool, error) {
	if cfg.Log == nil || cfg.Logger == nil {
		return nil, errors.New("signers: a dependency is missing")
	}
	p := &Pool{cfg: cfg, byID: make(map[string]*member), draw: draw, ready: make(chan struct{})}
	for _, m := range cfg.Members {
		switch _, twice := p.byID[m.ID]; {
		case m.Backend == nil || m.ID == "":
			return nil, errors.New("signers: one has no id or no way to it")
		case m.Weight < 1:
			return nil, fmt.Errorf("signer %s: want a weight of at least 1, have %d", m.ID, m.Weight)
		case twice:
			return nil, fmt.Errorf("signer %s: there are two of this id", m.ID)
		}
		one := &member{Member: m, wake: make(chan struct{}, 1), standing: Unknown}
		p.byID[m.ID] = one
		p.members = append(p.members, one)
	}
	return p, nil
}

// draw returns a random number below a bound that is not 0.
func draw(below uint64) uint64 {
	n, err := rand.Int(rand.Reader, new(big.Int).SetUint64(below))
	if err != nil {
		panic(err) // the system's source of randomness never fails
	}
	return n.Uint64()
}

// Run keeps all that is known up to date until ctx ends, and returns nil. Backends that are down delay nobody.
func (p *Pool) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { p.follow(ctx) })
	for _, m := range p.members {
		loops.Go(func() { p.watch(ctx, m) })
	}
	loops.Wait()
	return nil
}

// follow reads what is written down whenever it has changed.
func (p *Pool) follow(ctx context.Context) {
	failing := false
	for {
		err := p.refresh(ctx)
		if err != nil && ctx.Err() == nil && !failing { // once: what fails for an hour is one piece of news
			p.cfg.Logger.Warn("Could not read which signers hold which wallets", "error", err)
		}
		failing = err != nil
		if !rest(ctx, lookPause, nil) {
			return
		}
	}
}

// refresh reads the records if they have changed, or if they were read long ago.
func (p *Pool) refresh(ctx context.Context) error {
	version, err := p.cfg.Log.SignersVersion(ctx)
	if err != nil {
		return err
	}
	p.mu.RLock()
	fresh := !p.known.read.IsZero() && p.known.version == version && time.Since(p.known.read) < refreshAfter
	p.mu.RUnlock()
	if fresh {
		return nil
	}
	_, err = p.load(ctx)
	return err
}

// load reads the records.
func (p *Pool) load(ctx context.Context) (records, error) {
	now := records{
		read: time.Now(), assignments: make(map[signer.SessionID]Assignment),
		ofWallet: make(map[chain.WalletID]signer.SessionID), words: make(map[string]Word),
	}
	var err error
	if now.version, err = p.cfg.Log.SignersVersion(ctx); err != nil { // first: what changes meanwhile is read again
		return records{}, err
	}
	words, err := p.cfg.Log.Words(ctx)
	if err != nil {
		return records{}, err
	}
	for _, w := range words {
		now.words[w.Backend] = w
	}
	assignments, err := p.cfg.Log.Assignments(ctx)
	if err != nil {
		return records{}, err
	}
	for _, a := range assignments {
		now.add(a)
	}
	p.adopt(now)
	return now, nil
}

func (r records) add(a Assignment) {
	r.assignments[a.Session] = a
	if a.State == Assigned || a.State == Lost {
		r.ofWallet[a.Wallet] = a.Session
	}
}

// with returns the records with one assignment more; others may be reading these.
func (r records) with(a Assignment) records {
	r.assignments, r.ofWallet = maps.Clone(r.assignments), maps.Clone(r.ofWallet)
	r.add(a)
	return r
}

// adopt replaces the records by newer ones, and has backends looked at of which the operator says something else now.
func (p *Pool) adopt(now records) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.read.Before(p.known.read) {
		return
	}
	was := p.known
	p.known = now
	if was.read.IsZero() {
		close(p.ready)
	}
	for _, m := range p.members {
		before, after := was.word(m), now.word(m)
		if was.read.IsZero() || before == after {
			continue
		}
		p.cfg.Logger.Info("The operator's word about a signer", "signer", m.ID, "state", after.State, "by", after.By)
		if before.Identity != "" && after.Identity == "" {
			m.forget()
		}
		m.nudge()
	}
}

// word returns what the operator says of a backend: the last command, or else the configuration.
func (r records) word(m *member) Word {
	w, said := r.words[m.ID]
	if !said || w.State == "" {
		w.Backend, w.State, w.By = m.ID, m.State, ""
	}
	if w.State == "" {
		w.State = Active
	}
	return w
}

// Say records the operator's word about a backend, which counts at once here and within seconds on every instance. With forget
// whoever answers next under the id is taken for it.
func (p *Pool) Say(ctx context.Context, id string, state State, by string, forget bool) error {
	p.mu.RLock()
	_, known := p.byID[id]
	for _, a := range p.known.assignments {
		known = known || a.Backend == id
	}
	p.mu.RUnlock()
	if !known {
		return fmt.Errorf("%w: %.40q", ErrUnknown, id)
	}
	if err := p.cfg.Log.Say(ctx, id, state, by, forget); err != nil {
		return err
	}
	_, err := p.load(ctx)
	return err
}

// rest waits, and reports whether to go on.
func rest(ctx context.Context, pause time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
