package store

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire"
)

func testQuotes(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, 1, 1)))
	first := announced(t, 2, w.ID(), 1, 1)
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{first}))
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 2, w.ID(), 1, 2)}))
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 3, w.ID(), 1, 1)}))
	s = open()
	about := evidence.Entry{Wallet: w.ID(), Window: 900, Leader: operator(3)}
	quoted := func(entries ...evidence.Entry) []evidence.Quote {
		got, err := s.log.Quotes(t.Context(), operator(2), entries)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, []evidence.Quote{first}, quoted(about), "the first announcement of the slot")
	about.Leader = operator(2)
	got := quoted(about, evidence.Entry{Wallet: w.ID(), Window: 1800, Leader: operator(2)})
	require.Len(t, got, 2, "its own statement, too, where it led")
	require.Equal(t, first, got[0])
	require.True(t, got[1].Leading)
	require.Empty(t, quoted())
	about.Window = 1800
	require.Empty(t, quoted(about))
	require.Empty(t, quoted(evidence.Entry{Wallet: chain.WalletID{9}, Window: 900, Leader: operator(2)}))

	for i := range exchange.MaxQuotes + 3 {
		wallet := chain.WalletID{1, byte(i >> 8), byte(i)}
		require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 2, wallet, 2, 1)}))
	}
	require.Equal(t, []int64{exchange.MaxQuotes}, numbers(t, s.Store, `SELECT COUNT(*) FROM quotes WHERE block = 1800`))

	var all []evidence.Entry
	for n := uint64(3); n <= 8; n++ {
		var quotes []evidence.Quote
		for i := range exchange.MaxQuotes {
			wallet := chain.WalletID{1, byte(i)}
			quotes, all = append(quotes, announced(t, 2, wallet, n, 1)), append(all, evidence.Entry{Wallet: wallet, Window: window(n).Block})
		}
		require.NoError(t, s.log.SaveQuotes(t.Context(), quotes))
	}
	require.Len(t, quoted(all...), exchange.MaxQuoted, "of a peer that denies all that it has acted on")

	// One that says of each of 64 000 slots that it led and was silent costs a question for each window, and one for each denial that can be proved.
	all = nil
	denier := operator(2) // derived from a key, which takes longer than all else here
	for n := uint64(1); n <= evidence.Span; n++ {
		for i := range 1000 {
			all = append(all, evidence.Entry{Wallet: chain.WalletID{2, byte(i >> 8), byte(i)}, Window: window(n).Block, Leader: denier})
		}
	}
	all = append(all, evidence.Entry{Wallet: w.ID(), Window: 900, Leader: denier})
	asked := &countingQuerier{querier: s.db}
	got, err := selectQuotes(t.Context(), asked, denier, all)
	require.NoError(t, err)
	require.Len(t, got, 2, "and what it did sign there is found")
	require.Equal(t, 2*evidence.Span+2, asked.asked)
}

// countingQuerier counts what is asked of it.
type countingQuerier struct {
	querier
	asked int
}

// QueryContext implements querier.
func (q *countingQuerier) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	q.asked++
	return q.querier.QueryContext(ctx, query, args...)
}

// announced is an operator's announcement of its seats for a signature.
func announced(t testing.TB, key byte, wallet chain.WalletID, n uint64, what byte) evidence.Quote {
	t.Helper()
	raw := announcement(t, wallet, window(n).Block, what)
	q, err := evidence.ReadQuote(wire.SignPubsub(secret(key), "/walletnode/signing/1/"+wallet.String(), raw, []byte{1, 2, 3, 4, 5, 6, 7, 8}).Bytes())
	require.NoError(t, err)
	return q
}
