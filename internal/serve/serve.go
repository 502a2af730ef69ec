// Package serve runs an HTTP server for as long as a context lasts, and says which hosts are this machine. It knows nothing of what is
// served.
package serve

import (
	"context"
	"errors"
	stdnet "net"
	"net/http"
	"time"
)

// lastAnswers bounds the answers under way when the server is told to stop.
const lastAnswers = 2 * time.Second

// Until serves on a listener until ctx ends; then it lets the answers under way end, for two seconds at most, closes the
// listener and returns nil. An error says that the listener failed; it is closed then too.
func Until(ctx context.Context, server *http.Server, listener stdnet.Listener) error {
	served := make(chan error, 1) // Serve's goroutine sends once
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers) // it outlives ctx, which has ended
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close() // who does not read its answer is cut off
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
