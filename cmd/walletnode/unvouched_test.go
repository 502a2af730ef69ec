package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// A data directory is bound to its chain once and for good. That is not done on one endpoint's word; a node that was bound
// before needs nobody's.
func TestOnlyTheFirstStartNeedsEndpointsThatAgree(t *testing.T) {
	miner := minedChain(t, localchain.Config{BlockTime: time.Second})
	ways := endpoints(t, miner, 3)
	in := install(t, ways[0].URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	text, err := os.ReadFile(in.config)
	require.NoError(t, err)
	unlimited := strings.Replace(string(text), "call_timeout", "requests_per_second = 0.0\ncall_timeout", 1) // polls are this often
	m := many{base: unlimited + "[ethereum.multi]\nenabled = true\npoll_interval = \"500ms\"\npoll_deadline = \"500ms\"\n"}
	m.installation = in
	m.write(t, item("one", ways[1].URL()), item("two", ways[2].HTTPURL()))
	away := func(cut bool) {
		for _, way := range ways[1:] {
			_, err := way.Set(t.Context(), rpcfault.Faults{Cut: cut, Peers: &rpcfault.Peers{Count: 50}})
			require.NoError(t, err)
		}
	}
	t.Setenv(config.PasswordVariable, "secret")

	away(true)
	for range 2 { // trying leaves nothing behind
		refused := call(t, "", "start", "-c", in.config, "--log-level", "error")
		require.Equal(t, codeFailure, refused.code, "they may come back by themselves, and then a start succeeds: %s", refused.stderr)
		require.Empty(t, refused.stdout)
		require.Contains(t, refused.stderr, "a new store is bound to no chain without a quorum of endpoints: ")
		require.Contains(t, refused.stderr, "1 of 3 vote groups agree on the chain's ID, needed are 2 (")
		require.Contains(t, refused.stderr, "what to do: bring more than half of the vote groups up on one chain (walletnode check chain")
		_, _, err = store.BoundTo(t.Context(), in.dir)
		require.ErrorIs(t, err, store.ErrNotFound)
	}

	away(false)
	m.process = startOn(t, miner, in)
	require.Zero(t, call(t, "", "wait-ready", "--timeout", "1m", "-c", in.config).code)
	m.end(t)

	away(true)
	m.process = startOn(t, miner, in)
	require.Eventually(t, func() bool { // it runs, and says what it lacks
		var list view.Endpoints
		got := call(t, "", "endpoints", "list", "--json", "-c", in.config)
		return got.code == codeOK && json.Unmarshal([]byte(got.stdout), &list) == nil && !list.Quorum
	}, 3*time.Minute, 20*time.Millisecond)
	require.Equal(t, codeNotReady, call(t, "", "wait-ready", "--timeout", "1s", "-c", in.config).code)
	away(false)
	require.Zero(t, call(t, "", "wait-ready", "--timeout", "1m", "-c", in.config).code)
	m.end(t)
}

// end lets the node end by itself.
func (p process) end(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.stderr)
}
