package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// needed says which of the roles suffices alone for each call.
var needed = map[string][]Role{
	"health": roles(), "keys": {RoleRead}, "key": {RoleRead}, "brief": {RoleRead}, "protection": {RoleRead},
	"session": {RoleSign, RoleDKG}, "abort": {RoleSign, RoleDKG},
	"generate": {RoleDKG}, "seal to": {RoleDKG}, "sign": {RoleSign}, "sign on": {RoleSign}, "activate": {RoleAdmin, RoleDKG}, "freeze": {RoleAdmin},
}

func TestEachCallTakesItsRole(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	calls := w.calls()
	require.Len(t, needed, len(calls))
	for _, role := range roles() {
		w.permit(t, []Role{role}, "*")
		for name, call := range calls {
			suffices := false
			for _, r := range needed[name] {
				suffices = suffices || r == role
			}
			before := len(w.backend.heard())
			err := call(c, t.Context())
			if suffices {
				require.NoError(t, err, "%s as %s", name, role)
				continue
			}
			require.ErrorIs(t, err, signer.ErrForbidden, "%s as %s", name, role)
			require.ErrorContains(t, err, fmt.Sprintf("lacks the role %s", joined(needed[name])), "%s as %s", name, role)
			require.Len(t, w.backend.heard(), before, "%s as %s: the backend is not asked", name, role)
		}
	}
}

func TestOnlyListedWalletsAreTouched(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	w.permit(t, roles(), w.foreign.Wallet.String())
	for name, call := range w.calls() {
		err := call(c, t.Context())
		if name == "health" || name == "keys" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, signer.ErrForbidden, name)
		wallet := w.key.Wallet
		if name == "generate" || name == "seal to" {
			wallet = w.session.Placeholder()
		}
		require.ErrorContains(t, err, fmt.Sprintf("may not touch wallet %v", wallet), name)
	}
	for _, asked := range w.backend.heard() {
		require.Equal(t, "health", asked, "nothing else is asked of the backend")
	}
	keys, err := c.Keys(t.Context(), nil, 10)
	require.NoError(t, err)
	require.Equal(t, []signer.Key{w.foreign.Key}, keys, "others are none of its business")

	w.permit(t, roles(), w.key.Wallet.String(), w.session.Placeholder().String())
	for name, call := range w.calls() {
		require.NoError(t, call(c, t.Context()), name)
	}
}

func TestPermittedKeysArePagedLikeAllOthers(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	w.permit(t, []Role{RoleRead}, w.key.Wallet.String(), w.foreign.Wallet.String(), chain.WalletID{255, 255}.String(), w.key.Wallet.String())
	for _, k := range w.backend.keys {
		var after *chain.WalletID
		if k.Wallet != w.backend.keys[0].Wallet {
			after = &w.backend.keys[0].Wallet
		}
		keys, err := c.Keys(t.Context(), after, 1)
		require.NoError(t, err)
		require.Equal(t, []signer.Key{k.Key}, keys)
	}
	keys, err := c.Keys(t.Context(), &w.backend.keys[1].Wallet, 1)
	require.NoError(t, err)
	require.Empty(t, keys)
}

func TestWhatIsFrozenIsThawedByTheAdministratorAlone(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	for i := range w.backend.keys {
		w.backend.keys[i].State = signer.KeyFrozen
	}
	w.permit(t, []Role{RoleRead, RoleSign, RoleDKG}, "*")
	require.ErrorIs(t, w.calls()["activate"](c, t.Context()), signer.ErrForbidden)
	require.Empty(t, w.backend.heard())
	w.permit(t, []Role{RoleAdmin}, "*")
	require.NoError(t, w.calls()["activate"](c, t.Context()))
}

// A node with the roles that it is given by default clears away what a key generation that failed has left, and nothing else.
func TestWhoGeneratesKeysFreezesPendingOnesAlone(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	freeze := w.calls()["freeze"]
	for _, state := range []signer.KeyState{signer.KeyActive, signer.KeyFrozen} {
		for i := range w.backend.keys {
			w.backend.keys[i].State = state
		}
		w.permit(t, []Role{RoleRead, RoleSign, RoleDKG}, "*")
		require.ErrorIs(t, freeze(c, t.Context()), signer.ErrForbidden, state)
		require.Empty(t, w.backend.heard())
	}
	for i := range w.backend.keys {
		w.backend.keys[i].State = signer.KeyPending
	}
	w.permit(t, []Role{RoleRead, RoleSign}, "*")
	require.ErrorIs(t, freeze(c, t.Context()), signer.ErrForbidden)
	require.Empty(t, w.backend.heard())
	w.permit(t, []Role{RoleDKG}, "*")
	require.NoError(t, freeze(c, t.Context()))
}

// Only the node knows how often a key has signed: with the roles that it is given by default it stops a key whose signer has
// forgotten some.
func TestWhoSignsFreezesWhatWasRolledBack(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	freeze := func(why string) error {
		return c.SetState(t.Context(), w.key.Wallet, signer.StateChange{State: signer.KeyFrozen, Why: why})
	}
	for _, role := range []Role{RoleSign, RoleDKG, RoleAdmin} {
		w.permit(t, []Role{role}, w.key.Wallet.String())
		require.NoError(t, freeze(signer.WhyRolledBack), role)
	}
	require.Len(t, w.backend.heard(), 3)
	for _, role := range []Role{RoleSign, RoleDKG} {
		w.permit(t, []Role{role}, "*")
		require.ErrorIs(t, freeze(signer.WhyExported), signer.ErrForbidden, role)
		require.ErrorIs(t, freeze("lost"), signer.ErrForbidden, role)
	}
	w.permit(t, []Role{RoleSign}, "*")
	thaw := signer.StateChange{State: signer.KeyActive, Why: signer.WhyRolledBack, Record: []byte("r")}
	require.ErrorIs(t, c.SetState(t.Context(), w.key.Wallet, thaw), signer.ErrForbidden)
	w.permit(t, []Role{RoleRead}, "*")
	require.ErrorIs(t, freeze(signer.WhyRolledBack), signer.ErrForbidden)
	w.permit(t, []Role{RoleSign}, w.foreign.Wallet.String())
	require.ErrorIs(t, freeze(signer.WhyRolledBack), signer.ErrForbidden)
	require.Len(t, w.backend.heard(), 3)
}

func TestBadInputAWrongClientCertificate(t *testing.T) {
	w := newWorld(t)
	stranger, certificate, key := identity(t)
	c := w.dial(t, func(c *Config) { c.Certificate, c.Key = certificate, key })
	for name, call := range w.calls() {
		err := call(c, t.Context())
		require.ErrorIs(t, err, signer.ErrForbidden, name)
		require.ErrorContains(t, err, stranger.Fingerprint.String(), "%s: what to list is told", name)
	}
	for _, path := range []string{"/openapi.json", "/v1/nothing"} {
		_, err := w.raw(t, stranger).Get(w.url + path) //nolint:bodyclose,noctx // there is no response
		require.Error(t, err)
	}
	require.Empty(t, w.backend.heard())
	require.Contains(t, w.log.String(), stranger.Fingerprint.String())
	require.Less(t, strings.Count(w.log.String(), "\n"), 12, "a stranger does not fill the disk")
}

// net/http says at times only that there was no connection, where it was refused one.
func TestWhoIsNotListedLearnsItHoweverTheConnectionEnded(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	none := errors.New("http2: client conn could not be established")
	host := strings.TrimPrefix(w.url, "https://")
	_, certificate, key := identity(t)
	stranger := w.dial(t, func(c *Config) { c.Certificate, c.Key = certificate, key })
	require.ErrorContains(t, stranger.alert(ctx, host, none), "remote error")
	require.Nil(t, w.dial(t).alert(ctx, host, none), "who is listed was not refused")
}

// A body is not read before it is known who sends it.
func TestABodyOfWhoWasStruckIsNotRead(t *testing.T) {
	w := newWorld(t)
	c := w.raw(t, w.node)
	w.send(t, c, http.MethodGet, "/v1/health", "")
	w.server.SetAccess(Access{})
	endless, writer := io.Pipe() // nobody ever writes to it
	defer writer.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/sign/"+w.session.String()+"/round/1", endless)
	require.NoError(t, err)
	response, err := c.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestBadInputNoClientCertificate(t *testing.T) {
	w := newWorld(t)
	_, err := w.raw(t).Get(w.url + "/v1/health") //nolint:bodyclose,noctx // there is no response
	require.Error(t, err)
	require.Empty(t, w.backend.heard())
}

func TestOldTLSIsRefused(t *testing.T) {
	w := newWorld(t)
	_, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{ //nolint:gosec // the old version is the point
		InsecureSkipVerify: true, Certificates: []tls.Certificate{w.node.Certificate}, MaxVersion: tls.VersionTLS12,
	})
	require.ErrorContains(t, err, "protocol version")
}

// The list is asked at each request: an open connection is no permission.
func TestAClientStruckFromTheListHasNoSayOnAnOldConnection(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	_, err := c.Health(t.Context())
	require.NoError(t, err)
	w.server.SetAccess(Access{})
	_, err = c.Health(t.Context())
	require.ErrorIs(t, err, signer.ErrForbidden)
}

func TestTheServersOwnKeyMayRead(t *testing.T) {
	w := newWorld(t)
	w.server.SetAccess(Access{})
	own := w.raw(t, w.self)
	for path, status := range map[string]int{
		"/v1/health": 200, "/v1/keys": 200, "/v1/protection/" + w.key.Wallet.String(): 200, "/v1/sign/" + w.session.String(): 403,
	} {
		response, raw := w.send(t, own, http.MethodGet, path, "")
		require.Equal(t, status, response.StatusCode, "%s: %s", path, raw)
	}
	access, err := NewAccess([]Permission{{"greedy", w.self.Fingerprint, roles(), []string{"*"}}})
	require.NoError(t, err)
	w.server.SetAccess(access)
	response, _ := w.send(t, own, http.MethodPost, "/v1/sign/"+w.session.String()+"/abort", "")
	require.Equal(t, http.StatusForbidden, response.StatusCode, "this machine reads, whatever the list says")
}

func TestThePermissionsAreChecked(t *testing.T) {
	one, two := Fingerprint{1}, Fingerprint{2}
	all, read := []string{"*"}, []Role{RoleRead}
	for why, list := range map[string][]Permission{
		"a name has":           {{"", one, read, all}},
		`client "a b": a name`: {{"a b", one, read, all}},
		"no fingerprint":       {{"a", Fingerprint{}, read, all}},
		"no roles":             {{"a", one, nil, all}},
		`no role "root"`:       {{"a", one, []Role{"root"}, all}},
		"no wallets":           {{"a", one, read, nil}},
		"name it alone":        {{"a", one, read, []string{"*", chain.WalletID{1}.String()}}},
		"wallet public key":    {{"a", one, read, []string{"0x12"}}},
		"two of this name":     {{"a", one, read, all}, {"a", two, read, all}},
		"one key, one client":  {{"a", one, read, all}, {"b", one, read, all}},
		"more than 1024":       make([]Permission, 1025),
	} {
		_, err := NewAccess(list)
		require.ErrorContains(t, err, why)
	}
	_, err := NewAccess([]Permission{{"a", one, nil, all}, {"b", two, read, nil}})
	require.ErrorContains(t, err, "no roles")
	require.ErrorContains(t, err, "no wallets", "every complaint is told")

	_, err = Access{}.find(one)
	require.True(t, errors.Is(err, signer.ErrForbidden), "the zero value admits nobody")
}
