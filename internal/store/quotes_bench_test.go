package store

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire"
)

// BenchmarkQuotes is what a comparison reads of what the peer signed about signatures, where 64 windows are on record with 1000 wallets
// and 100 operators, of each of whom as much is kept as can be.
//
//	go test ./internal/store -run '^$' -bench BenchmarkQuotes -benchtime 20x
func BenchmarkQuotes(b *testing.B) {
	c := newCrowdedStore(b)
	peer := wire.PublicKeyOf(manyKeys(7)).Operator()
	acted := map[exchange.Slot]bool{}
	err := c.writes.do(b.Context(), "quotes", func(ctx context.Context, tx *sql.Tx) error {
		for n := uint64(1); n <= evidence.Span; n++ {
			var rows [][]any
			for seed := range manyOperators {
				op := wire.PublicKeyOf(manyKeys(seed)).Operator()
				for i := range exchange.MaxQuotes {
					id := c.wallets[(seed*exchange.MaxQuotes+i)%manyWallets].ID()
					signed := make([]byte, 300)
					if op == peer {
						acted[exchange.Slot{Wallet: id, Window: window(n).Block}] = true
						signed = wire.SignPubsub(manyKeys(7), "/walletnode/signing/1/"+id.String(), announcement(b, id, window(n).Block, 1), make([]byte, 8)).Bytes()
					}
					rows = append(rows, []any{height(window(n).Block), op[:], id[:], signed})
				}
			}
			if err := insertRows(ctx, tx, c.at.dialect(), `INSERT INTO quotes (block, operator, wallet, signed) VALUES `, rows); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(b, err)
	silent, err := selectEntries(b.Context(), c.db, `block > 0`)
	require.NoError(b, err)
	var about []evidence.Entry
	for i, e := range silent {
		if i%20 == 0 { // one leader of twenty was silent, and this operator acted on none of their words
			if !acted[exchange.Slot{Wallet: e.Wallet, Window: e.Window}] {
				about = append(about, e.Entry)
			}
		}
	}
	denying := make([]evidence.Entry, len(silent)) // of a peer that says of every slot that it led and was silent
	for i, e := range silent {
		denying[i] = e.Entry
		denying[i].Leader = peer
		denying[i].Wallet[19] ^= 1 // of wallets of which it said nothing
	}
	for name, about := range map[string][]evidence.Entry{"honest": about, "denying": denying} {
		b.Run(name, func(b *testing.B) {
			began := processorTime(b)
			for b.Loop() {
				_, err := c.log.Quotes(b.Context(), peer, about)
				require.NoError(b, err)
			}
			b.ReportMetric((processorTime(b)-began).Seconds()/float64(b.N), "cpu-s/comparison")
		})
	}
}
