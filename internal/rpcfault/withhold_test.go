package rpcfault

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

func TestHeadsAreWithheldAndNothingElse(t *testing.T) {
	r := newRig(t, 50)
	client, err := ethereum.Dial(t.Context(), ethereum.Config{
		URL: r.proxy.URL(), PollInterval: time.Minute, CallTimeout: 10 * time.Second, ChainID: localchain.ChainID,
		Bridge: r.chain.Bridge(), Validator: r.chain.Validator(),
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	heads, ended := make(chan chain.Header, 100), make(chan error, 1)
	go func() { ended <- client.Run(ctx, func(h chain.Header) { heads <- h }) }()
	start := next(t, heads).Height

	r.set(Faults{Withhold: Range{start + 2, start + 4}})
	r.mine(6)
	// No gap is filled with what was withheld. The head above it links to nothing, so it comes with its confirmation.
	for _, want := range []chain.Height{start + 1, start + 5, start + 6} {
		require.Equal(t, want, next(t, heads).Height)
	}
	header, err := client.Header(t.Context(), start+3)
	require.NoError(t, err, "by number the block is there")
	require.Equal(t, r.truth(start+3), common.Hash(header.Hash))

	withheld := r.set(Faults{})[KindWithhold]
	require.Equal(t, 3, withheld.Heights)
	require.Equal(t, [2]chain.Height{start + 2, start + 4}, [2]chain.Height{withheld.Lowest, withheld.Highest})
	r.mine(1)
	require.Equal(t, start+7, next(t, heads).Height)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestAWithheldHeadIsNotToldAsTheLatest(t *testing.T) {
	r := newRig(t, 50)
	r.set(Faults{Withhold: Range{51, 51}})
	require.NotNil(t, r.tag("latest"))
	r.mine(1)
	require.Nil(t, r.tag("latest"))
	require.Nil(t, r.by(r.truth(51)))
	require.NotNil(t, r.at(51))
	r.mine(1)
	require.NotNil(t, r.tag("latest"))
}
