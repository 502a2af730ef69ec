package store

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
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

// Who asks whether the store can be written to is answered in time, also while another program holds its lock for longer
// than a write waits for it.
func TestAProbeEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{DSN: dir}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	other, err := sql.Open("sqlite", filepath.Join(dir, "walletnode.db")+"?_txlock=immediate")
	require.NoError(t, err)
	held, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)

	for range 2 { // the first takes the turn, the second waits behind it
		soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		require.ErrorIs(t, s.Probe(soon), context.DeadlineExceeded)
		cancel()
	}
	require.NoError(t, held.Rollback())
	require.NoError(t, other.Close())
	require.NoError(t, s.Probe(t.Context()), "and then it can")
	require.NoError(t, s.Close())
}
