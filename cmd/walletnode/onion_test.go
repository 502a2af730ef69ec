package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/socks/sockstest"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// Instances that are onion services are reached through a proxy, which alone can look their names up: by a command that knows
// one of them, and is sent on to the other; and still when that one is gone.
func TestOnionServicesAreReachedThroughAProxy(t *testing.T) {
	dsn := pgtest.Database(t)
	token := writeFile(t, "token", strings.Repeat("t", 40)+"\n")
	names := make(map[string]string)
	var onions []string
	for _, letter := range []string{"a", "b"} {
		name := strings.Repeat(letter, 56) + ".onion"
		names[name+":80"] = freeAddress(t)
		onions = append(onions, name)
	}
	proxy := sockstest.New(t, names)
	onion := func(i int) []string {
		return []string{
			config.Variable("cluster.urls") + "=http://" + onions[i], config.Variable("api.listen") + "=" + names[onions[i]+":80"],
			config.Variable("api.token_file") + "=" + token, config.Variable("network.proxy") + "=" + proxy.URL(),
		}
	}
	miner := minedChain(t, localchain.Config{BlockTime: 200 * time.Millisecond})
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	t.Setenv(config.Variable("store.dsn"), dsn) // where the wallet is imported to
	a := startOn(t, miner, in, append(instance(dsn, "a"), onion(0)...)...)
	other := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	b := startSibling(t, miner, other, append(append(instance(dsn, "b"), onion(1)...), config.Variable("operator.key_file")+"="+a.key)...)

	// A machine of its own: no node, no database, and one name.
	text, err := os.ReadFile(in.config)
	require.NoError(t, err)
	client := func(onion string) string {
		dir := t.TempDir()
		file := filepath.Join(dir, "client.toml")
		settings := strings.NewReplacer(fmt.Sprintf("data_dir = %q", in.dir), fmt.Sprintf("data_dir = %q", dir),
			"[network]", fmt.Sprintf("[network]\nproxy = %q", proxy.URL())).Replace(string(text))
		settings += fmt.Sprintf("[cluster]\nbootstrap = [%q]\n[api]\ntoken_file = %q\n", "http://"+onion, token)
		require.NoError(t, os.WriteFile(file, []byte(settings), 0o600))
		return file
	}
	clients := []string{client(onions[0]), client(onions[1])}
	serves := func(i int, by string) bool {
		return strings.Contains(call(t, "", "wallets", "serving", a.wallet, "-c", clients[i]).stdout, "owner   "+by+"\n")
	}
	processes, ids := []process{a, b}, []string{"a", "b"}
	owner := 0
	require.Eventually(t, func() bool {
		for i, id := range ids {
			if serves(1-i, id) { // it knows the other one, and is sent on
				owner = i
				return true
			}
		}
		return false
	}, 3*time.Minute, 100*time.Millisecond)
	require.Contains(t, proxy.Asked(), onions[owner]+":80")

	require.NoError(t, processes[owner].Process.Kill())
	_ = processes[owner].Wait()
	require.Eventually(t, func() bool { return serves(1-owner, ids[1-owner]) }, 3*time.Minute, 100*time.Millisecond)
}
