package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/walletnode/walletnode/internal/view"
)

// Server answers for a node. Every field that others see is required, except Keygens, Signers, Evidence and Feeds. It must not be copied.
type Server struct {
	Records Records
	Live    Live
	Cluster Cluster
	Keygens Keygens // nil if the node has no signers
	Signers Signers // nil if the node has none
	Feeds   Feeds   // nil if the node has none
	// Evidence is nil if the node's network carries no comparisons.
	Evidence Comparer
	Feed     *Feed
	Log      Log
	// Reload reads the configuration again and takes over its chain endpoints. view.ErrConfiguration says that it is
	// wrong, view.ErrOneEndpoint that there is nothing to take over; nothing has changed then.
	Reload func(ctx context.Context) (view.Reload, error)
	Logger *slog.Logger
	// Guard is who may ask Handler; its zero value is for a unix socket or a loopback address.
	Guard Guard

	memory    memory
	followers followers // mailboxes that are being followed
}

// Problem is the answer to a request that failed.
type Problem struct {
	Error struct {
		Code    string `json:"code"` // stable: not_found, invalid, not_yet, no_head, no_network, no_quorum, not_connected, declined, nothing_shared, not_attested, one_endpoint, endpoint_needed, invalid_configuration, one_instance, journal_owed, no_owner, not_banned, too_many_bans, own_operator, not_halted, not_retryable, no_signers, other_state, expired, too_many_keygens, no_backend, store_away, unauthorized, forbidden, no_feed, no_mailbox, not_delivered, collected, busy, starting, stopped or failed
		Message string `json:"message"`
	} `json:"error"`
}

var errBusy = errors.New("too many requests at once")

// Handler returns the handler of every route behind the server's guard.
func (s *Server) Handler() http.Handler { return s.Guard.Handler(s.routes()) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	slots := make(chan struct{}, maxRequests)
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, s.operation(r, slots))
	}
	return mux
}

// operation makes a route's handler.
func (s *Server) operation(route route, slots chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := route.permit(r); err != nil {
			s.fail(w, err)
			return
		}
		if !route.alone {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			default:
				s.fail(w, errBusy)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		q := newQuery(r.URL.Query(), route.parameters)
		if err := q.done(); err != nil {
			s.fail(w, invalid{err})
			return
		}
		doc, err := route.handle(s, w, r, q)
		if err == nil && doc != nil {
			err = write(w, http.StatusOK, doc)
		}
		if err != nil {
			s.fail(w, err)
		}
	})
}

func (s *Server) fail(w http.ResponseWriter, err error) { fail(w, s.Logger, err) }

// fail answers with an error. If a part of the answer has gone out already, nothing more can be told.
func fail(w http.ResponseWriter, log *slog.Logger, err error) {
	var broken brokenAnswer
	if errors.As(err, &broken) {
		return
	}
	status, _ := classify(err)
	if status == http.StatusInternalServerError {
		log.Warn("Could not answer a request", "error", err)
	}
	var later laterError
	if errors.As(err, &later) {
		w.Header().Set("Retry-After", later.seconds())
	}
	_ = write(w, status, problemOf(err)) // the client has gone: its concern
}

func problemOf(err error) (p Problem) {
	_, p.Error.Code = classify(err)
	p.Error.Message = err.Error()
	return p
}

// brokenAnswer is an answer that could not be sent, because the client has gone.
type brokenAnswer struct{ error }

func (e brokenAnswer) Unwrap() error { return e.error }

func write(w http.ResponseWriter, status int, doc any) error {
	raw, err := marshal(doc)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(raw); err != nil {
		return brokenAnswer{err}
	}
	return nil
}

func marshal(doc any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(doc)
	return out.Bytes(), err
}

// unmarshalStrictly reads one JSON document without unknown fields and nothing behind it.
func unmarshalStrictly(raw []byte, doc any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(doc); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON document")
	}
	return nil
}
