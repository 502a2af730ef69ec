package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/view"
)

// endpoints are ways to one local chain, each with an address and peers of its own.
func endpoints(t *testing.T, miner *localchain.Chain, n int) []*rpcfault.Proxy {
	t.Helper()
	all := make([]*rpcfault.Proxy, n)
	for i := range all {
		p, err := rpcfault.New(t.Context(), miner.URL(), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, err = p.Set(t.Context(), rpcfault.Faults{Peers: &rpcfault.Peers{Count: 50}})
		require.NoError(t, err)
		all[i] = p
	}
	return all
}

// item is a further endpoint as a configuration has it.
func item(name, url string) string {
	return fmt.Sprintf("[[ethereum.multi.endpoints]]\nname = %q\nurl = %q\n", name, url)
}

// many are the endpoints of a node that runs.
type many struct {
	process
	base string // its configuration without further endpoints
}

func (m many) write(t *testing.T, items ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(m.config, []byte(m.base+strings.Join(items, "")), 0o600))
}

func (m many) list(t *testing.T) (list view.Endpoints) {
	t.Helper()
	m.read(t, &list, "endpoints", "list")
	return list
}

// healthy waits until exactly these endpoints are there, and all are healthy.
func (m many) healthy(t *testing.T, names ...string) {
	t.Helper()
	var last view.Endpoints
	require.Eventually(t, func() bool {
		last = m.list(t)
		var have []string
		for _, e := range last.Endpoints {
			if e.Status == quorum.Healthy {
				have = append(have, e.Name)
			}
		}
		return slices.Equal(names, have) && len(have) == len(last.Endpoints) && last.Mode == quorum.ModeQuorum
	}, 3*time.Minute, 20*time.Millisecond, "%+v", &last)
}

func startMany(t *testing.T) (many, []*rpcfault.Proxy) {
	t.Helper()
	miner := minedChain(t, localchain.Config{BlockTime: time.Second})
	ways := endpoints(t, miner, 4)
	in := install(t, ways[0].URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	text, err := os.ReadFile(in.config)
	require.NoError(t, err)
	unlimited := strings.Replace(string(text), "call_timeout", "requests_per_second = 0.0\ncall_timeout", 1)
	m := many{base: unlimited + "[ethereum.multi]\nenabled = true\npoll_interval = \"500ms\"\npoll_deadline = \"500ms\"\npeers_interval = \"1s\"\n"}
	m.installation = in
	m.write(t, item("one", ways[1].URL()), item("two", ways[2].HTTPURL()))
	m.process = startOn(t, miner, in)
	require.Zero(t, call(t, "", "wait-ready", "--timeout", "1m", "-c", in.config).code)
	return m, ways
}

func TestEndpointsAreReloadedWhileTheNodeRuns(t *testing.T) {
	m, ways := startMany(t)
	one, two, three := item("one", ways[1].URL()), item("two", ways[2].HTTPURL()), item("three", ways[3].URL())
	m.healthy(t, "primary", "one", "two")

	m.write(t, one, two, three)
	require.NoError(t, m.Process.Signal(syscall.SIGHUP))
	m.healthy(t, "primary", "one", "two", "three")

	// A file with mistakes changes nothing, and each of them is told.
	m.write(t, one, item("one", "ftp://h/hunter2"), "[log]\nlevell = \"info\"\n")
	got := call(t, "", "endpoints", "reload", "-c", m.working(t))
	require.Equal(t, codeUsage, got.code, got.stderr)
	require.Empty(t, got.stdout)
	require.Contains(t, got.stderr, "walletnode: nothing was changed:\n")
	require.Contains(t, got.stderr, `ethereum.multi.endpoints[2].name: "one" is the name of ethereum.multi.endpoints[1] already`)
	require.Contains(t, got.stderr, "ethereum.multi.endpoints[2].url: want ws, wss, http or https")
	require.Contains(t, got.stderr, "log.levell: unknown key (did you mean log.level?)")
	require.NotContains(t, got.stderr, "hunter2")
	require.NoError(t, m.Process.Signal(syscall.SIGHUP))
	m.write(t, one, two, three)
	m.healthy(t, "primary", "one", "two", "three")

	// What is no endpoint waits for the next start, and is named.
	m.write(t, one, two, "[log]\nformat = \"json\"\n")
	var done view.Reload
	m.read(t, &done, "endpoints", "reload")
	require.Equal(t, view.Reload{Added: []string{}, Removed: []string{"three"}, Changed: []string{}, Restart: []string{"log.format"}, Warnings: []string{}}, done)
	m.healthy(t, "primary", "one", "two")
	m.write(t, one, two, three)
	text := m.ask(t, "endpoints", "reload")
	require.Contains(t, text, "added    three\nremoved  -\nchanged  -\n")
	require.Contains(t, text, "warning: even_vote_groups: 4 vote groups")

	require.NoError(t, m.Process.Signal(syscall.SIGTERM))
	require.NoError(t, m.Wait(), "%s", m.stderr)
	require.Contains(t, m.stderr.String(), "The configuration was not taken over")
	require.NotContains(t, m.stderr.String(), "hunter2")
}

// working returns a configuration with which commands find the node while its own file is wrong.
func (m many) working(t *testing.T) string {
	t.Helper()
	return writeFile(t, "config.toml", fmt.Sprintf("[node]\ndata_dir = %q\n", m.dir))
}

func TestSiblingsThatThinkOtherwiseOfAnEndpointAreCounted(t *testing.T) {
	e := view.Endpoint{Status: quorum.Healthy}
	require.Equal(t, "-", siblings(e))
	e.Siblings = []view.Opinion{{Instance: "b", Status: string(quorum.Healthy)}}
	require.Equal(t, "agree", siblings(e))
	e.Siblings = append(e.Siblings, view.Opinion{Instance: "c", Status: string(quorum.Unhealthy)})
	require.Equal(t, "1 of 2 differ", siblings(e))
}

func TestEndpointsAreListedWithWhyOneIsNotUsedAndCordoned(t *testing.T) {
	m, ways := startMany(t)
	m.healthy(t, "primary", "one", "two")
	agreed := regexp.MustCompile(`^quorum: 3 of 3 vote groups agree, 2 must; block \d+ agreed at `)
	var list string
	require.Eventually(t, func() bool { // one of three may lag for a moment
		list = m.ask(t, "endpoints", "list")
		return agreed.MatchString(list)
	}, 3*time.Minute, 20*time.Millisecond)
	require.Regexp(t, `(?m)^NAME +GROUP +STATUS +REASON +SINCE +HEIGHT +LAG +P50 +P95 +ERRORS +VOTES +SIBLINGS +ADDRESS$`, list)
	require.Regexp(t, `(?m)^primary \*p +primary +healthy +ok .* yes +- +ws://127\.0\.0\.1:`, list)

	require.Contains(t, m.bundle(t, filepath.Join(t.TempDir(), "bundle.tar.gz"))["endpoints.json"], `"name": "primary"`)

	require.Contains(t, m.ask(t, "endpoints", "cordon", "one"), "cordoned")
	var history view.EndpointHistory
	require.Eventually(t, func() bool {
		m.read(t, &history, "endpoints", "history", "one")
		return history.Changes[len(history.Changes)-1].Reason == quorum.Cordoned
	}, 3*time.Minute, 20*time.Millisecond)
	require.Contains(t, m.ask(t, "endpoints", "history", "one"), "cordoned")
	m.ask(t, "endpoints", "uncordon", "one")
	m.healthy(t, "primary", "one", "two")

	// A primary that forks: another serves, the node stays ready, and says of it what is wrong.
	fork := &rpcfault.Fork{From: 1, Salt: "fork"}
	_, err := ways[0].Set(context.Background(), rpcfault.Faults{Fork: fork, Peers: &rpcfault.Peers{Count: 50}})
	require.NoError(t, err)
	var now view.Endpoints
	require.Eventually(t, func() bool {
		now = m.list(t)
		return now.Endpoints[0].Reason == quorum.Forked && now.Serving != nil && *now.Serving != "primary"
	}, 3*time.Minute, 20*time.Millisecond, "%+v", &now)
	var status view.Status
	m.read(t, &status, "status")
	require.True(t, status.Ready, "%+v", status.Checks)
	require.Regexp(t, `(?m)^chain     degraded_single: 2 of 3 vote groups agree; not used: primary \(unhealthy: forked`, m.ask(t, "status"))

	for _, args := range [][]string{{"history", "none"}, {"cordon", "none"}, {"uncordon", "none"}} {
		got := call(t, "", append([]string{"endpoints"}, append(args, "-c", m.config)...)...)
		require.Equal(t, codeNotFound, got.code, "%v: %s", args, got.stderr)
	}
	require.NoError(t, m.Process.Signal(syscall.SIGTERM))
	require.NoError(t, m.Wait(), "%s", m.stderr)
}
