package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

func testRetry(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, agreed(walletA, 1))
	want, _ := agreed(walletA, 1).Order()
	_, err := s.RetryAction(t.Context(), walletA, 900, 1010)
	require.ErrorIs(t, err, ErrNotRetryable, "it has no outcome")
	require.NoError(t, s.StartAction(t.Context(), walletA, 900, 1000))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, action.SignerUnavailable, "connection refused", 1041))

	_, err = s.RetryAction(t.Context(), walletA, 900, want.SigningEnd())
	require.ErrorIs(t, err, ErrNotRetryable, "its blocks are over")
	again, err := s.RetryAction(t.Context(), walletA, 900, want.SigningEnd()-1)
	require.NoError(t, err)
	require.Equal(t, want, again)
	s = open()
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []proposal.Order{want}, pending)
	require.NoError(t, s.StartAction(t.Context(), walletA, 900, 1100))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, action.OK, "", 1110))
	_, err = s.RetryAction(t.Context(), walletA, 900, 1120)
	require.ErrorIs(t, err, ErrNotRetryable, "what is signed is signed")
	_, err = s.RetryAction(t.Context(), walletB, 900, 1120)
	require.ErrorIs(t, err, ErrNotFound)
}

func testRetryOutcomes(t *testing.T, open func() *Store) {
	s := open()
	for i, outcome := range action.Outcomes() {
		index := uint64(i + 1) //nolint:gosec // a few
		record(t, s, agreed(walletA, index))
		block := 900 * chain.Height(index)
		require.NoError(t, s.FinishAction(t.Context(), walletA, block, outcome, "", block+101))
		_, err := s.RetryAction(t.Context(), walletA, block, block+102)
		if outcome.Retryable() {
			require.NoError(t, err, outcome)
		} else {
			require.ErrorIs(t, err, ErrNotRetryable, outcome)
		}
	}
}

func testRetryRevoked(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, agreed(walletA, 1))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, action.NoSigner, "", 1001))
	require.NoError(t, s.RecordAmendment(t.Context(), coordination.Amendment{
		Wallet: walletA, Window: window(1), Fault: fault(walletA, 1, faults.LeaderEquivocation, mallory), Revoke: true,
	}))
	_, err := s.RetryAction(t.Context(), walletA, 900, 1002)
	require.ErrorIs(t, err, ErrNotRetryable)
	actions, err := s.Actions(t.Context(), ActionFilter{})
	require.NoError(t, err)
	require.Equal(t, string(action.NoSigner), actions[0].Outcome)
}
