package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// remote is the way to an operator's instances.
type remote struct{ instances *client.Client }

// Any implements way.
func (r remote) Any(ctx context.Context, q client.Request) (*http.Response, error) {
	response, err := r.instances.Any(ctx, q)
	return response, unreached(err)
}

// Wallet implements way.
func (r remote) Wallet(ctx context.Context, wallet chain.WalletID, q client.Request) (*http.Response, error) {
	response, err := r.instances.Wallet(ctx, wallet, q)
	if errors.Is(err, client.ErrNoOwner) {
		err = fmt.Errorf("%w: %w", ErrNoOwner, err)
	}
	return response, unreached(err)
}

// Located implements way.
func (r remote) Located(ctx context.Context, q client.Request) (*http.Response, error) {
	response, err := r.instances.Located(ctx, q)
	return response, unreached(err)
}

// Watch implements way.
func (r remote) Watch(ctx context.Context, path string, see func(client.Update) error) error {
	return unreached(r.instances.Watch(ctx, path, see))
}

// unreached says ErrUnreachable where no instance answers.
func unreached(err error) error {
	if errors.Is(err, client.ErrUnreachable) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// Instances asks for the operator's instances.
func (c *Client) Instances(ctx context.Context) (view.Instances, error) {
	return get[view.Instances](ctx, c, "/v1/instances", nil)
}

// Instance asks for one of them; store.ErrNotFound if there is none of that name.
func (c *Client) Instance(ctx context.Context, id string) (view.Instance, error) {
	return get[view.Instance](ctx, c, "/v1/instances/"+url.PathEscape(id), nil)
}

// Wish asks an instance for something; shared.None takes back what it was asked for.
func (c *Client) Wish(ctx context.Context, id string, d shared.Desire) (wish view.Wish, err error) {
	does := string(d)
	if d == shared.None {
		does = "undrain"
	}
	return wish, c.ask(ctx, http.MethodPost, "/v1/instances/"+url.PathEscape(id)+"/"+does, nil, nil, &wish)
}

// Directory asks for the signed list of the operator's instances.
func (c *Client) Directory(ctx context.Context) (client.Directory, error) {
	return get[client.Directory](ctx, c, "/v1/directory", nil)
}

// Serving asks who serves a wallet. Through instances (NewRemote) that one itself answers, and is waited for while there is
// none; a node of this machine says who it takes it to be, ErrNoOwner if nobody.
func (c *Client) Serving(ctx context.Context, wallet chain.WalletID) (owner view.Owner, err error) {
	response, err := c.way.Wallet(ctx, wallet, client.Request{Method: http.MethodGet, Path: "/v1/wallets/" + wallet.String() + "/serving"})
	if err != nil {
		return owner, err
	}
	return owner, readDocument(response, &owner, http.StatusTemporaryRedirect) // both say it in the same words
}

// Resume lets a wallet that was stopped go on, and returns which are stopped still.
func (c *Client) Resume(ctx context.Context, wallet chain.WalletID) (halts view.Halts, err error) {
	return halts, c.ask(ctx, http.MethodPost, "/v1/wallets/"+wallet.String()+"/resume", nil, nil, &halts)
}

// Halts asks for the wallets that are stopped.
func (c *Client) Halts(ctx context.Context) (view.Halts, error) {
	return get[view.Halts](ctx, c, "/v1/halts", nil)
}

// Bans asks who is kept away.
func (c *Client) Bans(ctx context.Context) (view.Bans, error) {
	return get[view.Bans](ctx, c, "/v1/bans", nil)
}

// AddBan keeps an operator or a peer away.
func (c *Client) AddBan(ctx context.Context, wish BanWish) (ban view.Ban, err error) {
	raw, err := marshal(wish)
	if err != nil {
		return ban, err
	}
	return ban, c.ask(ctx, http.MethodPost, "/v1/bans", nil, raw, &ban)
}

// RemoveBan lifts a ban, and returns which are left.
func (c *Client) RemoveBan(ctx context.Context, subject string) (bans view.Bans, err error) {
	return bans, c.ask(ctx, http.MethodDelete, "/v1/bans/"+url.PathEscape(subject), nil, nil, &bans)
}
