package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// Keygens is the node's part in key generations; *keygen.Service is one.
type Keygens interface {
	Create(ctx context.Context, r keygen.Request) (signer.SessionID, error)
	Accept(ctx context.Context, session signer.SessionID) error
	Decline(ctx context.Context, session signer.SessionID) error
	Status(ctx context.Context, session signer.SessionID) (keygen.Status, error)
	Statuses(ctx context.Context) ([]keygen.Status, error)
}

// KeygenWish asks for a new wallet.
type KeygenWish struct {
	Operators []chain.Operator `json:"operators"` // each once; the seats of the first come first
	Seats     []int            `json:"seats"`     // of each operator
	Threshold int              `json:"threshold"` // seats that a signature takes: 2 at least
	Scheme    string           `json:"scheme"`    // frost (Taproot) or cmp (ECDSA); frost if it is empty
}

var keygenParameter = parameter{name: "session", kind: "string", required: true, about: "Name of a key generation: 64 hex digits."}

// keygenRoutes are those of key generations.
func keygenRoutes() []route {
	return []route{
		{
			path: "/v1/keygens", summary: "The key generations that this operator was invited to, or invited others to, newest first.",
			answer: view.Keygens{}, handle: (*Server).keygens,
		},
		{
			method: http.MethodPost, path: "/v1/keygens", body: KeygenWish{}, answer: view.Keygen{}, handle: (*Server).createWallet,
			summary: "Invites operators to generate a wallet's key, and accepts for this one. The answer is how it begins; it goes on by itself.",
		},
		{path: "/v1/keygens/{session}", summary: "One key generation.", answer: view.Keygen{}, parameters: []parameter{keygenParameter}, handle: (*Server).keygen},
		{
			method: http.MethodPost, path: "/v1/keygens/{session}/accept", answer: view.Keygen{}, parameters: []parameter{keygenParameter},
			summary: "Takes part in a key generation that this operator was invited to.", handle: deciding(Keygens.Accept, "Key generation accepted"),
		},
		{
			method: http.MethodPost, path: "/v1/keygens/{session}/decline", answer: view.Keygen{}, parameters: []parameter{keygenParameter},
			summary: "Refuses an invitation, or ends what was accepted and has not begun to generate.", handle: deciding(Keygens.Decline, "Key generation declined"),
		},
	}
}

// ceremonies returns the node's key generations; view.ErrNoSigners if it has no signers.
func (s *Server) ceremonies() (Keygens, error) {
	if s.Keygens == nil {
		return nil, view.ErrNoSigners
	}
	return s.Keygens, nil
}

func (s *Server) keygens(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	service, err := s.ceremonies()
	if err != nil {
		return nil, err
	}
	all, err := service.Statuses(r.Context())
	return view.NewKeygens(all), err
}

func (s *Server) keygen(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	service, session, err := s.ceremony(r)
	if err != nil {
		return nil, err
	}
	st, err := service.Status(r.Context(), session)
	return view.NewKeygen(st), err
}

// ceremony reads which key generation a request is about.
func (s *Server) ceremony(r *http.Request) (Keygens, signer.SessionID, error) {
	session, err := signer.ParseSessionID(r.PathValue("session"))
	if err != nil {
		return nil, session, invalid{err}
	}
	service, err := s.ceremonies()
	return service, session, err
}

func (s *Server) createWallet(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	wish, err := body[KeygenWish](r)
	if err != nil {
		return nil, err
	}
	request, err := wish.request()
	if err != nil {
		return nil, invalid{err}
	}
	service, err := s.ceremonies()
	if err != nil {
		return nil, err
	}
	session, err := service.Create(r.Context(), request)
	if err != nil {
		return nil, err
	}
	s.Logger.Info("Wallet asked for", "session", session, "seats", len(request.Roster), "threshold", request.Threshold)
	st, err := service.Status(r.Context(), session)
	return view.NewKeygen(st), err
}

// request is what the wish asks for.
func (w KeygenWish) request() (keygen.Request, error) {
	scheme := signer.Schemes()[0]
	if w.Scheme != "" {
		var err error
		if scheme, err = signer.ParseScheme(w.Scheme); err != nil {
			return keygen.Request{}, err
		}
	}
	roster, err := keygen.RosterOf(w.Operators, w.Seats)
	if err != nil {
		return keygen.Request{}, err
	}
	return keygen.Request{Roster: roster, Threshold: w.Threshold, Scheme: scheme}, keygen.Terms{Roster: roster, Threshold: w.Threshold, Scheme: scheme}.Check()
}

// deciding makes the handler of a decision about a key generation.
func deciding(decide func(Keygens, context.Context, signer.SessionID) error, done string) handler {
	return func(s *Server, _ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
		service, session, err := s.ceremony(r)
		if err != nil {
			return nil, err
		}
		if err := decide(service, r.Context(), session); err != nil {
			return nil, err
		}
		s.Logger.Info(done, "session", session)
		st, err := service.Status(r.Context(), session)
		return view.NewKeygen(st), err
	}
}

// Keygens asks for the key generations.
func (c *Client) Keygens(ctx context.Context) (view.Keygens, error) {
	return get[view.Keygens](ctx, c, "/v1/keygens", nil)
}

// Keygen asks for one key generation.
func (c *Client) Keygen(ctx context.Context, session string) (view.Keygen, error) {
	return get[view.Keygen](ctx, c, "/v1/keygens/"+url.PathEscape(session), nil)
}

// CreateWallet asks for a new wallet.
func (c *Client) CreateWallet(ctx context.Context, wish KeygenWish) (k view.Keygen, err error) {
	raw, err := marshal(wish)
	if err != nil {
		return k, err
	}
	return k, c.ask(ctx, http.MethodPost, "/v1/keygens", nil, raw, &k)
}

// AcceptKeygen takes part in a key generation.
func (c *Client) AcceptKeygen(ctx context.Context, session string) (view.Keygen, error) {
	return c.decide(ctx, session, "accept")
}

// DeclineKeygen refuses one.
func (c *Client) DeclineKeygen(ctx context.Context, session string) (view.Keygen, error) {
	return c.decide(ctx, session, "decline")
}

func (c *Client) decide(ctx context.Context, session, what string) (k view.Keygen, err error) {
	return k, c.ask(ctx, http.MethodPost, "/v1/keygens/"+url.PathEscape(session)+"/"+what, nil, nil, &k)
}
