package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Shares are moved by who knows where they were, and what is counted of them stays.
func TestMovedSharesAreAnotherSigners(t *testing.T) {
	for engine, make := range engines {
		t.Run(engine, func(t *testing.T) {
			s := make(t, Retention{})()
			w := testWallet(t, 1, mallory)
			_, err := s.Assign(t.Context(), sessionID(1), "a", placement.Derived)
			require.NoError(t, err)
			require.ErrorIs(t, s.Reassign(t.Context(), sessionID(1), "a", "b"), placement.ErrNotAssigned, "its key generation is under way")
			require.NoError(t, s.Confirm(t.Context(), sessionID(1), w.ID()))
			require.NoError(t, s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Signatures: 7}}))
			before, err := s.SignersVersion(t.Context())
			require.NoError(t, err)
			require.ErrorIs(t, s.Reassign(t.Context(), sessionID(1), "c", "b"), placement.ErrNotAssigned)
			require.ErrorIs(t, s.Reassign(t.Context(), sessionID(2), "a", "b"), placement.ErrNotAssigned)
			require.NoError(t, s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Missing: true}}))
			require.NoError(t, s.Reassign(t.Context(), sessionID(1), "a", "b"))
			a, err := s.AssignmentBy(t.Context(), sessionID(1))
			require.NoError(t, err)
			require.Equal(t, "b", a.Backend)
			require.Equal(t, placement.Assigned, a.State, "it was lost where it had been")
			require.EqualValues(t, 7, a.Signatures)
			require.Equal(t, w.ID(), a.Wallet)
			after, err := s.SignersVersion(t.Context())
			require.NoError(t, err)
			require.Greater(t, after, before, "every instance learns of it")
			require.ErrorIs(t, s.Reassign(t.Context(), sessionID(1), "a", "c"), placement.ErrNotAssigned)
		})
	}
}
