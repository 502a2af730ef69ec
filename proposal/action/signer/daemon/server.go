package daemon

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/internal/serve"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

//go:embed openapi.json
var document []byte

// Bounds of the server. At maxRequests one is answered 429, and the client comes again.
const (
	maxRequests = 32 // under way at once: each may hold maxBody bytes
	maxOfClient = 24 // of them: a client whose bodies do not come leaves room for the others
	maxHeader   = 16 << 10

	retryAfter = "1" // seconds
)

// usual are the bounds of a server. A node has one connection, or as many as calls if something on the way speaks HTTP/1 only.
var usual = bounds{
	handshakes: 64, connections: 256, perClient: 2 * maxRequests,
	header: 5 * time.Second,
	read:   30 * time.Second, // 16 MiB at 4 Mbit/s
	write:  3 * time.Minute,  // a round of CMP takes tens of seconds
	idle:   2 * time.Minute,
	linger: time.Second,
}

// mediaJSON is what requests and answers are.
const mediaJSON = "application/json"

// Server answers for a backend. New makes one.
type Server struct {
	backend  signer.Backend
	identity Identity
	logger   *slog.Logger
	access   atomic.Pointer[Access]
	slots    chan struct{}
	bounds   bounds

	mu    sync.Mutex
	taken map[string]int // slots of each client, by its name

	feed     http.Handler  // what is kept of the signer's mailbox; nil if it has none
	stranger *rate.Limiter // of what is logged about those who are not listed
}

// NewServer returns a server that is ready to run. Whoever has the server's own key may read: that is this machine.
func NewServer(backend signer.Backend, identity Identity, access Access, logger *slog.Logger) (*Server, error) {
	if backend == nil || logger == nil || identity.Fingerprint.IsZero() {
		return nil, errors.New("make signer's server: a backend, a certificate and a logger are needed")
	}
	s := &Server{
		backend: backend, identity: identity, logger: logger, slots: make(chan struct{}, maxRequests), bounds: usual, taken: map[string]int{},
		stranger: rate.NewLimiter(rate.Every(time.Minute), 10),
	}
	s.SetAccess(access)
	return s, nil
}

// SetAccess replaces the list of who may ask. It holds from the next request on, on open connections too.
func (s *Server) SetAccess(access Access) {
	with := access.with(s.identity.Fingerprint, client{name: "this machine", roles: []Role{RoleRead}, all: true})
	s.access.Store(&with)
}

// Run answers on a listener until ctx ends. What is under way then may end, for two seconds.
func (s *Server) Run(ctx context.Context, listener stdnet.Listener) error {
	b := s.bounds
	server := &http.Server{
		Handler: s.handler(), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: b.header, ReadTimeout: b.read, WriteTimeout: b.write, IdleTimeout: b.idle,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 2 * maxRequests},
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	admit := func(f Fingerprint) error {
		_, err := s.access.Load().find(f)
		return err
	}
	d := openDoor(listener, serverTLS(s.identity, admit), b, s.refused)
	defer d.wait()
	defer d.Close() //nolint:errcheck // Until has closed it
	return serve.Until(ctx, server, d)
}

// refused tells of a connection that was not let in. Anybody can make many of them.
func (s *Server) refused(remote string, err error) {
	switch {
	case !errors.Is(err, signer.ErrForbidden) && !errors.Is(err, errCrowded):
		s.logger.Debug("Handshake failed", "remote", remote, "error", err)
	case s.stranger.Allow():
		s.logger.Warn("Connection refused", "remote", remote, "error", err)
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, s.operation(r))
	}
	mux.Handle("/", s.operation(route{codes: slices.Concat(alwaysCodes, []string{"no_route"}), handle: (*Server).noRoute}))
	return mux
}

func (s *Server) noRoute(context.Context, client, request) (any, error) { return nil, errNoRoute }

// operation makes a route's handler. Who asks is looked up before a byte of the body is read.
func (s *Server) operation(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.client(r)
		if err != nil {
			w.Header().Set("Connection", "close")
			s.fail(w, route, client{name: "nobody"}, err)
			return
		}
		if !s.take(who.name) {
			s.fail(w, route, who, signer.ErrBusy)
			return
		}
		defer s.giveBack(who.name)
		q, err := readRequest(w, r, route)
		if err != nil {
			s.fail(w, route, who, err)
			return
		}
		answer, err := route.handle(s, r.Context(), who, q)
		if write, is := answer.(octets); is && err == nil {
			head(w)
			if err = write(w); err == nil {
				return
			}
		}
		if err != nil {
			s.fail(w, route, who, err)
			return
		}
		status := http.StatusOK
		if answer == nil {
			status = http.StatusNoContent
		} else if h, ok := answer.(signer.Health); ok && !h.StoreOK {
			status = http.StatusInsufficientStorage
		}
		s.write(w, status, answer)
	})
}

// take takes a slot for a client's request, if there is one for it.
func (s *Server) take(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[client] >= maxOfClient {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		s.taken[client]++
		return true
	default:
		return false
	}
}

func (s *Server) giveBack(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	<-s.slots
	if s.taken[client]--; s.taken[client] == 0 {
		delete(s.taken, client)
	}
}

// client returns who asks, by the key that the connection has proved.
func (s *Server) client(r *http.Request) (client, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return client{}, fmt.Errorf("%w: it was not shown", signer.ErrForbidden)
	}
	return s.access.Load().find(fingerprintOf(r.TLS.PeerCertificates[0])) // it may have been struck from the list since
}

// fail answers with an error. One that the route's document does not list is a failure of ours.
func (s *Server) fail(w http.ResponseWriter, route route, who client, err error) {
	status, problem := problemOf(err)
	if !slices.Contains(route.codes, problem.Code) {
		status, problem.Code, problem.Rule = http.StatusInternalServerError, codeFailed, ""
	}
	switch status {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusPreconditionFailed:
		s.logger.Warn("Request refused", "client", who.name, "route", route.path, "rule", problem.Rule, "detail", problem.Error)
	case http.StatusInternalServerError, http.StatusInsufficientStorage:
		s.logger.Error("Request failed", "client", who.name, "route", route.path, "error", err)
	}
	s.write(w, status, problem)
}

// head is of every answer.
func head(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func (s *Server) write(w http.ResponseWriter, status int, answer any) {
	head(w)
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	raw, err := marshal(answer)
	if err != nil {
		s.logger.Error("Answer could not be encoded", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone: it asks again, and is answered the same
}

func marshal(document any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(document)
	return out.Bytes(), err
}
