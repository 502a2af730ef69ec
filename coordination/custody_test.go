package coordination

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
)

// hands is a custody in the test's hands.
type hands struct {
	mu      sync.Mutex
	terms   map[chain.WalletID]Term
	changed chan struct{}
}

func newHands() *hands {
	return &hands{terms: make(map[chain.WalletID]Term), changed: make(chan struct{})}
}

func (h *hands) Term(id chain.WalletID) Term {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.terms[id]
}

func (h *hands) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// give begins a term, or ends it with 0, and waits until everybody has seen it.
func (h *hands) give(w chain.Wallet, term Term) {
	h.mu.Lock()
	h.terms[w.ID()] = term
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	synctest.Wait()
}

// shift is one call of an executor.
type shift struct {
	window chain.Height
	linger bool
}

// desk is a layer with custody, and what its executors are called for.
type desk struct {
	chain    *chaintest.Chain
	clock    *chain.Clock
	log      *memory
	registry *registry
	custody  *hands
	layer    *Layer
	reports  chan Report
	stop     func()

	mu      sync.Mutex
	shifts  []shift
	working atomic.Int32
}

func startDesk(t *testing.T, log WindowLog, records *memory, wallets ...chain.Wallet) *desk {
	t.Helper()
	d := &desk{
		chain: chaintest.New(0), clock: testClock(), log: records, registry: &registry{wallets: wallets}, custody: newHands(),
		reports: make(chan Report, 16),
	}
	d.chain.Follow(d.clock)
	work := func(ctx context.Context, w Window, linger bool) {
		d.mu.Lock()
		d.shifts = append(d.shifts, shift{w.Block, linger})
		d.mu.Unlock()
		if d.working.Add(1) > 1 {
			t.Error("two run at a time for one wallet")
		}
		defer d.working.Add(-1)
		_ = d.clock.Until(ctx, w.End+5)
	}
	var err error
	d.layer, err = NewLayer(LayerConfig{
		Schedule: RFC12(), Clock: d.clock, Registry: d.registry, Log: log, Custody: d.custody, Logger: quiet(),
		Executor: func(chain.Wallet) (Executor, error) {
			return scripted{
				coordinate: func(ctx context.Context, w Window, _ chain.Height, _ chan<- Report) { work(ctx, w, false) },
				linger:     func(ctx context.Context, w Window, _ chan<- Report) { work(ctx, w, true) },
			}, nil
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.layer.Run(ctx, d.reports) }()
	d.stop = func() {
		cancel()
		require.NoError(t, <-done)
	}
	return d
}

func (d *desk) show(h chain.Height) {
	d.chain.Show(h)
	synctest.Wait()
}

func (d *desk) open(block, at chain.Height) {
	d.show(at)
	d.layer.Open(Opened{Block: block, At: at})
	synctest.Wait()
}

func (d *desk) seen() []shift {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]shift(nil), d.shifts...)
}

func TestAWalletIsServedWhileItsTermLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		d.open(900, 901)
		require.Empty(t, d.seen(), "it is another's")
		d.custody.give(w, 1)
		require.EqualValues(t, 1, d.working.Load())
		d.custody.give(w, 2) // given anew at once: what ran under the term before has ended
		require.EqualValues(t, 1, d.working.Load())
		d.custody.give(w, 0)
		require.Zero(t, d.working.Load())
		d.show(950)
		d.custody.give(w, 3)
		d.show(1005)
		require.Zero(t, d.working.Load())
		d.show(1050)
		require.Equal(t, []shift{{900, false}, {900, false}, {900, false}}, d.seen(), "once in each term")
		require.Empty(t, d.reports)
	})
}

func TestAnotherWalletsChangeIsNoneOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, other, log := testWallet(t, 0), testWallet(t, 1), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		d.custody.give(w, 1)
		d.open(900, 901)
		d.custody.give(other, 2)
		require.Equal(t, []shift{{900, false}}, d.seen())
		require.EqualValues(t, 1, d.working.Load())
	})
}

func TestAWalletImportedWithinTheWindowIsTakenUpWhenItIsGivenToUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log)
		defer d.stop()
		d.open(900, 901)
		d.registry.add(w)
		d.custody.give(w, 1)
		require.Equal(t, []shift{{900, false}}, d.seen())
	})
}

// In the grace after a window that is finished, what its last owner wrote down may still have to be reported.
func TestAFinishedWindowIsLingeredOverByItsNextOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		d.open(900, 901)
		window, _ := RFC12().Window(900)
		_, err := log.RecordResult(t.Context(), Result{Wallet: w.ID(), Window: window, Reason: ReasonNoop})
		require.NoError(t, err)
		d.show(1050)
		d.custody.give(w, 1)
		require.Equal(t, []shift{{900, true}}, d.seen())
		d.show(1100) // the grace is over
		d.custody.give(w, 2)
		require.Len(t, d.seen(), 1)
	})
}

func TestAWindowLeftOpenIsJudgedWhenATermBegins(t *testing.T) {
	for name, c := range map[string]struct {
		seen bool // this instance has opened the window, too
		at   chain.Height
	}{
		"in its passive phase":            {true, 985},
		"in the grace":                    {true, 1050},
		"after it":                        {true, 1500},
		"unseen, and in its active phase": {false, 920},
		"unseen, and over":                {false, 1300},
		"many windows ago":                {false, 90_000 + 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, log := testWallet(t, 0), newMemory()
				d := startDesk(t, log, log, w)
				defer d.stop()
				d.show(901)
				window, _ := RFC12().Window(900)
				_, err := log.Begin(t.Context(), w.ID(), window, 901)
				require.NoError(t, err)
				if c.seen {
					d.open(900, 901)
				}
				d.show(c.at)
				require.Empty(t, d.seen())
				d.custody.give(w, 1)
				d.show(max(c.at, 981)) // the active phase of a window that we did not open is waited for
				require.Equal(t, []shift{{900, false}}, d.seen())
			})
		})
	}
}

func TestAWindowThatIsNotOpenIsNotTakenUpAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		d.open(900, 901)
		d.show(1500)
		d.custody.give(w, 1)
		require.Empty(t, d.seen())
		require.Empty(t, d.reports)
	})
}

func TestAnInheritedWindowDoesNotKeepTheNextOneWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		window, _ := RFC12().Window(1800)
		_, err := log.Begin(t.Context(), w.ID(), window, 1801)
		require.NoError(t, err)
		d.show(1885)
		d.custody.give(w, 1)
		require.Equal(t, []shift{{1800, false}}, d.seen(), "it would go on to 1905")
		d.chain.Show(2700) // heads jump
		d.open(2700, 2701)
		require.Equal(t, []shift{{1800, false}, {2700, false}}, d.seen())
	})
}

func TestAnInheritedWindowWaitsForTheOneThatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		window, _ := RFC12().Window(900)
		_, err := log.Begin(t.Context(), w.ID(), window, 901)
		require.NoError(t, err)
		d.show(1799)
		d.chain.Show(1810) // the term begins before the window is opened here
		d.custody.give(w, 1)
		require.Empty(t, d.seen())
		d.open(1800, 1811)
		require.Equal(t, []shift{{1800, false}}, d.seen())
		d.show(1910)
		require.Equal(t, []shift{{1800, false}, {900, false}}, d.seen())
	})
}

// refusingBegin says that the wallet is another's, though its term lasts as far as we know.
type refusingBegin struct {
	*memory
	refuse atomic.Bool
}

func (r *refusingBegin) Begin(ctx context.Context, id chain.WalletID, w Window, at chain.Height) (Progress, error) {
	if r.refuse.Load() {
		return Progress{}, fmt.Errorf("fenced: %w", chain.ErrNotServed)
	}
	return r.memory.Begin(ctx, id, w, at)
}

func TestAWalletThatTheLogRefusesIsTriedAgainAtTheNextHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), &refusingBegin{memory: newMemory()}
		log.refuse.Store(true)
		d := startDesk(t, log, log.memory, w)
		defer d.stop()
		d.custody.give(w, 1)
		d.open(900, 901)
		require.Empty(t, d.seen())
		log.refuse.Store(false)
		d.show(902)
		require.Equal(t, []shift{{900, false}}, d.seen())
	})
}

func TestAWalletIsLetGoWhileTheRegistryCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := testWallet(t, 0), newMemory()
		d := startDesk(t, log, log, w)
		defer d.stop()
		d.custody.give(w, 1)
		d.open(900, 901)
		require.EqualValues(t, 1, d.working.Load())
		d.registry.fail(errors.New("the database is down"))
		d.custody.give(w, 0)
		require.Zero(t, d.working.Load())
		d.custody.give(w, 2)
		require.EqualValues(t, 1, d.working.Load(), "who is known needs no registry")
		d.registry.fail(nil)
	})
}

func TestAnOwnerThatIsAloneIsServedAlways(t *testing.T) {
	require.NotZero(t, Alone{}.Term(chain.WalletID{1}))
	require.Nil(t, Alone{}.Changed())
}

// notOurs is a result log that knows that the wallet is another's.
type notOurs struct{ *memory }

func (notOurs) RecordResult(context.Context, Result) (bool, error) {
	return false, fmt.Errorf("fenced: %w", chain.ErrNotServed)
}

func TestAResultThatIsAnothersToFindOutIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, handlers := newMemory(), &orders{}
		var observed atomic.Int32
		p, err := NewProcessor(ProcessorConfig{Log: notOurs{log}, Dispatcher: handlers, Logger: quiet(), Observe: func(Report) { observed.Add(1) }})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports, done := make(chan Report), make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		w, _ := RFC12().Window(900)
		reports <- Result{Wallet: chain.WalletID{1}, Window: w, Reason: ReasonOK}
		reports <- Amendment{Wallet: chain.WalletID{1}, Window: w}
		synctest.Wait()
		require.EqualValues(t, 1, observed.Load(), "the amendment, which is not held up")
		require.Len(t, log.amendments, 1)
		require.Empty(t, handlers.dispatched)
		cancel()
		require.NoError(t, <-done)
	})
}

// swallowing is a result log that never answers.
type swallowing struct{ *memory }

func (swallowing) RecordResult(ctx context.Context, _ Result) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestAStoreThatSwallowsEverythingHoldsUpTheShutdownOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewProcessor(ProcessorConfig{Log: swallowing{newMemory()}, Dispatcher: &orders{}, Logger: quiet(), Observe: func(Report) {}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports, done := make(chan Report), make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		for wallet := range byte(20) {
			for range 5 {
				reports <- Result{Wallet: chain.WalletID{wallet}, Reason: ReasonNoop}
			}
		}
		synctest.Wait()
		cancel()
		begun := time.Now()
		require.NoError(t, <-done)
		require.Equal(t, lastWrite, time.Since(begun), "and not once for each")
	})
}
