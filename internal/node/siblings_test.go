package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

// station is an instance among siblings without a node around it.
type station struct {
	*siblings
	mu     sync.Mutex
	unread error // the shared lists cannot be read
	ill    []string
	ended  chan error
	stop   func()
}

func (s *station) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// settle gives everybody the time for a few rounds.
func settle() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

// newStation starts an instance on a database in memory, in a directory.
func newStation(t *testing.T, db *clustertest.DB, name, dir string, wallets ...chain.WalletID) *station {
	t.Helper()
	s, log := &station{ended: make(chan error, 1)}, slog.New(slog.DiscardHandler)
	h, err := openHome(dir, log)
	require.NoError(t, err)
	watch, err := shared.NewWatch(shared.WatchConfig{
		Versions: func(context.Context) (shared.Versions, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return shared.Versions{}, s.unread
		},
		Handlers: map[shared.Topic]func(context.Context) error{}, Pause: shared.Pause, Timeout: time.Second, Logger: log,
	})
	require.NoError(t, err)
	s.siblings, err = newSiblings(siblingsConfig{
		ClusterConfig: ClusterConfig{Instance: cluster.InstanceID(name), URLs: []string{"https://" + name + ".example.org"}, Timing: cluster.DefaultTiming(), Dir: dir},
		Home:          h, Store: db, Halts: newHalts(), Watch: watch, Logger: log,
		SetWish: func(context.Context, string, shared.Desire) error { return nil },
		Wallets: func(context.Context) ([]chain.WalletID, error) { return wallets, nil },
		Height:  func() (chain.Height, bool) { return 300, true },
		Ill: func() []string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return append([]string(nil), s.ill...)
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- watch.Run(ctx) }()
	go func() { s.ended <- s.Run(ctx) }()
	s.stop = func() {
		cancel()
		<-watched
		require.NoError(t, h.close())
	}
	return s
}

func onStation(t *testing.T, test func(t *testing.T, db *clustertest.DB, s *station, wallet chain.WalletID)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, id := clustertest.New(), chain.WalletID{1}
		s := newStation(t, db, "a", dir, id)
		settle()
		require.True(t, s.custody.Serves(id))
		test(t, db, s, id)
	})
}

func TestAnInstanceThatStopsGivesItsSessionBack(t *testing.T) {
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, id chain.WalletID) {
		s.stop()
		require.NoError(t, <-s.ended)
		require.False(t, s.custody.Serves(id))
		_, found, err := db.Session(t.Context(), "a")
		require.NoError(t, err)
		require.False(t, found)
	})
}

// A stopped wallet and a banned operator are known before anything is served.
func TestNothingIsServedBeforeTheSharedListsWereRead(t *testing.T) {
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, id chain.WalletID) {
		s.set(func() { s.unread = errors.New("away") })
		db.SetDown(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.False(t, s.custody.Serves(id))
		db.SetDown(false)
		settle()
		require.False(t, s.custody.Serves(id), "there is a session, and no list")
		time.Sleep(cluster.DefaultTiming().TTL)
		require.Contains(t, s.status().Detail, "cannot be read")
		s.set(func() { s.unread = nil })
		settle()
		require.True(t, s.custody.Serves(id))
		require.Empty(t, s.status().Detail)
		s.stop()
		require.NoError(t, <-s.ended)
	})
}

// Whoever cannot write down what he sends gives his wallets away, and is well again when he can.
func TestAnInstanceWhoseJournalBrokeIsIllUntilItIsMended(t *testing.T) {
	other := t.TempDir()
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, id chain.WalletID) {
		b := newStation(t, db, "b", other, id)
		settle()
		content, err := os.ReadFile(s.sent.path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(s.sent.path, []byte("something else"), 0o600))
		require.NoError(t, s.sent.journal.Close())
		require.Error(t, s.sent.Append(sentEntry(900)))
		settle()
		require.False(t, s.status().Healthy)
		require.Contains(t, s.status().Detail, "journal")
		require.False(t, s.custody.Serves(id))
		require.True(t, b.custody.Serves(id))
		require.NoError(t, os.WriteFile(s.sent.path, content, 0o600))
		time.Sleep(mending + time.Second)
		synctest.Wait()
		require.True(t, s.status().Healthy)
		for _, one := range []*station{s, b} {
			one.stop()
			require.NoError(t, <-one.ended)
		}
	})
}

func TestAnInstanceThatIsIllGivesItsWalletsAway(t *testing.T) {
	other := t.TempDir()
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, id chain.WalletID) {
		s.set(func() { s.ill = []string{"no fresh block", "connected to no other operator"} })
		settle()
		require.True(t, s.custody.Serves(id), "nobody could do better")
		b := newStation(t, db, "b", other, id)
		settle()
		require.False(t, s.custody.Serves(id))
		require.True(t, b.custody.Serves(id))
		held, _ := b.keeper.Holdings()
		list := instancesOf(held, nil, "b", time.Now())
		require.Equal(t, []string{view.InstanceIll, "no fresh block; connected to no other operator", view.InstanceServing},
			[]string{list.Instances[0].State, list.Instances[0].Detail, list.Instances[1].State})
		for _, one := range []*station{s, b} {
			one.stop()
			require.NoError(t, <-one.ended)
		}
	})
}

// Whoever is asked to end, and has nobody to give his wallets to, ends after a lease.
func TestAnInstanceAloneResignsAfterALease(t *testing.T) {
	onStation(t, func(t *testing.T, _ *clustertest.DB, s *station, id chain.WalletID) {
		s.wished([]shared.Wish{{Instance: "a", Desire: shared.Resign}, {Instance: "b", Desire: shared.Drain}})
		settle()
		require.True(t, s.custody.Serves(id))
		require.True(t, s.status().Draining)
		require.ErrorIs(t, <-s.ended, errResigned)
		require.False(t, s.custody.Serves(id))
		s.stop()
	})
}

// A doubt lasts for a lease after a generation was first seen, and for as long as a member has not compared its journal.
func TestADoubtEndsWhenEverybodyHasComparedItsJournal(t *testing.T) {
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, _ chain.WalletID) {
		require.True(t, s.doubt(time.Time{}), "this process has just begun to look")
		time.Sleep(cluster.DefaultTiming().TTL)
		require.False(t, s.doubt(time.Time{}))
		_, err := db.OpenSession(t.Context(), cluster.Opening{Holder: cluster.Holder{Instance: "b", Boot: cluster.NewBoot()}, TTL: time.Second})
		require.NoError(t, err)
		settle()
		require.True(t, s.doubt(time.Time{}), "another member has still to compare")
		time.Sleep(cluster.Mourning)
		settle()
		require.False(t, s.doubt(time.Time{}), "it does not come back")
		s.stop()
		require.NoError(t, <-s.ended)
	})
}

// What the promoted database does not know a sibling may have said before. That it is another database shows only when the
// keeper looks again, which it does with the next session.
func TestAPromotionThatNobodyHasNoticedYetIsADoubt(t *testing.T) {
	onStation(t, func(t *testing.T, db *clustertest.DB, s *station, _ chain.WalletID) {
		time.Sleep(cluster.DefaultTiming().TTL)
		db.Promote(0)
		asked := time.Now() // and found nothing
		require.True(t, s.doubt(asked))
		for range 200 {
			time.Sleep(10 * time.Millisecond) // the session of before is over, and the next one has looked, at some time
			synctest.Wait()
			require.True(t, s.doubt(asked))
		}
		settle()
		require.True(t, s.doubt(asked), "whoever was forgotten has a lease's time to come")
		time.Sleep(cluster.DefaultTiming().TTL)
		require.False(t, s.doubt(asked))
		require.True(t, s.doubt(time.Now()), "nobody has looked since")
		s.stop()
		require.NoError(t, <-s.ended)
	})
}

func TestWhatIsShownOfTheInstancesGrowsOld(t *testing.T) {
	now := time.Now()
	a, b := cluster.Holder{Instance: "a", Boot: cluster.Boot{1}}, cluster.Holder{Instance: "b", Boot: cluster.Boot{2}}
	held := cluster.Holdings{At: now, View: cluster.View{
		Generation: "g",
		Members: []cluster.Member{
			{Holder: b, Status: cluster.Status{Healthy: true, Standby: true}, Left: 10 * time.Second, Current: true},
			{Holder: a, Status: cluster.Status{Healthy: true}, Left: 5 * time.Second, Current: true, Profile: cluster.Profile{URLs: []string{"https://a.example.org"}}},
		},
		Wallets: []cluster.Assignment{{Wallet: chain.WalletID{1}, Owner: a}, {Wallet: chain.WalletID{2}}},
	}}
	list := instancesOf(held, map[cluster.InstanceID]shared.Desire{"b": shared.Drain}, "b", now.Add(time.Second))
	require.False(t, list.Stale)
	require.Equal(t, []any{"b", true, int64(1000), 1}, []any{list.Self, list.Shared, list.AgeMS, list.Unowned})
	require.Equal(t, []any{"a", view.InstanceServing, int64(4000), false}, []any{list.Instances[0].ID, list.Instances[0].State, list.Instances[0].LeaseMS, list.Instances[0].Self})
	require.Equal(t, []any{view.InstanceStandby, "drain", true}, []any{list.Instances[1].State, list.Instances[1].Wish, list.Instances[1].Self})

	list = instancesOf(held, nil, "b", now.Add(6*time.Second))
	require.True(t, list.Stale)
	require.Equal(t, []any{view.InstanceDead, int64(0), 2}, []any{list.Instances[0].State, list.Instances[0].LeaseMS, list.Unowned})
	require.True(t, instancesOf(cluster.Holdings{}, nil, "b", now).Stale, "nothing was ever seen")

	entries := directoryOf(held.View.Members, ClusterConfig{Instance: "c", URLs: []string{"https://c.example.org"}})
	require.Len(t, entries, 2, "one without an address is nowhere")
	require.Equal(t, "a c", strings.Join([]string{entries[0].ID, entries[1].ID}, " "))
}
