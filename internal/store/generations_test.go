package store

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/pgserver"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// watermarked opens a store whose process remembers how far it saw the database, as a node does.
func watermarked(t *testing.T, dsn, file string) *Store {
	t.Helper()
	w, err := cluster.OpenWatermark(file)
	require.NoError(t, err)
	at := mustRemote(t, dsn)
	at.remember(w)
	return openCluster(t, at)
}

// acting opens a session with a wallet, claims a window, and stores what is to be said.
func acting(t *testing.T, s *Store, id cluster.InstanceID, wallet chain.WalletID, window chain.Height) (cluster.Fence, cluster.Entry) {
	t.Helper()
	f := given(t, s, joined(t, s, id), wallet)
	return f, saysIn(t, s, f, window)
}

func saysIn(t *testing.T, s *Store, f cluster.Fence, window chain.Height) cluster.Entry {
	t.Helper()
	_, err := s.Claim(t.Context(), f, window)
	require.NoError(t, err)
	claim, err := s.SaveProposal(t.Context(), f, window, saying("said by "+string(f.Instance)))
	require.NoError(t, err)
	return cluster.Entry{
		Wallet: f.Wallet, Window: window, Holder: f.Holder, Generation: f.Generation, Epoch: f.Epoch,
		Digest: cluster.Digest(claim.Own), Own: claim.Own,
	}
}

// isPutBack shows that a window which the database forgot is not served anew: it is in doubt until the journal is compared, and what was
// sent is sent again then.
func isPutBack(t *testing.T, s *Store, id cluster.InstanceID, e cluster.Entry) {
	t.Helper()
	again := joined(t, s, id)
	require.NotEqual(t, e.Generation, again.Generation, "it was noticed")
	var owned cluster.Assignment
	require.NoError(t, s.AddWallets(t.Context(), []chain.WalletID{e.Wallet}))
	view, err := s.View(t.Context())
	require.NoError(t, err)
	for _, a := range view.Wallets {
		if a.Wallet == e.Wallet {
			owned = a
		}
	}
	moved, err := s.Move(t.Context(), again, []cluster.Move{{Wallet: e.Wallet, From: owned.Owner, Epoch: owned.Epoch, To: again.Holder, Cause: cluster.CauseOrphan}}, 0)
	require.NoError(t, err)
	require.Len(t, moved, 1, "sessions of before are void")
	f := cluster.Fence{Seal: again, Wallet: e.Wallet, Epoch: moved[0].Epoch}
	_, err = s.Claim(t.Context(), f, e.Window)
	require.ErrorIs(t, err, cluster.ErrDoubtful)

	done, err := s.Reconcile(t.Context(), again, []cluster.Entry{e}, e.Window)
	require.NoError(t, err)
	require.Equal(t, []cluster.Entry{e}, done.Restored)
	claim, err := s.Claim(t.Context(), f, e.Window)
	require.NoError(t, err)
	require.Equal(t, e.Own, claim.Own)
	require.NoError(t, s.RenewSession(t.Context(), renewalOf(again)))
}

// A standby that was promoted lacks what its primary had acknowledged.
func TestAPromotedStandbyIsAnotherGeneration(t *testing.T) {
	t.Parallel()
	primary := pgtest.Server(t)
	require.NoError(t, pgserver.Execute(primary.URL("postgres"), `CREATE DATABASE node`))
	file := filepath.Join(t.TempDir(), "database.seen")
	s := watermarked(t, primary.URL("node"), file)
	standby := pgtest.Own(t, primary.Standby)
	require.NoError(t, standby.Await(primary))
	require.NoError(t, standby.Down())
	_, sent := acting(t, s, "a", walletA, 900)
	require.NoError(t, s.Close())

	require.NoError(t, primary.Crash())
	require.NoError(t, standby.Up())
	require.NoError(t, standby.Promote())
	isPutBack(t, watermarked(t, standby.URL("node"), file), "a", sent)
}

// A promotion is noticed though the session and its wallet are among what the standby had received.
func TestAPromotionEndsSessionsThatItKnows(t *testing.T) {
	t.Parallel()
	primary := pgtest.Server(t)
	require.NoError(t, pgserver.Execute(primary.URL("postgres"), `CREATE DATABASE node`))
	s := openCluster(t, mustRemote(t, primary.URL("node")))
	f := given(t, s, joined(t, s, "a"), walletA)
	standby := pgtest.Own(t, primary.Standby)
	require.NoError(t, standby.Await(primary))
	require.NoError(t, s.Close())
	require.NoError(t, primary.Crash())
	require.NoError(t, standby.Promote())

	s = openCluster(t, mustRemote(t, standby.URL("node"))) // and this process remembers nothing
	_, err := s.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrFenced)
	require.ErrorIs(t, s.RenewSession(t.Context(), renewalOf(f.Seal)), cluster.ErrSessionLost)
	row, found, err := s.Session(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, found && row.Left > 0 && !row.Current)
	require.NotEqual(t, f.Generation, joined(t, s, "a").Generation)
}

// Files of an earlier time have the same timeline: their position alone tells.
func TestFilesThatWereBroughtBackAreAnotherGeneration(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	require.NoError(t, pgserver.Execute(server.URL("postgres"), `CREATE DATABASE node`))
	dir := t.TempDir()
	file := filepath.Join(dir, "database.seen")
	s := watermarked(t, server.URL("node"), file)
	f := given(t, s, joined(t, s, "a"), walletA)
	require.NoError(t, server.Down())
	require.NoError(t, server.Keep())
	require.NoError(t, server.Up())

	reconnect(s)
	require.NoError(t, s.RenewSession(t.Context(), renewalOf(f.Seal)), "a restart is no other history")
	require.Equal(t, f.Generation, viewOf(t, s).Generation)
	sent := saysIn(t, s, f, 900)

	t.Run("while the process lives", func(t *testing.T) {
		bringBack(t, server)
		reconnect(s)
		_, err := s.Claim(t.Context(), f, 1800)
		require.ErrorIs(t, err, cluster.ErrFenced)
		require.ErrorIs(t, s.RenewSession(t.Context(), renewalOf(f.Seal)), cluster.ErrSessionLost)
		isPutBack(t, s, "a", sent)
	})
	t.Run("while all were down", func(t *testing.T) {
		require.NoError(t, s.Close())
		bringBack(t, server)
		isPutBack(t, watermarked(t, server.URL("node"), file), "a", sent)
	})
}

func bringBack(t *testing.T, server *pgserver.Server) {
	t.Helper()
	require.NoError(t, server.Down())
	require.NoError(t, server.Restore())
	require.NoError(t, server.Up())
}

// reconnect gives up connections that a server's end has broken. In a node each use of one finds out.
func reconnect(s *Store) {
	for _, db := range []*sql.DB{s.lines.leases, s.lines.claims, s.db, s.writes.db} {
		db.SetMaxIdleConns(0)
		db.SetMaxIdleConns(1)
	}
}

// renewalOf prolongs a session that was not renewed yet.
func renewalOf(s cluster.Seal) cluster.Renewal {
	return cluster.Renewal{Holder: s.Holder, Generation: s.Generation, TTL: time.Hour, Status: cluster.Status{Healthy: true}}
}

func viewOf(t *testing.T, s *Store) cluster.View {
	t.Helper()
	v, err := s.View(t.Context())
	require.NoError(t, err)
	return v
}

// A dump that was restored into the same server has neither another timeline nor an earlier position.
func TestADumpThatWasRestoredIsAnotherGeneration(t *testing.T) {
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	a := joined(t, s, "a")
	// What a restoration does: the table is made anew, with the rows of then.
	pgtest.Exec(t, dsn, `CREATE TABLE copied AS SELECT * FROM generations`, `DROP TABLE generations`,
		`CREATE TABLE generations (number BIGINT NOT NULL PRIMARY KEY, generation TEXT NOT NULL, origin TEXT NOT NULL,
			began BIGINT NOT NULL, horizon BIGINT NOT NULL, balanced BIGINT NOT NULL)`,
		`INSERT INTO generations SELECT * FROM copied`, `DROP TABLE copied`)
	require.ErrorIs(t, s.RenewSession(t.Context(), renewalOf(a)), cluster.ErrSessionLost)
	require.NotEqual(t, a.Generation, joined(t, s, "a").Generation)
}

// An instance whose row the database forgot, and even its whole generation, begins anew; its siblings begin no generation more.
func TestAForgottenInstanceBeginsAnew(t *testing.T) {
	s := steered(t)
	dir := t.TempDir()
	open := func(name string) *Store {
		w, err := cluster.OpenWatermark(filepath.Join(dir, name))
		require.NoError(t, err)
		at := mustRemote(t, s.dsn)
		s.steer(at)
		at.remember(w)
		return openCluster(t, at)
	}
	a, b := open("a"), open("b")
	before := joined(t, a, "a")
	require.Equal(t, before.Generation, joined(t, b, "b").Generation)
	pgtest.Exec(t, s.dsn, `DELETE FROM instances`, `DELETE FROM owners`, `DELETE FROM generations`) // an empty database of the same history

	require.ErrorIs(t, a.RenewSession(t.Context(), renewalOf(before)), cluster.ErrSessionLost)
	after := joined(t, a, "a")
	require.NotEqual(t, before.Generation, after.Generation)
	require.Equal(t, after.Generation, joined(t, b, "b").Generation, "b finds that what it has seen is known to be lost")
	require.NoError(t, a.RenewSession(t.Context(), renewalOf(after)))
	f := given(t, a, after, walletA)
	_, err := a.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrDoubtful, "it is not a new store")
}

// Whoever has seen a later position than the database is at notices, whichever instance comes first.
func TestAPositionThatWentBackIsNoticed(t *testing.T) {
	s := steered(t)
	w, err := cluster.OpenWatermark(filepath.Join(t.TempDir(), "database.seen"))
	require.NoError(t, err)
	s.at.remember(w)
	f := given(t, s, joined(t, s, "a"), walletA)
	renewal := renewalOf(f.Seal)
	s.set(`position = 2000`)
	require.NoError(t, s.RenewSession(t.Context(), renewal))
	require.EqualValues(t, 2000, w.Seen().Position)
	_, err = s.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	s.set(`position = 3000`)
	_, err = s.SaveProposal(t.Context(), f, 900, saying("something"))
	require.NoError(t, err)
	require.EqualValues(t, 3000, w.Seen().Position, "noted before it is sent")

	s.set(`position = 2999`)
	_, err = s.Claim(t.Context(), f, 1800)
	require.ErrorIs(t, err, cluster.ErrFenced)
	renewal.Count = 1
	require.ErrorIs(t, s.RenewSession(t.Context(), renewal), cluster.ErrSessionLost)
	require.Empty(t, viewOf(t, s.Store).Generation)
	again := joined(t, s, "a")
	require.NotEqual(t, f.Generation, again.Generation)
	require.Equal(t, cluster.Mark{Generation: again.Generation, Position: 2999}, w.Seen())
}

func TestAStoreIsOpenedWithItsWatermark(t *testing.T) {
	w, err := cluster.OpenWatermark(filepath.Join(t.TempDir(), "database.seen"))
	require.NoError(t, err)
	s, err := Open(t.Context(), Config{DSN: pgtest.Database(t), Seen: w}, testChain, genesis, quiet)
	require.NoError(t, err)
	require.Same(t, w, s.at.dialect().seen)
	require.NoError(t, s.Close())
}

// A proposal that this machine could not note is not acknowledged.
func TestWithoutAMarkNothingIsSent(t *testing.T) {
	s := steered(t)
	f := given(t, s, joined(t, s, "a"), walletA)
	w, err := cluster.OpenWatermark(filepath.Join(t.TempDir(), "no such directory", "database.seen"))
	require.NoError(t, err)
	s.at.remember(w)
	_, err = s.OpenSession(t.Context(), cluster.Opening{Holder: cluster.Holder{Instance: "b", Boot: cluster.NewBoot()}, TTL: time.Hour})
	require.ErrorContains(t, err, "write watermark")
	_, err = s.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	_, err = s.SaveProposal(t.Context(), f, 900, saying("something"))
	require.ErrorContains(t, err, "write watermark")
}

// Instances that find another history at once agree on one generation.
func TestOfManyThatBeginAGenerationOneDoes(t *testing.T) {
	s := steered(t)
	for range 5 {
		s.set(`history = history + 1`)
		var opening sync.WaitGroup
		found := make([]cluster.Generation, 6)
		for i := range found {
			opening.Go(func() {
				g, err := s.OpenSession(t.Context(), cluster.Opening{
					Holder: cluster.Holder{Instance: cluster.InstanceID(rune('a' + i)), Boot: cluster.NewBoot()}, TTL: time.Hour,
				})
				if err != nil {
					t.Error(err)
				}
				found[i] = g
			})
		}
		opening.Wait()
		for _, g := range found {
			require.Equal(t, found[0], g)
		}
	}
	var generations int
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM generations`).Scan(&generations))
	require.Equal(t, 5, generations)
}
