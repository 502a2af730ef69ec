package action_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

func TestEveryActionEndsAsNoSignerWithoutSigners(t *testing.T) {
	handlers := action.WithoutSigners()
	for _, k := range proposal.Kinds() {
		if k == proposal.KindNoop {
			require.Nil(t, handlers[k], "a no-op is never carried out")
			continue
		}
		outcome, detail := handlers[k].Handle(t.Context(), order(1, 1))
		require.Equal(t, action.NoSigner, outcome)
		require.Empty(t, detail)
	}
}

func TestKindsThatTakeABitcoinNodeEndAsUnverifiable(t *testing.T) {
	for _, p := range []proposal.Proposal{proposal.DepositSweep{}, proposal.MovingFunds{}, proposal.MovedFundsSweep{}} {
		o := order(1, 1)
		o.Proposal = p
		outcome, detail := action.NeedsBitcoin().Handle(t.Context(), o)
		require.Equal(t, action.Unverifiable, outcome)
		require.Contains(t, detail, p.Kind().String())
		require.Contains(t, detail, "needs a bitcoin source")
	}
}
