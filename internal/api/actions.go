package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// errServedElsewhere says that another instance serves the wallet, and that only that one can do what was asked.
var errServedElsewhere = errors.New("another instance serves the wallet")

// actionRoutes are those of signatures and of what is done about actions.
func actionRoutes() []route {
	return []route{
		{
			path: "/v1/actions/{block}/signings", summary: "What wallets' signers were asked in one window: transactions, attempts, who was absent.",
			answer: view.Signings{}, parameters: []parameter{blockParameter, walletParameter}, handle: (*Server).signings, kept: true,
		},
		{
			method: http.MethodPost, path: "/v1/actions/{block}/retry", answer: view.Actions{}, elsewhere: client.Redirect{},
			summary:    "Carries out once more what ended without a signature for want of something that was at this node. The wallet's instance does it; any other one answers 307 and which one that is.",
			parameters: []parameter{blockParameter, {name: "wallet", kind: "string", required: true, about: walletParameter.about}},
			handle:     (*Server).retryAction,
		},
	}
}

func (s *Server) signings(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	block, err := parseHeight(r.PathValue("block"))
	if err != nil {
		return nil, invalid{err}
	}
	wallet := q.wallet()
	return answer(q, func() (any, error) { return s.Records.Signings(r.Context(), block, wallet) })
}

func (s *Server) retryAction(w http.ResponseWriter, r *http.Request, q *query) (any, error) {
	block, err := parseHeight(r.PathValue("block"))
	if err != nil {
		return nil, invalid{err}
	}
	wallet := q.wallet()
	if err := q.done(); err != nil {
		return nil, invalid{err}
	}
	if wallet == nil {
		return nil, invalid{errors.New("wallet is missing: say whose action is to be tried again")}
	}
	if _, here, err := s.atOwner(w, r, *wallet); err != nil || !here {
		return nil, err
	}
	err = s.Live.RetryAction(r.Context(), *wallet, block)
	if errors.Is(err, chain.ErrNotServed) { // it was ours a moment ago
		err = laterError{ErrNoOwner, time.Second}
	}
	if err != nil {
		return nil, err
	}
	s.Logger.Info("Action is tried again", "wallet", wallet, "window", block)
	return s.Records.Actions(r.Context(), store.ActionFilter{Wallet: wallet, From: block, To: block, Limit: 1})
}

// atOwner reports whether this instance serves a wallet, and who does. If another one does, the request is answered with that.
func (s *Server) atOwner(w http.ResponseWriter, r *http.Request, wallet chain.WalletID) (owner view.Owner, here bool, err error) {
	owner, mine, wait, err := s.Cluster.Owner(wallet)
	switch {
	case err != nil:
		return owner, false, err
	case mine:
		return owner, true, nil
	case owner.Owner == "":
		return owner, false, laterError{ErrNoOwner, wait}
	}
	if len(owner.URLs) > 0 { // for programs that follow it themselves; net/client reads the body
		w.Header().Set("Location", owner.URLs[0]+r.URL.RequestURI())
	}
	return owner, false, write(w, http.StatusTemporaryRedirect, client.Redirect{Wallet: wallet, Owner: owner.Owner, URLs: owner.URLs, Epoch: owner.Epoch})
}

// Signings implements Records.
func (c *Client) Signings(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Signings, error) {
	values := url.Values{}
	if wallet != nil {
		values.Set("wallet", wallet.String())
	}
	return get[view.Signings](ctx, c, actionPath(block)+"/signings", values)
}

// RetryAction has a wallet's action carried out once more, and returns it. Through instances (NewRemote) the wallet's own one is
// asked; a node of this machine that is another one says errServedElsewhere.
func (c *Client) RetryAction(ctx context.Context, wallet chain.WalletID, block chain.Height) (actions view.Actions, err error) {
	response, err := c.way.Wallet(ctx, wallet, client.Request{
		Method: http.MethodPost, Path: actionPath(block) + "/retry", Query: url.Values{"wallet": {wallet.String()}},
	})
	if err != nil {
		return actions, err
	}
	if response.StatusCode != http.StatusTemporaryRedirect {
		return actions, readDocument(response, &actions)
	}
	var owner client.Redirect
	if err := readDocument(response, &owner, http.StatusTemporaryRedirect); err != nil {
		return actions, err
	}
	return actions, fmt.Errorf("%w: ask %s", errServedElsewhere, owner.Owner)
}

func actionPath(block chain.Height) string {
	return "/v1/actions/" + strconv.FormatUint(uint64(block), 10)
}
