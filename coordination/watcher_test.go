package coordination

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
)

// run is one run of a node's watcher; several on one memory are restarts.
type run struct {
	chain *chaintest.Chain
	log   *memory
	opens []Opened
	stop  func()
}

func startWatcher(t *testing.T, source *chaintest.Chain, log *memory) *run {
	t.Helper()
	r := &run{chain: source, log: log}
	last, err := log.LastWindow(t.Context())
	require.NoError(t, err)
	clock := chain.NewClock(testFreshness, last.At)
	source.Follow(clock)
	w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		require.NoError(t, w.Run(ctx, func(o Opened) { r.opens = append(r.opens, o) }))
	}()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	return r
}

var testFreshness = chain.Freshness{MaxSilence: 60e9}

func (r *run) show(heights ...chain.Height) {
	for _, h := range heights {
		r.chain.Show(h)
		synctest.Wait()
	}
}

func (r *run) blocks() []chain.Height {
	var blocks []chain.Height
	for _, o := range r.opens {
		blocks = append(blocks, o.Block)
	}
	return blocks
}

func TestR1AnyHeightOfTheActivePhaseOpensTheWindowOnce(t *testing.T) {
	for name, c := range map[string]struct {
		heights []chain.Height
		want    []chain.Height
	}{
		"the exact block":                 {[]chain.Height{899, 900, 901}, []chain.Height{900}},
		"skipped first blocks":            {[]chain.Height{899, 903, 904, 1801}, []chain.Height{900, 1800}},
		"last block of the active phase":  {[]chain.Height{899, 979}, []chain.Height{900}},
		"first block after it":            {[]chain.Height{899, 980}, nil},
		"repeated and going back":         {[]chain.Height{899, 900, 900, 899, 900, 850, 905, 1000, 900}, []chain.Height{900}},
		"a jump of hundreds":              {[]chain.Height{10, 905, 2710}, []chain.Height{900, 2700}},
		"nothing before the first window": {[]chain.Height{0, 1, 79}, nil},
		"late join of a new node":         {[]chain.Height{930}, []chain.Height{900}},
		"back into an earlier window":     {[]chain.Height{1800, 905, 1801}, []chain.Height{1800}},
		"stopping for ever is no window":  {[]chain.Height{899}, nil},
		"block 0 never is one":            {[]chain.Height{0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := startWatcher(t, chaintest.New(0), newMemory())
				r.show(c.heights...)
				require.Equal(t, c.want, r.blocks())
				opened, _, _ := r.log.seen()
				require.Equal(t, c.want, opened, "what was opened is durable")
			})
		})
	}
}

func TestR1AnyStreamOfHeightsOpensEachWindowAtMostOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source, log := chaintest.New(0), newMemory()
		opens := map[chain.Height]int{} // in this run; a restart opens what still lasts again
		newRun := func() (*Watcher, *chain.Clock) {
			last, _ := log.LastWindow(context.Background())
			clock := chain.NewClock(testFreshness, last.At)
			return &Watcher{last: last, cfg: WatcherConfig{
				Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet(),
			}}, clock
		}
		w, clock := newRun()
		h := chain.Height(rapid.Uint64Range(0, 3000).Draw(t, "first height"))
		highest := h
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "move") {
			case 0: // reorg
				h -= min(h, chain.Height(rapid.Uint64Range(0, 50).Draw(t, "back")))
				source.Fork(h)
			case 1:
				w, clock = newRun()
				clear(opens)
			case 2, 3:
				h += chain.Height(rapid.Uint64Range(2, 2000).Draw(t, "jump"))
			case 4: // repeat
			default:
				h++
			}
			highest = max(highest, h)
			clock.Observe(source.Show(h))
			require.NoError(t, w.step(context.Background(), clock.Head(), func(o Opened) {
				opens[o.Block]++
				require.Equal(t, 1, opens[o.Block], "window %d", o.Block)
			}))
		}
		opened, missed, _ := log.seen()
		require.True(t, slices.IsSorted(opened))
		accounted := map[chain.Height]int{}
		for _, block := range opened {
			accounted[block]++
		}
		for _, m := range missed {
			for block := m.First; block <= m.Last; block += 900 {
				accounted[block]++
			}
		}
		for block, n := range accounted {
			require.Equal(t, 1, n, "window %d is opened or missed exactly once", block)
		}
		// From the first one on, no window is silently lost.
		if len(accounted) > 0 {
			first := slices.Min(keys(accounted))
			current, _ := RFC12().At(highest)
			for block := first; block <= current.Block; block += 900 {
				require.Contains(t, accounted, block, "window %d was lost silently", block)
			}
		}
	})
}

func keys[K comparable, V any](m map[K]V) []K {
	var ks []K
	for k := range m {
		ks = append(ks, k)
	}
	return ks
}

func TestR1RestartResumesAnOpenWindowAndNeverRepeatsAFinishedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, log := chaintest.New(0), newMemory()
		first := startWatcher(t, source, log)
		first.show(899, 901)
		first.stop()

		again := startWatcher(t, source, log)
		again.show(940)
		require.Equal(t, []chain.Height{900}, again.blocks(), "still active: opened again")
		again.stop()

		later := startWatcher(t, source, log)
		later.show(1000, 1200)
		require.Equal(t, []chain.Height{900}, later.blocks(), "over, but what was heard in it may not be reported yet")
		opened, missed, _ := log.seen()
		require.Equal(t, []chain.Height{900}, opened)
		require.Empty(t, missed)
	})
}

func TestR1AnOpenWindowThatEndedWhileTheNodeWasDownFinishesAsNodeDown(t *testing.T) {
	for back, want := range map[chain.Height]int{979: 0, 980: 1, 1000: 1} {
		synctest.Test(t, func(t *testing.T) {
			source, log := chaintest.New(0), newMemory()
			first := startWatcher(t, source, log)
			first.show(899, 901)
			w, _ := RFC12().Window(900)
			_, err := log.Begin(t.Context(), chain.WalletID{7}, w, 901)
			require.NoError(t, err)
			first.stop()

			again := startWatcher(t, source, log)
			again.show(back)
			_, _, results := log.seen()
			require.Len(t, results, want, "back at %d", back)
			for _, r := range results {
				require.Equal(t, ReasonNodeDown, r.Reason)
			}
		})
	}
}

// The endpoint shows less than an earlier run has seen: what is to be resumed is known when it has caught up.
func TestR1AfterARestartASourceThatLagsOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, log := chaintest.New(0), newMemory()
		first := startWatcher(t, source, log)
		first.show(1799, 1801)
		first.stop()

		again := startWatcher(t, source, log)
		again.show(1795)
		require.Empty(t, again.opens)
		again.show(1810)
		require.Equal(t, []chain.Height{1800}, again.blocks())
	})
}

func TestR1WindowsWhollyMissedAreOneRangeWithOneReason(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []chain.Height // a restart lies in between, unless before is empty
		restart       bool
		want          []Missed
	}{
		"first start of a new store records none": {
			after: []chain.Height{50_500},
		},
		"down over three windows": {
			before: []chain.Height{905}, restart: true, after: []chain.Height{4200},
			want: []Missed{{First: 1800, Last: 3600, Reason: ReasonNodeDown, NotedAt: 4200}},
		},
		"down, and back within an active phase": {
			before: []chain.Height{905}, restart: true, after: []chain.Height{3610},
			want: []Missed{{First: 1800, Last: 2700, Reason: ReasonNodeDown, NotedAt: 3610}},
		},
		"down, and back in a passive phase": {
			before: []chain.Height{905}, restart: true, after: []chain.Height{3685},
			want: []Missed{
				{First: 1800, Last: 2700, Reason: ReasonNodeDown, NotedAt: 3685},
				{First: 3600, Last: 3600, Reason: ReasonLateStart, NotedAt: 3685},
			},
		},
		"up, but the source showed nothing": {
			before: []chain.Height{905, 950, 2800}, after: []chain.Height{2801},
			want: []Missed{{First: 1800, Last: 2700, Reason: ReasonChainStalled, NotedAt: 2800}},
		},
		"up, and back in an active phase": {
			before: []chain.Height{905, 2750}, after: []chain.Height{2751},
			want: []Missed{{First: 1800, Last: 1800, Reason: ReasonChainStalled, NotedAt: 2750}},
		},
		"a new node misses what comes after its start": {
			before: []chain.Height{500, 1000}, after: []chain.Height{1001},
			want: []Missed{{First: 900, Last: 900, Reason: ReasonChainStalled, NotedAt: 1000}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, log := chaintest.New(0), newMemory()
				r := startWatcher(t, source, log)
				r.show(c.before...)
				if c.restart {
					r.stop()
					r = startWatcher(t, source, log)
				}
				r.show(c.after...)
				_, missed, _ := log.seen()
				require.Equal(t, c.want, missed)
			})
		})
	}
}

func TestR1OneAbsurdHeadCannotMoveTheWindowsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, log := chaintest.New(0), newMemory()
		clock := testClock()
		w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet()})
		require.NoError(t, err)
		var opened []chain.Height
		go func() { _ = w.Run(t.Context(), func(o Opened) { opened = append(opened, o.Block) }) }()
		show := func(h chain.Header) { clock.Observe(h); synctest.Wait() }

		show(source.Show(850))
		show(chaintest.Foreign(30_000_000)) // beyond belief: not followed
		require.EqualValues(t, 850, clock.Height())
		show(chaintest.Foreign(1805)) // believable as a height, but it links to nothing
		require.Empty(t, opened)
		show(source.Show(901))
		require.Equal(t, []chain.Height{900}, opened)
		_, missed, _ := log.seen()
		require.Empty(t, missed)
	})
}

func TestR1AnAbsurdFirstHeadDecidesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		absurd chain.Height
		before func(t *testing.T, log *memory) // an earlier run
	}{
		"a new store, far beyond":         {absurd: 30_000_850},
		"a new store, in an active phase": {absurd: 30_000_605},
		"a window still open": {absurd: 2605, before: func(t *testing.T, log *memory) {
			w, _ := RFC12().Window(900)
			require.NoError(t, log.OpenWindow(t.Context(), Opened{Block: 900, At: 901}))
			_, err := log.Begin(t.Context(), chain.WalletID{7}, w, 901)
			require.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, log := chaintest.New(890), newMemory()
				if c.before != nil {
					c.before(t, log)
				}
				clock := testClock()
				w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet()})
				require.NoError(t, err)
				var opened []chain.Height
				go func() { _ = w.Run(t.Context(), func(o Opened) { opened = append(opened, o.Block) }) }()
				clock.Observe(chaintest.Foreign(c.absurd))
				synctest.Wait()
				require.Empty(t, opened)
				clock.Observe(source.Show(910))
				synctest.Wait()
				require.Equal(t, []chain.Height{900}, opened)
				_, missed, results := log.seen()
				require.Empty(t, missed)
				require.Empty(t, results, "nothing was finished as node_down")
			})
		})
	}
}

// lying is a chain of which some headers are told otherwise.
type lying struct {
	*chaintest.Chain
	told map[chain.Height]chain.Header
}

func (l lying) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	if told, ok := l.told[h]; ok {
		return told, nil
	}
	return l.Chain.Header(ctx, h)
}

func TestR1AHeadThatDoesNotLinkToTheWindowsFirstBlockDecidesNothing(t *testing.T) {
	source := chaintest.New(2000)
	unlinked, err := source.Header(t.Context(), 903)
	require.NoError(t, err)
	unlinked.Parent = chain.Hash{7}
	another, err := source.Header(t.Context(), 901)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		told map[chain.Height]chain.Header
		head func() chain.Header
		then chain.Height // a head that is on the chain
		want []chain.Height
		miss []Missed
	}{
		"a head of another branch": {
			head: func() chain.Header { return chaintest.Foreign(905) }, then: 906, want: []chain.Height{900},
		},
		"a block between that does not link": {
			told: map[chain.Height]chain.Header{903: unlinked},
			head: func() chain.Header { return source.Show(905) }, then: 906, want: []chain.Height{900},
		},
		"another block in the place of the first": {
			told: map[chain.Height]chain.Header{900: another},
			head: func() chain.Header { return source.Show(905) }, then: 906, want: []chain.Height{900},
		},
		"a head of another branch, after the active phase": {
			head: func() chain.Header { return chaintest.Foreign(990) }, then: 991,
			miss: []Missed{{First: 900, Last: 900, Reason: ReasonChainStalled, NotedAt: 991}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock, log, headers := testClock(), newMemory(), lying{source, map[chain.Height]chain.Header{}}
				w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: headers, Log: log, Logger: quiet()})
				require.NoError(t, err)
				go func() { _ = w.Run(t.Context(), func(Opened) {}) }()
				show := func(h chain.Header) { clock.Observe(h); synctest.Wait() }

				show(source.Show(850))
				maps.Copy(headers.told, c.told)
				source.Show(2000) // it has what the head claims to stand on
				show(c.head())
				opened, missed, _ := log.seen()
				require.Empty(t, opened)
				require.Empty(t, missed)
				clear(headers.told)
				show(source.Show(c.then))
				opened, missed, _ = log.seen()
				require.Equal(t, c.want, opened)
				require.Equal(t, c.miss, missed)
			})
		})
	}
}

func TestR1AJumpOfMoreThanTenThousandBlocksNeedsASecondConfirmation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startWatcher(t, chaintest.New(0), newMemory())
		r.show(905)
		r.show(90_010)
		require.Equal(t, []chain.Height{900}, r.blocks(), "one source said so once")
		r.show(90_011)
		require.Equal(t, []chain.Height{900, 90_000}, r.blocks(), "and again")
	})
}

func TestAFailingEndpointOrStoreDelaysAWindowAndDoesNotLoseIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, log := chaintest.New(0), newMemory()
		r := startWatcher(t, source, log)
		r.show(899)
		source.Fail(errors.New("endpoint down"))
		r.show(900, 901)
		source.Fail(nil)
		log.fail(errors.New("disk full"))
		r.show(902)
		require.Empty(t, r.blocks())
		log.fail(nil)
		r.show(903)
		require.Equal(t, []chain.Height{900}, r.blocks())
		require.EqualValues(t, 903, r.opens[0].At)

		log.fail(errors.New("disk full"))
		r.show(1800, 1879)
		log.fail(nil)
		r.show(1900)
		_, missed, _ := log.seen()
		require.Equal(t, []Missed{{First: 1800, Last: 1800, Reason: ReasonStoreFailed, NotedAt: 1900}}, missed)
	})
}

func TestSchedule(t *testing.T) {
	require.NoError(t, RFC12().Validate())
	for _, bad := range []Schedule{
		{},
		{Frequency: 900, Active: 0, Passive: 20, SafeShift: 32},
		{Frequency: 90, Active: 80, Passive: 20, SafeShift: 32},
		{Frequency: 900, Active: 80, Passive: 20},
		{Frequency: 900, Active: 80, Passive: 20, SafeShift: 900},
	} {
		require.Error(t, bad.Validate(), "%+v", bad)
	}
	w, ok := RFC12().Window(1800)
	require.True(t, ok)
	require.Equal(t, Window{Block: 1800, Index: 2, SeedBlock: 1768, ActiveEnd: 1880, End: 1900}, w)
	_, ok = RFC12().Window(0)
	require.False(t, ok)
	_, ok = RFC12().Window(901)
	require.False(t, ok)
	require.EqualValues(t, 900, RFC12().Next(0).Block)
	require.EqualValues(t, 1800, RFC12().Next(900).Block)
}

// Heads come all the same, from one endpoint alone: no window is opened at its word, and the record says why.
func TestR1AWindowWithoutAQuorumIsMissedBecauseOfThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, log, clock := chaintest.New(0), newMemory(), testClock()
		w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet()})
		require.NoError(t, err)
		var opened []chain.Height
		go func() { _ = w.Run(t.Context(), func(o Opened) { opened = append(opened, o.Block) }) }()
		show := func(h chain.Header) { clock.Observe(h); synctest.Wait() }

		show(source.Show(850))
		source.Fail(fmt.Errorf("2 of 5 endpoints: %w", chain.ErrNoQuorum))
		for _, h := range []chain.Height{900, 930, 979, 990} {
			show(source.Show(h))
		}
		source.Fail(nil)
		show(chaintest.Foreign(1001)) // no head of the chain that is agreed on again
		_, missed, _ := log.seen()
		require.Empty(t, missed)
		show(source.Show(1002))
		_, missed, _ = log.seen()
		require.Equal(t, []Missed{{First: 900, Last: 900, Reason: ReasonNoQuorum, NotedAt: 1002}}, missed)
		show(source.Show(1800))
		require.Equal(t, []chain.Height{1800}, opened)
	})
}

// Restarting a node is the first thing that its operator tries. What it misses after that, it misses for want of a quorum.
func TestR1AWindowWithoutAQuorumIsMissedBecauseOfThatAfterARestartToo(t *testing.T) {
	for name, c := range map[string]struct {
		blind []chain.Height // what the second run sees without a quorum
		back  chain.Height   // the first that it sees with one
		want  []Missed
		opens []chain.Height
	}{
		"it was up before the window":    {[]chain.Height{1780, 1800, 1879, 1900}, 1902, []Missed{{1800, 1800, ReasonNoQuorum, 1902}}, []chain.Height{900}},
		"it came up in the active phase": {[]chain.Height{1840, 1879}, 1902, []Missed{{1800, 1800, ReasonNoQuorum, 1902}}, []chain.Height{900}},
		"and in the passive one":         {[]chain.Height{1890}, 1902, []Missed{{1800, 1800, ReasonLateStart, 1902}}, []chain.Height{900}},
		"and after the window":           {[]chain.Height{2000}, 2005, []Missed{{1800, 1800, ReasonNodeDown, 2005}}, []chain.Height{900}},
		"down for one, blind for two":    {[]chain.Height{2000, 2750, 3650}, 3800, []Missed{{1800, 1800, ReasonNodeDown, 3800}, {2700, 3600, ReasonNoQuorum, 3800}}, []chain.Height{900}},
		"back in time":                   {[]chain.Height{1780, 1810}, 1830, nil, []chain.Height{900, 1800}},
		"blind in no window":             {[]chain.Height{1200}, 1210, nil, []chain.Height{900}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, log := chaintest.New(0), newMemory()
				first := startWatcher(t, source, log)
				first.show(850, 905, 1000)
				first.stop()
				source.Fail(fmt.Errorf("2 of 5 endpoints: %w", chain.ErrNoQuorum))
				second := startWatcher(t, source, log)
				second.show(c.blind...)
				require.Empty(t, second.opens)
				source.Fail(nil)
				second.show(c.back)
				_, missed, _ := log.seen()
				require.Equal(t, c.want, missed)
				require.Equal(t, c.opens, second.blocks(), "the last one is taken up again")
				second.show(4500)
				require.Equal(t, append(c.opens, 4500), second.blocks())
			})
		})
	}
}
