package action_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

var errBroken = errors.New("disk on fire")

// key is an action's row.
type key struct {
	wallet chain.WalletID
	window chain.Height
}

// ended is an outcome as it was recorded.
type ended struct {
	outcome action.Outcome
	detail  string
	at      chain.Height
}

// fakeLog is a log in memory whose methods fail while told to.
type fakeLog struct {
	mu       sync.Mutex
	pending  []proposal.Order
	started  map[key]chain.Height
	finished map[key]ended
	revoked  map[key]bool
	failing  map[string]bool // by method
}

func (l *fakeLog) fail(method string, failing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing[method] = failing
}

func (l *fakeLog) broken(ctx context.Context, method string) error {
	if l.failing[method] {
		return errBroken
	}
	return ctx.Err()
}

func (l *fakeLog) PendingActions(ctx context.Context) ([]proposal.Order, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pending), l.broken(ctx, "PendingActions")
}

func (l *fakeLog) StartAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.broken(ctx, "StartAction"); err != nil {
		return err
	}
	if _, over := l.finished[key{wallet, window}]; over {
		return fmt.Errorf("start action: %w", action.ErrFinished)
	}
	l.started[key{wallet, window}] = at
	return nil
}

func (l *fakeLog) FinishAction(ctx context.Context, wallet chain.WalletID, window chain.Height, outcome action.Outcome, detail string, at chain.Height) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.broken(ctx, "FinishAction"); err != nil {
		return err
	}
	if before, twice := l.finished[key{wallet, window}]; twice {
		panic("two outcomes: " + before.outcome + " and " + outcome)
	}
	l.finished[key{wallet, window}] = ended{outcome, detail, at}
	return nil
}

func (l *fakeLog) ActionRevoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revoked[key{wallet, window}], l.broken(ctx, "ActionRevoked")
}

// outcome returns how an order ended; empty if it has not.
func (l *fakeLog) outcome(o proposal.Order) action.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished[key{o.Wallet, o.Window}].outcome
}

func (l *fakeLog) detail(o proposal.Order) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished[key{o.Wallet, o.Window}].detail
}

func (l *fakeLog) begun(o proposal.Order) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.started[key{o.Wallet, o.Window}]
	return ok
}

// validatorFunc is a proposal validator.
type validatorFunc func(context.Context, chain.WalletID) proposal.Verdict

func (f validatorFunc) Validate(ctx context.Context, wallet chain.WalletID, _ proposal.Proposal) proposal.Verdict {
	return f(ctx, wallet)
}

// handlerFunc is a handler.
type handlerFunc func(context.Context, proposal.Order) (action.Outcome, string)

func (f handlerFunc) Handle(ctx context.Context, o proposal.Order) (action.Outcome, string) {
	return f(ctx, o)
}

// untilEnd is a handler that holds the wallet for as long as it may.
var untilEnd = handlerFunc(func(ctx context.Context, _ proposal.Order) (action.Outcome, string) {
	<-ctx.Done()
	return "", ""
})

// stage is a dispatcher with everything around it, inside a synctest bubble.
type stage struct {
	t          *testing.T
	log        *fakeLog
	custody    *custody
	clock      *chain.Clock
	handlers   map[proposal.Kind]action.Handler
	validate   validatorFunc
	lines      bytes.Buffer // what is logged at info and above; read it after end
	dispatcher *action.Dispatcher
	mu         sync.Mutex
	ended      []action.Ended
	stop       context.CancelFunc
	ran        chan error
}

// custody is what is served, in the test's hand: everything but what was taken away.
type custody struct {
	mu      sync.Mutex
	away    map[chain.WalletID]bool
	terms   map[chain.WalletID]chain.Term // how often a wallet was given
	changed chan struct{}
}

func (c *custody) Term(wallet chain.WalletID) chain.Term {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away[wallet] {
		return 0
	}
	return c.terms[wallet] + 1
}

func (c *custody) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *custody) set(wallet chain.WalletID, served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away[wallet] = !served
	c.terms[wallet]++
	close(c.changed)
	c.changed = make(chan struct{})
}

// newStage sets a stage at a height, with the node's own handlers and a validator that passes everything. run starts it.
func newStage(t *testing.T, height chain.Height) *stage {
	t.Helper()
	s := &stage{
		t: t,
		log: &fakeLog{
			started: map[key]chain.Height{}, finished: map[key]ended{},
			revoked: map[key]bool{}, failing: map[string]bool{},
		},
		custody:  &custody{away: map[chain.WalletID]bool{}, terms: map[chain.WalletID]chain.Term{}, changed: make(chan struct{})},
		clock:    chain.NewClock(chain.Freshness{MaxSilence: time.Hour}, 0),
		handlers: action.WithoutSigners(),
		validate: func(context.Context, chain.WalletID) proposal.Verdict {
			return proposal.Verdict{Outcome: proposal.Valid}
		},
	}
	s.at(height)
	return s
}

// at moves the chain and waits until everyone has seen it.
func (s *stage) at(h chain.Height) {
	if h > 0 {
		s.clock.Observe(chain.Header{Height: h, Hash: chain.Hash{byte(h), byte(h >> 8)}})
	}
	synctest.Wait()
}

func (s *stage) run() { s.runOn(s.log) }

func (s *stage) runOn(log action.Log) {
	dispatcher, err := action.New(action.Config{
		Log: log, Clock: s.clock, Custody: s.custody, Handlers: maps.Clone(s.handlers), Logger: slog.New(slog.NewTextHandler(&s.lines, nil)),
		Validator: validatorFunc(func(ctx context.Context, w chain.WalletID) proposal.Verdict { return s.validate(ctx, w) }),
		Observe: func(e action.Ended) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = append(s.ended, e)
		},
	})
	require.NoError(s.t, err)
	s.dispatcher = dispatcher
	ctx, stop := context.WithCancel(s.t.Context())
	s.stop, s.ran = stop, make(chan error, 1)
	go func() { s.ran <- dispatcher.Run(ctx) }()
	synctest.Wait()
}

// end stops the dispatcher; synctest then fails the test if a goroutine is left.
func (s *stage) end() {
	s.stop()
	require.NoError(s.t, <-s.ran)
}

func (s *stage) dispatch(o proposal.Order) {
	s.dispatcher.Dispatch(o)
	synctest.Wait()
}

func (s *stage) revoke(o proposal.Order) {
	s.dispatcher.Revoke(o.Wallet, o.Window)
	synctest.Wait()
}

// order is a heartbeat of wallet n agreed on in window 900 x index: signing from c+100 to c+400.
func order(n byte, index chain.Height) proposal.Order {
	wallet, window := chain.WalletID{n}, 900*index
	return proposal.Order{
		Wallet: wallet, Window: window, Start: window + 100, Expiry: window + 700,
		Proposal: proposal.Heartbeat{Message: proposal.HeartbeatMessage(wallet, window)},
	}
}
