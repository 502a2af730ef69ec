package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/pgserver"
	"github.com/walletnode/walletnode/internal/remote"
	views "github.com/walletnode/walletnode/internal/view"
)

// upgrading is a screen that asks an instance for all of them after each window, with the next version's command.
type upgrading struct {
	recording
	t    *testing.T
	next string
	dir  string
	from Intro
	seen []views.Instances
	// owners are those that instances named to a client from outside, which knows the list of instances and the token.
	owners map[chain.WalletID]string
	// watcher looks at the page through the last window, and shown is what it saw.
	watcher *watcher
	shown   map[string][]string
}

func (u *upgrading) Start(i Intro) { u.from = i }

// follow has a client from outside find the instance that serves each wallet, whichever it asks first.
func (u *upgrading) follow() {
	ctx, cancel := context.WithTimeout(u.t.Context(), 2*time.Minute)
	defer cancel()
	u.owners = make(map[chain.WalletID]string)
	for _, it := range u.from.Instances {
		cfg, err := config.Load(filepath.Join(it.Dir, configName), nil, nil)
		require.NoError(u.t, err)
		cfg.Cluster.Bootstrap = cfg.Cluster.URLs
		instances, err := remote.Any(cfg)
		require.NoError(u.t, err)
		for _, w := range u.from.Wallets {
			owner, err := instances.Serving(ctx, w.ID())
			require.NoError(u.t, err)
			u.owners[w.ID()] = owner.Owner
		}
		instances.Close()
	}
}

func (u *upgrading) Window(r Report) {
	u.recording.Window(r)
	output, err := exec.CommandContext(u.t.Context(), u.next, "instances", "list", "--json", "--data-dir", filepath.Join(u.dir, "operator-1", "a")).Output() //nolint:gosec // our own
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		u.t.Logf("%s", failed.Stderr)
	}
	require.NoError(u.t, err)
	var list views.Instances
	require.NoError(u.t, json.Unmarshal(output, &list))
	u.seen = append(u.seen, list)
	switch {
	case len(u.seen) == 1:
		u.follow()
		token, err := os.ReadFile(u.from.Token)
		require.NoError(u.t, err)
		u.watcher = watch(u.t, u.from.Instances[2].Board, strings.TrimSpace(string(token))) // of the one that is not struck in the last window
	case u.watcher != nil:
		u.shown = u.watcher.shown(u.t)
	}
}

// twoVersions builds walletnode twice: without a version, and with that of the commit.
func twoVersions(t *testing.T) (old, next string) {
	t.Helper()
	dir := t.TempDir()
	old, next = filepath.Join(dir, "walletnode-1"), filepath.Join(dir, "walletnode-2")
	for path, stamp := range map[string]string{old: "-buildvcs=false", next: "-buildvcs=true"} {
		output, err := exec.CommandContext(t.Context(), "go", "build", stamp, "-o", path, "../../cmd/walletnode").CombinedOutput() //nolint:gosec // our own
		require.NoError(t, err, "%s", output)
	}
	return old, next
}

// Real processes on a real database: in the first window each instance in turn is stopped and started again in another
// version of the program, in the second one instance is killed and another stopped for longer than its lease, while a browser looks at the page of the
// third.
func TestInstancesAreUpgradedAndStruckAndNoWindowIsLost(t *testing.T) {
	old, next := twoVersions(t)
	program := filepath.Join(t.TempDir(), "walletnode") // as an operator installs it: in place
	require.NoError(t, os.Symlink(old, program))
	round := 0
	u := &upgrading{t: t, next: next, dir: t.TempDir()}
	cfg := Config{
		Operators: 3, Wallets: 3, Seats: 9, BlockTime: 250 * time.Millisecond, FastIdle: true, Windows: 2, Scenario: "calm", Seed: 4,
		Instances: 3, Lease: 4 * time.Second, Chaos: true, Dir: u.dir, Screen: u, Program: []string{program},
		strikes: func(*rand.Rand, []string, chaosPace) []Strike {
			if round++; round == 2 {
				return []Strike{{StrikeKill, "a", -4, 40}, {StrikeStop, "b", 14, 36}}
			}
			require.NoError(t, os.Remove(program))
			require.NoError(t, os.Symlink(next, program))
			return []Strike{{StrikeRestart, "a", -10, 0}, {StrikeRestart, "b", 16, 26}, {StrikeRestart, "c", 44, 54}}
		},
	}
	sum, err := Run(t.Context(), cfg)
	if errors.Is(err, pgserver.ErrNotInstalled) && os.Getenv("WALLETNODE_REQUIRE_TOOLS") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	for _, report := range u.reports {
		t.Logf("%s", windowText(report))
	}
	t.Logf("%s", summaryText(sum))
	require.Empty(t, sum.Differences)
	require.True(t, sum.Expected)
	require.Zero(t, sum.Chaos.Doubles+sum.Chaos.Lost+sum.Chaos.Accused+sum.Chaos.Orphans)

	require.Len(t, u.seen, 2)
	served := make(map[chain.WalletID]bool)
	version := ""
	for _, it := range u.seen[0].Instances {
		require.True(t, it.Healthy, "%s: %s", it.ID, it.Detail)
		if version == "" {
			version = it.Version
		}
		require.Equal(t, version, it.Version)
		for _, wallet := range it.Wallets {
			served[wallet] = true
		}
		i := slices.IndexFunc(u.from.Instances, func(m Member) bool { return filepath.Base(m.Dir) == it.ID })
		require.Equal(t, []string{u.from.Instances[i].API}, it.URLs)
	}
	require.Len(t, u.owners, 3)
	for wallet, owner := range u.owners {
		require.NotEmpty(t, owner, "wallet %v", wallet)
	}
	require.Len(t, u.seen[0].Instances, 3)
	require.NotEqual(t, "(devel)", version, "all are of the next version")
	require.Len(t, served, 3)
	if u.watcher == nil {
		return
	}
	// Its page followed, without being loaded anew: a was there, then it was dead, then it was there again.
	last := slices.IndexFunc(u.shown["a"], func(row string) bool { return strings.Contains(row, views.InstanceDead) })
	require.Positive(t, last, "%q", u.shown)
	require.Contains(t, u.shown["a"][0], views.InstanceServing)
	require.NotContains(t, u.shown["a"][len(u.shown["a"])-1], views.InstanceDead)
}

// As a service manager does it: what may pass is tried again, what does not is told.
func TestASupervisedInstanceIsStartedAgain(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	tries := program + ".tries"
	script := "#!/bin/sh\necho x >> " + tries + "\n[ $(wc -l < " + tries + ") -ge 3 ] && exit 3\nexit 1\n"
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700)) //nolint:gosec // a program
	it := &instance{name: "a", dir: t.TempDir(), program: []string{program}, supervised: true}
	failed := make(chan error, 1)
	require.NoError(t, it.start(t.Context(), func(err error) { failed <- err }))
	require.ErrorContains(t, <-failed, "exit status 3")
	text, err := os.ReadFile(tries)
	require.NoError(t, err)
	require.Len(t, strings.Fields(string(text)), 3)
	require.NoError(t, it.halt())

	ends := it.takeEnds()
	require.Len(t, ends, 2, "the third was for good")
	for _, e := range ends {
		require.ErrorContains(t, e.why, "instance a in ")
		require.False(t, e.missed)
	}
	require.Empty(t, it.takeEnds())
}

// What an instance's database did is an excuse for the process that ran meanwhile, until the instance was well again.
func TestADatabaseThatWasAwayExcuses(t *testing.T) {
	it := &instance{name: "a", dir: t.TempDir(), program: []string{"/bin/sh", "-c", "exec sleep 600", "node"}}
	excused := func() bool {
		it.note(it.turn, errors.New("exit status 1"))
		return it.takeEnds()[0].missed
	}
	start := func() { require.NoError(t, it.start(t.Context(), func(error) {})) }
	start()
	require.False(t, excused())
	it.lose()
	it.lose() // its way to the server, and the server
	it.regain()
	require.NoError(t, it.kill())
	start()
	require.True(t, excused(), "the server is still away")
	it.regain()
	require.True(t, excused())
	it.renew()
	require.False(t, excused())
	it.lose()
	it.regain()
	require.True(t, excused())
	require.NoError(t, it.kill())
	start()
	require.False(t, excused(), "it was back when this process began")
	require.NoError(t, it.kill())
}
