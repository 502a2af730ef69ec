package coordination

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// box is watcher, layer and processor on one memory, as a node wires them.
type box struct {
	chain    *chaintest.Chain
	clock    *chain.Clock
	log      *memory
	registry *registry
	orders   *orders
	stop     func()
}

func startBox(t *testing.T, executor func(chain.Wallet) Executor, wallets ...chain.Wallet) *box {
	t.Helper()
	return startBoxOn(t, newMemory(), executor, wallets...)
}

// startBoxOn starts it on what an earlier run left.
func startBoxOn(t *testing.T, log *memory, executor func(chain.Wallet) Executor, wallets ...chain.Wallet) *box {
	t.Helper()
	b := &box{chain: chaintest.New(0), clock: testClock(), log: log, registry: &registry{wallets: wallets}, orders: &orders{}}
	b.chain.Follow(b.clock)
	watcher, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: b.clock, Headers: b.chain, Log: b.log, Logger: quiet()})
	require.NoError(t, err)
	layer, err := NewLayer(LayerConfig{
		Schedule: RFC12(), Clock: b.clock, Registry: b.registry, Log: b.log, Custody: Alone{}, Logger: quiet(),
		Executor: func(w chain.Wallet) (Executor, error) { return executor(w), nil },
	})
	require.NoError(t, err)
	processor, err := NewProcessor(ProcessorConfig{Log: b.log, Dispatcher: b.orders, Logger: quiet(), Observe: func(Report) {}})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan Report)
	done := make(chan struct{}, 3)
	go func() { _ = watcher.Run(ctx, layer.Open); done <- struct{}{} }()
	go func() { _ = layer.Run(ctx, reports); done <- struct{}{} }()
	go func() { _ = processor.Run(ctx, reports); done <- struct{}{} }()
	b.stop = func() {
		cancel()
		for range 3 {
			<-done
		}
	}
	return b
}

func (b *box) show(heights ...chain.Height) {
	for _, h := range heights {
		b.chain.Show(h)
		synctest.Wait()
	}
}

// until is an executor that ends with its reason when the clock reaches the end of the active phase.
func until(clock *chain.Clock, wallet chain.Wallet, reason Reason) Executor {
	return scripted{coordinate: func(ctx context.Context, w Window, _ chain.Height, reports chan<- Report) {
		if clock.Until(ctx, w.ActiveEnd) == nil {
			send(ctx, reports, Result{Wallet: wallet.ID(), Window: w, Reason: reason})
		}
	}}
}

func TestWalletsAreTakenFromTheRegistryAtTheMomentOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := testWallet(t, 0), testWallet(t, 1)
		var b *box
		b = startBox(t, func(w chain.Wallet) Executor { return until(b.clock, w, ReasonNoop) }, one)
		defer b.stop()
		b.show(899)
		b.registry.add(two) // a second ago
		b.show(900, 980, 1000)
		_, _, results := b.log.seen()
		require.Len(t, results, 2)
	})
}

func TestABlockedExecutorDelaysNeitherWatcherNorOtherWallets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := testWallet(t, 0), testWallet(t, 1)
		var b *box
		b = startBox(t, func(w chain.Wallet) Executor {
			if w.ID() == one.ID() {
				return scripted{coordinate: func(ctx context.Context, _ Window, _ chain.Height, _ chan<- Report) { <-ctx.Done() }}
			}
			return until(b.clock, w, ReasonNoop)
		}, one, two)
		b.show(899, 900, 980, 1000, 1800, 1880)
		opened, _, results := b.log.seen()
		require.Equal(t, []chain.Height{900, 1800}, opened)
		reasons := map[chain.Height]map[chain.WalletID]Reason{900: {}, 1800: {}}
		for _, r := range results {
			reasons[r.Window.Block][r.Wallet] = r.Reason
		}
		require.Equal(t, map[chain.WalletID]Reason{two.ID(): ReasonNoop}, reasons[900])
		require.Equal(t, map[chain.WalletID]Reason{two.ID(): ReasonNoop, one.ID(): ReasonBusy}, reasons[1800],
			"a wallet still busy yields a result, never silence")
		b.stop() // a goroutine left behind would fail the bubble
	})
}

// A wallet that waits for its earlier window when the node is told to stop has no result: it may take part after a restart.
func TestAShutdownIsNoBusyWindow(t *testing.T) {
	for range 32 { // a report would have an even chance to be sent beside the end of the context
		synctest.Test(t, func(t *testing.T) {
			source, clock, wallet := chaintest.New(0), testClock(), testWallet(t, 0)
			source.Follow(clock)
			layer, err := NewLayer(LayerConfig{
				Schedule: RFC12(), Clock: clock, Registry: &registry{wallets: []chain.Wallet{wallet}}, Log: newMemory(), Custody: Alone{}, Logger: quiet(),
				Executor: func(chain.Wallet) (Executor, error) {
					return scripted{coordinate: func(ctx context.Context, _ Window, _ chain.Height, _ chan<- Report) { <-ctx.Done() }}, nil
				},
			})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			reports, done := make(chan Report, 1), make(chan error)
			go func() { done <- layer.Run(ctx, reports) }()
			source.Show(900)
			layer.Open(Opened{Block: 900, At: 900})
			synctest.Wait()
			source.Show(1805)
			layer.Open(Opened{Block: 1800, At: 1805})
			synctest.Wait()
			cancel()
			require.NoError(t, <-done)
			require.Empty(t, reports)
		})
	}
}

func TestAWalletWithoutAnExecutorHasAResult(t *testing.T) {
	for name, c := range map[string]struct {
		over bool
		want int
	}{
		"in the window":  {over: false, want: 1},
		"after its time": {over: true, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, clock, wallet := chaintest.New(0), testClock(), testWallet(t, 0)
				source.Follow(clock)
				layer, err := NewLayer(LayerConfig{
					Schedule: RFC12(), Clock: clock, Registry: &registry{wallets: []chain.Wallet{wallet}}, Log: newMemory(), Custody: Alone{}, Logger: quiet(),
					Executor: func(chain.Wallet) (Executor, error) { return nil, errors.New("cannot join its channel") },
				})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				reports, done := make(chan Report, 1), make(chan error)
				go func() { done <- layer.Run(ctx, reports) }()
				source.Show(900)
				layer.Open(Opened{Block: 900, At: 900, Over: c.over})
				synctest.Wait()
				require.Len(t, reports, c.want)
				if c.want > 0 {
					r := (<-reports).(Result)
					require.Equal(t, ReasonNoPeers, r.Reason)
					require.Contains(t, r.Detail, "cannot join its channel")
				}
				cancel()
				require.NoError(t, <-done)
			})
		})
	}
}

func TestCancellingEndsEverythingInTheMiddleOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *box
		b = startBox(t, func(w chain.Wallet) Executor { return until(b.clock, w, ReasonNoop) }, testWallet(t, 0), testWallet(t, 1))
		b.show(899, 900, 920)
		b.stop()
		_, _, results := b.log.seen()
		require.Empty(t, results, "a shutdown in the active phase suspends the window without a final result")
	})
}

func TestAFinishedWalletOnlyLingersAfterARestartInThePassivePhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wallet := testWallet(t, 0)
		var lingered, coordinated atomic.Int32
		b := startBox(t, func(chain.Wallet) Executor {
			return scripted{
				coordinate: func(context.Context, Window, chain.Height, chan<- Report) { coordinated.Add(1) },
				linger:     func(context.Context, Window, chan<- Report) { lingered.Add(1) },
			}
		}, wallet)
		defer b.stop()
		w, _ := RFC12().Window(900)
		_, err := b.log.RecordResult(t.Context(), Result{Wallet: wallet.ID(), Window: w, Reason: ReasonNoop})
		require.NoError(t, err)
		b.show(899, 900)
		require.EqualValues(t, 1, lingered.Load())
		require.Zero(t, coordinated.Load())
	})
}

func TestProcessorStoresThenDispatchesAndRevokes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wallet := testWallet(t, 0)
		w, _ := RFC12().Window(900)
		heartbeat := proposal.Heartbeat{Message: [16]byte{1}}
		b := startBox(t, func(chain.Wallet) Executor {
			return scripted{coordinate: func(ctx context.Context, w Window, _ chain.Height, reports chan<- Report) {
				r := Result{Wallet: wallet.ID(), Window: w, Reason: ReasonOK, Proposal: heartbeat}
				send(ctx, reports, r)
				send(ctx, reports, r) // repeated: recorded and dispatched once
				send(ctx, reports, Amendment{Wallet: wallet.ID(), Window: w, Fault: faults.Fault{Detail: "late"}, Revoke: true})
			}}
		}, wallet)
		defer b.stop()
		b.log.fail(nil)
		b.show(899)
		b.show(900)
		require.Equal(t, []proposal.Order{{Wallet: wallet.ID(), Window: 900, Proposal: heartbeat, Start: w.End, Expiry: w.End + 600}}, b.orders.dispatched)
		require.Equal(t, []chain.Height{900}, b.orders.revoked)
		require.Len(t, b.log.amendments, 1)
	})
}

func TestAFailingStoreDelaysAResultAndDoesNotLoseIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wallet := testWallet(t, 0)
		var b *box
		b = startBox(t, func(w chain.Wallet) Executor { return until(b.clock, w, ReasonNoop) }, wallet)
		defer b.stop()
		b.show(899, 900)
		b.log.fail(errors.New("disk full"))
		b.show(980)
		_, _, results := b.log.seen()
		require.Empty(t, results)
		b.log.fail(nil)
		time.Sleep(2 * storeRetry) // virtual
		synctest.Wait()
		_, _, results = b.log.seen()
		require.Len(t, results, 1)
	})
}

func TestAResultInHandIsWrittenWhenTheNodeIsToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, wallet := newMemory(), testWallet(t, 0)
		log.fail(errors.New("busy"))
		p, err := NewProcessor(ProcessorConfig{Log: log, Dispatcher: &orders{}, Logger: quiet(), Observe: func(Report) {}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports := make(chan Report)
		done := make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		w, _ := RFC12().Window(900)
		reports <- Result{Wallet: wallet.ID(), Window: w, Reason: ReasonNoop}
		synctest.Wait()
		cancel()
		log.fail(nil)
		require.NoError(t, <-done)
		_, _, results := log.seen()
		require.Len(t, results, 1)
	})
}

// forgetful is a result log that stores the first result, and loses the answer.
type forgetful struct {
	*memory
	lost bool
}

func (l *forgetful) RecordResult(ctx context.Context, r Result) (bool, error) {
	first, err := l.memory.RecordResult(ctx, r)
	if !l.lost {
		l.lost = true
		return false, errors.New("not known whether it was stored")
	}
	return first, err
}

// The result was stored with its order, and nobody was told so: the log knows what is to be done.
func TestAnOrderIsFoundThoughItsAnswerWasLost(t *testing.T) {
	for name, c := range map[string]struct {
		reason Reason
		reread int
	}{"an order": {ReasonOK, 1}, "none": {ReasonLeaderIdle, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, handlers := &forgetful{memory: newMemory()}, &orders{}
				p, err := NewProcessor(ProcessorConfig{Log: log, Dispatcher: handlers, Logger: quiet(), Observe: func(Report) {}})
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				reports, done := make(chan Report), make(chan error)
				go func() { done <- p.Run(ctx, reports) }()
				w, _ := RFC12().Window(900)
				r := Result{Wallet: chain.WalletID{1}, Window: w, Reason: c.reason, Proposal: proposal.Heartbeat{}}
				reports <- r
				time.Sleep(storeRetry) // virtual
				synctest.Wait()
				require.Len(t, log.results, 1)
				require.Equal(t, c.reread, handlers.reread)
				reports <- r // known to be stored by somebody else: nothing is in doubt
				synctest.Wait()
				require.Equal(t, c.reread, handlers.reread)
				require.Empty(t, handlers.dispatched)
				cancel()
				require.NoError(t, <-done)
			})
		})
	}
}

func TestAStoreThatStaysBrokenDoesNotHoldUpTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		log.fail(errors.New("broken"))
		p, err := NewProcessor(ProcessorConfig{Log: log, Dispatcher: &orders{}, Logger: quiet(), Observe: func(Report) {}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports := make(chan Report)
		done := make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		reports <- Result{}
		cancel()
		begun := time.Now()
		require.NoError(t, <-done)
		require.Equal(t, lastWrite, time.Since(begun))
	})
}

func TestAWindowWaitsForTheOneBeforeItToLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wallet, leave := testWallet(t, 0), make(chan struct{})
		var begun atomic.Int32
		var b *box
		b = startBox(t, func(w chain.Wallet) Executor {
			return scripted{coordinate: func(ctx context.Context, window Window, _ chain.Height, reports chan<- Report) {
				begun.Add(1)
				if window.Block == 900 {
					<-leave // still telling what it heard when heads jump into the next window
				}
				until(b.clock, w, ReasonNoop).Coordinate(ctx, window, 0, reports)
			}}
		}, wallet)
		defer b.stop()
		b.show(899, 900, 1805)
		require.EqualValues(t, 1, begun.Load())
		close(leave)
		synctest.Wait()
		require.EqualValues(t, 2, begun.Load(), "at once, and not at the next head")
		b.show(1880)
		_, _, results := b.log.seen()
		require.Len(t, results, 2)
		require.Equal(t, ReasonNoop, results[1].Reason, "75 blocks of it were left")
	})
}

// Reports of one wallet are processed one after another, though the store is slow; each is told to who observes, and only
// what revokes is passed on as a revocation.
func TestReportsOfOneWalletKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, handlers := newMemory(), &orders{}
		log.fail(errors.New("busy"))
		var observed []Report
		p, err := NewProcessor(ProcessorConfig{
			Log: log, Dispatcher: handlers, Logger: quiet(), Observe: func(r Report) { observed = append(observed, r) },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports, done := make(chan Report), make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		w, _ := RFC12().Window(900)
		told := []Report{Result{Wallet: chain.WalletID{1}, Window: w, Reason: ReasonNoop}}
		for n := range 12 { // so many that they do not stand in order by chance
			told = append(told, Amendment{Wallet: chain.WalletID{1}, Window: w, Fault: faults.Fault{Detail: fmt.Sprint(n)}})
		}
		for _, r := range told {
			reports <- r
		}
		synctest.Wait()
		log.fail(nil)
		time.Sleep(2 * storeRetry) // virtual
		synctest.Wait()
		require.Equal(t, told, observed)
		require.Empty(t, handlers.revoked)
		require.Empty(t, handlers.dispatched)
		cancel()
		require.NoError(t, <-done)
	})
}

func TestOnlyWhatWasAgreedIsAnOrder(t *testing.T) {
	w, _ := RFC12().Window(900)
	heartbeat := proposal.Heartbeat{Message: [16]byte{1}}
	order, ok := Result{Wallet: chain.WalletID{1}, Window: w, Reason: ReasonOK, Proposal: heartbeat}.Order()
	require.True(t, ok)
	require.Equal(t, proposal.Order{Wallet: chain.WalletID{1}, Window: 900, Proposal: heartbeat, Start: 1000, Expiry: 1600}, order)
	for _, r := range []Result{
		{Window: w, Reason: ReasonOK},
		{Window: w, Reason: ReasonOK, Proposal: proposal.Noop{}},
		{Window: w, Reason: ReasonGenerationFailed, Proposal: heartbeat},
	} {
		_, ok := r.Order()
		require.False(t, ok, "%+v", r)
	}
}

// refusing is a memory that never takes the results of one wallet.
type refusing struct {
	*memory
	wallet chain.WalletID
}

func (r refusing) RecordResult(ctx context.Context, result Result) (bool, error) {
	if result.Wallet == r.wallet {
		return false, errors.New("cannot be stored")
	}
	return r.memory.RecordResult(ctx, result)
}

func TestOneWalletsTroubleWithTheStoreDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		p, err := NewProcessor(ProcessorConfig{
			Log: refusing{log, chain.WalletID{1}}, Dispatcher: &orders{}, Logger: quiet(), Observe: func(Report) {},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports, done := make(chan Report), make(chan error)
		go func() { done <- p.Run(ctx, reports) }()
		w, _ := RFC12().Window(900)
		for _, id := range []chain.WalletID{{1}, {1}, {2}, {3}} {
			reports <- Result{Wallet: id, Window: w, Reason: ReasonNoop}
		}
		synctest.Wait()
		_, _, results := log.seen()
		require.Len(t, results, 2)
		cancel()
		require.NoError(t, <-done)
	})
}

// slowRegistry answers when it is told to.
type slowRegistry struct {
	registry
	answer chan struct{}
}

func (r *slowRegistry) Wallets(ctx context.Context) ([]chain.Wallet, error) {
	<-r.answer
	return r.registry.Wallets(ctx)
}

func TestAWindowThatPassesWhileTheRegistryIsSlowHasAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowRegistry{answer: make(chan struct{})}
		slow.add(testWallet(t, 0))
		c, clock, log := chaintest.New(0), testClock(), newMemory()
		c.Follow(clock)
		layer, err := NewLayer(LayerConfig{
			Schedule: RFC12(), Clock: clock, Registry: slow, Log: log, Custody: Alone{}, Logger: quiet(),
			Executor: func(chain.Wallet) (Executor, error) { return scripted{}, nil },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		reports, done := make(chan Report, 1), make(chan error)
		go func() { done <- layer.Run(ctx, reports) }()
		c.Show(900)
		layer.Open(Opened{Block: 900, At: 900})
		c.Show(1200)
		close(slow.answer)
		synctest.Wait()
		require.Len(t, reports, 1, "never silence")
		cancel()
		require.NoError(t, <-done)
	})
}

func TestAWindowThatIsOverIsTakenUpForWhatWasHeardInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wallet := testWallet(t, 0)
		var lingered atomic.Int32
		log := newMemory()
		log.last = Opened{Block: 900, At: 900}
		b := startBoxOn(t, log, func(chain.Wallet) Executor {
			return scripted{
				coordinate: func(context.Context, Window, chain.Height, chan<- Report) { t.Error("it is over") },
				linger:     func(context.Context, Window, chan<- Report) { lingered.Add(1) },
			}
		}, wallet)
		defer b.stop()
		b.show(1200)
		require.EqualValues(t, 1, lingered.Load())
		_, _, results := b.log.seen()
		require.Empty(t, results, "a wallet that was not there then has no result")
	})
}
