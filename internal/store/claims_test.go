package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// given makes a wallet of nobody's a session's.
func given(t testing.TB, s cluster.Assignments, to cluster.Seal, wallet chain.WalletID) cluster.Fence {
	t.Helper()
	require.NoError(t, s.AddWallets(t.Context(), []chain.WalletID{wallet}))
	moved, err := s.Move(t.Context(), to, []cluster.Move{{Wallet: wallet, To: to.Holder, Cause: cluster.CauseOrphan}}, 0)
	require.NoError(t, err)
	require.Len(t, moved, 1)
	return cluster.Fence{Seal: to, Wallet: wallet, Epoch: moved[0].Epoch}
}

func saying(text string) coordination.OwnProposal {
	return coordination.OwnProposal{Payload: []byte(text), Envelope: []byte(text), SentAt: 905}
}

// holding makes a statement in a transaction of its own, which has its rows to itself until it is ended. It is not one of the
// store's, which the server ends if they rest for long.
func holding(t *testing.T, dsn, statement string, args ...any) (commit, rollback func()) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Commit()) }, func() { require.NoError(t, tx.Rollback()) }
}

// awaitWaiting returns once a statement waits for a lock in the database.
func awaitWaiting(t *testing.T, dsn string) {
	t.Helper()
	awaitRow(t, dsn, `SELECT COUNT(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
}

// awaitRow asks a question again and again until its answer is yes.
func awaitRow(t *testing.T, dsn, question string) {
	t.Helper()
	db := mustRemote(t, dsn).open(0, 1)
	defer func() { require.NoError(t, db.Close()) }()
	require.Eventually(t, func() bool {
		var yes bool
		err := db.QueryRowContext(t.Context(), question).Scan(&yes)
		return err == nil && yes
	}, time.Minute, 5*time.Millisecond, question)
}

const (
	holdWallet   = `SELECT 1 FROM owners WHERE wallet = $1 FOR UPDATE`
	holdInstance = `SELECT 1 FROM instances WHERE instance = $1 FOR UPDATE`
	holdEra      = `SELECT 1 FROM generations WHERE generation <> $1 FOR UPDATE`
)

// The trap of fences: a statement that waits for its lock while the lease runs out must look at the clock afterwards. Nothing
// but the time changes, so PostgreSQL itself sees no reason to look at the row again.
func TestALeaseThatEndsWhileAWriteWaitsForItsLockIsOver(t *testing.T) {
	s := steered(t)
	wallet := byte(0)
	for name, c := range map[string]struct {
		hold  string // its argument is the wallet, or the instance
		write func(context.Context, cluster.Fence) error
		want  error
	}{
		"claim": {holdWallet, func(ctx context.Context, f cluster.Fence) error {
			_, err := s.Claim(ctx, f, 1800)
			return err
		}, cluster.ErrFenced},
		"proposal": {holdWallet, func(ctx context.Context, f cluster.Fence) error {
			_, err := s.SaveProposal(ctx, f, 900, saying("late"))
			return err
		}, cluster.ErrFenced},
		"move": {holdWallet, func(ctx context.Context, f cluster.Fence) error {
			_, err := s.Move(ctx, f.Seal, []cluster.Move{{Wallet: f.Wallet, From: f.Holder, Epoch: f.Epoch, To: f.Holder, Cause: cluster.CauseBalance}}, 0)
			return err
		}, cluster.ErrSessionLost},
		"renewal": {holdInstance, func(ctx context.Context, f cluster.Fence) error {
			return s.RenewSession(ctx, renewalOf(f.Seal))
		}, cluster.ErrSessionLost},
		"comparison of the journal": {holdEra, func(ctx context.Context, f cluster.Fence) error {
			_, err := s.Reconcile(ctx, f.Seal, nil, 900)
			return err
		}, cluster.ErrSessionLost},
	} {
		for _, passes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, over: %v", name, passes), func(t *testing.T) {
				wallet++
				id := cluster.InstanceID(fmt.Sprintf("instance-%d", wallet))
				f := given(t, s, openedFor(t, s, id, time.Minute), chain.WalletID{wallet})
				_, err := s.Claim(t.Context(), f, 900)
				require.NoError(t, err)
				key := any(f.Wallet[:])
				if c.hold != holdWallet {
					key = string(id)
				}
				_, release := holding(t, s.dsn, c.hold, key)
				written := make(chan error, 1)
				go func() { written <- c.write(t.Context(), f) }()
				awaitWaiting(t, s.dsn)
				if passes {
					s.pass(time.Minute)
				}
				release()
				if err := <-written; passes {
					require.ErrorIs(t, err, c.want)
				} else {
					require.NoError(t, err, "the wait alone costs nothing")
				}
			})
		}
	}
}

// The same by the server's own clock.
func TestALeaseThatEndsByTheServersClockIsOver(t *testing.T) {
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	f := given(t, s, joined(t, s, "a"), walletA)
	_, release := holding(t, dsn, holdWallet, walletA[:])
	pgtest.Exec(t, dsn, `UPDATE instances SET expires = 1000000 + `+remoteDialect.now)
	claimed := make(chan error, 1)
	go func() {
		_, err := s.Claim(t.Context(), f, 900)
		claimed <- err
	}()
	awaitWaiting(t, dsn)
	awaitRow(t, dsn, `SELECT expires < `+remoteDialect.now+` FROM instances`)
	release()
	require.ErrorIs(t, <-claimed, cluster.ErrFenced)
}

// A claim that waits for the row of a wallet that is being given away finds it given away.
func TestAClaimThatWaitsForAMoveIsRefused(t *testing.T) {
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	f := given(t, s, joined(t, s, "a"), walletA)
	commit, _ := holding(t, dsn, `UPDATE owners SET owner = 'b', epoch = epoch + 1 WHERE wallet = $1`, walletA[:])
	claimed := make(chan error, 1)
	go func() {
		_, err := s.Claim(t.Context(), f, 900)
		claimed <- err
	}()
	awaitWaiting(t, dsn)
	commit()
	require.ErrorIs(t, <-claimed, cluster.ErrFenced)
}

// What an owner stores while another instance puts back what it had sent is one of the two, for both.
func TestAProposalMeetsOneThatIsPutBack(t *testing.T) {
	s := steered(t)
	a, b := joined(t, s, "a"), joined(t, s, "b")
	f := given(t, s, a, walletA)
	for n := range 10 {
		window := chain.Height(900 * (n + 1))
		_, err := s.Claim(t.Context(), f, window)
		require.NoError(t, err)
		sent := saying("by b")
		var saved cluster.Claim
		var done cluster.Reconciliation
		var racing sync.WaitGroup
		errs := make([]error, 2)
		racing.Go(func() { saved, errs[0] = s.SaveProposal(t.Context(), f, window, saying("by a")) })
		racing.Go(func() {
			done, errs[1] = s.Reconcile(t.Context(), b, []cluster.Entry{{
				Wallet: walletA, Window: window, Holder: b.Holder, Digest: cluster.Digest(sent), Own: sent,
			}}, window)
		})
		racing.Wait()
		require.NoError(t, errors.Join(errs...))
		stored, found, err := s.FindClaim(t.Context(), walletA, window)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, stored.Own, saved.Own, "what came back is what is stored")
		if string(stored.Own.Payload) == "by b" {
			require.Len(t, done.Restored, 1)
		} else {
			require.Len(t, done.Contradicted, 1)
		}
	}
}

// What a node alone has stored in the database of before stays what is said.
func TestWhatAnOnlyNodeHasSaidIsSaidAgain(t *testing.T) {
	s := openCluster(t, embeddedInTests(t))
	_, err := s.SaveOwn(t.Context(), walletA, 900, saying("before"))
	require.NoError(t, err)
	f := given(t, s, joined(t, s, "a"), walletA)
	claim, err := s.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	require.Equal(t, saying("before"), claim.Own)
	require.True(t, claim.Holder.IsZero())
}

// Distributed databases give transactions up where PostgreSQL would let them wait.
func TestATransactionThatWasGivenUpIsTriedAgainSomeTimes(t *testing.T) {
	for _, c := range []struct {
		code  string
		times int
		fails bool
	}{{"40001", 3, false}, {"40P01", maxAttempts - 1, false}, {"40001", maxAttempts, true}, {"22012", 1, true}} {
		s := steered(t)
		f := given(t, s, joined(t, s, "a"), walletA)
		pgtest.Exec(t, s.dsn, `CREATE SEQUENCE tries`, `CREATE FUNCTION given_up() RETURNS BIGINT AS $$ BEGIN
			IF nextval('tries') <= `+fmt.Sprint(c.times)+` THEN RAISE EXCEPTION USING ERRCODE = '`+c.code+`'; END IF; RETURN 0; END $$ LANGUAGE plpgsql`)
		s.at.tongue.words.now = remoteDialect.now + ` + given_up()`
		_, err := s.Claim(t.Context(), f, 900)
		require.Equal(t, c.fails, err != nil, "%+v: %v", c, err)
		var tries int
		require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT nextval('tries')`).Scan(&tries))
		require.LessOrEqual(t, tries, 2*maxAttempts, "not for ever")
	}
}

// Neither a writer nor wallets that wait for each other can make an instance look dead.
func TestARenewalWaitsForNobodyElse(t *testing.T) {
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	a := joined(t, s, "a")
	f := given(t, s, a, walletA)
	_, release := holding(t, dsn, holdWallet, walletA[:])
	waiting := make(chan error, 2*claimLines)
	ctx, end := context.WithCancel(t.Context())
	for range 2 * claimLines {
		go func() {
			_, err := s.Claim(ctx, f, 900)
			waiting <- err
		}()
	}
	s.writes.turn <- struct{}{} // the writer is at work
	awaitRow(t, dsn, fmt.Sprintf(`SELECT COUNT(*) = %d FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, claimLines))
	require.NoError(t, s.RenewSession(t.Context(), cluster.Renewal{Holder: a.Holder, Generation: a.Generation, TTL: time.Hour}))
	_, found, err := s.Session(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, found)
	end()
	for range 2 * claimLines {
		require.Error(t, <-waiting)
	}
	<-s.writes.turn
	release()
}
