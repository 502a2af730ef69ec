package devnet

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

func TestTheObserverTellsPayloadsApartByteForByte(t *testing.T) {
	first, second := chain.Operator{1}, chain.Operator{2}
	wallets, err := makeWallets(drawLot(1), 1, 2, []chain.Operator{first, second})
	require.NoError(t, err)
	w := wallets[0]
	it := &observer{wallets: map[chain.WalletID]chain.Wallet{w.ID(): w}, heard: make(map[topic]*hearing)}
	said := proposal.EncodeMessage(proposal.Message{Sender: w.LowestSeat(first), Block: 900, Wallet: w.ID(), Proposal: proposal.Noop{}})
	other := append(append([]byte{}, said...), 0xf8, 0x7, 0x1) // an unknown field: the same statement in other bytes
	about := topic{first, w.ID(), 900}

	for range 3 {
		slot, err := it.inspect(said)
		require.NoError(t, err)
		require.Equal(t, chain.Height(900), slot.Window)
	}
	payloads, times := it.of(about)
	require.Equal(t, []int{1, 3}, []int{payloads, times}, "repetitions are no double")

	_, err = it.inspect(other)
	require.NoError(t, err)
	payloads, times = it.of(about)
	require.Equal(t, []int{2, 4}, []int{payloads, times})

	_, err = it.inspect(proposal.EncodeMessage(proposal.Message{Sender: 9, Block: 900, Wallet: w.ID(), Proposal: proposal.Noop{}}))
	require.NoError(t, err)
	payloads, _ = it.of(topic{second, w.ID(), 900})
	require.Zero(t, payloads, "nobody holds that seat")
	_, err = it.inspect([]byte("noise"))
	require.Error(t, err)

	it.forget(900)
	payloads, _ = it.of(about)
	require.Equal(t, 2, payloads)
	it.forget(901)
	payloads, _ = it.of(about)
	require.Zero(t, payloads)
}

func TestAnInstanceThatIsDownIsNowhere(t *testing.T) {
	f := fleet{{name: "a"}, {name: "b"}}
	require.Zero(t, f.height(t.Context()))
	require.False(t, f.admits(t.Context(), chain.Operator{1}))
	require.Empty(t, f.refused(t.Context()))
	require.NoError(t, f.halt())
	require.Equal(t, []string{"a", "b"}, f.names())
	require.Nil(t, f.named("c"))
	require.Same(t, f[1], f.named("b"))
}
