package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// lastScrape bounds the scrape that is under way when the server is told to stop.
	lastScrape = 2 * time.Second
	// maxScrapes run at once; whoever comes then is answered 503. Prometheus sends one at a time.
	maxScrapes = 4
	// readTimeout and writeTimeout bound a scrape whose client does not go on; idleTimeout outlasts the pause between
	// two scrapes, a minute at most as a rule.
	readTimeout, writeTimeout, idleTimeout = 5 * time.Second, 10 * time.Second, 2 * time.Minute
	// maxHeader bounds a request's header, in bytes; a scraper sends a few hundred.
	maxHeader = 8 << 10
)

// Listen takes a TCP address (host:port) for Serve. Whoever can reach it can read the metrics, which tell no secret but
// how the node fares; there is no password. So the address is a loopback one unless an operator names another.
func Listen(ctx context.Context, address string) (stdnet.Listener, error) {
	l, err := new(stdnet.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("take the address for metrics: %w", err)
	}
	return l, nil
}

// Handler answers a scrape.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// Serve answers GET /metrics on a listener until ctx ends; then it lets the scrape under way end, closes the listener
// and returns nil. An error says that the listener failed.
func (r *Recorder) Serve(ctx context.Context, l stdnet.Listener, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", r.Handler())
	server := &http.Server{
		Handler:        mux,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a client's trouble is not the operator's
	}
	served := make(chan error, 1) // Serve's goroutine sends once
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve metrics: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastScrape) // it outlives ctx, which has ended
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close() // who does not read its answer is cut off
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
