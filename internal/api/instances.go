package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// ErrNoOwner says that no instance serves a wallet at this moment.
var ErrNoOwner = errors.New("no instance serves the wallet at this moment")

// BanWish is a wish to keep an operator or a peer away. One of the two is given.
type BanWish struct {
	Operator string `json:"operator"`
	Peer     string `json:"peer"`
	Reason   string `json:"reason"`  // for people, at most 200 bytes
	Seconds  int64  `json:"seconds"` // how long it lasts; 0 until it is lifted
}

func (s *Server) instances(http.ResponseWriter, *http.Request, *query) (any, error) {
	return s.Cluster.Instances(), nil
}

func (s *Server) instance(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	id := r.PathValue("id")
	for _, i := range s.Cluster.Instances().Instances {
		if i.ID == id {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%w: no instance %q", store.ErrNotFound, id)
}

// wish returns the handler that asks an instance for something.
func wish(d shared.Desire) func(*Server, http.ResponseWriter, *http.Request, *query) (any, error) {
	return func(s *Server, _ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
		id := r.PathValue("id")
		removed, err := s.Cluster.Wish(r.Context(), id, d)
		if err != nil {
			return nil, err
		}
		if removed {
			s.Logger.Info("Dead instance removed", "instance", id)
			return view.Wish{Instance: id, Removed: true}, nil
		}
		s.Logger.Info("Instance asked for something", "instance", id, "wish", d)
		return view.Wish{Instance: id, Wish: string(d)}, nil
	}
}

func (s *Server) directory(http.ResponseWriter, *http.Request, *query) (any, error) {
	if s.Cluster == nil { // a node's API for its signers alone
		return nil, view.ErrOneInstance
	}
	return s.Cluster.Directory()
}

// serving answers at the wallet's own instance, and says at any other which one that is.
func (s *Server) serving(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	id, err := chain.ParseWalletID(r.PathValue("id"))
	if err != nil {
		return nil, invalid{err}
	}
	owner, here, err := s.atOwner(w, r, id)
	if err != nil || !here {
		return nil, err
	}
	return owner, nil
}

// laterError is an error that is over after a while, as far as is known.
type laterError struct {
	error
	after time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// seconds is the time to wait in whole seconds, at least one, as the header Retry-After has it.
func (e laterError) seconds() string {
	return strconv.FormatInt(max(1, int64((e.after+time.Second-1)/time.Second)), 10)
}

func (s *Server) bans(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	list, age, err := s.Cluster.Bans(r.Context())
	markStale(w, age)
	return list, err
}

func (s *Server) addBan(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	wish, err := body[BanWish](r)
	if err != nil {
		return nil, err
	}
	ban, lasts, err := wish.ban()
	if err != nil {
		return nil, invalid{err}
	}
	added, err := s.Cluster.AddBan(r.Context(), ban, lasts)
	if err == nil {
		s.Logger.Info("Ban added", "subject", ban.Subject(), "seconds", wish.Seconds)
	}
	return added, err
}

// ban is what the wish asks for.
func (b BanWish) ban() (shared.Ban, time.Duration, error) {
	ban := shared.Ban{Reason: b.Reason, By: "operator"}
	var err error
	switch {
	case (b.Operator == "") == (b.Peer == ""):
		return ban, 0, errors.New("want an operator or a peer")
	case b.Operator != "":
		ban.Operator, err = chain.ParseOperator(b.Operator)
	default:
		if ban.Peer, err = peer.Decode(b.Peer); err != nil {
			err = errSubject(b.Peer)
		}
	}
	switch {
	case err != nil:
		return ban, 0, err
	case b.Operator != "" && ban.Operator.IsZero():
		return ban, 0, errors.New("the zero address is nobody's")
	case len(b.Reason) > shared.MaxText:
		return ban, 0, fmt.Errorf("reason: want at most %d bytes, have %d", shared.MaxText, len(b.Reason))
	case b.Seconds < 0 || b.Seconds > maxBanSeconds:
		return ban, 0, fmt.Errorf("seconds: want 0 to %d, have %d", maxBanSeconds, b.Seconds)
	}
	return ban, time.Duration(b.Seconds) * time.Second, nil
}

// maxBanSeconds is the longest ban that ends by itself: a hundred years.
const maxBanSeconds = 100 * 365 * 24 * 3600

// subject reads who is banned: an operator's address or a peer ID.
func subject(text string) (shared.Ban, error) {
	if op, err := chain.ParseOperator(text); err == nil {
		return shared.Ban{Operator: op}, nil
	}
	id, err := peer.Decode(text)
	if err != nil {
		return shared.Ban{}, errSubject(text)
	}
	return shared.Ban{Peer: id}, nil
}

// errSubject says that a word names nobody who could be banned.
func errSubject(text string) error {
	return fmt.Errorf("%.80q is neither an operator's address (EIP-55) nor a peer ID", text)
}

func (s *Server) removeBan(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	ban, err := subject(r.PathValue("subject"))
	if err != nil {
		return nil, invalid{err}
	}
	if err := s.Cluster.RemoveBan(r.Context(), ban); err != nil {
		return nil, err
	}
	s.Logger.Info("Ban lifted", "subject", ban.Subject())
	return s.bans(w, r, nil)
}

func (s *Server) halts(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	list, age, err := s.Cluster.Halts(r.Context())
	markStale(w, age)
	return list, err
}

// resume lets a wallet go on. Any instance can: it is a row of the database that all look at.
func (s *Server) resume(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	id, err := chain.ParseWalletID(r.PathValue("id"))
	if err != nil {
		return nil, invalid{err}
	}
	if err := s.Cluster.Resume(r.Context(), id); err != nil {
		return nil, err
	}
	s.Logger.Warn("Wallet resumed", "wallet", id)
	return s.halts(w, r, nil)
}
