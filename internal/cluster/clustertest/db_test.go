package clustertest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

func TestTheDatabaseInMemoryIsAStore(t *testing.T) {
	// Its clock is moved on, so the suite takes no time.
	clustertest.Suite(t, func(*testing.T) clustertest.Bench {
		db := clustertest.New()
		return clustertest.Bench{Store: db, TTL: time.Minute, Pass: db.Jump, Promote: func() { db.Promote(0) }}
	})
}

var ten = 10 * time.Second

func open(t *testing.T, db *clustertest.DB, id cluster.InstanceID) cluster.Seal {
	h := cluster.Holder{Instance: id, Boot: cluster.NewBoot()}
	g, err := db.OpenSession(t.Context(), cluster.Opening{Holder: h, TTL: ten, Status: cluster.Status{Healthy: true}})
	require.NoError(t, err)
	return cluster.Seal{Holder: h, Generation: g}
}

// give makes the wallet its taker's, as an orphan.
func give(t *testing.T, db *clustertest.DB, to cluster.Seal, from cluster.Holder, epoch cluster.Epoch) cluster.Fence {
	w := chain.WalletID{1}
	require.NoError(t, db.AddWallets(t.Context(), []chain.WalletID{w}))
	moved, err := db.Move(t.Context(), to, []cluster.Move{{Wallet: w, From: from, Epoch: epoch, To: to.Holder, Cause: cluster.CauseOrphan}}, 0)
	require.NoError(t, err)
	require.Len(t, moved, 1)
	return cluster.Fence{Seal: to, Wallet: w, Epoch: moved[0].Epoch}
}

func proposal(text string) coordination.OwnProposal {
	return coordination.OwnProposal{Payload: []byte(text), Envelope: []byte(text)}
}

// The trap of fences: a statement that waits for its lock while its lease runs out must look at the clock afterwards.
func TestALeaseThatEndsWhileAClaimWaitsForItsLockIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		f := give(t, db, open(t, db, "a"), cluster.Holder{}, 0)
		_, err := db.Claim(t.Context(), f, 900)
		require.NoError(t, err)
		time.Sleep(8 * time.Second)

		db.Expect(func(string, string) clustertest.Weather { return clustertest.Weather{Commit: 3 * time.Second} })
		slow := make(chan error)
		go func() {
			_, err := db.Claim(context.Background(), f, 1800) // holds the wallet's row from second 8 to 11
			slow <- err
		}()
		synctest.Wait()
		_, err = db.SaveProposal(t.Context(), f, 900, proposal("late"))
		require.ErrorIs(t, err, cluster.ErrFenced)
		require.NoError(t, <-slow, "whoever had the lock in time may commit: a successor waits for it")
	})
}

// A take-over waits for the writes of the owner before, so it sees them.
func TestASuccessorWaitsForAWriteThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		a := open(t, db, "a")
		f := give(t, db, a, cluster.Holder{}, 0)
		_, err := db.Claim(t.Context(), f, 900)
		require.NoError(t, err)
		time.Sleep(9 * time.Second)
		b := open(t, db, "b")
		db.Expect(func(op, _ string) clustertest.Weather {
			if op == "SaveProposal" {
				return clustertest.Weather{Commit: 4 * time.Second}
			}
			return clustertest.Weather{}
		})
		go func() { _, _ = db.SaveProposal(context.Background(), f, 900, proposal("of a")) }()
		time.Sleep(2 * time.Second) // a's lease is over
		successor := give(t, db, b, a.Holder, f.Epoch)
		claim, err := db.Claim(t.Context(), successor, 900)
		require.NoError(t, err)
		require.Equal(t, proposal("of a"), claim.Own)
	})
}

func TestAPromotionLosesTheNewestCommitsAlone(t *testing.T) {
	db := clustertest.New()
	db.Remember = 2
	a := open(t, db, "a")
	f := give(t, db, a, cluster.Holder{}, 0)
	for _, window := range []chain.Height{900, 1800, 2700} {
		_, err := db.Claim(t.Context(), f, window)
		require.NoError(t, err)
	}
	require.Equal(t, 2, db.Promote(5))
	for window, want := range map[chain.Height]bool{900: true, 1800: false, 2700: false} {
		_, found, err := db.FindClaim(t.Context(), f.Wallet, window)
		require.NoError(t, err)
		require.Equal(t, want, found, "window %d", window)
	}
	_, err := db.Claim(t.Context(), f, 2700)
	require.ErrorIs(t, err, cluster.ErrFenced, "sessions of the generation before are void")
	require.NotEqual(t, a.Generation, open(t, db, "a").Generation)
}

// What was open at a promotion is claimed once every instance has compared its journal, and what comes after at once.
func TestADoubtfulWindowWaitsForEveryJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		open(t, db, "b")
		db.Promote(0)
		a := open(t, db, "a")
		f := give(t, db, a, cluster.Holder{}, 0)
		doubt := func(f cluster.Fence, window chain.Height) error {
			_, err := db.Claim(t.Context(), f, window)
			return err
		}
		require.ErrorIs(t, doubt(f, 1800), cluster.ErrDoubtful, "nobody has compared anything")
		_, err := db.Reconcile(t.Context(), a, nil, 900)
		require.NoError(t, err)
		require.NoError(t, doubt(f, 1800))
		require.ErrorIs(t, doubt(f, 900), cluster.ErrDoubtful)

		time.Sleep(ten / 2)
		b := open(t, db, "b")
		sent := proposal("sent by b")
		done, err := db.Reconcile(t.Context(), b, []cluster.Entry{{
			Wallet: chain.WalletID{2}, Window: 900, Holder: b.Holder, Digest: cluster.Digest(sent), Own: sent,
		}}, 5400)
		require.NoError(t, err)
		require.Len(t, done.Restored, 1)
		require.ErrorIs(t, doubt(f, 900), cluster.ErrDoubtful, "who was forgotten altogether has a lease to come")

		time.Sleep(ten)
		a = open(t, db, "a")
		f = give(t, db, a, f.Holder, f.Epoch)
		require.NoError(t, doubt(f, 900))
	})
}

func TestAnswersThatAreLostAndWritesThatAreRolledBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			weather clustertest.Weather
			happens bool
		}{
			{clustertest.Weather{LoseAnswer: true}, true},
			{clustertest.Weather{Request: time.Hour}, true},
			{clustertest.Weather{Commit: time.Hour}, true},
			{clustertest.Weather{Answer: time.Hour}, true},
			{clustertest.Weather{Abort: true}, false},
			{clustertest.Weather{LoseRequest: true}, false},
		} {
			db := clustertest.New()
			db.Expect(func(string, string) clustertest.Weather { return c.weather })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := db.AddWallets(ctx, []chain.WalletID{{1}})
			cancel()
			require.Error(t, err, "%+v", c.weather)
			time.Sleep(3 * time.Hour)
			db.Expect(nil)
			v, err := db.View(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.happens, len(v.Wallets) == 1, "%+v", c.weather)
		}
	})
}
