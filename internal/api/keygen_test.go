package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// ceremonies is a node's part in key generations at a moment.
type ceremonies struct {
	err   error // of every question
	asked []string
	last  keygen.Request
}

var someSession = signer.SessionID{0xab, 1}

func (c *ceremonies) Create(_ context.Context, r keygen.Request) (signer.SessionID, error) {
	c.asked, c.last = append(c.asked, "create"), r
	return someSession, c.err
}

func (c *ceremonies) Accept(_ context.Context, s signer.SessionID) error {
	c.asked = append(c.asked, "accept "+s.String()[:4])
	return c.err
}

func (c *ceremonies) Decline(_ context.Context, s signer.SessionID) error {
	c.asked = append(c.asked, "decline "+s.String()[:4])
	return c.err
}

func (c *ceremonies) Status(_ context.Context, s signer.SessionID) (keygen.Status, error) {
	roster := []chain.Operator{{1}, {1}, {2}}
	return keygen.Status{
		Row:     keygen.Row{Session: s, State: keygen.Running, Created: time.Unix(1, 0), Changed: time.Unix(2, 0), Wallet: chain.WalletID{3}},
		Invited: keygen.Invitation{Terms: keygen.Terms{Roster: roster, Threshold: 2, Scheme: signer.FROST}, By: roster[0], Expires: time.Unix(3, 0)},
		Seats:   []chain.Seat{3}, Progress: keygen.Progress{Round: 2, Awaited: roster[:1], Since: time.Unix(2, 0)},
	}, c.err
}

func (c *ceremonies) Statuses(ctx context.Context) ([]keygen.Status, error) {
	st, err := c.Status(ctx, someSession)
	return []keygen.Status{st}, err
}

func TestKeygenIsToldWithItsProgress(t *testing.T) {
	w := newWorld(t)
	k, err := w.client(t).Keygen(t.Context(), someSession.String())
	require.NoError(t, err)
	since := view.Time(time.Unix(2, 0))
	require.Equal(t, view.Keygen{
		Session: someSession.String(), State: "running", Scheme: "frost", Threshold: 2,
		Roster: []view.KeygenHolding{{Operator: chain.Operator{1}, Seats: 2}, {Operator: chain.Operator{2}, Seats: 1}},
		Seats:  []int{3}, By: chain.Operator{1}, Expires: view.Time(time.Unix(3, 0)), Round: 2,
		Awaited: []chain.Operator{{1}}, Since: &since, Wallet: &chain.WalletID{3},
		Created: view.Time(time.Unix(1, 0)), Changed: since,
	}, k)
	require.False(t, k.Over())
	require.Equal(t, 3, k.Total())
	list, err := w.client(t).Keygens(t.Context())
	require.NoError(t, err)
	require.Equal(t, []view.Keygen{k}, list.Keygens)
}

func TestKeygenIsDecidedOn(t *testing.T) {
	w := newWorld(t)
	_, err := w.client(t).CreateWallet(t.Context(), KeygenWish{Operators: []chain.Operator{{1}, {2}}, Seats: []int{2, 1}, Threshold: 2})
	require.NoError(t, err)
	require.Equal(t, keygen.Request{Roster: []chain.Operator{{1}, {1}, {2}}, Threshold: 2, Scheme: signer.FROST}, w.ceremonies.last)
	_, err = w.client(t).AcceptKeygen(t.Context(), someSession.String())
	require.NoError(t, err)
	_, err = w.client(t).DeclineKeygen(t.Context(), someSession.String())
	require.NoError(t, err)
	require.Equal(t, []string{"create", "accept ab01", "decline ab01"}, w.ceremonies.asked)
	// The greatest wish there is fits.
	var many KeygenWish
	for i := range 255 {
		many.Operators, many.Seats = append(many.Operators, chain.Operator{byte(i), 1}), append(many.Seats, 1)
	}
	many.Threshold = 255
	_, err = w.client(t).CreateWallet(t.Context(), many)
	require.NoError(t, err)
	require.Len(t, w.ceremonies.last.Roster, 255)
}

func TestKeygenWishesThatCannotBeAreRefused(t *testing.T) {
	w := newWorld(t)
	a, b := chain.Operator{1}, chain.Operator{2}
	for says, wish := range map[string]KeygenWish{
		"threshold 4 is above the 3 seats":  {Operators: []chain.Operator{a, b}, Seats: []int{2, 1}, Threshold: 4},
		"threshold 1, want 2 at least":      {Operators: []chain.Operator{a, b}, Seats: []int{2, 1}, Threshold: 1},
		"has 0 seats":                       {Operators: []chain.Operator{a, b}, Seats: []int{2, 0}, Threshold: 2},
		"stands there twice":                {Operators: []chain.Operator{a, a}, Seats: []int{2, 1}, Threshold: 2},
		"2 operators and 1 numbers of seat": {Operators: []chain.Operator{a, b}, Seats: []int{2}, Threshold: 2},
		`there is no "rsa"`:                 {Operators: []chain.Operator{a, b}, Seats: []int{2, 1}, Threshold: 2, Scheme: "rsa"},
		"there are no operators":            {Threshold: 2},
	} {
		_, err := w.client(t).CreateWallet(t.Context(), wish)
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, says)
	}
	require.Empty(t, w.ceremonies.asked)
	for _, session := range []string{"x", strings.Repeat("z", 64)} {
		_, err := w.client(t).AcceptKeygen(t.Context(), session)
		require.ErrorIs(t, err, ErrInvalid)
	}
	answer := w.send(t, http.MethodPost, "/v1/keygens", `{"operators":["0x1"]}`)
	require.Equal(t, http.StatusBadRequest, answer.Code)
}

func TestKeygenErrorsKeepTheirMeaning(t *testing.T) {
	w := newWorld(t)
	for _, err := range []error{keygen.ErrOtherState, keygen.ErrExpired, keygen.ErrTooMany, keygen.ErrNoBackend} {
		w.ceremonies.err = err
		_, got := w.client(t).AcceptKeygen(t.Context(), someSession.String())
		require.ErrorIs(t, got, err)
	}
	w.ceremonies.err = keygen.ErrUnknown
	_, err := w.client(t).Keygen(t.Context(), someSession.String())
	require.ErrorIs(t, err, store.ErrNotFound)
	w.ceremonies.err = errors.New("boom")
	_, err = w.client(t).Keygens(t.Context())
	require.ErrorContains(t, err, "boom")
	w.Keygens = nil
	_, err = w.client(t).Keygens(t.Context())
	require.ErrorIs(t, err, view.ErrNoSigners)
}
