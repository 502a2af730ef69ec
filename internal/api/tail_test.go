package api

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// shelf is what instances have recorded, newest first as a store lists it.
type shelf struct {
	Records // what a Tail does not ask

	mu      sync.Mutex
	rows    []view.Window
	faults  []view.Fault
	actions []view.Action
	err     error
	looks   int
}

func (s *shelf) Windows(_ context.Context, f store.WindowFilter) (list view.Windows, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	for _, w := range s.rows {
		if w.Window >= f.From && (f.Limit == 0 || len(list.Windows) < f.Limit) {
			list.Windows = append(list.Windows, w)
		}
	}
	return list, s.err
}

func (s *shelf) Faults(_ context.Context, f faults.Filter) (list view.Faults, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.faults {
		if fault.Window >= f.From {
			list.Faults = append(list.Faults, fault)
		}
	}
	return list, s.err
}

func (s *shelf) Actions(context.Context, store.ActionFilter) (view.Actions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return view.Actions{Actions: s.actions}, s.err
}

func (s *shelf) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
}

// finish records a result in place of an open row.
func (s *shelf) finish(window chain.Height, wallet chain.WalletID, misdeeds ...view.Fault) {
	s.change(func() {
		s.faults = append(s.faults, misdeeds...)
		at := slices.IndexFunc(s.rows, func(w view.Window) bool { return w.Window == window && *w.Wallet == wallet })
		s.rows[at].State, s.rows[at].Reason = view.WindowFinished, new(coordination.Reason)
		s.rows[at].Faults += len(misdeeds)
	})
}

func (s *shelf) open(window chain.Height, wallets ...chain.WalletID) {
	s.change(func() {
		for _, id := range wallets {
			s.rows = slices.Insert(s.rows, 0, view.Window{State: view.WindowOpen, Window: window, Wallet: &id})
		}
	})
}

var one, two = chain.WalletID{1}, chain.WalletID{2}

// tailed runs a Tail under virtual time, with a watcher that has joined and been noticed. next returns what it was told since.
func tailed(t *testing.T, s *shelf, test func(feed *Feed, next func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		feed := new(Feed)
		tail := &Tail{Records: s, Feed: feed, Logger: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tail.Run(ctx) }()
		w, err := feed.join()
		require.NoError(t, err)
		synctest.Wait()
		test(feed, func() []string {
			time.Sleep(tailPause) // virtual
			synctest.Wait()
			list := []string{}
			for len(w.events) > 0 {
				e := <-w.events
				text := e.Event
				if e.Wallet != nil {
					text += " " + e.Wallet.String()[2:4]
				}
				for _, f := range e.Faults {
					text += " " + f.ID
				}
				if e.Revoked {
					text += " revoked"
				}
				list = append(list, text)
			}
			return list
		})
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestAWatcherHearsWhatAnyInstanceRecords(t *testing.T) {
	s := new(shelf)
	s.open(900, one)
	s.finish(900, one, view.Fault{ID: "old", Window: 900, Wallet: one})
	tailed(t, s, func(_ *Feed, next func() []string) {
		require.Empty(t, next(), "what was before is history")
		s.open(1800, one, two)
		require.Equal(t, []string{"opened"}, next(), "once for all wallets")
		require.Empty(t, next())
		s.finish(1800, two)
		s.finish(1800, one, view.Fault{ID: "f1", Window: 1800, Wallet: one})
		require.ElementsMatch(t, []string{"result 01 f1", "result 02"}, next())
		require.Empty(t, next())

		s.change(func() { s.actions = []view.Action{{Window: 1800, Wallet: two, Order: view.Order{Revoked: true}}} })
		s.finish(1800, two, view.Fault{ID: "f2", Window: 1800, Wallet: two})
		require.Equal(t, []string{"amendment 02 f2 revoked"}, next())
		s.finish(900, one, view.Fault{ID: "f0", Window: 900, Wallet: one})
		require.Equal(t, []string{"amendment 01 f0"}, next(), "of the window before")
		require.Empty(t, next())
	})
}

func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	s := new(shelf)
	s.open(900, one)
	tailed(t, s, func(_ *Feed, next func() []string) {
		s.change(func() { s.err = errors.New("away") })
		s.finish(900, one)
		require.Empty(t, next())
		require.Empty(t, next())
		s.change(func() { s.err = nil })
		require.Equal(t, []string{"result 01"}, next())
	})
}

func TestNobodyIsToldOfAMissedWindow(t *testing.T) {
	s := new(shelf)
	tailed(t, s, func(_ *Feed, next func() []string) {
		require.Empty(t, next(), "an empty store")
		s.change(func() { s.rows = []view.Window{{State: view.WindowMissed, Window: 900}} })
		require.Empty(t, next())
	})
}

func TestTheDatabaseIsLeftAloneWhileNobodyWatches(t *testing.T) {
	s := new(shelf)
	s.open(900, one)
	tailed(t, s, func(feed *Feed, next func() []string) {
		for w := range feed.watchers {
			feed.leave(w)
		}
		next()
		before := s.looks
		next()
		next()
		require.Equal(t, before, s.looks)

		s.finish(900, one) // unseen, and history to who comes then
		again, err := feed.join()
		require.NoError(t, err)
		next()
		require.Empty(t, again.events)
		require.Greater(t, s.looks, before)
		s.finish(900, one, view.Fault{ID: "f1", Window: 900, Wallet: one})
		next()
		require.Len(t, again.events, 1)
	})
}

func TestWhatATailRemembersIsBounded(t *testing.T) {
	var s sights
	for window := chain.Height(900); window <= 90_000; window += 900 {
		s.news([]view.Window{{State: view.WindowFinished, Window: window, Wallet: &one, Faults: 1}}, []view.Fault{{ID: time.Duration(window).String(), Window: window, Wallet: one}}, "now")
		s.forget(since(window))
	}
	require.Len(t, s.results, tailWindows)
	require.Len(t, s.faults, tailWindows)
}
