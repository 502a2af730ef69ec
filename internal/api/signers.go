package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Signers is what the node knows of its signer backends; *placement.Pool is one.
type Signers interface {
	Backends() []placement.Status
	// Home says which backend holds a wallet's shares, Unsignable why the wallet cannot be signed for.
	Home(wallet chain.WalletID) (id string, assigned bool)
	Unsignable(wallet chain.WalletID) error
	// Say records the operator's word, on all instances; placement.ErrUnknown if there is no such backend. With forget
	// whoever answers next under its id is taken for it.
	Say(ctx context.Context, id string, state placement.State, by string, forget bool) error
	// Move records that a wallet's key is in another backend now; placement.ErrNotMoved if it is not, or is also elsewhere.
	Move(ctx context.Context, wallet chain.WalletID, to string) error
}

// SignerWish is what the operator says of a signer, on all instances and until something else is said.
type SignerWish struct {
	State string `json:"state"` // active, retired (it gets no new wallets) or failed (it is asked for nothing)
	Rekey bool   `json:"rekey"` // whoever answers next under its id is taken for it
}

// SignerMove says which wallet a signer serves from now on.
type SignerMove struct {
	Wallet string `json:"wallet"` // public key hash
}

var signerParameter = parameter{name: "id", kind: "string", required: true, about: "ID of a signer."}

// signerRoutes are those of signer backends.
func signerRoutes() []route {
	return []route{
		{path: "/v1/signers", summary: "The signer backends: how they fare, and what they hold.", answer: view.Signers{}, handle: (*Server).signers},
		{
			method: http.MethodPost, path: "/v1/signers/{id}/state", body: SignerWish{}, answer: view.Signers{}, parameters: []parameter{signerParameter},
			summary: "Says of a signer that it is active, retired or failed, on all instances.", handle: (*Server).saySigner,
		},
		{
			method: http.MethodPost, path: "/v1/signers/{id}/wallets", body: SignerMove{}, answer: view.Signers{}, parameters: []parameter{signerParameter},
			summary: "Has a signer serve a wallet whose key was exported elsewhere and imported into it, on all instances.", handle: (*Server).moveWallet,
		},
	}
}

func (s *Server) signers(http.ResponseWriter, *http.Request, *query) (any, error) {
	if s.Signers == nil {
		return view.NewSigners(nil), nil
	}
	return view.NewSigners(s.Signers.Backends()), nil
}

func (s *Server) saySigner(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	wish, err := body[SignerWish](r)
	if err != nil {
		return nil, err
	}
	state, err := placement.ParseState(wish.State)
	if err != nil {
		return nil, invalid{err}
	}
	if s.Signers == nil {
		return nil, view.ErrNoSigners
	}
	if err := s.Signers.Say(r.Context(), r.PathValue("id"), state, "operator", wish.Rekey); err != nil {
		return nil, err
	}
	s.Logger.Info("Signer's state set", "signer", r.PathValue("id"), "state", wish.State, "rekey", wish.Rekey)
	return s.signers(w, r, nil)
}

func (s *Server) moveWallet(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	wish, err := body[SignerMove](r)
	if err != nil {
		return nil, err
	}
	wallet, err := chain.ParseWalletID(wish.Wallet)
	if err != nil {
		return nil, invalid{err}
	}
	if s.Signers == nil {
		return nil, view.ErrNoSigners
	}
	if err := s.Signers.Move(r.Context(), wallet, r.PathValue("id")); err != nil {
		return nil, err
	}
	return s.signers(w, r, nil)
}

// signed adds to a wallet how it can be signed for now.
func (s *Server) signed(w view.Wallet) view.Wallet {
	switch {
	case w.Archived:
		return w
	case s.Signers == nil:
		return w.SignedBy("", view.ErrNoSigners)
	}
	id, _ := s.Signers.Home(w.Wallet)
	return w.SignedBy(id, s.Signers.Unsignable(w.Wallet))
}

// Signers asks for the signer backends.
func (c *Client) Signers(ctx context.Context) (view.Signers, error) {
	return get[view.Signers](ctx, c, "/v1/signers", nil)
}

// SaySigner says something of a signer, and returns all of them.
func (c *Client) SaySigner(ctx context.Context, id string, wish SignerWish) (all view.Signers, err error) {
	raw, err := marshal(wish)
	if err != nil {
		return all, err
	}
	return all, c.ask(ctx, http.MethodPost, "/v1/signers/"+url.PathEscape(id)+"/state", nil, raw, &all)
}

// MoveWallet has a signer serve a wallet whose key it was given, and returns all signers.
func (c *Client) MoveWallet(ctx context.Context, id string, wallet chain.WalletID) (all view.Signers, err error) {
	raw, err := marshal(SignerMove{wallet.String()})
	if err != nil {
		return all, err
	}
	return all, c.ask(ctx, http.MethodPost, "/v1/signers/"+url.PathEscape(id)+"/wallets", nil, raw, &all)
}
