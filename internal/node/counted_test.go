package node

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// The watcher goes by what its log can do: taken for one of its own, a sibling's window would be an error.
func TestTheLogOfManyInstancesIsKnownAsSuch(t *testing.T) {
	var pen *store.Pen
	_, shared := counted(fenced{pen: pen}, nil).(coordination.SharedLog)
	require.True(t, shared)
	var alone *store.Store
	_, shared = counted(alone, nil).(coordination.SharedLog)
	require.False(t, shared)
}

// What a sibling opened was not missed, and what it recorded as missed it has counted.
func TestOnlyMissedWindowsThatAreStoredAreCounted(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{DSN: t.TempDir()}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	var told []coordination.Missed
	missed := func(m coordination.Missed) { told = append(told, m) }
	span := func(first, last chain.Height) coordination.Missed {
		return coordination.Missed{First: first, Last: last, Reason: coordination.ReasonChainStalled}
	}

	alone := counted(s, missed)
	require.NoError(t, alone.RecordMissed(t.Context(), span(900, 1800)))
	require.Equal(t, []coordination.Missed{span(900, 1800)}, told)

	told = nil
	pen := s.Under(nil)
	require.NoError(t, pen.OpenWindow(t.Context(), coordination.Opened{Block: 3600, At: 3601}))
	shared := counted(fenced{records: s, pen: pen}, missed)
	require.NoError(t, shared.RecordMissed(t.Context(), span(1800, 4500)))
	require.Equal(t, []coordination.Missed{span(2700, 2700), span(4500, 4500)}, told)
	require.NoError(t, shared.RecordMissed(t.Context(), span(1800, 4500)))
	require.Len(t, told, 2, "nothing was left of it")
	bad := span(5400, 5400)
	bad.Reason = "no such reason"
	require.Error(t, shared.RecordMissed(t.Context(), bad))
	require.Len(t, told, 2, "nor was what could not be stored")
}

// findings is a memory that takes findings of inactive operators, or refuses them.
type findings struct {
	signing.Log
	err error
}

func (f findings) SaveInactivity(context.Context, chain.WalletID, chain.Height, signing.Absence, chain.Height) error {
	return f.err
}

func TestOnlyFindingsThatAreStoredAreCounted(t *testing.T) {
	found := 0
	count := func() { found++ }
	absent := signing.Absence{Seats: []chain.Seat{1}}
	require.NoError(t, countedFindings{findings{}, count}.SaveInactivity(t.Context(), chain.WalletID{}, 900, absent, 1000))
	require.Equal(t, 1, found)
	refused := countedFindings{findings{err: store.ErrFull}, count}
	require.ErrorIs(t, refused.SaveInactivity(t.Context(), chain.WalletID{}, 900, absent, 1000), store.ErrFull)
	require.Equal(t, 1, found)
}
