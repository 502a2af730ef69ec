package node

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
	"github.com/walletnode/walletnode/internal/shared"
)

var _ coordination.Custody = (*custody)(nil)

// withTenure runs a test under virtual time with a session of its own, which is renewed while the database is up.
func withTenure(t *testing.T, test func(t *testing.T, db *clustertest.DB, tenure *cluster.Tenure)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		session, err := cluster.NewSession(cluster.SessionConfig{
			Instance: "a", Timing: cluster.DefaultTiming(), Store: db, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			Status: func() cluster.Status { return cluster.Status{Healthy: true} },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		tenures, ended := make(chan *cluster.Tenure), make(chan error, 1)
		go func() {
			ended <- session.Run(ctx, func(ctx context.Context, tenure *cluster.Tenure) error {
				select {
				case tenures <- tenure:
				case <-ctx.Done():
				}
				<-ctx.Done()
				return nil
			})
		}()
		test(t, db, <-tenures)
		cancel()
		require.NoError(t, <-ended)
	})
}

// holding is what a keeper saw now: wallets of this instance, each in an epoch.
func holding(tenure *cluster.Tenure, epochs map[chain.WalletID]cluster.Epoch) cluster.Holdings {
	h := cluster.Holdings{Mine: map[chain.WalletID]cluster.Assignment{}, At: time.Now()}
	for id, epoch := range epochs {
		h.Mine[id] = cluster.Assignment{Wallet: id, Owner: tenure.Seal().Holder, Epoch: epoch}
	}
	return h
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestATermLastsAsLongAsTheAssignment(t *testing.T) {
	withTenure(t, func(t *testing.T, _ *clustertest.DB, tenure *cluster.Tenure) {
		one, two := chain.WalletID{1}, chain.WalletID{2}
		c := newCustody(newHalts().stopped)
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{one: 1}))
		require.Zero(t, c.Term(one), "no session began")

		c.begin(tenure)
		changed := c.Changed()
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{one: 1, two: 5}))
		first, other := c.Term(one), c.Term(two)
		require.NotZero(t, first)
		require.NotEqual(t, first, other)
		require.True(t, isClosed(changed))

		changed = c.Changed()
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{one: 1, two: 5}))
		require.False(t, isClosed(changed), "nothing has changed")

		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{one: 3, two: 5}))
		require.True(t, isClosed(changed))
		require.NotEqual(t, first, c.Term(one), "another epoch is another term, though this instance has the wallet again")
		require.Equal(t, other, c.Term(two))
		fence, err := c.fence(one)
		require.NoError(t, err)
		require.Equal(t, cluster.Fence{Seal: tenure.Seal(), Wallet: one, Epoch: 3}, fence)

		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{two: 5}))
		require.Zero(t, c.Term(one))
		require.False(t, c.Serves(one))
		_, err = c.fence(one)
		require.ErrorIs(t, err, chain.ErrNotServed)

		c.end()
		require.Zero(t, c.Term(two))
	})
}

// The lease is asked each time: nobody has to have told the custody that it is over.
func TestNoTermLastsLongerThanTheLease(t *testing.T) {
	withTenure(t, func(t *testing.T, db *clustertest.DB, tenure *cluster.Tenure) {
		c := newCustody(newHalts().stopped)
		c.begin(tenure)
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{{1}: 1}))
		time.Sleep(time.Minute)
		require.NotZero(t, c.Term(chain.WalletID{1}))
		db.SetDown(true)
		time.Sleep(cluster.DefaultTiming().TTL)
		require.Zero(t, c.Term(chain.WalletID{1}))
	})
}

func TestAStoppedWalletHasNoTermUntilItGoesOn(t *testing.T) {
	withTenure(t, func(t *testing.T, _ *clustertest.DB, tenure *cluster.Tenure) {
		id, h := chain.WalletID{1}, newHalts()
		c := newCustody(h.stopped)
		h.changed = c.reconsider
		c.begin(tenure)
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{id: 1}))
		first := c.Term(id)

		h.list([]shared.Halt{{Wallet: id, Reason: "thief"}}, time.Now())
		require.Zero(t, c.Term(id))
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{id: 1}))
		require.Zero(t, c.Term(id))
		h.list(nil, time.Now())
		require.NotZero(t, c.Term(id))
		require.NotEqual(t, first, c.Term(id))

		h.suspend(id, "in doubt")
		require.Zero(t, c.Term(id))
		h.release(id)
		require.NotZero(t, c.Term(id))
	})
}

// Between the moment at which a wallet is stopped here and the one at which the shared list has it, no list that was read
// earlier lets it go on.
func TestAWalletThatIsStoppedHereStaysSoUntilTheListHadIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id, h := chain.WalletID{1}, newHalts()
		h.suspend(id, "in doubt")
		h.stop(id, "thief")
		h.suspend(id, "in doubt again")
		h.release(id)
		require.Equal(t, "thief", h.reason(id), "only a doubt ends by itself")

		h.list(nil, time.Now())
		require.True(t, h.stopped(id), "it is not stored")
		asked := time.Now()
		time.Sleep(time.Second)
		h.stored(id)
		h.list(nil, asked)
		require.True(t, h.stopped(id), "this list was asked for before")
		require.Equal(t, []chain.WalletID{id}, h.ids())

		time.Sleep(time.Second)
		h.list([]shared.Halt{{Wallet: id, Reason: "thief"}}, time.Now())
		require.True(t, h.stopped(id))
		require.Equal(t, []chain.WalletID{id}, h.ids())
		h.list(nil, time.Now())
		require.False(t, h.stopped(id), "a person let it go on")
	})
}

// A lease may run out in the database for the moment in which its renewal is under way.
func TestARefusedWriteEndsTheTermAndTheNextLookBeginsAnother(t *testing.T) {
	withTenure(t, func(t *testing.T, _ *clustertest.DB, tenure *cluster.Tenure) {
		id := chain.WalletID{1}
		c := newCustody(newHalts().stopped)
		c.begin(tenure)
		seen := holding(tenure, map[chain.WalletID]cluster.Epoch{id: 1})
		c.hold(seen)
		first := c.Term(id)
		c.lapse(id, first+1)
		require.Equal(t, first, c.Term(id), "that was another term")

		time.Sleep(time.Millisecond)
		c.lapse(id, first)
		require.Zero(t, c.Term(id))
		c.hold(seen)
		require.Zero(t, c.Term(id), "this was seen before the store refused")

		time.Sleep(time.Millisecond)
		c.hold(holding(tenure, map[chain.WalletID]cluster.Epoch{id: 1}))
		require.NotZero(t, c.Term(id))
		require.NotEqual(t, first, c.Term(id))
	})
}
