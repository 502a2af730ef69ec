// Package deploy_test checks what operators are given to run and watch a node with: each file against the program, and
// with the tools that will read it where they are installed.
package deploy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// tool returns the path of a program that a test asks, or skips the test. Where everything has to be there the
// variable WALLETNODE_REQUIRE_TOOLS is set, and the test fails.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("WALLETNODE_REQUIRE_TOOLS") != "":
		t.Fatalf("%s is not installed (Debian package %s)", name, debian)
	default:
		t.Skipf("%s is not installed (Debian package %s)", name, debian)
	}
	return ""
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}

// built is what go build says of the program at its path; it is built when the first test asks.
var built = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(scratch, "walletnode")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/walletnode").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// scratch is a directory that lasts as long as the tests.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "walletnode-deploy-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// program returns the path of the program.
func program(t *testing.T) string {
	t.Helper()
	path, err := built()
	require.NoError(t, err)
	return path
}

// idle is a node about which nothing is known yet.
type idle struct{}

func (idle) Head() chain.Head             { return chain.Head{} }
func (idle) Fleet() metrics.Fleet         { return metrics.Fleet{} }
func (idle) Stale() bool                  { return true }
func (idle) Peers() []net.PeerInfo        { return nil }
func (idle) Counters() net.Counters       { return net.Counters{} }
func (idle) Condition() metrics.Condition { return metrics.Condition{} }
func (idle) Fed() metrics.FeedCounts {
	return metrics.FeedCounts{Unread: map[string]uint64{"tools": 0}}
}
func (idle) Exchanged() exchange.Counters { return exchange.NewCounters() }
func (idle) Backends() []placement.Status {
	return []placement.Status{{Spec: placement.Spec{ID: "enclave-1"}}}
}

func (idle) Snapshot() *quorum.Snapshot {
	return &quorum.Snapshot{Endpoints: []quorum.EndpointState{{Name: "primary"}}}
}

// book is what can be asked of a node's metrics: for each series' name the values of each label. A label whose
// values depend on the build has none here.
type book map[string]map[string][]string

// served reads the metrics of a node as a scraper does. Every series is there from the start.
func served(t *testing.T) book {
	t.Helper()
	recorder := httptest.NewRecorder()
	metrics.New(metrics.Sources{Clock: idle{}, Network: idle{}, Node: idle{}, Endpoints: idle{}, Instances: idle{}, Signers: idle{}, Evidence: idle{}, Feed: idle{}}).
		Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	series, label := regexp.MustCompile(`^(\w+)(?:\{(.*)\})? \S+$`), regexp.MustCompile(`(\w+)="([^"]*)"`)
	found := book{"up": {}} // what Prometheus itself adds for each target
	for line := range strings.Lines(recorder.Body.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		m := series.FindStringSubmatch(strings.TrimSpace(line))
		require.NotNil(t, m, "not a series: %s", line)
		if found[m[1]] == nil {
			found[m[1]] = map[string][]string{}
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			found[m[1]][l[1]] = append(found[m[1]][l[1]], l[2])
		}
	}
	require.Contains(t, found, "process_start_time_seconds")
	require.Greater(t, len(found), 60)
	for name := range found["walletnode_build_info"] {
		found["walletnode_build_info"][name] = nil
	}
	return found
}
