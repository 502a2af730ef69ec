package contracts

import (
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/ethereum/tbtc"
)

// A node must not be able to tell by encoding whether it reads the devnet or a real chain.
func TestContractsAnswerToEverySelectorTheNodeUses(t *testing.T) {
	for name, pair := range map[string]struct{ node, devnet abi.ABI }{
		"Bridge":                  {tbtc.NewBridge().GetABI(), NewBridge().GetABI()},
		"WalletProposalValidator": {tbtc.NewWalletProposalValidator().GetABI(), NewWalletProposalValidator().GetABI()},
	} {
		t.Run(name, func(t *testing.T) {
			for _, want := range pair.node.Methods {
				got, ok := pair.devnet.Methods[want.Name]
				require.True(t, ok, "no method %s", want.Name)
				require.Equal(t, want.ID, got.ID, want.Sig)
				requireSameTypes(t, want.Outputs, got.Outputs)
			}
			for _, want := range pair.node.Events {
				got, ok := pair.devnet.Events[want.Name]
				require.True(t, ok, "no event %s", want.Name)
				require.Equal(t, want.ID, got.ID, want.Sig)
				requireSameTypes(t, want.Inputs, got.Inputs)
			}
		})
	}
}

func requireSameTypes(t *testing.T, want, got abi.Arguments) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i].Type.String(), got[i].Type.String())
		require.Equal(t, want[i].Indexed, got[i].Indexed)
	}
}
