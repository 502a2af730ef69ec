package api

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// Before there is a node one hears that it starts, and nothing else; from Open on it answers for itself.
func TestBeforeThereIsANodeItsStateIsAnswered(t *testing.T) {
	w, address := newWorld(t), socket(t)
	listener, err := Listen(t.Context(), address, Guard{})
	require.NoError(t, err)
	state := view.Check{Name: "state", Reason: "not yet", Current: "starting", Required: "active"}
	starting := view.Status{State: "starting", Checks: []view.Check{state}, Listening: []string{}, Last: []view.Window{}}
	entrance := NewEntrance(func() view.Status { return starting }, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- entrance.Serve(ctx, listener, Guard{}) }()
	c, err := NewClient(address)
	require.NoError(t, err)
	defer c.Close()

	require.NoError(t, c.Healthy(ctx))
	status, err := c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, starting, status)
	ready, err := c.Readiness(ctx)
	require.NoError(t, err)
	require.Equal(t, view.Readiness{State: "starting", Checks: []view.Check{state}}, ready)
	for _, ask := range []func() error{
		func() error { _, err := c.Windows(ctx, store.WindowFilter{Limit: 1}); return err },
		func() error { _, err := c.Next(ctx); return err },
		func() error { return c.Watch(ctx, func(view.Event) error { return nil }) },
		func() error { _, err := c.ReloadEndpoints(ctx); return err },
	} {
		require.ErrorIs(t, ask(), ErrStarting)
	}
	response, err := c.do(ctx, http.MethodGet, "/readyz", nil, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)

	entrance.Open(w.Server)
	_, err = c.Windows(ctx, store.WindowFilter{Limit: 1})
	require.NoError(t, err)
	status, err = c.Status(ctx)
	require.NoError(t, err)
	require.NotEqual(t, starting, status)
	stop()
	require.NoError(t, <-served)
}
