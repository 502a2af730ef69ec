package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// runProcess runs the program to its end as a process of its own.
func runProcess(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	p := exec.CommandContext(ctx, os.Args[0], args...) //nolint:gosec // this test binary
	p.Env = append(append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", "GOLOG_LOG_LEVEL=error"), env...)
	p.Stdout, p.Stderr = &stdout, &stderr
	_ = p.Run() // its exit code tells
	require.NoError(t, ctx.Err(), "%v does not end: %s", args, &stderr)
	return outcome{p.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// mine starts a local chain that runs until the test ends.
func mine(t *testing.T) *localchain.Chain {
	t.Helper()
	return minedChain(t, localchain.Config{BlockTime: 50 * time.Millisecond})
}

func TestBadInputADeadChainEndpoint(t *testing.T) {
	const somewhere = "0x1111111111111111111111111111111111111111"
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0") // the system takes the connections, and nobody answers
	require.NoError(t, err)
	defer silent.Close()
	for name, url := range map[string]string{
		"nobody listens, websocket": "ws://" + freeAddress(t),
		"nobody listens, http":      "http://" + freeAddress(t),
		"nobody answers":            "http://" + silent.Addr().String(),
	} {
		in := install(t, url, somewhere, somewhere)
		succeed(t, manifest, "wallets", "import", "-", "-c", in.config)
		got := runProcess(t, nil, "start", "-c", in.config)
		require.Equal(t, codeFailure, got.code, "%s: %s", name, got.stderr)
		require.Contains(t, got.stderr, "the chain endpoint does not tell its chain: read the chain's ID: ", name)
		require.Contains(t, got.stderr, "what to do: see that the endpoint runs and that ethereum.url names it", name)
		require.Contains(t, succeed(t, "", "wallets", "list", "--offline", "-c", in.config), walletID, "%s: nothing is lost", name)
	}
}

func TestBadInputAPortInUse(t *testing.T) {
	miner := mine(t)
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	succeed(t, manifest, "wallets", "import", "-", "-c", in.config)
	before := succeed(t, "", "wallets", "list", "--offline", "-c", in.config)
	taken, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address, port := taken.Addr().String(), taken.Addr().(*stdnet.TCPAddr).Port

	for name, row := range map[string]struct{ key, value, told, todo string }{
		"api":     {"api.listen", address, address + ": already in use", "set api.listen to another address"},
		"metrics": {"metrics.listen", address, "take the address for metrics: listen tcp " + address, "stop the program that has the address"},
		"libp2p": {
			"network.listen", fmt.Sprintf("/ip4/127.0.0.1/udp/0/quic-v1,/ip4/127.0.0.1/tcp/%d", port),
			fmt.Sprintf("listen on /ip4/127.0.0.1/tcp/%d: ", port), "stop the program that has the address",
		},
	} {
		got := runProcess(t, []string{config.Variable(row.key) + "=" + row.value}, "start", "-c", in.config)
		require.Equal(t, codeFailure, got.code, "%s: %s", name, got.stderr)
		require.Contains(t, got.stderr, row.told, name)
		require.Regexp(t, `\nwalletnode: what to do: .*`+row.todo, got.stderr, name)
		require.Equal(t, before, succeed(t, "", "wallets", "list", "--offline", "-c", in.config), name)
	}
}

func TestBadInputAStoreOfANewerVersionDoesNotStart(t *testing.T) {
	miner := mine(t)
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	succeed(t, manifest, "wallets", "import", "-", "-c", in.config)
	path := filepath.Join(in.dir, "walletnode.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO walletnode_schema (version_id, is_applied) VALUES (99, TRUE); UPDATE meta SET value = '99' WHERE name = 'works_beside'`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(path) //nolint:gosec // the test's own
	require.NoError(t, err)
	got := runProcess(t, nil, "start", "-c", in.config)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "written by a newer version")
	require.Contains(t, got.stderr, "what to do: run the newer version of walletnode")
	after, err := os.ReadFile(path) //nolint:gosec // as above
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing was changed")
}

func TestBadInputWhatIsNotThereAndANodeThatDied(t *testing.T) {
	p := startProcess(t, localchain.Config{BlockTime: 20 * time.Millisecond, FastIdle: true})
	require.Zero(t, call(t, "", "wait-ready", "-c", p.config).code)
	open := p.openWindow(t)
	const nobody = "0x0000000000000000000000000000000000000000"
	for list, commands := range map[string][][]string{
		"windows list":    {{"windows", "show", "900000"}, {"windows", "show", fmt.Sprint(open), "--wallet", nobody}, {"windows", "verify", "900000"}},
		"wallets list":    {{"wallets", "show", nobody}, {"wallets", "archive", nobody}, {"explain", "--wallet", nobody, "--window", "900"}, {"evidence", "list", "--wallet", nobody}},
		"faults list":     {{"faults", "show", "00"}},
		"proposals list":  {{"proposals", "show", "900000"}},
		"actions list":    {{"actions", "show", "900000"}},
		"peers list":      {{"peers", "show", "x"}},
		"debug log-level": {{"debug", "log-level", "nothing=debug"}},
	} {
		for _, args := range commands {
			got := runProcess(t, nil, append(args, "-c", p.config)...)
			require.Equal(t, codeNotFound, got.code, "%v: %s", args, got.stderr)
			require.Empty(t, got.stdout, "%v", args)
			require.Contains(t, got.stderr, "not found", "%v", args)
			require.Contains(t, got.stderr, "what to do: walletnode "+list+" shows what there is", "%v", args)
		}
	}

	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())
	require.FileExists(t, filepath.Join(p.dir, "api.sock"), "a killed node leaves its socket")
	dead := runProcess(t, nil, "status", "-c", p.config)
	require.Equal(t, codeUnreachable, dead.code)
	require.Contains(t, dead.stderr, "no node answers at unix://")
	require.Contains(t, dead.stderr, "what to do: start the node (walletnode start)")
	kept := runProcess(t, nil, "windows", "show", fmt.Sprint(open), "--json", "-c", p.config)
	require.Zero(t, kept.code, kept.stderr)
	require.Contains(t, kept.stderr, "reading its store instead")
	require.Contains(t, kept.stdout, p.wallet)
}

func TestBadInputANodeThatHangs(t *testing.T) {
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0") // the system takes the connections, and nobody answers
	require.NoError(t, err)
	defer silent.Close()
	address := silent.Addr().String()
	dir := t.TempDir()
	succeed(t, manifest, "wallets", "import", "-", "--data-dir", dir)

	got := runProcess(t, nil, "status", "--api", address, "--data-dir", dir)
	require.Equal(t, codeUnreachable, got.code)
	require.Contains(t, got.stderr, "no node answers in time at "+address)
	require.Contains(t, got.stderr, "what to do: the node hangs or the machine is overloaded")
	got = runProcess(t, nil, "wallets", "list", "--api", address, "--data-dir", dir)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "reading its store instead")
	require.Contains(t, got.stdout, walletID)
	begun := time.Now()
	got = runProcess(t, nil, "wait-ready", "--timeout", "500ms", "--api", address, "--data-dir", dir)
	require.Equal(t, codeNotReady, got.code)
	require.Contains(t, got.stderr, "not ready after 500ms: no node answers in time")
	require.Less(t, time.Since(begun), 5*time.Second, "the time limit holds whatever the node does")
}

// pastChain is an endpoint whose chain and machine have the time it was some time ago: so an endpoint looks from a machine
// whose clock is ahead.
func pastChain(t *testing.T, ago time.Duration) string {
	t.Helper()
	headers := make([]*types.Header, 1500)
	for n := range headers {
		h := &types.Header{Number: big.NewInt(int64(n)), Difficulty: new(big.Int), Time: uint64(time.Now().Add(-ago).Unix()) - uint64(12*(len(headers)-1-n))} //nolint:gosec // small
		if n > 0 {
			h.ParentHash = headers[n-1].Hash()
		}
		headers[n] = h
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-ago).UTC().Format(http.TimeFormat))
		var call struct {
			ID     json.RawMessage   `json:"id"`
			Method string            `json:"method"`
			Params []json.RawMessage `json:"params"`
		}
		if json.NewDecoder(r.Body).Decode(&call) != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer := map[string]any{"jsonrpc": "2.0", "id": call.ID}
		switch call.Method {
		case "eth_chainId":
			answer["result"] = "0x539"
		case "eth_getBlockByNumber":
			var tag string
			_ = json.Unmarshal(call.Params[0], &tag)
			at, err := strconv.ParseUint(strings.TrimPrefix(tag, "0x"), 16, 32)
			if err != nil {
				at = uint64(len(headers) - 1) // latest and its like
			}
			answer["result"] = nil
			if at < uint64(len(headers)) {
				answer["result"] = headers[at]
			}
		default:
			answer["error"] = map[string]any{"code": -32601, "message": "the method is not served"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestBadInputAClockTenMinutesOff(t *testing.T) {
	const somewhere, limit = "0x1111111111111111111111111111111111111111", "WALLETNODE_ETHEREUM_MAX_HEADER_AGE=2m"
	in := install(t, pastChain(t, 10*time.Minute), somewhere, somewhere)
	succeed(t, manifest, "wallets", "import", "-", "-c", in.config)
	var stderr written
	node := exec.Command(os.Args[0], "start", "-c", in.config, "--log-level", "error") //nolint:gosec // this test binary
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", limit)
	node.Stderr = &stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way
	require.Eventually(t, func() bool {
		got := call(t, "", "status", "-c", in.config)
		return got.code == codeOK && strings.Contains(got.stdout, "head      block 1499")
	}, 3*time.Minute, 50*time.Millisecond, "%s", &stderr)
	ahead := runProcess(t, nil, "wait-ready", "--timeout", "1s", "-c", in.config)
	require.Equal(t, codeNotReady, ahead.code)
	require.Contains(t, ahead.stderr, "chain_clock: the newest block is too old by its own time: the endpoint lags, or this machine's clock is ahead (walletnode check clock tells which)")

	clock := runProcess(t, []string{limit}, "check", "clock", "-c", in.config)
	require.Equal(t, codeFailed, clock.code)
	require.Regexp(t, `FAIL +clock +endpoint_clock .*this machine is (9m5\d|1\dm\d+)s ahead of the clock of the endpoint's machine`, clock.stdout)
	require.Contains(t, clock.stdout, "set this machine's clock and keep it set: timedatectl")
	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", &stderr)
	require.Contains(t, succeed(t, "", "wallets", "list", "--offline", "-c", in.config), walletID, "nothing is lost")

	miner := mine(t)
	require.NoError(t, miner.AdvanceTime(t.Context(), 10*time.Minute))
	in = install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	behind := runProcess(t, []string{limit}, "check", "clock", "-c", in.config)
	require.Equal(t, codeFailed, behind.code)
	require.Regexp(t, `FAIL +clock +chain_clock .*this machine is (9m5\d|1\dm\d+)s behind the chain's newest block`, behind.stdout)
}
