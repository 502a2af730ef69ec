package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
)

// installation is what an operator prepares before the first start.
type installation struct{ dir, config, key string }

func install(t *testing.T, url, bridge, validator string) installation {
	t.Helper()
	dir := t.TempDir()
	in := installation{dir, filepath.Join(dir, "node.toml"), filepath.Join(dir, "operator.json")}
	_, err := keys.CreateOperator(in.key, "secret", keys.Light)
	require.NoError(t, err)
	text := fmt.Sprintf(`
[node]
data_dir = %q
[operator]
key_file = %q
[ethereum]
url = %q
bridge = %q
validator = %q
max_header_age = "0s"
call_timeout = "2s"
[network]
listen = ["/ip4/127.0.0.1/tcp/0"]
`, dir, in.key, url, bridge, validator)
	require.NoError(t, os.WriteFile(in.config, []byte(text), 0o600))
	return in
}

func TestStartTellsAllThatIsMissingAtOnce(t *testing.T) {
	got := call(t, "", "start")
	require.Equal(t, codeUsage, got.code)
	require.Empty(t, got.stdout)
	for _, key := range []string{"operator.key_file", "ethereum.url", "ethereum.bridge", "ethereum.validator"} {
		require.Contains(t, got.stderr, "walletnode: "+key+": required, and not set\n")
	}
}

// systemd does not start a node again after code 2: of none of these a second start would say anything else.
func TestAMistakeOfTheOperatorIsCode2(t *testing.T) {
	const nobody = "0x1111111111111111111111111111111111111111"
	in := install(t, "ws://127.0.0.1:1/hunter2", nobody, nobody)
	password := writeFile(t, "password", "secret\n")
	refused := func(why string, todo ...string) {
		t.Helper()
		got := call(t, "", "start", "--config", in.config, "--log-level", "error")
		require.Equal(t, codeUsage, got.code, "%s: %s", why, got.stderr)
		require.Contains(t, got.stderr, why)
		for _, todo := range todo {
			require.Contains(t, got.stderr, "what to do: "+todo)
		}
	}
	refused("no password for the operator key")
	t.Setenv(config.PasswordVariable, "wrong")
	refused(keys.ErrWrongPassword.Error())
	t.Setenv(config.Variable("operator.password_file"), password+".gone")
	refused("read password of the operator key: open " + password + ".gone: no such file")
	t.Setenv(config.Variable("operator.password_file"), password)
	for _, secret := range []string{password, in.key, filepath.Join(in.dir, "instance.key")} {
		if secret == keys.InstanceFile(in.dir) {
			_, err := keys.LoadInstance(in.dir)
			require.NoError(t, err)
		}
		require.NoError(t, os.Chmod(secret, 0o644))
		refused(keys.ErrExposed.Error(), "chmod 600")
		require.NoError(t, os.Chmod(secret, 0o600))
	}
	require.NoError(t, os.WriteFile(in.key, []byte("{}"), 0o600))
	refused("not a keystore file of version 3")
	require.NoError(t, os.Remove(in.key))
	refused("read operator key: open " + in.key + ": no such file")
}

func TestAnotherChainThanTheConfiguredOneIsCode2(t *testing.T) {
	miner := mine(t)
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	t.Setenv(config.PasswordVariable, "secret")
	t.Setenv(config.Variable("ethereum.chain_id"), "5")
	got := call(t, "", "start", "--config", in.config, "--log-level", "error")
	require.Equal(t, codeUsage, got.code, got.stderr)
	require.Contains(t, got.stderr, fmt.Sprintf("endpoint serves another chain: chain id %d, configured 5", localchain.ChainID))
	require.Contains(t, got.stderr, "what to do: check ethereum.url and ethereum.chain_id")
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// scrape returns what a node serves at /metrics.
func scrape(address string) (string, error) {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), errors.Join(err, response.Body.Close())
}

func TestStartTellsThatTheMetricsAddressIsTaken(t *testing.T) {
	taken, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	const nobody = "0x1111111111111111111111111111111111111111"
	in := install(t, "ws://127.0.0.1:1", nobody, nobody)
	t.Setenv(config.PasswordVariable, "secret")
	t.Setenv(config.Variable("metrics.listen"), taken.Addr().String())
	got := call(t, "", "start", "--config", in.config)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "take the address for metrics: listen tcp "+taken.Addr().String()+": bind: address already in use")

	t.Setenv(config.Variable("metrics.listen"), ":9601")
	got = call(t, "", "start", "--config", in.config)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "WALLETNODE_METRICS_LISTEN: metrics.listen: no address before the port")
}

// The whole command, with a real chain endpoint, sockets and a signal to this process.
func TestStartRunsUntilASignalWhileOtherCommandsReadAndImport(t *testing.T) {
	chain, err := localchain.New(localchain.Config{BlockTime: 50 * time.Millisecond})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	mining := make(chan error, 1)
	go func() { mining <- chain.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-mining
		require.NoError(t, chain.Close())
	})
	in := install(t, chain.URL(), chain.Bridge().Hex(), chain.Validator().Hex())

	// A process of its own: signals are for whole processes, and the library behind the commands is not made for two at
	// a time in one.
	var stdout, stderr bytes.Buffer
	node := exec.Command(os.Args[0], "start", "-c", in.config, "--log-level", "error") //nolint:gosec // this test binary
	address := freeAddress(t)
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", config.Variable("metrics.listen")+"="+address)
	node.Stdout, node.Stderr = &stdout, &stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way

	require.Eventually(t, func() bool {
		got := call(t, "", "wallets", "list", "-c", in.config)
		return got.code == codeOK && got.stderr == "" // asked of the node itself
	}, 30*time.Second, 20*time.Millisecond)
	require.Contains(t, succeed(t, manifest, "wallets", "import", "-", "-c", in.config), walletID)
	require.Contains(t, succeed(t, "", "wallets", "list", "-c", in.config), walletID)

	blocks := regexp.MustCompile(`(?m)^walletnode_head_block [1-9]`)
	require.Eventually(t, func() bool {
		scraped, err := scrape(address)
		return err == nil && blocks.MatchString(scraped)
	}, 30*time.Second, 20*time.Millisecond)

	t.Setenv(config.PasswordVariable, "secret")
	second := call(t, "", "start", "-c", in.config, "--log-level", "error")
	require.Equal(t, codeInUse, second.code, second.stderr)

	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", &stderr)
	require.Empty(t, stdout.String())
	require.FileExists(t, filepath.Join(in.dir, "instance.key"))
}
