package metrics

import (
	"context"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/walletnode/walletnode/internal/serve"
)

const (
	// maxScrapes run at once; whoever comes then is answered 503. Prometheus sends one at a time.
	maxScrapes = 4
	// readTimeout and writeTimeout bound a scrape whose client does not go on; idleTimeout outlasts the pause between
	// two scrapes, a minute at most as a rule.
	readTimeout, writeTimeout, idleTimeout = 5 * time.Second, 10 * time.Second, 2 * time.Minute
	// maxHeader bounds a request's header, in bytes; a scraper sends a few hundred.
	maxHeader = 8 << 10
)

// Handler answers a scrape.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// Server is what a Prometheus server asks. Until Open it tells of a node that starts, which can take as long as a chain
// endpoint lets one wait.
type Server struct {
	listener stdnet.Listener // nil if nothing is served
	log      *slog.Logger
	handler  atomic.Pointer[http.Handler]
}

// Open has the server tell what a node's recorder has.
func (s *Server) Open(r *Recorder) {
	h := r.Handler()
	s.handler.Store(&h)
}

// Listen takes a TCP address (host:port); an empty one is none, and makes a Server that serves nothing. Whoever can
// reach the address can read the metrics, which tell no secret but how the node fares; there is no password. So it is
// a loopback address unless the operator has written another one out, which the configuration sees to.
func Listen(ctx context.Context, address string, log *slog.Logger) (*Server, error) {
	s := &Server{log: log}
	s.Open(newStarting())
	if address == "" {
		return s, nil
	}
	l, err := new(stdnet.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("take the address for metrics: %w", err)
	}
	s.listener = l
	return s, nil
}

// Close gives the address back if Serve was never called; otherwise it does nothing.
func (s *Server) Close() {
	if s.listener != nil {
		_ = s.listener.Close() // nothing was accepted on it, or Serve has closed it
	}
}

// Serve answers GET /metrics until ctx ends; then it lets the scrape under way end, closes the listener and returns nil.
// An error says that the listener failed.
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) })
	server := &http.Server{
		Handler:        mux,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // a client's trouble is not the operator's
	}
	s.log.Info("Serving metrics", "url", "http://"+s.listener.Addr().String()+"/metrics")
	if err := serve.Until(ctx, server, s.listener); err != nil {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
