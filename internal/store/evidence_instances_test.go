package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// pathOf is where an instance of a test keeps its journal.
func pathOf(t *testing.T) string { return filepath.Join(t.TempDir(), "sent.journal") }

// Whichever comes first bars the other, however the two meet.
func TestSilenceThatIsAttestedAndAnActExcludeEachOther(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := attesterOf(t, open(), false, "a", pathOf(t)), attesterOf(t, open(), false, "b", pathOf(t))
			w := commonWallet(t, 10)
			b.serve(t, w)
			acted, silent := 0, 0
			for n := uint64(1); n <= 12; n++ {
				at := window(n).Block
				record(t, b.Store, ended(w, n, operator(2)))
				d, err := a.log.drafted(t, at)
				require.NoError(t, err)
				require.Equal(t, evidence.None, d.New[0].Status)
				h := signedOf(t, a.log, d)
				what := intent(n)
				what.Wallet = w.ID()
				var both sync.WaitGroup
				var attested, asked error
				both.Go(func() { attested = a.log.settle(t, d, h) })
				both.Go(func() { asked = b.sibling.pen.SaveIntent(t.Context(), what) })
				both.Wait()
				if asked == nil {
					acted++
					require.ErrorIs(t, attested, exchange.ErrStale)
				} else {
					silent++
					require.ErrorIs(t, asked, signing.ErrBarred)
					require.NoError(t, attested)
				}
				_, signed, err := b.Signing(t.Context(), w.ID(), at)
				require.NoError(t, err)
				entries, err := selectEntries(t.Context(), b.db, `block = $1`, height(at))
				require.NoError(t, err)
				require.NotEqual(t, signed, len(entries) == 1, "exactly one of the two stands")
			}
			require.Equal(t, 12, acted+silent)
		})
	}
}

func TestOfSeveralInstancesOneMakesTheHead(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			instances := []attester{attesterOf(t, open(), false, "a", pathOf(t)), attesterOf(t, open(), false, "b", pathOf(t))}
			w := commonWallet(t, 10)
			instances[0].serve(t, w)
			for n := uint64(1); n <= 4; n++ {
				record(t, instances[0].Store, ended(w, n, operator(2)))
				heads, errs := make([]evidence.Head, len(instances)), make([]error, len(instances))
				drafts := make([]exchange.Draft, len(instances))
				for i, s := range instances {
					var err error
					drafts[i], err = s.log.drafted(t, window(n).Block)
					require.NoError(t, err)
					heads[i] = signedOf(t, s.log, drafts[i])
				}
				var racing sync.WaitGroup
				for i, s := range instances {
					racing.Go(func() { errs[i] = s.log.settle(t, drafts[i], heads[i]) })
				}
				racing.Wait()
				won := 0
				if errs[0] != nil {
					won = 1
				}
				require.NoError(t, errs[won])
				require.ErrorIs(t, errs[1-won], exchange.ErrAttested)
				for _, s := range instances {
					state, err := s.log.State(t.Context())
					require.NoError(t, err)
					require.Equal(t, heads[won].ID(), state.Head.ID())
					left, err := s.log.Unsent(t.Context())
					require.NoError(t, err)
					require.Len(t, left, 1, "a sibling sends what the one did not live to send")
				}
				require.NoError(t, instances[0].log.Sent(t.Context(), window(n).Block))
			}
		})
	}
}

func TestASessionThatIsOverAttestsNothing(t *testing.T) {
	s := attesterOf(t, crowds["SQLite"](t)(), false, "a", pathOf(t))
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	require.NoError(t, s.CloseSession(t.Context(), s.sibling.seal.Holder))
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), chain.ErrNotServed)
	s.log.cfg.Seal = func() (cluster.Seal, error) { return cluster.Seal{}, errors.New("there is no session") }
	require.ErrorContains(t, s.log.settle(t, d, signedOf(t, s.log, d)), "no session")
	state, err := s.log.State(t.Context())
	require.NoError(t, err)
	require.Zero(t, state.Head)
}

// promotable opens a store that instances share, with what lets time pass for it and what promotes it to a database of another history.
var promotable = map[string]func(t *testing.T) (store *Store, pass func(time.Duration), promote func()){
	"SQLite": func(t *testing.T) (*Store, func(time.Duration), func()) {
		at := embeddedInTests(t)
		return openCluster(t, at), func(d time.Duration) { at.ahead.Add(int64(d)) }, func() { at.history.Add(1) }
	},
	"PostgreSQL": func(t *testing.T) (*Store, func(time.Duration), func()) {
		s := steered(t)
		return s.Store, s.pass, s.bench().Promote
	},
}

// A database that was promoted lacks the newest head. Nobody makes another one of its window: not before the journals were compared,
// which may know of one, and not after, when one was put back.
func TestADatabaseThatForgotAHeadLeadsToNoSecondOne(t *testing.T) {
	for name, start := range promotable {
		t.Run(name, func(t *testing.T) {
			store, pass, promote := start(t)
			pathA, pathB := pathOf(t), pathOf(t)
			a, b := attesterOf(t, store, false, "a", pathA), attesterOf(t, store, false, "b", pathB)
			w := commonWallet(t, 10)
			a.serve(t, w)
			for _, s := range []attester{a, b} { // the first generation's
				_, err := s.Reconcile(t.Context(), s.sibling.seal, nil, 900)
				require.NoError(t, err)
			}
			record(t, store, ended(w, 1, operator(2)))
			first := attest(t, a.log, 1)
			record(t, store, ended(w, 2, operator(2)))
			second := attest(t, a.log, 2)

			for _, table := range []string{"heads", "entries"} {
				_, err := store.writes.db.ExecContext(t.Context(), `DELETE FROM `+table+` WHERE block = 1800`)
				require.NoError(t, err)
			}
			promote()
			d, err := b.log.drafted(t, 1800)
			require.NoError(t, err)
			require.ErrorIs(t, b.log.settle(t, d, signedOf(t, b.log, d)), chain.ErrNotServed, "its session is of before")

			b = attesterOf(t, store, false, "b", pathB)
			d, err = b.log.drafted(t, 1800)
			require.NoError(t, err)
			require.ErrorIs(t, b.log.settle(t, d, signedOf(t, b.log, d)), exchange.ErrDoubtful, "nobody has compared anything")
			_, err = b.Reconcile(t.Context(), b.sibling.seal, nil, 1800)
			require.NoError(t, err)
			require.ErrorIs(t, b.log.settle(t, d, signedOf(t, b.log, d)), exchange.ErrDoubtful, "a has not")

			a = attesterOf(t, store, false, "a", pathA)
			entries, err := a.journal.Entries()
			require.NoError(t, err)
			done, err := a.Reconcile(t.Context(), a.sibling.seal, entries, 1800)
			require.NoError(t, err)
			require.Empty(t, done.Restored, "heads are no proposals")
			require.Empty(t, done.Contradicted)
			pass(2 * leaseOfTests)
			b = attesterOf(t, store, false, "b", pathB)
			d, err = b.log.drafted(t, 1800)
			require.NoError(t, err)
			require.ErrorIs(t, b.log.settle(t, d, signedOf(t, b.log, d)), exchange.ErrAttested)

			record(t, store, ended(w, 3, operator(2)))
			third := attest(t, b.log, 3)
			require.Equal(t, evidence.Follows, evidence.LinkOf(first, third))
			require.Equal(t, evidence.Skipped, evidence.LinkOf(second, third))
			what := intent(2)
			what.Wallet = w.ID()
			require.ErrorIs(t, store.SaveIntent(t.Context(), what), signing.ErrBarred)
			require.Equal(t, []int64{0}, numbers(t, store, `SELECT COUNT(*) FROM own_proposals`))
		})
	}
}

// A file that was restored from a copy knows nothing of what was sent since; the journal beside it does.
func TestARestoredFileLeadsToNoSecondHead(t *testing.T) {
	dir, path := t.TempDir(), pathOf(t)
	w := commonWallet(t, 10)
	open := func() attester { return attesterOf(t, openAt(t, dir, Retention{}), true, "", path) }
	s := open()
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	attest(t, s.log, 1)
	backup := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, Backup(t.Context(), dir, backup, quiet, nil))
	record(t, s.Store, ended(w, 2, operator(2)))
	second := attest(t, s.log, 2)
	require.NoError(t, s.Close())

	copied, err := os.ReadFile(backup)
	require.NoError(t, err)
	for _, leftover := range []string{"walletnode.db-wal", "walletnode.db-shm"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, leftover)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "walletnode.db"), copied, 0o600))
	s = open()
	record(t, s.Store, ended(w, 2, operator(3))) // another result, so the head would be another
	d, err := s.log.drafted(t, 1800)
	require.NoError(t, err)
	again := signedOf(t, s.log, d)
	require.NotEqual(t, second.ID(), again.ID())
	require.ErrorIs(t, s.log.settle(t, d, again), exchange.ErrAttested)
	record(t, s.Store, ended(w, 3, operator(2)))
	require.Equal(t, evidence.Skipped, evidence.LinkOf(second, attest(t, s.log, 3)))
}
