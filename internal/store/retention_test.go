package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

func testRetention(t *testing.T, make making) {
	s := make(t, Retention{Windows: 3, Evidence: 6, Messages: 3})()
	culprit := statement(1, 1).Author
	fence := given(t, s, joined(t, s, "a"), walletA)
	for n := uint64(1); n <= 10; n++ {
		require.NoError(t, s.OpenWindow(t.Context(), opened(n)))
		for _, author := range []byte{1, 2} {
			st := statement(author, 1)
			st.Window = window(n).Block
			require.NoError(t, s.SaveStatement(t.Context(), st))
		}
		_, err := s.Claim(t.Context(), fence, window(n).Block)
		require.NoError(t, err)
		_, err = s.SaveProposal(t.Context(), fence, window(n).Block, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}})
		require.NoError(t, err)
		r := agreed(walletA, n)
		r.Faults = []faults.Fault{fault(walletA, n, faults.LeaderMistake, culprit)}
		record(t, s, r)
		if n != 2 { // window 2's action has no outcome
			require.NoError(t, s.FinishAction(t.Context(), walletA, r.Window.Block, "no_signer", "", r.Window.End))
		}
		record(t, s, silent(walletB, n))
	}
	_, err := s.Begin(t.Context(), chain.WalletID{0xc}, window(1), 900) // never finished
	require.NoError(t, err)

	require.NoError(t, s.Prune(t.Context(), window(10).End))
	require.NoError(t, s.Prune(t.Context(), window(10).End), "with nothing to do")

	for table, want := range map[string][]int64{
		"results":       {1, 2, 8, 9, 10},
		"actions":       {2, 8, 9, 10},
		"own_proposals": {2, 8, 9, 10},
		"claims":        {2, 8, 9, 10},
		"faults":        {2, 5, 6, 7, 8, 9, 10},
		"statements":    {2, 5, 6, 7, 8, 9, 10},
		"windows":       {5, 6, 7, 8, 9, 10},
	} {
		require.Equal(t, want, numbers(t, s, `SELECT DISTINCT block / 900 FROM `+table+` ORDER BY 1`), table)
	}
	require.Equal(t, []int64{2, 8, 9, 10}, numbers(t, s, `SELECT block / 900 FROM statements WHERE author <> $1 ORDER BY 1`, culprit[:]),
		"words of the innocent go with their windows")
	require.Equal(t, []int64{7}, numbers(t, s, `SELECT COUNT(*) FROM evidence`), "evidence goes with its fault")
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1)
	last, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, opened(10), last)
}

func numbers(t *testing.T, s *Store, query string, args ...any) []int64 {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), query, args...)
	all, err := collect(rows, err, func(row scanner) (n int64, err error) { return n, row.Scan(&n) })
	require.NoError(t, err)
	return all
}

func TestPruneKeepsWhatHasNotPassed(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{Windows: 1, Evidence: 1})
	for n := uint64(1); n <= 3; n++ {
		require.NoError(t, s.OpenWindow(t.Context(), opened(n)))
		record(t, s, silent(walletA, n))
	}
	require.NoError(t, s.RecordMissed(t.Context(), coordination.Missed{First: 3600, Last: 3600, Reason: coordination.ReasonNodeDown}))
	require.NoError(t, s.Prune(t.Context(), 1800), "a chain that fell back to window 2 deletes nothing of it")
	require.Equal(t, []int64{2, 3}, numbers(t, s, `SELECT block / 900 FROM results ORDER BY 1`))
	require.NoError(t, s.Prune(t.Context(), 30_000_000), "an absurd height deletes no more than the count of windows says")
	require.Equal(t, []int64{3}, numbers(t, s, `SELECT block / 900 FROM results ORDER BY 1`))
	require.Equal(t, []int64{4}, numbers(t, s, `SELECT first_block / 900 FROM missed`))
	require.NoError(t, s.OpenWindow(t.Context(), opened(5)))
	require.NoError(t, s.Prune(t.Context(), 5000))
	require.Empty(t, numbers(t, s, `SELECT first_block / 900 FROM missed`))
}

func TestRetentionIsChecked(t *testing.T) {
	for _, r := range []Retention{{Windows: -1}, {Evidence: -1}, {Windows: 10, Evidence: 9}, {Messages: -1}, {Heads: -1}} {
		_, err := Open(t.Context(), Config{DSN: t.TempDir(), Retention: r}, testChain, genesis, quiet)
		require.ErrorContains(t, err, "retention")
	}
	require.Equal(t, Retention{Windows: 2000, Evidence: 10000, Messages: 240, Heads: 720}, Retention{}.withDefaults())
	require.Equal(t, Retention{Windows: 20000, Evidence: 20000, Messages: 240, Heads: 720}, Retention{Windows: 20000}.withDefaults())
}
