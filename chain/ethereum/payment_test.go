package ethereum

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestWhatARedemptionIsBuiltFromIsPinnedToAHash(t *testing.T) {
	f := newFake(t, 3)
	client := open(t, config(f.http.URL))
	at := chain.Hash{7, 31: 9}
	f.onCall = func() (hexutil.Bytes, error) { return append(make([]byte, 8*32), word(9)...), nil }
	main, err := client.MainUTXOHashAt(t.Context(), at, chain.WalletID{})
	require.NoError(t, err)
	require.Zero(t, main)
	f.onCall = pendingAnswer
	requests, err := client.RedemptionRequestsAt(t.Context(), at, chain.WalletID{}, [][]byte{{1}, {2, 2}, {3}})
	require.NoError(t, err)
	for i, script := range [][]byte{{1}, {2, 2}, {3}} {
		require.Equal(t, script, requests[i].Script)
		require.Equal(t, uint64(2_000_000), requests[i].RequestedAmount)
		require.Zero(t, requests[i].Block)
	}
	require.Len(t, f.calledAt, 4)
	for _, called := range f.calledAt {
		hash, ok := called.Hash()
		require.True(t, ok)
		require.Equal(t, common.Hash(at), hash)
	}

	// Without a block it is the newest one, one for all.
	f.calledAt = nil
	newest, err := client.Head(t.Context())
	require.NoError(t, err)
	_, err = client.RedemptionRequests(t.Context(), chain.WalletID{}, [][]byte{{1}, {2}})
	require.NoError(t, err)
	require.Len(t, f.calledAt, 2)
	for _, called := range f.calledAt {
		hash, ok := called.Hash()
		require.True(t, ok)
		require.Equal(t, common.Hash(newest.Hash), hash)
	}
}

func TestARequestThatIsGoneIsToldFromATrouble(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	ask := func() error {
		_, err := client.RedemptionRequestsAt(t.Context(), chain.Hash{7}, chain.WalletID{5}, [][]byte{{0xab}})
		return err
	}
	f.onCall = func() (hexutil.Bytes, error) { return make([]byte, 5*32), nil }
	err := ask()
	require.ErrorIs(t, err, chain.ErrNoRequest)
	require.ErrorContains(t, err, "script ab")

	f.set(func() { f.onCall = func() (hexutil.Bytes, error) { return make([]byte, 4*32), nil } })
	wantTrouble(t, chain.TroubleMalformed, ask())
	_, err = client.MainUTXOHash(t.Context(), chain.WalletID{})
	wantTrouble(t, chain.TroubleMalformed, err)

	f.set(func() {
		f.onCall = func() (hexutil.Bytes, error) { return nil, refused{-32000, "header for hash not found"} }
	})
	err = ask()
	require.ErrorIs(t, err, chain.ErrNotFound)
	require.NotErrorIs(t, err, chain.ErrNoRequest)
	_, err = client.MainUTXOHashAt(t.Context(), chain.Hash{7}, chain.WalletID{})
	require.ErrorIs(t, err, chain.ErrNotFound)
}
