package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// document is the OpenAPI description, made from routes and the documents' types.
//
//go:embed openapi.json
var document []byte

// Health says that the process answers.
type Health struct {
	OK bool `json:"ok"`
}

// LogLevels are the levels of the log's subsystems.
type LogLevels struct {
	Levels map[string]string `json:"levels"`
}

// LogLevel is a wish for another level.
type LogLevel struct {
	Subsystem string `json:"subsystem"` // empty for all of the node's own
	Level     string `json:"level"`     // debug, info, warn or error
}

// Log is the node's log, whose levels can be changed.
type Log interface {
	Levels() map[string]string
	// SetLevel changes the level of a subsystem, or of all of the node's own if it is empty. ErrLogLevel if there is no
	// such level, store.ErrNotFound if there is no such subsystem.
	SetLevel(subsystem, level string) error
}

// ErrLogLevel says that there is no such level.
var ErrLogLevel = errors.New("want debug, info, warn or error")

func (s *Server) health(http.ResponseWriter, *http.Request, *query) (any, error) {
	return Health{true}, nil
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	readiness := s.Live.Readiness(r.Context())
	if readiness.Ready {
		return readiness, nil
	}
	return nil, write(w, http.StatusServiceUnavailable, readiness)
}

func (s *Server) status(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Live.Status(r.Context())
}

func (s *Server) windows(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.windows()
	return answer(q, func() (any, error) { return s.Records.Windows(r.Context(), filter) })
}

func (s *Server) window(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	block, err := parseHeight(r.PathValue("block"))
	if err != nil {
		return nil, invalid{err}
	}
	wallet := q.wallet()
	return answer(q, func() (any, error) { return s.Records.Window(r.Context(), block, wallet) })
}

func (s *Server) next(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Live.Next(r.Context())
}

func (s *Server) proposals(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.proposals()
	return answer(q, func() (any, error) { return s.Records.Proposals(r.Context(), filter) })
}

// agreed is proposals of one window; so many wallets at most as a list has rows.
func (s *Server) agreed(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	return ofWindow(r, q, "nothing was agreed", func(block chain.Height, wallet *chain.WalletID) (any, int, error) {
		list, err := s.Records.Proposals(r.Context(), store.WindowFilter{Wallet: wallet, From: block, To: block, Limit: MaxRows})
		return list, len(list.Proposals), err
	})
}

// ofWindow answers with the list of the window that the path names, of the wallet that is asked for; with not found if it is empty.
func ofWindow(r *http.Request, q *query, none string, read func(block chain.Height, wallet *chain.WalletID) (list any, rows int, err error)) (any, error) {
	block, err := parseHeight(r.PathValue("block"))
	if err != nil {
		return nil, invalid{err}
	}
	wallet := q.wallet()
	return answer(q, func() (any, error) {
		list, rows, err := read(block, wallet)
		if err == nil && rows == 0 {
			err = fmt.Errorf("%w: %s in window %d", store.ErrNotFound, none, block)
		}
		return list, err
	})
}

func (s *Server) faults(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.faults()
	return answer(q, func() (any, error) { return s.Records.Faults(r.Context(), filter) })
}

func (s *Server) scores(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.scores()
	return answer(q, func() (any, error) { return s.Records.Scores(r.Context(), filter) })
}

func (s *Server) fault(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Records.Fault(r.Context(), r.PathValue("id"))
}

func (s *Server) actions(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.actions()
	return answer(q, func() (any, error) { return s.Records.Actions(r.Context(), filter) })
}

// ordered is actions of one window.
func (s *Server) ordered(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	return ofWindow(r, q, "no action", func(block chain.Height, wallet *chain.WalletID) (any, int, error) {
		list, err := s.Records.Actions(r.Context(), store.ActionFilter{Wallet: wallet, From: block, To: block, Limit: MaxRows})
		return list, len(list.Actions), err
	})
}

func (s *Server) wallets(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	list, err := s.Records.Wallets(r.Context())
	for i, w := range list.Wallets {
		list.Wallets[i] = s.signed(s.owned(w))
	}
	return list, err
}

// owned adds who serves a wallet, where that is known.
func (s *Server) owned(w view.Wallet) view.Wallet {
	owner, _, _, err := s.Cluster.Owner(w.Wallet)
	if err != nil { // archived, or imported a moment ago
		return w
	}
	return w.Of(owner)
}

func (s *Server) wallet(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	id, err := chain.ParseWalletID(r.PathValue("id"))
	if err != nil {
		return nil, invalid{err}
	}
	w, err := s.Records.Wallet(r.Context(), id)
	if err != nil {
		return nil, err
	}
	return s.signed(s.owned(w)), nil
}

func (s *Server) peers(http.ResponseWriter, *http.Request, *query) (any, error) {
	return s.Live.Peers(), nil
}

func (s *Server) peer(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	id := r.PathValue("id")
	for _, p := range s.Live.Peers().Peers {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: the node knows no peer %q", store.ErrNotFound, id)
}

func (s *Server) storeState(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Live.StoreState(r.Context())
}

func (s *Server) ping(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Live.Ping(r.Context(), r.PathValue("id"))
}

func (s *Server) endpoints(http.ResponseWriter, *http.Request, *query) (any, error) {
	return s.Live.Endpoints()
}

func (s *Server) endpointHistory(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Live.EndpointHistory(r.PathValue("name"))
}

func (s *Server) cordon(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.setCordon(r.PathValue("name"), true)
}

func (s *Server) uncordon(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.setCordon(r.PathValue("name"), false)
}

func (s *Server) setCordon(name string, cordoned bool) (any, error) {
	if err := s.Live.Cordon(name, cordoned); err != nil {
		return nil, err
	}
	s.Logger.Info("Chain endpoint cordoned or let back", "endpoint", name, "cordoned", cordoned)
	return s.Live.Endpoints()
}

func (s *Server) reloadEndpoints(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	return s.Reload(r.Context())
}

func (s *Server) explain(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	wallet, window := q.wallet(), parsed(q, "window", parseHeight)
	if wallet == nil || window == nil {
		q.errs = append(q.errs, errors.New("wallet and window are both needed"))
	}
	return answer(q, func() (any, error) { return s.Live.Explain(r.Context(), *wallet, *window) })
}

func (s *Server) goroutines(w http.ResponseWriter, _ *http.Request, _ *query) (any, error) {
	w.Header().Set("Content-Type", mediaText)
	return nil, pprof.Lookup("goroutine").WriteTo(w, 1)
}

func (s *Server) logLevels(http.ResponseWriter, *http.Request, *query) (any, error) {
	return LogLevels{s.Log.Levels()}, nil
}

func (s *Server) setLogLevel(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	wish, err := body[LogLevel](r)
	if err != nil {
		return nil, err
	}
	if err := s.Log.SetLevel(wish.Subsystem, wish.Level); err != nil {
		return nil, err
	}
	s.Logger.Info("Log level changed", "subsystem", wish.Subsystem, "level", wish.Level)
	return LogLevels{s.Log.Levels()}, nil
}

// body reads a request's document.
func body[T any](r *http.Request) (doc T, err error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return doc, invalid{fmt.Errorf("read the request: %w", err)}
	}
	if doc, err = decodeBody[T](raw); err != nil {
		return doc, invalid{err}
	}
	return doc, nil
}

func decodeBody[T any](raw []byte) (doc T, err error) {
	return doc, unmarshalStrictly(raw, &doc)
}

func (s *Server) openAPI(http.ResponseWriter, *http.Request, *query) (any, error) {
	return json.RawMessage(document), nil
}

// ErrInvalid says that a request cannot be understood: a client finds it in such an answer.
var ErrInvalid = errors.New("invalid request")

// invalid is a request that cannot be understood.
type invalid struct{ error }

func (e invalid) Unwrap() error { return e.error }

// answer reads records unless something is wrong with the parameters.
func answer(q *query, read func() (any, error)) (any, error) {
	if err := q.done(); err != nil {
		return nil, invalid{err}
	}
	return read()
}

// codeStoreAway is the code of what needs a database that does not answer.
const codeStoreAway = "store_away"

// failures are the errors with a status and a code of their own. The codes are stable.
var failures = []struct {
	is     error
	status int
	code   string
}{
	{store.ErrNotFound, http.StatusNotFound, "not_found"},
	{store.ErrNotRetryable, http.StatusConflict, "not_retryable"},
	{view.ErrNotYet, http.StatusConflict, "not_yet"},
	{view.ErrNoHead, http.StatusServiceUnavailable, "no_head"},
	{view.ErrOneEndpoint, http.StatusConflict, "one_endpoint"},
	{view.ErrOneInstance, http.StatusConflict, "one_instance"},
	{store.ErrOwed, http.StatusConflict, "journal_owed"},
	{ErrNoOwner, http.StatusServiceUnavailable, "no_owner"},
	{ErrUnauthorized, http.StatusUnauthorized, "unauthorized"},
	{ErrForbidden, http.StatusForbidden, "forbidden"},
	{ErrNoFeed, http.StatusConflict, "no_feed"},
	{ErrStays, http.StatusConflict, "stays"},
	{pipeline.ErrNoMailbox, http.StatusNotFound, "no_mailbox"},
	{pipeline.ErrFuture, http.StatusConflict, "not_delivered"},
	{pipeline.ErrCollected, http.StatusGone, "collected"},
	{pipeline.ErrStopped, http.StatusServiceUnavailable, "stopped"},
	{shared.ErrNotBanned, http.StatusNotFound, "not_banned"},
	{shared.ErrNotHalted, http.StatusNotFound, "not_halted"},
	{shared.ErrTooManyBans, http.StatusConflict, "too_many_bans"},
	{shared.ErrOwnOperator, http.StatusConflict, "own_operator"},
	{store.ErrUnreachable, http.StatusServiceUnavailable, codeStoreAway}, // before its likes: a client is told no more than this
	{store.ErrNoAnswer, http.StatusServiceUnavailable, codeStoreAway},
	{store.ErrRefused, http.StatusServiceUnavailable, codeStoreAway},
	{view.ErrNoSigners, http.StatusConflict, "no_signers"},
	{placement.ErrUnknown, http.StatusNotFound, "not_found"},
	{placement.ErrNotMoved, http.StatusConflict, "not_moved"},
	{placement.ErrNoSigner, http.StatusNotFound, "not_found"},
	{keygen.ErrUnknown, http.StatusNotFound, "not_found"},
	{keygen.ErrOtherState, http.StatusConflict, "other_state"},
	{keygen.ErrExpired, http.StatusConflict, "expired"},
	{keygen.ErrTooMany, http.StatusConflict, "too_many_keygens"},
	{keygen.ErrNoBackend, http.StatusServiceUnavailable, "no_backend"},
	{keygen.ErrEnded, http.StatusServiceUnavailable, "stopped"},
	{quorum.ErrNeeded, http.StatusConflict, "endpoint_needed"},
	{view.ErrConfiguration, http.StatusUnprocessableEntity, "invalid_configuration"},
	{chain.ErrNoQuorum, http.StatusServiceUnavailable, "no_quorum"},
	{view.ErrNoNetwork, http.StatusServiceUnavailable, "no_network"},
	{net.ErrNotConnected, http.StatusConflict, "not_connected"},
	{net.ErrOutOfReach, http.StatusConflict, "not_connected"},
	{net.ErrDeclined, http.StatusConflict, "declined"},
	{exchange.ErrStranger, http.StatusConflict, "nothing_shared"},
	{exchange.ErrNoHead, http.StatusConflict, "not_attested"},
	{ErrInvalid, http.StatusBadRequest, "invalid"}, // before its like: a client is told no more than this
	{net.ErrPeerID, http.StatusBadRequest, "invalid"},
	{ErrLogLevel, http.StatusBadRequest, "invalid"},
	{keygen.ErrTerms, http.StatusBadRequest, "invalid"},
	{errTooManyWatchers, http.StatusServiceUnavailable, "busy"},
	{errTooManyFollowers, http.StatusServiceUnavailable, "busy"},
	{errTooManyOfOne, http.StatusServiceUnavailable, "busy"}, // who comes again in a while is let in: streams that broke off are noticed late
	{errBusy, http.StatusServiceUnavailable, "busy"},
	{ErrStarting, http.StatusServiceUnavailable, "starting"},
	{store.ErrClosed, http.StatusServiceUnavailable, "stopped"},
}

func classify(err error) (status int, code string) {
	var bad invalid
	if errors.As(err, &bad) {
		return http.StatusBadRequest, "invalid"
	}
	for _, f := range failures {
		if errors.Is(err, f.is) {
			return f.status, f.code
		}
	}
	return http.StatusInternalServerError, "failed"
}
