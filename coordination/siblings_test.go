package coordination

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
)

// shared is the memory of a watcher that has siblings: what they opened and missed stands beside its own.
type shared struct {
	*memory
	theirs   []Opened // At is 0 for what they missed
	finished []chain.Height
}

func (s *shared) LastWindow(ctx context.Context) (Opened, error) {
	return s.LastWindowAt(ctx, ^chain.Height(0))
}

func (s *shared) LastWindowAt(_ context.Context, head chain.Height) (Opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	for _, o := range s.theirs {
		if o.Block <= head && o.Block > last.Block {
			last = o
		}
	}
	return last, s.failure
}

func (s *shared) FinishOpen(_ context.Context, last chain.Height, _ Reason) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = append(s.finished, last)
	return s.failure
}

// besides runs a watcher beside siblings that did what is said, and shows it heads.
func besides(t *testing.T, theirs []Opened, test func(s *shared, show func(...chain.Height), source *chaintest.Chain, opened func() []Opened)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log, source, clock := &shared{memory: newMemory(), theirs: theirs}, chaintest.New(0), testClock()
		source.Follow(clock)
		w, err := NewWatcher(WatcherConfig{Schedule: RFC12(), Clock: clock, Headers: source, Log: log, Logger: quiet()})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		var opens []Opened
		go func() { done <- w.Run(ctx, func(o Opened) { opens = append(opens, o) }) }()
		test(log, func(heights ...chain.Height) {
			for _, h := range heights {
				source.Show(h)
				synctest.Wait()
			}
		}, source, func() []Opened { return slices.Clone(opens) })
		cancel()
		require.NoError(t, <-done)
	})
}

func TestR1ASiblingThatIsFarAheadKeepsNobodyFromTheWindowOfNow(t *testing.T) {
	besides(t, []Opened{{Block: 900, At: 900}, {Block: 90_000, At: 90_003}}, func(s *shared, show func(...chain.Height), _ *chaintest.Chain, opened func() []Opened) {
		show(1803)
		require.Equal(t, []chain.Height{1800}, s.opened)
		require.Len(t, opened(), 2, "the one before is taken up for what was left in it")
		require.True(t, opened()[0].Over)
		show(2700)
		require.Equal(t, []chain.Height{1800, 2700}, s.opened)
		require.Empty(t, s.missed)
	})
}

func TestR1WhatASiblingOpenedIsResumedAtTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		head chain.Height
		over bool
	}{"in the active phase": {1850, false}, "in the passive phase": {1890, false}, "after it": {2000, true}} {
		t.Run(name, func(t *testing.T) {
			besides(t, []Opened{{Block: 1800, At: 1801}}, func(s *shared, show func(...chain.Height), _ *chaintest.Chain, opened func() []Opened) {
				show(c.head)
				require.Equal(t, []Opened{{Block: 1800, At: 1801, Over: c.over}}, opened())
				require.Empty(t, s.opened)
				require.Empty(t, s.missed, "somebody was there")
				require.Empty(t, s.finished, "whoever serves the wallets judges what is open")
			})
		})
	}
}

func TestR1WhatASiblingMissedIsOpenedByWhoSeesIt(t *testing.T) {
	besides(t, []Opened{{Block: 900, At: 900}, {Block: 1800}}, func(s *shared, show func(...chain.Height), _ *chaintest.Chain, _ func() []Opened) {
		show(1850)
		require.Equal(t, []chain.Height{1800}, s.opened)
	})
}

func TestR1AWindowThatASiblingOpenedUnseenIsTakenPartIn(t *testing.T) {
	besides(t, []Opened{{Block: 900, At: 900}}, func(s *shared, show func(...chain.Height), source *chaintest.Chain, opened func() []Opened) {
		show(1100)
		source.Fail(chain.ErrNoQuorum) // ours alone
		show(1800, 1810, 1879)
		s.mu.Lock()
		s.theirs = append(s.theirs, Opened{Block: 1800, At: 1802})
		s.mu.Unlock()
		source.Fail(nil)
		show(1885)
		require.Equal(t, []Opened{{Block: 900, At: 900, Over: true}, {Block: 1800, At: 1802}}, opened())
		show(1890, 2000)
		require.Len(t, opened(), 2, "once")
		require.Empty(t, s.missed)
	})
}

func TestR1WhatIsStillOpenBeforeANewWindowIsFinished(t *testing.T) {
	besides(t, []Opened{{Block: 900, At: 900}}, func(s *shared, show func(...chain.Height), _ *chaintest.Chain, _ func() []Opened) {
		show(1100, 1800, 1801, 1880, 2700)
		require.Equal(t, []chain.Height{900, 1800}, s.finished)
	})
}
