package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

// crew is some instances on one database, each with its session and keeper.
type crew struct {
	t       *testing.T
	db      *clustertest.DB
	height  atomic.Uint64
	wallets []chain.WalletID
	closed  atomic.Int64 // how many of the last wallets are active no more
	crew    map[cluster.InstanceID]*hand
}

// hand is one of them.
type hand struct {
	session *cluster.Session
	keeper  *cluster.Keeper
	status  atomic.Pointer[cluster.Status]
	disk    *disk
	tenure  atomic.Pointer[cluster.Tenure]
	alarms  atomic.Int64
	line    *severable
	cancel  context.CancelFunc
	ended   chan error
}

// severable is a connection that can be cut for good, as by a kill.
type severable struct {
	cluster.Store
	cut atomic.Bool
}

func (s *severable) RenewSession(ctx context.Context, r cluster.Renewal) error {
	if s.cut.Load() {
		return clustertest.ErrConnection
	}
	return s.Store.RenewSession(ctx, r)
}

func (s *severable) CloseSession(ctx context.Context, h cluster.Holder) error {
	if s.cut.Load() {
		return clustertest.ErrConnection
	}
	return s.Store.CloseSession(ctx, h)
}

func newCrew(t *testing.T, wallets int) *crew {
	c := &crew{t: t, db: clustertest.New(), crew: make(map[cluster.InstanceID]*hand)}
	c.height.Store(1000) // between the windows 900 and 1800
	for i := range wallets {
		c.wallets = append(c.wallets, chain.WalletID{byte(i >> 8), byte(i), 1})
	}
	return c
}

func (c *crew) join(id cluster.InstanceID) *hand {
	h := &hand{disk: &disk{}, line: &severable{Store: c.db}, ended: make(chan error, 1)}
	h.status.Store(&healthy)
	status := func() cluster.Status { return *h.status.Load() }
	quiet := slog.New(slog.DiscardHandler)
	var err error
	h.session, err = cluster.NewSession(cluster.SessionConfig{
		Instance: id, Timing: cluster.DefaultTiming(), Store: h.line, Status: status, Now: time.Now, Logger: quiet,
	})
	require.NoError(c.t, err)
	h.keeper, err = cluster.NewKeeper(cluster.KeeperConfig{
		Store: h.line, Journal: h.disk, Schedule: coordination.RFC12(),
		Wallets: func(context.Context) ([]chain.WalletID, error) {
			return c.wallets[:len(c.wallets)-int(c.closed.Load())], nil
		},
		Height: func() (chain.Height, bool) { h := c.height.Load(); return chain.Height(h), h > 0 },
		Rules:  cluster.Rules{Settle: cluster.DefaultTiming().TTL, Pace: cluster.DefaultPace},
		Poll:   500 * time.Millisecond, Timeout: 2 * time.Second, Now: time.Now, Logger: quiet,
		Contradicted: func([]cluster.Entry) { h.alarms.Add(1) },
	})
	require.NoError(c.t, err)
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(c.t.Context())
	go func() {
		h.ended <- h.session.Run(ctx, func(ctx context.Context, t *cluster.Tenure) error {
			h.tenure.Store(t)
			return h.keeper.Run(ctx, t)
		})
	}()
	c.crew[id] = h
	synctest.Wait()
	return h
}

// mine counts what an instance believes to be its own.
func (h *hand) mine() int {
	synctest.Wait()
	held, _ := h.keeper.Holdings()
	return len(held.Mine)
}

func (h *hand) tell(s cluster.Status) {
	h.status.Store(&s)
	h.session.Nudge()
	synctest.Wait()
	h.keeper.Nudge()
	synctest.Wait()
}

// kill is a death without a last word.
func (h *hand) kill() {
	h.line.cut.Store(true)
	h.cancel()
	synctest.Wait()
}

func (c *crew) leave() {
	for _, h := range c.crew {
		h.cancel()
		require.NoError(c.t, <-h.ended)
	}
	time.Sleep(time.Minute)
}

// until waits for a condition and returns how long it took.
func until(condition func() bool) time.Duration {
	began := time.Now()
	for !condition() {
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func TestInstancesShareTheWalletsAndIdleOnesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 7)
		a := c.join("a")
		require.Less(t, until(func() bool { return a.mine() == 7 }), time.Second, "alone it serves all, at once")
		time.Sleep(10 * time.Second)
		b, d := c.join("b"), c.join("d")
		time.Sleep(9 * time.Second)
		require.Equal(t, 7, a.mine(), "who joins waits one lease")
		time.Sleep(2 * time.Second)
		require.Equal(t, 7, a.mine()+b.mine()+d.mine())
		for _, h := range []*hand{a, b, d} {
			require.InDelta(t, 7.0/3, h.mine(), 1)
		}
		c.leave()
	})
}

// The first joiner is settled before the second, so that rebalancing has a pace to keep.
func TestARoundOfBalancingWaitsForItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 6)
		a := c.join("a")
		until(func() bool { return a.mine() == 6 })
		time.Sleep(20 * time.Second)
		b := c.join("b")
		until(func() bool { return b.mine() == 3 })
		began := time.Now()
		d := c.join("d")
		until(func() bool { return d.mine() == 2 })
		require.GreaterOrEqual(t, time.Since(began), cluster.DefaultPace-time.Second)
		require.LessOrEqual(t, time.Since(began), cluster.DefaultPace+time.Second)
		c.leave()
	})
}

func TestACrashedInstanceIsReplacedWithinElevenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 100)
		a := c.join("a")
		until(func() bool { return a.mine() == 100 })
		b := c.join("b")
		until(func() bool { return b.mine() == 50 })
		c.height.Store(1810) // in a window
		worst := time.Duration(0)
		for i := range 10 {
			time.Sleep(time.Duration(i) * 270 * time.Millisecond) // at another moment of its renewals each time
			a.kill()
			worst = max(worst, until(func() bool { return b.mine() == 100 }))
			time.Sleep(time.Minute)
			a = c.join("a")
			c.height.Store(1000)
			until(func() bool { return b.mine() == 50 && a.mine() == 50 })
			c.height.Store(1810)
		}
		t.Logf("the worst of ten deaths: %v", worst)
		require.LessOrEqual(t, worst, 11*time.Second)
		c.leave()
	})
}

func TestADrainHandsOverWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 10)
		a := c.join("a")
		until(func() bool { return a.mine() == 10 })
		b := c.join("b")
		until(func() bool { return b.mine() == 5 })
		c.height.Store(1810)
		began := time.Now()
		a.tell(cluster.Status{Healthy: true, Draining: true})
		require.Zero(t, a.mine())
		until(func() bool { return b.mine() == 10 })
		require.LessOrEqual(t, time.Since(began), time.Second)

		// A stop without a drain gives the session back, which is as quick.
		time.Sleep(time.Minute)
		d := c.join("d")
		time.Sleep(11 * time.Second)
		began = time.Now()
		b.cancel()
		until(func() bool { return d.mine() == 10 })
		require.LessOrEqual(t, time.Since(began), time.Second)
		b.ended <- <-b.ended
		c.leave()
	})
}

func TestAnUnhealthyInstanceGivesItsWalletsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 4)
		a := c.join("a")
		until(func() bool { return a.mine() == 4 })
		b := c.join("b")
		until(func() bool { return b.mine() == 2 })
		a.tell(cluster.Status{Detail: "no quorum"})
		require.Zero(t, a.mine())
		require.Less(t, until(func() bool { return b.mine() == 4 }), time.Second)
		a.tell(healthy)
		for _, height := range []uint64{1000, 1900, 2800} {
			c.height.Store(height)
			time.Sleep(2 * time.Minute)
			require.Zero(t, a.mine(), "height %d", height)
		}
		c.height.Store(3700)
		until(func() bool { return a.mine() == 2 })
		c.leave()
	})
}

func TestWithoutAChainNothingIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 4)
		c.height.Store(0)
		a := c.join("a")
		time.Sleep(time.Minute)
		require.Zero(t, a.mine())
		c.height.Store(1000)
		until(func() bool { return a.mine() == 4 })
		c.leave()
	})
}

func TestAnybodyKnowsTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 2)
		a := c.join("a")
		until(func() bool { return a.mine() == 2 })
		b := c.join("b")
		until(func() bool { return b.mine() == 1 })
		time.Sleep(time.Second) // both have looked
		for _, w := range c.wallets {
			x, _, ok := a.keeper.Owner(w)
			require.True(t, ok)
			y, member, ok := b.keeper.Owner(w)
			require.True(t, ok)
			require.Equal(t, x, y)
			require.Equal(t, y.Owner, member.Holder)
		}
		_, _, ok := a.keeper.Owner(chain.WalletID{9})
		require.False(t, ok)
		c.leave()
	})
}

func TestAWalletThatIsNotActiveIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 3)
		a := c.join("a")
		until(func() bool { return a.mine() == 3 })
		c.closed.Store(1)
		time.Sleep(time.Second)
		require.Equal(t, 2, a.mine())
		c.leave()
	})
}

// What the database forgot is put back before anything new is claimed, and what contradicts it is an alarm.
func TestAPromotionThatLostAClaimIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(t, 1)
		c.db.Remember = 50
		a := c.join("a")
		until(func() bool { return a.mine() == 1 })
		c.height.Store(1810)
		desk := a.desk(c, t)
		held, _ := a.keeper.Holdings()
		mine := held.Mine[c.wallets[0]]
		said, err := desk.Propose(t.Context(), a.tenure.Load(), mine, 1800, builds("the first"))
		require.NoError(t, err)

		require.Equal(t, 2, c.db.Promote(2)) // the claim and its proposal
		_, found, err := c.db.FindClaim(t.Context(), mine.Wallet, 1800)
		require.NoError(t, err)
		require.False(t, found)
		time.Sleep(15 * time.Second)
		require.Equal(t, 1, a.mine())
		held, _ = a.keeper.Holdings()
		again, err := desk.Propose(t.Context(), a.tenure.Load(), held.Mine[mine.Wallet], 1800, builds("another"))
		require.NoError(t, err)
		require.Equal(t, said, again)
		require.Zero(t, a.alarms.Load())

		require.NoError(t, a.disk.Append(cluster.NewTestEntry(a.tenure.Load().Fence(mine), 1800, proposal("a third"))))
		c.db.Promote(0)
		time.Sleep(15 * time.Second)
		require.EqualValues(t, 1, a.alarms.Load())
		c.leave()
	})
}

func proposal(text string) coordination.OwnProposal {
	return coordination.OwnProposal{Payload: []byte(text), Envelope: fmt.Appendf(nil, "envelope of %s", text)}
}

func builds(text string) func(context.Context) (coordination.OwnProposal, error) {
	return func(context.Context) (coordination.OwnProposal, error) { return proposal(text), nil }
}

func (h *hand) desk(c *crew, t *testing.T) *cluster.Desk {
	d, err := cluster.NewDesk(cluster.DeskConfig{
		Claims: c.db, Journal: h.disk, Status: func() cluster.Status { return *h.status.Load() },
		Timeout: 2 * time.Second, Retry: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return d
}
