package shared_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/shared"
)

// board is the versions of a test, and how often each list was read.
type board struct {
	mu       sync.Mutex
	versions shared.Versions
	down     error
	refuse   map[shared.Topic]error
	looks    int
	reads    map[shared.Topic]int
}

func (b *board) look(context.Context) (shared.Versions, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	if b.down != nil {
		return nil, b.down
	}
	seen := shared.Versions{}
	for topic, version := range b.versions {
		seen[topic] = version
	}
	return seen, nil
}

func (b *board) read(topic shared.Topic) func(context.Context) error {
	return func(context.Context) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reads[topic]++
		return b.refuse[topic]
	}
}

func (b *board) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *board) asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.looks
}

// watched runs a test of a watch over bans and halts.
func watched(t *testing.T, test func(t *testing.T, b *board, w *shared.Watch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &board{
			versions: shared.Versions{shared.TopicBans: 3}, reads: map[shared.Topic]int{}, refuse: map[shared.Topic]error{},
		}
		w, err := shared.NewWatch(shared.WatchConfig{
			Versions: b.look,
			Handlers: map[shared.Topic]func(context.Context) error{
				shared.TopicBans: b.read(shared.TopicBans), shared.TopicHalts: b.read(shared.TopicHalts),
			},
			Pause: shared.Pause, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		require.Zero(t, w.LastSeen())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		test(t, b, w)
		cancel()
		require.NoError(t, <-ended)
	})
}

func (b *board) wantReads(t *testing.T, bans, halts int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Equal(t, []int{bans, halts}, []int{b.reads[shared.TopicBans], b.reads[shared.TopicHalts]})
}

func TestAListIsReadAtTheStartAndWheneverItsVersionMoves(t *testing.T) {
	watched(t, func(t *testing.T, b *board, w *shared.Watch) {
		b.wantReads(t, 1, 1) // also a list that was never written
		require.WithinDuration(t, time.Now(), w.LastSeen(), 0)

		time.Sleep(time.Minute)
		synctest.Wait()
		b.wantReads(t, 1, 1)

		b.set(func() { b.versions[shared.TopicHalts] = 1 })
		time.Sleep(shared.Pause)
		synctest.Wait()
		b.wantReads(t, 1, 2)

		b.set(func() { b.versions[shared.TopicBans] = 1 }) // a restored database: the version went back
		time.Sleep(shared.Pause)
		synctest.Wait()
		b.wantReads(t, 2, 2)
	})
}

func TestAListThatCouldNotBeReadIsReadAgain(t *testing.T) {
	watched(t, func(t *testing.T, b *board, w *shared.Watch) {
		b.set(func() { b.refuse[shared.TopicHalts] = errors.New("away") })
		b.set(func() { b.versions = shared.Versions{shared.TopicBans: 4, shared.TopicHalts: 1} })
		seen := w.LastSeen()
		time.Sleep(shared.Pause)
		synctest.Wait()
		b.wantReads(t, 2, 2)
		time.Sleep(time.Minute)
		synctest.Wait()
		b.set(func() {
			require.Equal(t, 2, b.reads[shared.TopicBans], "the other list was read")
			require.Greater(t, b.reads[shared.TopicHalts], 2)
		})
		require.Equal(t, seen, w.LastSeen(), "not every list is known since")

		b.set(func() { delete(b.refuse, shared.TopicHalts) })
		w.Nudge()
		synctest.Wait()
		require.WithinDuration(t, time.Now(), w.LastSeen(), 0)
	})
}

// A restored database may have other lists under versions that it had before.
func TestAfterAnOutageEverythingIsReadAnew(t *testing.T) {
	watched(t, func(t *testing.T, b *board, w *shared.Watch) {
		b.set(func() { b.down = errors.New("away") })
		time.Sleep(shared.Pause)
		synctest.Wait()
		b.wantReads(t, 1, 1)
		looks := b.asked()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Less(t, b.asked()-looks, 40, "an outage is not asked about four times a second")

		b.set(func() { b.down = nil })
		w.Nudge()
		synctest.Wait()
		b.wantReads(t, 2, 2)
		require.WithinDuration(t, time.Now(), w.LastSeen(), 0)
	})
}

func TestWhoAwaitsTheListsGetsOnesReadSince(t *testing.T) {
	watched(t, func(t *testing.T, b *board, w *shared.Watch) {
		b.set(func() { b.down = errors.New("away") })
		time.Sleep(time.Minute)
		synctest.Wait()
		ended := make(chan error, 1)
		since := time.Now()
		go func() { ended <- w.Await(t.Context(), since) }()
		synctest.Wait()
		require.Empty(t, ended)
		b.set(func() { b.down = nil })
		require.NoError(t, <-ended)
		require.True(t, w.LastSeen().After(since))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.Await(ctx, time.Now().Add(time.Hour)), context.Canceled)
	})
}

func TestALookThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		w, err := shared.NewWatch(shared.WatchConfig{
			Versions: func(ctx context.Context) (shared.Versions, error) {
				select {
				case <-hangs:
					return shared.Versions{}, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			},
			Handlers: map[shared.Topic]func(context.Context) error{},
			Pause:    shared.Pause, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(time.Minute)
		require.Zero(t, w.LastSeen())
		close(hangs)
		require.NoError(t, w.Await(ctx, time.Now()))
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestAWatchNeedsItsParts(t *testing.T) {
	_, err := shared.NewWatch(shared.WatchConfig{})
	require.ErrorContains(t, err, "a dependency is missing")
	_, err = shared.NewWatch(shared.WatchConfig{
		Versions: func(context.Context) (shared.Versions, error) { return nil, nil },
		Handlers: map[shared.Topic]func(context.Context) error{}, Logger: slog.New(slog.DiscardHandler),
	})
	require.ErrorContains(t, err, "must be positive")
}

// What depends on the order of reads, as in a simulation, is not left to that of a map.
func TestListsAreReadInOneOrder(t *testing.T) {
	var read []shared.Topic
	handlers := map[shared.Topic]func(context.Context) error{}
	for _, topic := range []shared.Topic{"g", "c", "a", "f", "b", "e", "d", "h"} {
		handlers[topic] = func(context.Context) error {
			read = append(read, topic)
			return nil
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		w, err := shared.NewWatch(shared.WatchConfig{
			Versions: func(context.Context) (shared.Versions, error) { return shared.Versions{}, nil },
			Handlers: handlers, Pause: time.Second, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		go func() { _ = w.Run(ctx) }()
		synctest.Wait()
		require.Equal(t, []shared.Topic{"a", "b", "c", "d", "e", "f", "g", "h"}, read)
	})
}
