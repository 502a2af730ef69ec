package store

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestEachWriteToTheDiskIsObserved(t *testing.T) {
	writes := 0
	s, err := Open(t.Context(), Config{DSN: t.TempDir(), Observe: func(took time.Duration) {
		require.Positive(t, took)
		writes++
	}}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, s.Probe(t.Context()))
	require.NoError(t, s.StartAfter(t.Context(), 900))
	require.Equal(t, 2, writes)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Probe(t.Context()), ErrClosed)
	require.Equal(t, 2, writes, "nothing was tried")
}
