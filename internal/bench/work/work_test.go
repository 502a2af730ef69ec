package work_test

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/proposal"
)

func TestTheWorkIsTheSameEverywhere(t *testing.T) {
	scalar := sha256.Sum256([]byte("perf-operator-3"))
	require.Equal(t, scalar[:], work.OperatorKey(3).Serialize())
	require.EqualValues(t, sha256.Sum256([]byte("perf-block-868")), work.Header(868).Hash)
	require.Equal(t, work.Header(867).Hash, work.Header(868).Parent)

	wallets, err := work.Wallets(2, 5)
	require.NoError(t, err)
	require.NotEqual(t, wallets[0].ID(), wallets[1].ID())
	require.Equal(t, 100, wallets[1].Seats())
	for _, seat := range []chain.Seat{1, 5, 6, 100} {
		holder, _ := wallets[1].At(seat)
		require.Equal(t, work.Operator((int(seat)-1)%5), holder)
	}
	require.Len(t, work.Redemption().OutputScripts, 20)
}

func TestASignedMessageIsVerified(t *testing.T) {
	wallets, err := work.Wallets(1, 5)
	require.NoError(t, err)
	s, err := work.Sign(wallets[0], proposal.Noop{}, []byte("12345678"))
	require.NoError(t, err)
	require.True(t, s.VerifyBare())
	s.Message.Signature[8] ^= 1
	require.False(t, s.VerifyBare())
}
