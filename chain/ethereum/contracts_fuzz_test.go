package ethereum

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/ethereum/tbtc"
)

// What a lying endpoint answers to a contract read: any bytes.
func FuzzContractAnswers(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(bytes.Repeat([]byte{0xff}, 288))
	f.Fuzz(func(_ *testing.T, answer []byte) {
		bridge, validator := tbtc.NewBridge(), tbtc.NewWalletProposalValidator()
		_, _ = bridge.UnpackPendingRedemptions(answer)
		_, _ = bridge.UnpackRedemptionParameters(answer)
		_, _ = bridge.UnpackWallets(answer)
		_, _ = validator.UnpackREDEMPTIONMAXSIZE(answer)
		_, _ = validator.UnpackREDEMPTIONREQUESTMINAGE(answer)
		_, _ = validator.UnpackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN(answer)
		_, _ = validator.UnpackValidateHeartbeatProposal(answer)
	})
}

// The log of a redemption request, with any topics and data.
func FuzzRedemptionEvent(f *testing.F) {
	bridge := tbtc.NewBridge()
	id := bridge.GetABI().Events[tbtc.BridgeRedemptionRequestedEventName].ID
	f.Add(id[:], make([]byte, 32), make([]byte, 32), uint8(3), make([]byte, 192))
	f.Fuzz(func(t *testing.T, first, second, third []byte, topics uint8, data []byte) {
		all := []common.Hash{common.BytesToHash(first), common.BytesToHash(second), common.BytesToHash(third)}
		event, err := bridge.UnpackRedemptionRequestedEvent(&types.Log{Topics: all[:topics%4], Data: data})
		if err != nil {
			return
		}
		script, err := withoutLength(event.RedeemerOutputScript)
		if err == nil {
			require.Equal(t, event.RedeemerOutputScript, withLength(script))
		}
	})
}
