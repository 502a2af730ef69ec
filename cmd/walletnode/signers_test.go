package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// enclaves are an operator's signers.
type enclaves struct {
	mu     sync.Mutex
	state  placement.State
	by     string
	forgot bool
	left   int // wallets
	moved  string
}

func (e *enclaves) Backends() []placement.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return []placement.Status{
		{
			Spec: placement.Spec{ID: "enclave-1", Weight: 2, Where: "https://10.0.0.7:9720"},
			Word: placement.Word{State: e.state, By: e.by, Since: time.Unix(1_800_000_000, 0)}, Standing: placement.Suspect, Trouble: "connection\x1b[2J refused",
			Identity: "id\x1b[2J", Version: "v1", Schemes: []string{"frost", "cmp"}, SeenAt: time.Unix(1_800_000_000, 0),
			Wallets: e.left, Unsignable: e.left, Reported: 5, Lost: 1, SafeToShutDown: e.state == placement.Retired && e.left == 0,
			Findings: []placement.Finding{{Kind: placement.Missing, Wallet: chain.WalletID{7}, Session: signer.SessionID{8}, Detail: "gone"}},
			Probes:   9, FailedProbes: 3,
			Feed: signer.FeedFollows, FeedDetail: "at instance a: false: it was\x1b[2J altered", FeedDoubted: 2,
		},
		{Spec: placement.Spec{ID: "enclave-0"}, Removed: true, Standing: placement.Unknown, Wallets: 1, Unsignable: 1},
	}
}

func (e *enclaves) Home(chain.WalletID) (string, bool) { return "enclave-1", true }

func (e *enclaves) Unsignable(chain.WalletID) error {
	return fmt.Errorf("%w: signer enclave-1: connection\x1b[2J refused", placement.ErrUnavailable)
}

func (e *enclaves) Say(_ context.Context, id string, state placement.State, by string, forget bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id != "enclave-1" {
		return fmt.Errorf("%w: %q", placement.ErrUnknown, id)
	}
	e.state, e.by, e.forgot = state, by, forget
	return nil
}

func (e *enclaves) Move(_ context.Context, wallet chain.WalletID, to string) error {
	switch {
	case to == "enclave-9":
		return fmt.Errorf("%w: %q", placement.ErrUnknown, to)
	case wallet != chain.WalletID{7}:
		return fmt.Errorf("%w: signer %s: it does not hold the key", placement.ErrNotMoved, to)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moved = to
	return nil
}

// withEnclaves runs the API of a node with signers at the socket of a data directory, and returns the directory.
func withEnclaves(t *testing.T, e *enclaves) (dir string) {
	t.Helper()
	f := newFleet(t)
	recorded := newRunning(t)
	recorded.importWallet(t)
	server := f.server("a", recorded)
	server.Signers = e
	serveAPI(t, recorded.dir, server)
	return recorded.dir
}

func TestSignersAreListedShownAndSpokenOf(t *testing.T) {
	e := &enclaves{state: placement.Active, left: 3}
	dir := withEnclaves(t, e)
	text := succeed(t, "", "signers", "list", "--data-dir", dir)
	require.Regexp(t, `^SIGNER +STATE +HEALTH +WEIGHT +WALLETS +UNSIGNABLE +PENDING +FOUND +KEYS +WHERE +DETAIL\nenclave-1 +active +suspect +2 +3 +3 +0 +1 +5 +https://10.0.0.7:9720 +connection\S* refused\nenclave-0 +removed +unknown`, text)
	require.NotContains(t, text, "\x1b", "what a signer tells is shown as text")
	var list view.Signers
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signers", "list", "--json", "--data-dir", dir)), &list))
	require.Len(t, list.Signers, 2)
	require.Equal(t, "follows", *list.Signers[0].Feed)
	require.Equal(t, "at instance a: false: it was\x1b[2J altered", list.Signers[0].FeedDetail)
	require.Equal(t, 2, list.Signers[0].FeedDoubted)
	require.Nil(t, list.Signers[1].Feed, "it is not known of one that is gone")

	text = succeed(t, "", "signers", "show", "enclave-1", "--data-dir", dir)
	require.Contains(t, text, "state       active (as configured)\n")
	require.Regexp(t, `\n  feed        follows: at instance a: false: it was\S* altered\n`, text)
	require.Contains(t, text, "missing     wallet 0x0700000000000000000000000000000000000000: gone\n")
	require.NotContains(t, text, "\x1b")
	var one view.Signer
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signers", "show", "enclave-1", "--json", "--data-dir", dir)), &one))
	require.Equal(t, "enclave-1", one.ID)

	require.Equal(t, "enclave-1 is retired: it gets no new wallets, and goes on serving 3\n", succeed(t, "", "signers", "retire", "enclave-1", "--data-dir", dir))
	require.Contains(t, succeed(t, "", "signers", "show", "enclave-1", "--data-dir", dir), "state       retired (by operator, since 2027-01-15T08:00:00Z)\n")
	require.Equal(t, "enclave-1 is failed: 4 wallets cannot be signed for\n", succeed(t, "", "signers", "fail", "enclave-1", "--data-dir", dir))
	require.Equal(t, placement.Failed, e.state)
	require.Contains(t, succeed(t, "", "signers", "activate", "enclave-1", "--data-dir", dir), "enclave-1 is active: ")
	require.False(t, e.forgot)
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signers", "activate", "--rekey", "--json", "enclave-1", "--data-dir", dir)), &one))
	require.True(t, e.forgot)
	e.left = 0
	require.Equal(t, "enclave-1 is retired: it is safe to shut down\n", succeed(t, "", "signers", "retire", "enclave-1", "--data-dir", dir))
	require.Contains(t, succeed(t, "", "signers", "list", "--data-dir", dir), "safe to shut down")
}

func TestAWalletIsMovedToTheSignerThatHasItNow(t *testing.T) {
	e := &enclaves{state: placement.Active}
	dir := withEnclaves(t, e)
	wallet := chain.WalletID{7}.String()
	require.Equal(t, "enclave-1 serves wallet "+wallet+" from now on\n", succeed(t, "", "signers", "move", wallet, "enclave-1", "--data-dir", dir))
	require.Equal(t, "enclave-1", e.moved)
	var one view.Signer
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signers", "move", "--json", wallet, "enclave-1", "--data-dir", dir)), &one))
	require.Equal(t, "enclave-1", one.ID)
	got := call(t, "", "signers", "move", chain.WalletID{8}.String(), "enclave-1", "--data-dir", dir)
	require.NotZero(t, got.code)
	require.Contains(t, got.stderr, "does not hold the key")
	require.Equal(t, codeNotFound, call(t, "", "signers", "move", wallet, "enclave-9", "--data-dir", dir).code)
	for _, bad := range [][]string{{wallet}, {"0x7", "enclave-1"}, {wallet, "enclave-1", "more"}} {
		require.Equal(t, codeUsage, call(t, "", append(append([]string{"signers", "move"}, bad...), "--data-dir", dir)...).code)
	}
}

func TestBadInputOfSigners(t *testing.T) {
	dir := withEnclaves(t, &enclaves{state: placement.Active})
	for _, does := range []string{"show", "retire", "fail", "activate"} {
		got := call(t, "", "signers", does, "enclave-9", "--data-dir", dir)
		require.Equal(t, codeNotFound, got.code, does)
		require.Contains(t, got.stderr, "walletnode signers list shows what there is")
		require.Equal(t, codeUsage, call(t, "", "signers", does, "--data-dir", dir).code, does)
		require.Equal(t, codeUsage, call(t, "", "signers", does, "enclave-1", "--offline", "--data-dir", dir).code, does)
	}
	require.Equal(t, codeUsage, call(t, "", "signers", "list", "enclave-1", "--data-dir", dir).code)
}

func TestAWalletThatCannotBeSignedForIsListedWithTheReason(t *testing.T) {
	dir := withEnclaves(t, &enclaves{state: placement.Active})
	text := succeed(t, "", "wallets", "list", "--data-dir", dir)
	require.Regexp(t, `SIGNER +UNSIGNABLE\n.* enclave-1 +the wallet's signer is not available: signer enclave-1: connection\S* refused\n`, text)
	require.NotContains(t, text, "\x1b")
	var list view.Wallets
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "wallets", "list", "--json", "--data-dir", dir)), &list))
	require.Contains(t, *list.Wallets[0].Unsignable, "not available")
	text = succeed(t, "", "wallets", "show", list.Wallets[0].Wallet.String(), "--data-dir", dir)
	require.Contains(t, text, "signer    enclave-1\n")
	require.Contains(t, text, "unsignable: the wallet's signer is not available")

	text = succeed(t, "", "wallets", "list", "--offline", "--data-dir", dir)
	require.Contains(t, text, "no signer backend holds a share of the wallet", "the store alone")
}
