package cluster_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

// serving is a crew of one with one wallet, in its window 1800.
func serving(t *testing.T) (*crew, *hand, cluster.Assignment) {
	c := newCrew(t, 1)
	a := c.join("a")
	until(func() bool { return a.mine() == 1 })
	c.height.Store(1810)
	held, _ := a.keeper.Holdings()
	return c, a, held.Mine[c.wallets[0]]
}

func TestR2AProposalIsStoredAndWrittenDownBeforeItIsHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, mine := serving(t)
		own, err := a.desk(c, t).Propose(t.Context(), a.tenure.Load(), mine, 1800, func(context.Context) (coordination.OwnProposal, error) {
			row, found, err := c.db.FindClaim(t.Context(), mine.Wallet, 1800)
			require.NoError(t, err)
			require.True(t, found && !row.Filled(), "the window is claimed before anything is built for it")
			return proposal("this"), nil
		})
		require.NoError(t, err)
		require.Equal(t, proposal("this"), own)
		row, _, err := c.db.FindClaim(t.Context(), mine.Wallet, 1800)
		require.NoError(t, err)
		require.Equal(t, own, row.Own)
		entries, err := a.disk.Entries()
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, own, entries[0].Own)

		own, err = a.desk(c, t).Propose(t.Context(), a.tenure.Load(), mine, 1800, builds("that"))
		require.NoError(t, err)
		require.Equal(t, proposal("this"), own)
		c.leave()
	})
}

func TestR2ASuccessorBuildsForAnEmptyClaimAndRepeatsAFilledOne(t *testing.T) {
	for _, filled := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c, a, mine := serving(t)
			build, want := builds("of a"), proposal("of a")
			if !filled {
				build, want = func(context.Context) (coordination.OwnProposal, error) {
					return coordination.OwnProposal{}, errors.New("no view")
				}, proposal("of b")
			}
			_, err := a.desk(c, t).Propose(t.Context(), a.tenure.Load(), mine, 1800, build)
			require.Equal(t, filled, err == nil)
			b := c.join("b")
			a.kill()
			until(func() bool { return b.mine() == 1 })
			held, _ := b.keeper.Holdings()
			own, err := b.desk(c, t).Propose(t.Context(), b.tenure.Load(), held.Mine[mine.Wallet], 1800, builds("of b"))
			require.NoError(t, err)
			require.Equal(t, want, own)
			c.leave()
		})
	}
}

func TestWhatIsNotKnownIsAskedForAgain(t *testing.T) {
	for name, weather := range map[string]clustertest.Weather{
		"lost answer":  {LoseAnswer: true},
		"lost request": {LoseRequest: true},
		"rolled back":  {Abort: true},
		"late commit":  {Commit: 3 * time.Second},
	} {
		for _, op := range []string{"Claim", "SaveProposal"} {
			t.Run(op+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, a, mine := serving(t)
					c.db.Expect(once(op, 1, weather))
					built := 0
					own, err := a.desk(c, t).Propose(t.Context(), a.tenure.Load(), mine, 1800, func(context.Context) (coordination.OwnProposal, error) {
						built++
						return proposal("once"), nil
					})
					require.NoError(t, err)
					require.Equal(t, proposal("once"), own)
					require.Equal(t, 1, built)
					c.leave()
				})
			})
		}
	}
}

func TestWhoMayNotActIsHandedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, mine := serving(t)
		desk, tenure := a.desk(c, t), a.tenure.Load()
		refuse := func(want error, mine cluster.Assignment, build func(context.Context) (coordination.OwnProposal, error)) {
			t.Helper()
			_, err := desk.Propose(t.Context(), tenure, mine, 1800, build)
			require.ErrorIs(t, err, want)
		}
		stale := mine
		stale.Epoch--
		refuse(cluster.ErrFenced, stale, builds("nothing"))
		a.status.Store(&cluster.Status{})
		refuse(cluster.ErrUnhealthy, mine, builds("nothing"))
		a.status.Store(&healthy)
		mistake := errors.New("mistake")
		refuse(mistake, mine, func(context.Context) (coordination.OwnProposal, error) { return coordination.OwnProposal{}, mistake })
		_, err := desk.Propose(t.Context(), tenure, mine, 1800, builds(""))
		require.ErrorContains(t, err, "empty")

		// The database goes while it builds, and comes back when it may not act any more.
		refuse(cluster.ErrLapsed, mine, func(context.Context) (coordination.OwnProposal, error) {
			c.db.SetDown(true)
			return proposal("late"), nil
		})
		c.db.SetDown(false)
		entries, err := a.disk.Entries()
		require.NoError(t, err)
		require.Empty(t, entries)
		time.Sleep(time.Minute)
		c.leave()
	})
}
