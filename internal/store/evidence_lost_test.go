package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// The instance that attested a window is lost together with the database's newest commits, and stays away for as long as one is waited
// for, or was forgotten altogether: the window is skipped for good all the same.
func TestNobodyAttestsAgainWhatALostInstanceAttested(t *testing.T) {
	for name, start := range promotable {
		for _, forgotten := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				store, pass, promote := start(t)
				mine, pathB := pathOf(t), pathOf(t)
				a, b := attesterOf(t, store, false, "a", mine), attesterOf(t, store, false, "b", pathB)
				w := commonWallet(t, 10)
				a.serve(t, w)
				for _, s := range []attester{a, b} {
					_, err := s.Reconcile(t.Context(), s.sibling.seal, nil, 900)
					require.NoError(t, err)
				}
				record(t, store, ended(w, 1, operator(2)))
				attest(t, a.log, 1)
				f, err := a.sibling.prove(w.ID())
				require.NoError(t, err)
				_, err = store.Claim(t.Context(), f, 1800)
				require.NoError(t, err)
				own := coordination.OwnProposal{Payload: payloadOf(ourKey, w, 2, 7), Envelope: []byte{2}, SentAt: 1801}
				_, err = store.SaveProposal(t.Context(), f, 1800, own)
				require.NoError(t, err)
				record(t, store, ended(w, 2, operator(ourKey)))
				attest(t, a.log, 2)
				_, err = a.log.Unsent(t.Context())
				require.NoError(t, err)

				for _, table := range []string{"heads", "entries", "own_proposals", "claims"} {
					_, err := store.writes.db.ExecContext(t.Context(), `DELETE FROM `+table+` WHERE block = 1800`) //nolint:gosec // as above
					require.NoError(t, err)
				}
				if forgotten { // it had joined since the copy was made
					_, err := store.writes.db.ExecContext(t.Context(), `DELETE FROM instances WHERE instance = 'a'`)
					require.NoError(t, err)
				}
				promote()
				b = attesterOf(t, store, false, "b", pathB)
				_, err = b.Reconcile(t.Context(), b.sibling.seal, nil, 1800)
				require.NoError(t, err)
				pass(cluster.Mourning + 90*time.Minute)
				b = attesterOf(t, store, false, "b", pathB)
				_, err = b.Reconcile(t.Context(), b.sibling.seal, nil, 1800)
				require.NoError(t, err)
				d, err := b.log.drafted(t, 1800)
				require.NoError(t, err)
				require.ErrorIs(t, b.log.settle(t, d, signedOf(t, b.log, d)), exchange.ErrDoubtful)
			})
		}
	}
}

// A copy of a node's database is put on another machine, where its journal is not: what was attested after the copy was made is not attested
// again, and the windows that follow are.
func TestACopyOnAnotherMachineAttestsNoWindowAgain(t *testing.T) {
	s, w := copiedElsewhere(t, 2)
	record(t, s.Store, ended(w, 2, operator(2)))
	for range 2 {
		doubtful(t, s.log, 2)
	}
	record(t, s.Store, ended(w, 3, operator(2)))
	attest(t, s.log, 3)
}

// The other machine has an endpoint that has still to catch up with the chain: it shows one window after the other of which the first machine
// made a head. None is attested again, however many they are, nor the newest one of when the chain was caught up with.
func TestACopyAttestsNothingUntilTheChainIsYoungerThanTheStart(t *testing.T) {
	s, w := copiedElsewhere(t, 5)
	newest := time.Now().Add(-12 * time.Hour)
	s.log.cfg.Newest = func() time.Time { return newest }
	for n := uint64(2); n <= 5; n++ {
		if n == 5 {
			newest = time.Now().Add(time.Hour)
		}
		record(t, s.Store, ended(w, n, operator(2)))
		doubtful(t, s.log, n)
		doubtful(t, s.log, n)
	}
	record(t, s.Store, ended(w, 6, operator(2)))
	attest(t, s.log, 6)
}

// copiedElsewhere is a node that attested windows up to one, and of which a copy of the database from after the first window is all that is
// left.
func copiedElsewhere(t *testing.T, last uint64) (attester, chain.Wallet) {
	t.Helper()
	dir := t.TempDir()
	w := commonWallet(t, 10)
	s := attesterOf(t, openAt(t, dir, Retention{}), true, "", pathOf(t))
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	attest(t, s.log, 1)
	require.NoError(t, s.log.Sent(t.Context(), 900))
	backup := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, Backup(t.Context(), dir, backup, quiet, nil))
	for n := uint64(2); n <= last; n++ {
		record(t, s.Store, ended(w, n, operator(2)))
		attest(t, s.log, n)
	}
	require.NoError(t, s.Close())
	copied, err := os.ReadFile(backup)
	require.NoError(t, err)
	for _, leftover := range []string{"walletnode.db-wal", "walletnode.db-shm"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, leftover)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "walletnode.db"), copied, 0o600))
	return attesterOf(t, openAt(t, dir, Retention{}), true, "", pathOf(t)), w
}

// doubtful has a window's head refused, because somebody may have made one.
func doubtful(t *testing.T, log *Evidence, n uint64) {
	t.Helper()
	d, err := log.drafted(t, window(n).Block)
	require.NoError(t, err)
	require.ErrorIs(t, log.settle(t, d, signedOf(t, log, d)), exchange.ErrDoubtful)
}

// One instance learns of a statement by a comparison while another hears one that differs: both are on record, and so is the proof.
func TestTwoStatementsAreProvedThoughTwoInstancesStoreThem(t *testing.T) {
	open := crowds["PostgreSQL"](t)
	a, b := attesterOf(t, open(), false, "a", pathOf(t)), attesterOf(t, open(), false, "b", pathOf(t))
	w := commonWallet(t, 10)
	b.serve(t, w)
	for n := uint64(1); n <= 20; n++ {
		one, two := statementOf(t, said(t, 2, w, n, 1)), said(t, 2, w, n, 2)
		var both sync.WaitGroup
		var filled, saved error
		both.Go(func() { _, _, filled = a.log.Fill(t.Context(), one, window(n).Block+200) })
		both.Go(func() { saved = b.sibling.pen.SaveStatement(t.Context(), two) })
		both.Wait()
		require.NoError(t, filled)
		require.NoError(t, saved)
		proofs, err := a.log.Proofs(t.Context(), exchange.ProofFilter{From: window(n).Block, To: window(n).Block})
		require.NoError(t, err)
		require.Len(t, proofs, 1, "window %d", n)
	}
}

// A database that was put back knows nothing of a head, the journal beside it does, and an act comes before the next draft.
func TestAnActBeforeTheFirstDraftIsBarredByTheJournal(t *testing.T) {
	dir, path := t.TempDir(), pathOf(t)
	w := commonWallet(t, 10)
	open := func() attester { return attesterOf(t, openAt(t, dir, Retention{}), true, "", path) }
	s := open()
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	attest(t, s.log, 1)
	for _, table := range []string{"heads", "entries"} {
		_, err := s.writes.db.ExecContext(t.Context(), `DELETE FROM `+table)
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	s = open()
	require.NoError(t, s.log.Recall(t.Context()))
	what := intent(1)
	what.Wallet = w.ID()
	require.ErrorIs(t, s.SaveIntent(t.Context(), what), signing.ErrBarred)
	_, err := s.SaveOwn(t.Context(), w.ID(), window(1).Block, coordination.OwnProposal{Payload: payloadOf(ourKey, w, 1, 1), Envelope: []byte{1}})
	require.ErrorIs(t, err, signing.ErrBarred)
}

// What is older than the last 64 windows of the journal is nothing that anybody could still act on, and is not put back again and again once
// the retention has deleted it.
func TestHeadsThatRetentionDeletedAreNotTakenForLost(t *testing.T) {
	dir, path := t.TempDir(), pathOf(t)
	w := commonWallet(t, 10)
	s := attesterOf(t, openAt(t, dir, Retention{}), true, "", path)
	s.serve(t, w)
	for n := uint64(1); n <= evidence.Span+2; n++ {
		record(t, s.Store, ended(w, n, operator(2)))
		attest(t, s.log, n)
	}
	_, err := s.writes.db.ExecContext(t.Context(), `DELETE FROM heads WHERE block <= $1`, height(window(3).Block))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = attesterOf(t, openAt(t, dir, Retention{}), true, "", path)
	require.NoError(t, s.log.Recall(t.Context()))
	require.Equal(t, []int64{3}, numbers(t, s.Store, `SELECT block / 900 FROM heads WHERE lost ORDER BY 1`), "window 3 alone is one of the last 64")
}
