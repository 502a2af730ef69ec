package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal"
)

// begun is a node that has opened window 900 and knows nothing of it yet.
func begun(t *testing.T) running {
	t.Helper()
	t.Setenv(config.Variable("ethereum.chain_id"), "0")
	node := newRunning(t)
	node.importWallet(t)
	require.NoError(t, node.store.OpenWindow(t.Context(), coordination.Opened{Block: 900, At: 901, Hash: chain.Hash{2}, Time: time.Unix(1_800_000_000, 0)}))
	_, err := node.store.Begin(t.Context(), node.wallet(t), node.window(t), 901)
	require.NoError(t, err)
	return node
}

func (r running) wallet(t *testing.T) chain.WalletID {
	t.Helper()
	wallets, err := r.store.Wallets(t.Context())
	require.NoError(t, err)
	return wallets[0].ID()
}

func (running) window(t *testing.T) coordination.Window {
	t.Helper()
	w, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	return w
}

// record ends window 900 with an election.
func (r running) record(t *testing.T, seed [32]byte, leader chain.Operator) {
	t.Helper()
	_, err := r.store.RecordResult(t.Context(), coordination.Result{
		Wallet: r.wallet(t), Window: r.window(t), Role: coordination.RoleFollower, Seed: seed, Leader: leader, Proposal: proposal.Noop{},
		ReceivedAt: 905, OpenedAt: 901, Reason: coordination.ReasonNoop,
	})
	require.NoError(t, err)
}

func TestVerifyTellsWhatIsRightFromWhatIsNotThereAndFromWhatIsWrong(t *testing.T) {
	endpoint := pastChain(t, 0)
	sound, altered := begun(t), begun(t)
	verify := func(node running, more ...string) outcome {
		return call(t, "", append([]string{"windows", "verify", "900", "--endpoint", endpoint, "--offline", "--data-dir", node.dir}, more...)...)
	}
	got := verify(sound)
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "  recorded  nothing\n")
	var derived view.Verification
	require.NoError(t, json.Unmarshal([]byte(verify(sound, "--json").stdout), &derived))
	require.False(t, derived.Wallets[0].Recorded)

	var seed [32]byte
	_, err := hex.Decode(seed[:], []byte(derived.Wallets[0].Seed))
	require.NoError(t, err)
	sound.record(t, seed, derived.Wallets[0].Leader)
	got = verify(sound)
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Contains(t, got.stdout, "  recorded  the same\n")

	seed[0] ^= 1
	altered.record(t, seed, chain.Operator{3})
	got = verify(altered)
	require.Equal(t, codeFailed, got.code)
	require.Contains(t, got.stdout, "  DIFFERS   the seed was recorded as "+hex.EncodeToString(seed[:]))
	require.Contains(t, got.stdout, "  DIFFERS   the leader was recorded as "+chain.Operator{3}.String())
	require.NotContains(t, got.stdout, "recorded  the same")
	require.Equal(t, "walletnode: window 900 differs from what was recorded\n", got.stderr)
	got = verify(altered, "--json")
	require.Equal(t, codeFailed, got.code)
	require.Equal(t, false, document(t, got.stdout)["ok"])
}

// guarded is an endpoint that answers whoever knows its key, in the path or as a header.
func guarded(t *testing.T) string {
	t.Helper()
	inner, err := url.Parse(pastChain(t, 0))
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(inner)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hunter2" && r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A command line can be read by the whole machine, so that an endpoint's key must not have to stand there.
func TestVerifyTakesAnEndpointsKeyFromElsewhereThanTheCommandLine(t *testing.T) {
	node, address := begun(t), guarded(t)
	headers, file := writeFile(t, "headers", "Authorization: Bearer hunter2\n"), filepath.Join(node.dir, "config.toml")
	text := fmt.Sprintf("[ethereum]\nurl = 'http://127.0.0.1:1'\n[[ethereum.multi.endpoints]]\nname = 'other'\nurl = '%s'\nheaders_file = '%s'\n", address, headers)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	verify := func(more ...string) outcome {
		return call(t, "", append([]string{"windows", "verify", "900", "--offline", "--data-dir", node.dir}, more...)...)
	}
	require.Equal(t, codeFailure, verify().code, "ethereum.url does not answer")
	require.Equal(t, codeFailure, verify("--endpoint", address).code, "without its key it does not answer")
	named := verify("--endpoint", "other")
	require.Equal(t, codeOK, named.code, named.stderr)
	unknown := verify("--endpoint", "another")
	require.Equal(t, codeUsage, unknown.code)
	require.Contains(t, unknown.stderr, "--endpoint another: neither a URL nor the name of an endpoint in ethereum.multi")

	t.Setenv(config.VerifyEndpointVariable, address+"/hunter2")
	secret := verify()
	require.Equal(t, codeOK, secret.code, secret.stderr)
	help := succeed(t, "", "windows", "verify", "--help")
	require.NotContains(t, help, "hunter2")
	require.Contains(t, help, config.VerifyEndpointVariable)

	t.Setenv(config.VerifyEndpointVariable, "")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	none := verify()
	require.Equal(t, codeUsage, none.code)
	require.Contains(t, none.stderr, "no endpoint: name one with --endpoint or "+config.VerifyEndpointVariable)
}
