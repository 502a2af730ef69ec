package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

func TestRetentionOfEvidence(t *testing.T) {
	for name, make := range engines {
		t.Run(name, func(t *testing.T) {
			testEvidenceRetention(t, attesting(t, make(t, Retention{Windows: 3, Messages: 3, Heads: 5}), true)())
		})
	}
}

// testEvidenceRetention has windows 1 to 6 with a statement, an entry, a quote and a head each, and then none until window 80. Something
// is proved of window 2, nobody can explain what operator 3 attests of window 3, and what operator 2 attests of window 4 was explained.
func testEvidenceRetention(t *testing.T, s attester) {
	w := commonWallet(t, 10)
	s.serve(t, w)
	root := noHead(t, 900).Root
	for n := uint64(1); n <= 80; n++ {
		require.NoError(t, s.OpenWindow(t.Context(), opened(n)))
		if n > 6 && n < 80 {
			continue
		}
		require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, n, 1)))
		record(t, s.Store, ended(w, n, operator(2)))
		attest(t, s.log, n)
		require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 3, w.ID(), n, 1)}))
		for _, op := range []byte{2, 3} {
			require.NoError(t, s.log.SaveHeads(t.Context(), []evidence.Head{signedHead(t, op, evidence.Head{Chain: testChain, Window: window(n).Block, Windows: 1, Root: root})}))
		}
		if n == 5 {
			require.NoError(t, s.Prune(t.Context(), window(n).End), "what the newest head attests stays")
			require.Equal(t, []int64{1, 2, 3, 4, 5}, numbers(t, s.Store, `SELECT block / 900 FROM entries ORDER BY 1`))
			require.Equal(t, []int64{1, 2, 3, 4, 5}, numbers(t, s.Store, `SELECT block / 900 FROM statements ORDER BY 1`))
		}
	}
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, 2, 2)))
	slot := exchange.Slot{Wallet: w.ID(), Window: window(3).Block}
	known := func(n uint64) heads.Known { return heads.Known{w.ID(): {{Window: window(n).Block}}} }
	require.NoError(t, s.log.Explain(t.Context(), operator(3), known(3), []exchange.Slot{slot}))
	require.NoError(t, s.log.Explain(t.Context(), operator(2), known(4), nil))

	excess, err := s.Excess(t.Context(), s.retention, window(80).End)
	require.NoError(t, err)
	require.NoError(t, s.Prune(t.Context(), window(80).End))
	for table, want := range map[string][]int64{
		"statements":  {2, 3, 80},
		"quotes":      {2, 3, 80},
		"entries":     {2, 3, 80},
		"differences": {3},
		"proofs":      {2},
	} {
		require.Equal(t, want, numbers(t, s.Store, `SELECT DISTINCT block / 900 FROM `+table+` ORDER BY 1`), table)
	}
	of := func(op chain.Operator) []int64 {
		return numbers(t, s.Store, `SELECT block / 900 FROM heads WHERE operator = $1 ORDER BY 1`, op[:])
	}
	require.Equal(t, []int64{3, 4, 5, 6, 80}, of(operator(ourKey)), "our heads that attest what is in dispute")
	require.Equal(t, []int64{3, 4, 5, 6, 80}, of(operator(3)), "and those of whom the dispute is with")
	require.Equal(t, []int64{80}, of(operator(2)))
	require.Contains(t, excess, Excess{Table: "entries", Rows: 4})

	require.NoError(t, s.log.Explain(t.Context(), operator(3), known(3), nil))
	require.NoError(t, s.Prune(t.Context(), window(80).End))
	require.Equal(t, []int64{2, 80}, numbers(t, s.Store, `SELECT block / 900 FROM entries ORDER BY 1`), "what is explained is kept no longer")
	require.Equal(t, []int64{80}, of(operator(3)))

	s.retention.Evidence = 6
	require.NoError(t, s.Prune(t.Context(), window(80).End))
	require.Equal(t, []int64{80}, numbers(t, s.Store, `SELECT block / 900 FROM entries ORDER BY 1`))
	require.Equal(t, []int64{80}, numbers(t, s.Store, `SELECT block / 900 FROM statements ORDER BY 1`))
	proofs, err := s.Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Len(t, proofs, 1, "for ever")
}
