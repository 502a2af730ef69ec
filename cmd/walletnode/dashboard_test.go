package main

import (
	"bufio"
	"context"
	"encoding/json"
	stdnet "net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/view"
)

// A node on a database of its own serves the page at its address and, for who knows but its API, beside that.
func TestStartServesTheDashboard(t *testing.T) {
	miner := minedChain(t, localchain.Config{BlockTime: 50 * time.Millisecond})
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	operator, err := keys.LoadOperator(in.key, "secret")
	require.NoError(t, err)
	imported := succeed(t, string(soleManifest(t, operator.Address)), "wallets", "import", "-", "-c", in.config)
	wallet, _, _ := strings.Cut(imported, " ")

	var stderr written
	node := exec.Command(os.Args[0], "start", "-c", in.config, "--log-level", "info") //nolint:gosec // this test binary
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", config.Variable("dashboard.listen")+"=127.0.0.1:0")
	node.Stderr = &stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way

	address := regexp.MustCompile(`Serving the dashboard.*(http://127\.0\.0\.1:\d+/)`)
	require.Eventually(t, func() bool { return address.MatchString(stderr.String()) }, 3*time.Minute, 20*time.Millisecond)
	own := address.FindStringSubmatch(stderr.String())[1]
	socket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (stdnet.Conn, error) {
		return new(stdnet.Dialer).DialContext(ctx, "unix", filepath.Join(in.dir, "api.sock"))
	}}}
	for base, client := range map[string]*http.Client{own: http.DefaultClient, "http://localhost/dashboard/": socket} {
		answer, err := client.Get(base)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Contains(t, answer.Header.Get("Content-Type"), "text/html")
		require.NoError(t, answer.Body.Close())
		live, records := firstEvents(t, client, base+"events", wallet)
		require.Equal(t, operator.Address, live.Operator)
		require.Len(t, live.Instances.Instances, 1)
		require.Equal(t, wallet, records.Wallets[0].Wallet.String())
	}
	foreign, err := http.NewRequestWithContext(t.Context(), http.MethodGet, own, nil)
	require.NoError(t, err)
	foreign.Host = "evil.example.org"
	refused, err := http.DefaultClient.Do(foreign)
	require.NoError(t, err)
	require.NoError(t, refused.Body.Close())
	require.Equal(t, http.StatusForbidden, refused.StatusCode)

	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", &stderr)
}

// firstEvents reads a dashboard's events until they have shown a block and a wallet.
func firstEvents(t *testing.T, client *http.Client, url, wallet string) (live view.Live, records view.BoardRecords) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for kind := ""; lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
		case kind == "records":
			require.NoError(t, json.Unmarshal([]byte(data), &records))
		case kind == "live":
			var event struct {
				Live view.Live `json:"live"`
			}
			require.NoError(t, json.Unmarshal([]byte(data), &event))
			live = event.Live
		}
		if live.Head != nil && len(records.Wallets) > 0 {
			return live, records
		}
	}
	require.Fail(t, "the dashboard never showed the wallet "+wallet, "%v", lines.Err())
	return live, records
}
