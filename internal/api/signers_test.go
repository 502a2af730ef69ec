package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// enclaves are two signers, of which the first holds one wallet.
type enclaves struct {
	wallet     chain.WalletID
	said       placement.Word
	forgotten  bool
	moved      string
	unsignable error
}

func newEnclaves(wallet chain.WalletID) *enclaves { return &enclaves{wallet: wallet} }

func (e *enclaves) Backends() []placement.Status {
	return []placement.Status{
		{
			Spec: placement.Spec{ID: "enclave-1", Weight: 2, Where: "https://10.0.0.7:9720"},
			Word: placement.Word{State: e.state(), By: e.said.By, Since: time.Unix(1_800_000_000, 0)}, Standing: placement.Healthy,
			Identity: "abc", Version: "v1", Schemes: []string{"frost"}, SeenAt: time.Unix(1_800_000_001, 0), Reported: 3, Capacity: 10, Wallets: 1,
			Findings: []placement.Finding{{Kind: placement.Orphan, Backend: "enclave-1", Session: signer.SessionID{5}, Wallet: chain.WalletID{6}, Detail: "nobody knows it"}},
		},
		{Spec: placement.Spec{ID: "enclave-0"}, Removed: true, Standing: placement.Unknown, Wallets: 1, Unsignable: 1},
	}
}

func (e *enclaves) state() placement.State {
	if e.said.State == "" {
		return placement.Active
	}
	return e.said.State
}

func (e *enclaves) Home(wallet chain.WalletID) (string, bool) {
	if wallet != e.wallet {
		return "", false
	}
	return "enclave-1", true
}

func (e *enclaves) Unsignable(chain.WalletID) error { return e.unsignable }

func (e *enclaves) Say(_ context.Context, id string, state placement.State, by string, forget bool) error {
	if id != "enclave-1" {
		return fmt.Errorf("%w: %q", placement.ErrUnknown, id)
	}
	e.said, e.forgotten = placement.Word{State: state, By: by}, forget
	return nil
}

func (e *enclaves) Move(_ context.Context, wallet chain.WalletID, to string) error {
	if wallet != e.wallet {
		return fmt.Errorf("%w: %v", placement.ErrNoSigner, wallet)
	}
	if to == "enclave-0" {
		return fmt.Errorf("%w: it holds nothing", placement.ErrNotMoved)
	}
	e.moved = to
	return nil
}

func decoded[T any](t *testing.T, w world, method, path, body string) (doc T) {
	t.Helper()
	answer := w.send(t, method, path, body)
	require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &doc))
	return doc
}

func TestTheOperatorsWordAboutASigner(t *testing.T) {
	w := newWorld(t)
	all := decoded[view.Signers](t, w, http.MethodGet, "/v1/signers", "").Signers
	require.Len(t, all, 2)
	require.Equal(t, "active", all[0].State)
	require.Nil(t, all[0].By)
	require.Equal(t, "removed", all[1].State)
	require.Equal(t, []view.SignerFinding{{Kind: "orphan", Wallet: chain.WalletID{6}, Session: signer.SessionID{5}, Detail: "nobody knows it"}}, all[0].Findings)

	all = decoded[view.Signers](t, w, http.MethodPost, "/v1/signers/enclave-1/state", `{"state":"failed","rekey":false}`).Signers
	require.Equal(t, "failed", all[0].State)
	require.Equal(t, "operator", *all[0].By)
	require.NotNil(t, all[0].Since)
	require.False(t, w.enclaves.forgotten)
	decoded[view.Signers](t, w, http.MethodPost, "/v1/signers/enclave-1/state", `{"state":"active","rekey":true}`)
	require.True(t, w.enclaves.forgotten)

	for body, want := range map[string]struct {
		path   string
		status int
	}{
		`{"state":"gone","rekey":false}`:   {"/v1/signers/enclave-1/state", http.StatusBadRequest},
		`{"state":"active","weight":3}`:    {"/v1/signers/enclave-1/state", http.StatusBadRequest},
		`{"state":"retired","rekey":true}`: {"/v1/signers/enclave-9/state", http.StatusNotFound},
	} {
		require.Equal(t, want.status, w.send(t, http.MethodPost, want.path, body).Code, body)
	}
	require.Equal(t, placement.Active, w.enclaves.said.State)
}

func TestAWalletIsMovedToAnotherSigner(t *testing.T) {
	w := newWorld(t)
	own := `{"wallet":"` + w.live.wallet.ID().String() + `"}`
	require.Len(t, decoded[view.Signers](t, w, http.MethodPost, "/v1/signers/enclave-1/wallets", own).Signers, 2)
	require.Equal(t, "enclave-1", w.enclaves.moved)
	for body, want := range map[string]struct {
		id     string
		status int
	}{
		own:               {"enclave-0", http.StatusConflict},
		`{"wallet":"0x"}`: {"enclave-1", http.StatusBadRequest},
		`{"wallet":"` + chain.WalletID{9}.String() + `"}`:         {"enclave-1", http.StatusNotFound},
		`{"wallet":"` + chain.WalletID{9}.String() + `","to":""}`: {"enclave-1", http.StatusBadRequest},
	} {
		require.Equal(t, want.status, w.send(t, http.MethodPost, "/v1/signers/"+want.id+"/wallets", body).Code, body)
	}
	w.Signers = nil
	require.Equal(t, http.StatusConflict, w.send(t, http.MethodPost, "/v1/signers/enclave-1/wallets", own).Code)
}

func TestAWalletSaysWhyItCannotBeSignedFor(t *testing.T) {
	w := newWorld(t)
	path := "/v1/wallets/" + w.live.wallet.ID().String()
	one := decoded[view.Wallet](t, w, http.MethodGet, path, "")
	require.Equal(t, "enclave-1", *one.Signer)
	require.Nil(t, one.Unsignable)

	w.enclaves.unsignable = fmt.Errorf("%w: signer enclave-1", placement.ErrBackendFailed)
	list := decoded[view.Wallets](t, w, http.MethodGet, "/v1/wallets", "").Wallets
	require.Equal(t, w.enclaves.unsignable.Error(), *list[0].Unsignable)

	w.Signers = nil // a node without signers
	one = decoded[view.Wallet](t, w, http.MethodGet, path, "")
	require.Nil(t, one.Signer)
	require.Equal(t, view.ErrNoSigners.Error(), *one.Unsignable)
	require.Empty(t, decoded[view.Signers](t, w, http.MethodGet, "/v1/signers", "").Signers)
	require.Equal(t, http.StatusConflict, w.send(t, http.MethodPost, "/v1/signers/a/state", `{"state":"active","rekey":false}`).Code)
}
