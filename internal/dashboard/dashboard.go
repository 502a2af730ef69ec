// Package dashboard serves the web page that shows an operator's instances, the window now, and what the operators of his
// wallets did in the last windows. It reads and changes nothing.
//
// The page and all it needs are in the binary: it works without a network, and asks nobody but the instance it came from.
// Its data come by server-sent events, once a second, from one snapshot that all viewers share. What happens is what the node's own mailbox of
// the feed tells; the store is read for what was before. What peers have said
// reaches the page as data alone; the page shows it as text.
//
// The page's sources are in web; go generate bundles them into built.
package dashboard

//go:generate npm ci --prefix web --ignore-scripts --no-audit --no-fund --loglevel=error
//go:generate node web/build.js

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"sync/atomic"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/serve"
	"github.com/walletnode/walletnode/internal/view"
)

// Source is what the page shows; *node.Board is one.
type Source interface {
	// Board answers at once, from memory: what is known now, and what Refresh read last.
	Board() view.Board
	// Refresh reads anew what lies in the store. It is called by one goroutine at a time and may take as long as a database
	// does. An error says that the records are as old as they were.
	Refresh(ctx context.Context) error
	// News has Board show what the node's feed tells, until ctx ends. It calls changed when it begins, and whenever Refresh has to read
	// what the feed does not tell. An error says that nothing is told, or nothing more.
	News(ctx context.Context, changed func()) error
	// Record returns all of one window, of one wallet if one is given; store.ErrNotFound says what is not there.
	Record(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Trace, error)
	// Signings returns what a wallet's signers were asked in a window; store.ErrNotFound if the wallet has no action in it.
	Signings(ctx context.Context, block chain.Height, wallet chain.WalletID) (view.Signings, error)
}

// Config is what a Server needs besides its source.
type Config struct {
	// Token is what a viewer must show once; empty asks for none, and then only requests for this machine are answered.
	Token string
	// TLS is what connections to Listen speak; nil for plain HTTP.
	TLS    *tls.Config
	Logger *slog.Logger
}

// Server serves the page. Its Handler can stand at several addresses, and below any path.
type Server struct {
	cfg     Config
	source  atomic.Pointer[Source]
	hub     *hub
	door    door
	records chan struct{} // one token per record that is being read
}

// Bounds.
const (
	// maxViewers may watch at once; whoever comes then is told 503.
	maxViewers = 64
	// maxRecords are read at once; further requests wait, as long as their clients do.
	maxRecords = 4
	// maxConnections are open at once; a browser has six of them at most.
	maxConnections = 6 * maxViewers
	// maxBody bounds a request's body, in bytes: a token.
	maxBody = 4 << 10
)

// New makes a server. Until Open it serves the page, which says that the node starts.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		return nil, errors.New("dashboard: no logger")
	}
	return &Server{cfg: cfg, hub: newHub(), door: door{cfg.Token}, records: make(chan struct{}, maxRecords)}, nil
}

// Open gives the page its data.
func (s *Server) Open(source Source) {
	s.source.Store(&source)
	put(s.hub.wanted)
	put(s.hub.listen)
}

// Handler answers for the page.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, a := range assets() {
		mux.Handle("GET /"+a.path, a)
	}
	mux.HandleFunc("POST /login", s.door.login)
	mux.Handle("GET /session", s.door.guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})))
	mux.Handle("GET /events", s.door.guard(http.HandlerFunc(s.events)))
	mux.Handle("GET /record", s.door.guard(http.HandlerFunc(s.record)))
	origin := http.NewCrossOriginProtection() // refuses what a foreign page makes a browser send
	return s.door.host(headers(origin.Handler(mux)))
}

// policy lets the page load what this instance serves and nothing else, and lets no other page frame it.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// Listen takes a TCP address (host:port); an empty one is none, and the listener nil. Without a token it must be a loopback
// address. What it accepts speaks TLS if that is configured.
func (s *Server) Listen(ctx context.Context, address string) (stdnet.Listener, error) {
	if address == "" {
		return nil, nil
	}
	if s.cfg.Token == "" && !serve.Loopback(address) {
		return nil, fmt.Errorf("dashboard: %s is no loopback address, and api.token_file names no token that viewers must show", address)
	}
	l, err := new(stdnet.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("take the address of the dashboard: %w", err)
	}
	if s.cfg.TLS != nil {
		l = tls.NewListener(l, s.cfg.TLS)
	}
	return l, nil
}

// Serve answers on a listener until ctx ends, closes it and returns nil; a nil listener is none. An error says that the
// listener failed.
func (s *Server) Serve(ctx context.Context, listener stdnet.Listener) error {
	if listener == nil {
		<-ctx.Done()
		return nil
	}
	scheme := "http"
	if s.cfg.TLS != nil {
		scheme = "https"
	}
	s.cfg.Logger.Info("Serving the dashboard", "url", scheme+"://"+listener.Addr().String()+"/")
	if err := serve.People(ctx, listener, s.Handler(), maxConnections, s.cfg.Logger); err != nil {
		return fmt.Errorf("serve the dashboard: %w", err)
	}
	return nil
}
