package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

func TestInstancesAreShownAndAskedForThings(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	list, err := c.Instances(ctx)
	require.NoError(t, err)
	require.Equal(t, w.cluster.Instances(), list)

	for _, d := range []shared.Desire{shared.Drain, shared.Resign, shared.None} {
		wish, err := c.Wish(ctx, "b", d)
		require.NoError(t, err)
		require.Equal(t, view.Wish{Instance: "b", Wish: string(d)}, wish)
		b, err := c.Instance(ctx, "b")
		require.NoError(t, err)
		require.Equal(t, string(d), b.Wish)
	}
	wish, err := c.Wish(ctx, "dead", shared.Resign)
	require.NoError(t, err)
	require.Equal(t, view.Wish{Instance: "dead", Removed: true}, wish)
	_, err = c.Wish(ctx, "c", shared.Drain)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = c.Instance(ctx, "../a")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, does := range []string{"drain", "undrain", "resign"} { // what changes something takes a POST
		require.Equal(t, http.StatusMethodNotAllowed, w.send(t, http.MethodGet, "/v1/instances/b/"+does, "").Code)
	}

	w.cluster.err = view.ErrOneInstance
	_, err = c.Wish(ctx, "a", shared.Drain)
	require.ErrorIs(t, err, view.ErrOneInstance)
	w.cluster.err = store.ErrOwed
	_, err = c.Wish(ctx, "dead", shared.Resign)
	require.ErrorIs(t, err, store.ErrOwed)
}

// An instance that does not serve a wallet names the one that does, and waits out nobody's lease for its client.
func TestAWalletsOwnQuestionIsRedirected(t *testing.T) {
	w := newWorld(t)
	c, id := w.client(t), w.live.wallet.ID()
	target := "/v1/wallets/" + id.String() + "/serving"
	owner, err := c.Serving(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, view.Owner{Wallet: id, Owner: "a", URLs: []string{"https://a.example:9602"}, Epoch: 7}, owner)

	w.cluster.owner, w.cluster.mine = view.Owner{Owner: "b", URLs: w.cluster.urls["b"], Epoch: 8}, false
	answer := w.send(t, http.MethodGet, target, "")
	require.Equal(t, http.StatusTemporaryRedirect, answer.Code)
	require.Equal(t, "https://b.example:9602"+target, answer.Header().Get("Location"))
	var to client.Redirect
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&to))
	require.Equal(t, client.Redirect{Wallet: id, Owner: "b", URLs: w.cluster.urls["b"], Epoch: 8}, to)
	owner, err = c.Serving(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, view.Owner{Wallet: id, Owner: "b", URLs: w.cluster.urls["b"], Epoch: 8}, owner)

	w.cluster.owner, w.cluster.wait = view.Owner{Epoch: 8}, 1200*time.Millisecond
	answer = w.send(t, http.MethodGet, target, "")
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.Equal(t, "2", answer.Header().Get("Retry-After"))
	_, err = c.Serving(t.Context(), id)
	require.ErrorIs(t, err, ErrNoOwner)
	w.cluster.wait = 0
	require.Equal(t, "1", w.send(t, http.MethodGet, target, "").Header().Get("Retry-After"), "never at once")

	w.cluster.err = store.ErrNotFound
	_, err = c.Serving(t.Context(), id)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Equal(t, "invalid", w.problem(t, http.StatusBadRequest, "/v1/wallets/x/serving").Error.Code)
}

func TestWalletsAreListedWithTheirOwners(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	w.cluster.owner.Halted = "somebody spoke"
	list, err := c.Wallets(ctx)
	require.NoError(t, err)
	require.Equal(t, "a", *list.Wallets[0].Owner)
	require.Equal(t, uint64(7), *list.Wallets[0].Epoch)
	require.Equal(t, "somebody spoke", *list.Wallets[0].Halted)
	one, err := c.Wallet(ctx, w.live.wallet.ID())
	require.NoError(t, err)
	require.Equal(t, list.Wallets[0], one)

	w.cluster.err = store.ErrNotFound // an archived one
	list, err = c.Wallets(ctx)
	require.NoError(t, err)
	require.Nil(t, list.Wallets[0].Owner)
	require.Nil(t, list.Wallets[0].Epoch)
}

func TestBansAreAddedAndLifted(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	operator, peer := chain.Operator{9}.String(), "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
	ban, err := c.AddBan(ctx, BanWish{Operator: operator, Reason: "lies", Seconds: 60})
	require.NoError(t, err)
	require.Equal(t, operator, ban.Operator)
	require.Equal(t, "operator", ban.By)
	require.Equal(t, "1m0s", *ban.Until)
	ban, err = c.AddBan(ctx, BanWish{Peer: peer})
	require.NoError(t, err)
	require.Nil(t, ban.Until)
	list, err := c.Bans(ctx)
	require.NoError(t, err)
	require.Len(t, list.Bans, 2)

	list, err = c.RemoveBan(ctx, operator)
	require.NoError(t, err)
	require.Len(t, list.Bans, 1)
	_, err = c.RemoveBan(ctx, operator)
	require.ErrorIs(t, err, shared.ErrNotBanned)
	_, err = c.RemoveBan(ctx, peer)
	require.NoError(t, err)
	_, err = c.RemoveBan(ctx, "nobody")
	require.ErrorIs(t, err, ErrInvalid)

	w.cluster.err = fmt.Errorf("%w: there are 1024", shared.ErrTooManyBans)
	_, err = c.AddBan(ctx, BanWish{Peer: peer})
	require.ErrorIs(t, err, shared.ErrTooManyBans)
	w.cluster.err = fmt.Errorf("ban %s: %w", operator, shared.ErrOwnOperator)
	_, err = c.AddBan(ctx, BanWish{Operator: operator})
	require.ErrorIs(t, err, shared.ErrOwnOperator)
}

func TestAWishForABanThatCannotBeMetIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	operator := chain.Operator{9}.String()
	for name, wish := range map[string]BanWish{
		"nobody":            {},
		"both":              {Operator: operator, Peer: "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"},
		"no address":        {Operator: "0x12"},
		"another case":      {Operator: strings.ToLower(chain.Operator{0xab, 0xcd}.String())},
		"the zero address":  {Operator: chain.Operator{}.String()},
		"no peer ID":        {Peer: "peer"},
		"a reason too long": {Operator: operator, Reason: strings.Repeat("x", shared.MaxText+1)},
		"negative":          {Operator: operator, Seconds: -1},
		"beyond all time":   {Operator: operator, Seconds: maxBanSeconds + 1},
	} {
		_, err := c.AddBan(t.Context(), wish)
		require.ErrorIs(t, err, ErrInvalid, name)
	}
	require.Empty(t, w.cluster.bans)
	require.Equal(t, http.StatusBadRequest, w.send(t, http.MethodPost, "/v1/bans", `{"operator":"`+operator+`","x":1}`).Code)
}

func TestAHaltedWalletIsResumed(t *testing.T) {
	w := newWorld(t)
	c, ctx, id := w.client(t), t.Context(), w.live.wallet.ID()
	w.cluster.halts = []view.Halt{{Wallet: id, Window: 900, Reason: "somebody spoke", By: "b", Since: "now"}}
	halts, err := c.Halts(ctx)
	require.NoError(t, err)
	require.Equal(t, w.cluster.halts, halts.Halts)
	halts, err = c.Resume(ctx, id)
	require.NoError(t, err)
	require.Empty(t, halts.Halts)
	_, err = c.Resume(ctx, id)
	require.ErrorIs(t, err, shared.ErrNotHalted)
}

// While the database is away what is known is shown, and the rest says why it is not.
func TestWhatNeedsTheDatabaseSaysThatItIsAway(t *testing.T) {
	w := newWorld(t)
	for _, away := range []error{store.ErrUnreachable, store.ErrNoAnswer, store.ErrRefused} {
		w.cluster.err = fmt.Errorf("read bans: %w", away)
		require.Equal(t, "store_away", w.problem(t, http.StatusServiceUnavailable, "/v1/bans").Error.Code)
		require.Equal(t, http.StatusOK, w.send(t, http.MethodGet, "/v1/instances", "").Code)
	}
	_, err := w.client(t).Bans(t.Context())
	require.ErrorIs(t, err, store.ErrUnreachable)
}
