package store

import (
	"fmt"
	"testing"
	"time"

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

// A database whose clock is an hour ahead or behind ends no ban an hour late or early.
func TestBansEndByThisMachinesClock(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		s := served(t, Retention{})()
		words := &s.at.(*remote).tongue.words
		words.now = fmt.Sprintf("(%s + (%d))", words.now, ahead.Microseconds())
		before := time.Now().Truncate(time.Microsecond)
		added, err := s.AddBan(t.Context(), shared.Ban{Operator: mallory}, time.Minute)
		require.NoError(t, err)
		list, err := s.Bans(t.Context())
		require.NoError(t, err)
		after := time.Now()
		require.Len(t, list, 1)
		for _, b := range []shared.Ban{added, list[0]} {
			require.WithinRange(t, b.Since, before.Add(-after.Sub(before)), after)
			require.Equal(t, b.Since.Add(time.Minute), b.Until)
		}
	}
}

func TestTheLeadOfAClockIsWhatTheAnswersTimeDoesNotExplain(t *testing.T) {
	asked := time.Unix(1_800_000_000, 999) // the database's clock has no nanoseconds
	answered := asked.Add(time.Second)
	for now, want := range map[time.Time]time.Duration{
		asked.Truncate(time.Microsecond): 0,
		asked.Add(time.Millisecond):      0,
		answered:                         0,
		asked.Add(time.Hour):             time.Hour - time.Second - 999,
		asked.Add(-time.Hour):            -time.Hour - 999,
	} {
		require.Equal(t, want, lead(now.UnixMicro(), asked, answered), now)
	}
	require.True(t, here(time.Time{}, time.Hour).IsZero(), "no end stays none")
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
