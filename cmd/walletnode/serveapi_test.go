package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

// serveAPI answers commands on the socket in a data directory until the test ends.
func serveAPI(t *testing.T, dir string, server *api.Server) {
	t.Helper()
	listener, err := api.Listen(t.Context(), "unix://"+filepath.Join(dir, "api.sock"), api.Guard{})
	require.NoError(t, err)
	entrance := api.NewEntrance(func() view.Status { return view.Status{} }, slog.New(slog.DiscardHandler))
	entrance.Open(server)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- entrance.Serve(ctx, listener, api.Guard{}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
}
