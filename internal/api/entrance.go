package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"sync/atomic"

	"github.com/walletnode/walletnode/internal/serve"
	"github.com/walletnode/walletnode/internal/view"
)

// ErrStarting says that the node is being put together, and that its state is all it can tell.
var ErrStarting = errors.New("the node is starting: it asks the chain endpoint and opens its store")

// Entrance is where requests come in, perhaps at several addresses, from before there is a node to answer them: that can take as long as a chain endpoint
// lets one wait. Until Open it answers /healthz, /readyz and /v1/status, and everything else with ErrStarting.
type Entrance struct {
	log    *slog.Logger
	routes atomic.Pointer[http.Handler]
	page   atomic.Pointer[http.Handler] // nil if none is shown
}

// NewEntrance makes an entrance; starting describes the node that is being put together.
func NewEntrance(starting func() view.Status, log *slog.Logger) *Entrance {
	e := &Entrance{log: log}
	e.let(foyer(starting, log))
	return e
}

// Open lets requests through to a node's server, whose own guard is not asked.
func (e *Entrance) Open(s *Server) { e.let(s.routes()) }

func (e *Entrance) let(h http.Handler) { e.routes.Store(&h) }

// Serve answers on a listener, to those whom its guard lets in, until ctx ends; then it lets the answers under way end, closes the listener and returns
// nil. An error says that the listener failed.
func (e *Entrance) Serve(ctx context.Context, listener stdnet.Listener, guard Guard) error {
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*e.routes.Load()).ServeHTTP(w, r) })
	if err := serve.People(ctx, listener, e.withPage(guard.Handler(routes)), maxConnections, e.log); err != nil {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// foyer answers while there is no node yet.
func foyer(starting func() view.Status, log *slog.Logger) http.Handler {
	answer := func(status int, doc func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = write(w, status, doc()) } // the client has gone: its concern
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", answer(http.StatusOK, func() any { return Health{true} }))
	mux.Handle("GET /readyz", answer(http.StatusServiceUnavailable, func() any {
		s := starting()
		return view.NewReadiness(s.State, s.Checks)
	}))
	mux.Handle("GET /v1/status", answer(http.StatusOK, func() any { return starting() }))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, log, ErrStarting) })
	return mux
}
