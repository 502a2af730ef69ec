package store

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// Two runs of a simulation have the same versions in their stores.
func TestASimulatedStoreDrawsWhatItIsGiven(t *testing.T) {
	ctx := t.Context()
	s, err := Open(ctx, Config{DSN: t.TempDir(), Simulated: &Simulated{Chance: func(int64) int64 { return 41 }}}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var before, after uint64
	require.NoError(t, s.writes.do(ctx, "count a change", func(ctx context.Context, tx *sql.Tx) error {
		before, after, err = lockEvidence(ctx, tx, s.at.dialect())
		return err
	}))
	require.EqualValues(t, 42, after-before)
}
