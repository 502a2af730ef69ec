package store

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
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
// A fault is recorded of each window up to 5.
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
		r := ended(w, n, operator(2))
		if n < 6 {
			r.Faults = []faults.Fault{fault(w.ID(), n, faults.LeaderMistake, operator(4))}
		}
		record(t, s.Store, r)
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

	s.retention.Evidence = 6
	prune := func(why string) {
		t.Helper()
		require.NoError(t, s.Prune(t.Context(), window(80).End))
		proofs, err := s.Proofs(t.Context(), exchange.ProofFilter{})
		require.NoError(t, err)
		require.Len(t, proofs, 1, "proofs are for ever: %s", why)
		p, err := s.Proof(t.Context(), proofs[0].ID)
		require.NoError(t, err)
		require.NotEmpty(t, p.Encoded)
	}
	prune("older than evidence")
	for _, table := range []string{"statements", "quotes", "entries"} {
		require.Equal(t, []int64{3, 80}, numbers(t, s.Store, `SELECT DISTINCT block / 900 FROM `+table+` ORDER BY 1`), "%s in an open dispute stay however old", table)
	}
	require.Equal(t, []int64{3}, numbers(t, s.Store, `SELECT block / 900 FROM differences ORDER BY 1`))
	require.Equal(t, []int64{3}, numbers(t, s.Store, `SELECT block / 900 FROM faults ORDER BY 1`), "and what it is recorded for")
	require.Equal(t, []int64{3, 4, 5, 6, 80}, of(operator(ourKey)))
	require.Equal(t, []int64{3, 4, 5, 6, 80}, of(operator(3)))
	prune("once more")

	many := heads.Known{}
	var open []exchange.Slot
	for i := range exchange.MaxPinned {
		slot := exchange.Slot{Wallet: chain.WalletID{0xee, byte(i >> 8), byte(i)}, Window: window(4).Block}
		many[slot.Wallet], open = []heads.Instead{{Window: slot.Window}}, append(open, slot)
	}
	require.NoError(t, s.log.Explain(t.Context(), operator(3), many, open))
	require.NoError(t, s.log.Explain(t.Context(), operator(2), known(5), []exchange.Slot{{Wallet: w.ID(), Window: window(5).Block}}))
	var told bytes.Buffer
	s.Store.log = slog.New(slog.NewTextHandler(&told, nil))
	prune("more in dispute than is pinned")
	with := func(op chain.Operator) []int64 {
		return numbers(t, s.Store, `SELECT block / 900 FROM differences WHERE operator = $1`, op[:])
	}
	require.Equal(t, slices.Repeat([]int64{4}, exchange.MaxPinned), with(operator(3)), "the oldest is given up")
	require.Equal(t, []int64{5}, with(operator(2)), "but for no other operator's many")
	require.Contains(t, told.String(), "level=WARN")
	require.Contains(t, told.String(), "the oldest of it is given up")
	require.Equal(t, []int64{80}, numbers(t, s.Store, `SELECT block / 900 FROM entries ORDER BY 1`), "nor is anything kept for what is given up")
	require.Equal(t, []int64{80}, numbers(t, s.Store, `SELECT DISTINCT block / 900 FROM statements`))
	require.Empty(t, numbers(t, s.Store, `SELECT block FROM faults`))
	require.Equal(t, []int64{4, 5, 6, 80}, of(operator(3)))

	require.NoError(t, s.log.Explain(t.Context(), operator(3), many, nil))
	require.NoError(t, s.log.Explain(t.Context(), operator(2), known(5), nil))
	prune("what is explained is kept no longer")
	require.Empty(t, with(operator(3)))
	require.Equal(t, []int64{80}, of(operator(ourKey)))
	require.Equal(t, []int64{80}, of(operator(3)))
}
