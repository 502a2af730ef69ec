package api

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func TestClientAsksForTheEndpointsOfTheChain(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	list, err := c.Endpoints(ctx)
	require.NoError(t, err)
	require.Equal(t, chain.Height(4505), *list.Endpoints[0].Height)
	require.Nil(t, list.Endpoints[1].Height, "what has shown no head has none")

	require.Equal(t, "b", list.Endpoints[0].Siblings[0].Instance)
	require.Equal(t, []int{1, 0}, []int{list.Endpoints[0].Otherwise(), list.Endpoints[1].Otherwise()})

	history, err := c.EndpointHistory(ctx, "primary")
	require.NoError(t, err)
	require.Len(t, history.Changes, 1)
	for _, name := range []string{"none", "../primary", "a/b"} {
		_, err = c.EndpointHistory(ctx, name)
		require.ErrorIs(t, err, store.ErrNotFound, name)
		_, err = c.Cordon(ctx, name, true)
		require.ErrorIs(t, err, store.ErrNotFound, name)
	}

	list, err = c.Cordon(ctx, "primary", true)
	require.NoError(t, err)
	require.True(t, list.Endpoints[0].Cordoned)
	list, err = c.Cordon(ctx, "primary", false)
	require.NoError(t, err)
	require.False(t, list.Endpoints[0].Cordoned)

	w.live.err = fmt.Errorf("%w: without it there would be no quorum", quorum.ErrNeeded)
	_, err = c.Cordon(ctx, "primary", true)
	require.ErrorIs(t, err, quorum.ErrNeeded)
	require.ErrorContains(t, err, "without it there would be no quorum")
	w.live.err = nil

	reload, err := c.ReloadEndpoints(ctx)
	require.NoError(t, err)
	require.Equal(t, view.Reload{Added: []string{"four"}, Removed: []string{}, Changed: []string{}, Restart: []string{"log.level"}, Warnings: []string{}}, reload)
}

func TestAReloadThatFailsSaysWhatOfTheFileIsWrong(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	w.live.err = fmt.Errorf("%w:\nnode.toml:3:1: key: why\nnode.toml:4:1: other: why", view.ErrConfiguration)
	_, err := c.ReloadEndpoints(t.Context())
	require.ErrorIs(t, err, view.ErrConfiguration)
	require.Equal(t, w.live.err.Error(), err.Error())

	w.live.err = view.ErrOneEndpoint
	_, err = c.ReloadEndpoints(t.Context())
	require.ErrorIs(t, err, view.ErrOneEndpoint)
	_, err = c.Endpoints(t.Context())
	require.ErrorIs(t, err, view.ErrOneEndpoint)
	w.live.err = fmt.Errorf("read seed block 868: %w", chain.ErrNoQuorum)
	_, err = c.Next(t.Context())
	require.ErrorIs(t, err, chain.ErrNoQuorum)
}

// What changes something takes a POST, which no link, image or prefetch of a page sends.
func TestEndpointsAreChangedByPostOnly(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{"/v1/endpoints/reload", "/v1/endpoints/primary/cordon", "/v1/endpoints/primary/uncordon"} {
		require.Equal(t, http.StatusMethodNotAllowed, w.send(t, http.MethodGet, target, "").Code, target)
		require.Equal(t, http.StatusOK, w.send(t, http.MethodPost, target, "").Code, target)
	}
	require.False(t, w.live.cordoned)
}
