package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/shared/sharedtest"
)

func TestSQLiteShares(t *testing.T) {
	sharedtest.Suite(t, func(t *testing.T) shared.Store { return embedded(t, Retention{})() })
}

func TestPostgresShares(t *testing.T) {
	sharedtest.Suite(t, func(t *testing.T) shared.Store { return served(t, Retention{})() })
}

// Two instances add at once, and each reads what the other wrote.
func TestInstancesShareTheirLists(t *testing.T) {
	open := pair(t)
	a, b := open(), open()
	banned, err := a.AddBan(t.Context(), shared.Ban{Operator: mallory}, 0)
	require.NoError(t, err)
	list, err := b.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Ban{banned}, list)
	require.NoError(t, b.RemoveBan(t.Context(), banned))
	require.ErrorIs(t, a.RemoveBan(t.Context(), banned), shared.ErrNotBanned)
}

func TestAStoredFaultIsAChange(t *testing.T) {
	for name, make := range engines {
		t.Run(name, func(t *testing.T) {
			s := make(t, Retention{})()
			version := func() uint64 {
				versions, err := s.Versions(t.Context())
				require.NoError(t, err)
				return versions[shared.TopicFaults]
			}
			record(t, s, silent(walletA, 1))
			require.Zero(t, version())
			record(t, s, silent(walletA, 2, fault(walletA, 2, faults.LeaderIdle, mallory)))
			require.EqualValues(t, 1, version())
			won, err := s.RecordResult(t.Context(), silent(walletA, 2, fault(walletA, 2, faults.LeaderIdle, mallory)))
			require.NoError(t, err)
			require.False(t, won)
			require.EqualValues(t, 1, version(), "nothing was stored")
			late := coordination.Amendment{Wallet: walletA, Window: window(2), Fault: fault(walletA, 2, faults.LeaderMistake, mallory)}
			require.NoError(t, s.RecordAmendment(t.Context(), late))
			require.EqualValues(t, 2, version())
			require.NoError(t, s.RecordAmendment(t.Context(), coordination.Amendment{Wallet: walletA, Window: window(2), Revoke: true}))
			require.EqualValues(t, 2, version())
		})
	}
}
