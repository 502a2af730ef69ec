package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action"
)

// retrying is a node at a height, of which only actions can be tried again.
type retrying struct {
	api.Live
	store *store.Store
	at    atomic.Uint64
}

func (r *retrying) RetryAction(ctx context.Context, wallet chain.WalletID, window chain.Height) error {
	_, err := r.store.RetryAction(ctx, wallet, window, chain.Height(r.at.Load()))
	return err
}

func TestAnActionIsTriedAgainByCommand(t *testing.T) {
	f, recorded := newFleet(t), newRunning(t)
	recorded.history(t)
	id, err := chain.ParseWalletID(walletID)
	require.NoError(t, err)
	f.serves("a", 3)
	node := &retrying{store: recorded.store}
	node.at.Store(3800)
	server := f.server("a", recorded)
	server.Live = node
	serveAPI(t, recorded.dir, server)
	dir := []string{"--data-dir", recorded.dir}
	again := func(args ...string) outcome {
		return call(t, "", append(append([]string{"actions", "retry"}, args...), dir...)...)
	}

	require.Contains(t, again("3600").stderr, "no outcome yet")
	require.NoError(t, recorded.store.FinishAction(t.Context(), id, 3600, action.SignerUnavailable, "connection refused", 3790))
	require.Equal(t, fmt.Sprintf("The action of wallet %v in window 3600 is carried out once more; actions show 3600 tells how it goes.\n", id), succeed(t, "", append([]string{"actions", "retry", "3600"}, dir...)...))
	pending, err := recorded.store.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1, "it has no outcome any more")
	require.Equal(t, chain.Height(3600), pending[0].Window)

	require.NoError(t, recorded.store.FinishAction(t.Context(), id, 3600, action.NoSigner, "", 3810))
	doc := document(t, succeed(t, "", append([]string{"actions", "retry", "3600", "--wallet", id.String(), "--json"}, dir...)...))
	require.Len(t, doc["actions"], 1)
	require.NoError(t, recorded.store.FinishAction(t.Context(), id, 3600, action.NoSigner, "", 3815))
	node.at.Store(4300)
	require.Contains(t, again("3600").stderr, "its last block for signing was")
	node.at.Store(3820)
	succeed(t, "", append([]string{"actions", "retry", "3600"}, dir...)...)
	require.NoError(t, recorded.store.FinishAction(t.Context(), id, 3600, action.SignerRefused, "rule slot", 3820))
	require.Contains(t, again("3600").stderr, "it ended as signer_refused")

	require.Contains(t, again("5400").stderr, "no action in window 5400")
	require.NotZero(t, again("3600", "--wallet", "zz").code)
	require.NotZero(t, again().code)
}
