package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	stdnet "net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// process is a node as a process of its own, on a local chain, that holds every seat of one wallet.
type process struct {
	installation
	*exec.Cmd
	chain  *localchain.Chain
	wallet string
	stderr *bytes.Buffer
}

func startProcess(t *testing.T, cfg localchain.Config, environment ...string) process {
	t.Helper()
	miner := minedChain(t, cfg)
	return startOn(t, miner, install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex()), environment...)
}

// minedChain makes a local chain that grows until the test ends.
func minedChain(t *testing.T, cfg localchain.Config) *localchain.Chain {
	t.Helper()
	miner, err := localchain.New(cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	mining := make(chan error, 1)
	go func() { mining <- miner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-mining
		require.NoError(t, miner.Close())
	})
	return miner
}

func startOn(t *testing.T, miner *localchain.Chain, in installation, environment ...string) process {
	t.Helper()
	operator, err := keys.LoadOperator(in.key, "secret")
	require.NoError(t, err)
	imported := succeed(t, string(soleManifest(t, operator.Address)), "wallets", "import", "-", "-c", in.config)
	p := startSibling(t, miner, in, environment...)
	p.wallet, _, _ = strings.Cut(imported, " ")
	return p
}

// startSibling starts a node that has its wallets already, or finds them in a database that it shares.
func startSibling(t *testing.T, miner *localchain.Chain, in installation, environment ...string) process {
	t.Helper()
	p := process{installation: in, chain: miner, stderr: new(bytes.Buffer)}
	p.Cmd = exec.Command(os.Args[0], "start", "-c", p.config, "--log-level", "error") //nolint:gosec // this test binary
	p.Env = append(append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret"), environment...)
	p.Stderr = p.stderr
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() }) // for when the test fails half-way
	return p
}

// ask runs a command on the running node and returns what it wrote; it must have asked the node and not the store.
func (p process) ask(t *testing.T, args ...string) string {
	t.Helper()
	return succeed(t, "", append(args, "-c", p.config)...)
}

func (p process) read(t *testing.T, doc any, args ...string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(p.ask(t, append(args, "--json")...)), doc))
}

// followTools reads what the feed has of a window: the leader's signed message, and the result, verified as they come.
func (p process) followTools(t *testing.T, window chain.Height) {
	t.Helper()
	var boxes view.Mailboxes
	p.read(t, &boxes, "feed", "mailboxes")
	for _, m := range boxes.Mailboxes {
		require.True(t, m.Self, m.Mailbox)
	}
	require.Contains(t, p.ask(t, "feed", "mailboxes"), "\ntools ")
	follow := exec.Command(os.Args[0], "feed", "follow", "--mailbox", "tools", "--json", "-c", p.config) //nolint:gosec // this test binary
	follow.Env = append(os.Environ(), asProgram+"=1")
	out, err := follow.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, follow.Start())
	t.Cleanup(func() { _ = follow.Process.Kill() })
	lines := json.NewDecoder(out)
	for signed, ended := false, false; !signed || !ended; {
		var line view.FeedLine
		require.NoError(t, lines.Decode(&line))
		if line.Entry == nil {
			require.Empty(t, line.Epoch.Blames)
			continue
		}
		require.Empty(t, line.Entry.Wrong)
		if line.Entry.Event != nil && line.Entry.Event.Event == view.EventOpened {
			continue // it is of no wallet
		}
		require.Equal(t, p.wallet, line.Entry.Wallet.String())
		if e := line.Entry.Event; e != nil && e.Event == view.EventResult && *e.Window == window {
			ended = true
		}
		if line.Entry.Kind == "proposal" {
			message, err := wire.ParsePubsub(line.Entry.Payload)
			require.NoError(t, err)
			_, err = message.Verify()
			require.NoError(t, err)
			signed = true
		}
	}
	require.NoError(t, follow.Process.Signal(os.Interrupt))
	require.NoError(t, follow.Wait())
}

// openWindow waits until the node has a window open, and returns it.
func (p process) openWindow(t *testing.T) chain.Height {
	t.Helper()
	var open chain.Height
	require.Eventually(t, func() bool {
		var list view.Windows
		p.read(t, &list, "windows", "list")
		for _, w := range list.Windows {
			if w.State == view.WindowOpen {
				open = w.Window
			}
		}
		return open != 0
	}, 3*time.Minute, 20*time.Millisecond)
	return open
}

func TestTheFirstSignalDrainsAndTheWindowStaysOpen(t *testing.T) {
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	systemd, err := stdnet.ListenUnixgram("unixgram", &stdnet.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	require.NoError(t, err)
	defer systemd.Close()

	p := startProcess(t, localchain.Config{BlockTime: 200 * time.Millisecond, FastIdle: true}, "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	got := call(t, "", "wait-ready", "--timeout", "1m", "-c", p.config)
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, "ready\n", got.stdout)
	open := p.openWindow(t)

	begun := time.Now()
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.stderr)
	require.Less(t, time.Since(begun), config.Default().Node.ShutdownGrace)
	require.NoFileExists(t, filepath.Join(p.dir, "api.sock"))

	var told []string
	buffer := make([]byte, 4096)
	for len(told) == 0 || !strings.Contains(told[len(told)-1], "STOPPING=1") {
		require.NoError(t, systemd.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, err := systemd.Read(buffer)
		require.NoError(t, err, "%q", told)
		told = append(told, string(buffer[:n]))
	}
	require.Equal(t, 1, strings.Count(strings.Join(told, "\n"), "READY=1"))

	// The node is gone: the store answers, and says so. The window was suspended, not ended.
	gone := call(t, "", "windows", "show", strconv.FormatUint(uint64(open), 10), "--json", "-c", p.config)
	require.Zero(t, gone.code, gone.stderr)
	require.Contains(t, gone.stderr, "no node answers at unix://")
	require.Contains(t, gone.stderr, "reading its store instead")
	require.Equal(t, view.WindowOpen, document(t, gone.stdout)["wallets"].([]any)[0].(map[string]any)["state"])
}

func TestTheSecondSignalEndsTheProcessAtOnceWithCode130(t *testing.T) {
	p := startProcess(t, localchain.Config{BlockTime: 200 * time.Millisecond, FastIdle: true})
	p.openWindowAfterReady(t)

	// A request whose body does not come holds the drain for the two seconds that answers under way are given.
	conn, err := stdnet.Dial("unix", filepath.Join(p.dir, "api.sock"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "PUT /v1/log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	reply := make([]byte, len("HTTP/1.1 100"))
	_, err = io.ReadFull(conn, reply) // the handler reads
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100", string(reply))

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	// The node itself stops at once, and gives its store back while the process still drains.
	require.Eventually(t, func() bool {
		_, err := stdnet.Dial("unix", filepath.Join(p.dir, "api.sock"))
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	var ended *exec.ExitError
	require.ErrorAs(t, p.Wait(), &ended)
	require.Equal(t, codeInterrupted, ended.ExitCode(), "%s", p.stderr)
	require.Contains(t, p.stderr.String(), "interrupted before everything had ended")
}

func (p process) openWindowAfterReady(t *testing.T) {
	t.Helper()
	require.Zero(t, call(t, "", "wait-ready", "--timeout", "1m", "-c", p.config).code)
	p.openWindow(t)
}

func TestCommandsAskTheRunningNode(t *testing.T) {
	p := startProcess(t, localchain.Config{BlockTime: 20 * time.Millisecond, FastIdle: true})
	require.Zero(t, call(t, "", "wait-ready", "-c", p.config).code)

	watch := exec.Command(os.Args[0], "windows", "watch", "--json", "-c", p.config) //nolint:gosec // this test binary
	watch.Env = append(os.Environ(), asProgram+"=1")
	lines, err := watch.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, watch.Start())
	t.Cleanup(func() { _ = watch.Process.Kill() })
	events := json.NewDecoder(lines)
	following := func() (event view.Event) {
		require.NoError(t, events.Decode(&event))
		return event
	}
	event := following()
	for event.Event != view.EventOpened { // the first may be of a window that was open already
		event = following()
	}
	opened := event
	require.Nil(t, opened.Wallet)
	require.NotNil(t, opened.OpenedAt)
	event = following()
	for *event.Window != *opened.Window { // a result of the window before may have waited for the disk
		event = following()
	}
	require.Equal(t, view.EventResult, event.Event)
	require.Equal(t, p.wallet, event.Wallet.String())
	require.GreaterOrEqual(t, *event.OpenedAt, *opened.OpenedAt, "the wallet begins its part once the opening is stored: blocks go on meanwhile")
	require.Less(t, *event.OpenedAt, *opened.Window+80)
	require.NoError(t, watch.Process.Signal(os.Interrupt))
	require.NoError(t, watch.Wait())
	window := fmt.Sprint(*event.Window)
	p.followTools(t, *event.Window)

	var status view.Status
	p.read(t, &status, "status")
	require.Equal(t, "active", status.State)
	require.True(t, status.Ready, "%v", status.Checks)
	require.NotNil(t, status.Head)
	require.NotEmpty(t, status.Last)
	require.Contains(t, p.ask(t, "status"), "state     active since ")

	var next view.Next
	require.Eventually(t, func() bool {
		p.read(t, &next, "windows", "next")
		return len(next.Wallets) == 1
	}, 3*time.Minute, time.Millisecond, "the seed block is there 32 blocks ahead")
	require.True(t, next.Wallets[0].Own)
	require.LessOrEqual(t, next.InBlocks, coordination.RFC12().SafeShift)

	var election view.Election
	p.read(t, &election, "explain", "--wallet", p.wallet, "--window", window)
	var trace view.Trace
	p.read(t, &trace, "windows", "show", window)
	require.Equal(t, election.Seed, *trace.Wallets[0].Seed)
	require.Equal(t, election.Checklist, trace.Wallets[0].Checklist)
	require.Equal(t, election.SeedBlock, trace.Seed)
	var verified view.Verification
	p.read(t, &verified, "windows", "verify", window)
	require.True(t, verified.OK)
	require.Contains(t, p.ask(t, "windows", "verify", window), "recorded  the same")
	other := call(t, "", "windows", "verify", window, "--endpoint", "http://127.0.0.1:1", "-c", p.config)
	require.Equal(t, codeFailure, other.code)
	require.Contains(t, other.stderr, "read seed block")

	agreed := proposal.KindNoop
	if slices.Contains(election.Checklist, proposal.KindHeartbeat.String()) { // one window in sixteen
		agreed = proposal.KindHeartbeat
	}
	require.Equal(t, agreed.String(), *event.Action)
	require.Contains(t, p.ask(t, "proposals", "list"), agreed.String())
	require.Contains(t, p.ask(t, "proposals", "show", window), "leader ")
	require.Contains(t, p.ask(t, "actions", "list"), "OUTCOME")
	require.Contains(t, p.ask(t, "wallets", "show", p.wallet), "channel   tbtc-")
	require.Contains(t, p.ask(t, "peers", "list"), "PEER")
	require.Contains(t, p.ask(t, "faults", "summary"), "POINTS")
	require.Regexp(t, `net +debug`, p.ask(t, "debug", "log-level", "net=debug"))
	require.Regexp(t, `net +debug`, p.ask(t, "debug", "log-level"))

	for _, args := range [][]string{
		{"windows", "show", "900000"},
		{"wallets", "show", strings.Repeat("0", 40)},
		{"faults", "show", "00"},
		{"peers", "show", "x"},
		{"peers", "ping", "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"},
		{"explain", "--wallet", strings.Repeat("0", 40), "--window", "900"},
		{"actions", "show", "900000"},
		{"proposals", "show", "900000"},
		{"windows", "verify", "900000"},
		{"debug", "log-level", "nothing=debug"},
	} {
		got := call(t, "", append(args, "-c", p.config)...)
		require.Equal(t, codeNotFound, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, "not found: ", "%v", args)
	}
	early := call(t, "", "explain", "--wallet", p.wallet, "--window", "9223372036854775800", "-c", p.config)
	require.Equal(t, codeFailure, early.code)
	require.Regexp(t, `^walletnode: the seed block does not exist yet: block 9223372036854775768 is \d+ blocks away, about \d+ d\b`, early.stderr)
	for told, args := range map[string][]string{
		"not a peer ID":                    {"peers", "ping", "x"},
		"want debug, info, warn or error,": {"debug", "log-level", "net=loud"},
	} {
		got := call(t, "", append(args, "-c", p.config)...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, told)
	}
	for _, args := range [][]string{{"list"}, {"history", "primary"}, {"reload"}, {"cordon", "primary"}, {"uncordon", "primary"}} {
		got := call(t, "", append([]string{"endpoints"}, append(args, "-c", p.config)...)...)
		require.Equal(t, codeFailure, got.code, "%v", args)
		require.Contains(t, got.stderr, "the node has one chain endpoint alone: ethereum.multi is not enabled", "%v", args)
	}
	t.Run("bundle", func(t *testing.T) { checkBundle(t, p) })

	t.Setenv(config.PasswordVariable, "secret")
	taken := call(t, "", "start", "-c", p.config, "--data-dir", t.TempDir(), "--api", "unix://"+filepath.Join(p.dir, "api.sock"), "--log-level", "error")
	require.Equal(t, codeFailure, taken.code)
	require.Contains(t, taken.stderr, "already in use by another process")
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "%s", p.stderr)
}

// checkBundle reads a bundle, in which nothing may be missing and no secret may stand.
func checkBundle(t *testing.T, p process) {
	t.Helper()
	t.Setenv("WALLETNODE_ETHEREUM_URL", "https://user:hunter2@rpc.example/v3/hunter2")
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	parts := p.bundle(t, file)
	for name, content := range parts {
		require.NotContains(t, content, "hunter2", name)
		require.NotEmpty(t, content, name)
	}
	require.ElementsMatch(t, []string{
		"version.json", "config.toml", "windows.json", "faults.json", "actions.json", "status.json",
		"readiness.json", "peers.json", "log-levels.json", "goroutines.txt",
	}, slices.Collect(maps.Keys(parts)))
	again := call(t, "", "debug", "bundle", "-o", file, "-c", p.config)
	require.Equal(t, codeFailure, again.code, "a file that is there is not overwritten")
}

// bundle has a bundle written to a file, and reads its parts.
func (p process) bundle(t *testing.T, file string) map[string]string {
	t.Helper()
	require.Equal(t, file+"\n", p.ask(t, "debug", "bundle", "-o", file))
	raw, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	unzipped, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	parts := map[string]string{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return parts
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		parts[strings.TrimPrefix(header.Name, "walletnode-debug/")] = string(content)
	}
}

func TestWithoutANodeLiveCommandsAreCode4AndSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"status"},
		{"windows", "next"},
		{"windows", "watch"},
		{"peers", "list"},
		{"peers", "show", "x"},
		{"peers", "ping", "x"},
		{"endpoints", "list"},
		{"endpoints", "history", "primary"},
		{"endpoints", "reload"},
		{"endpoints", "cordon", "primary"},
		{"endpoints", "uncordon", "primary"},
		{"explain", "--wallet", walletID, "--window", "900"},
		{"debug", "log-level"},
		{"debug", "log-level", "debug"},
	} {
		got := call(t, "", append(args, "--data-dir", dir)...)
		require.Equal(t, codeUnreachable, got.code, "%v: %s", args, got.stderr)
		require.Empty(t, got.stdout)
		require.Contains(t, got.stderr, "no node answers at unix://"+dir)
		offline := call(t, "", append(args, "--offline", "--data-dir", dir)...)
		require.Equal(t, codeUsage, offline.code, "%v", args)
	}
	got := call(t, "", "wait-ready", "--timeout", "300ms", "--data-dir", dir)
	require.Equal(t, codeNotReady, got.code)
	require.Contains(t, got.stderr, "waiting: no node answers")
	require.Contains(t, got.stderr, "not ready after 300ms")

	node := newRunning(t) // a store without a node that answers
	node.history(t)
	list := call(t, "", "windows", "list", "--data-dir", node.dir)
	require.Zero(t, list.code)
	require.Contains(t, list.stdout, "3600")
	require.Contains(t, list.stderr, "reading its store instead")
}

func TestFaultsSummaryAndExport(t *testing.T) {
	node := newRunning(t)
	fault := node.history(t)
	var scores view.Scores
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "faults", "summary", "--json", "--offline", "--data-dir", node.dir)), &scores))
	require.Len(t, scores.Operators, 1)
	require.Equal(t, []any{fault.Culprit, 50, 1}, []any{scores.Operators[0].Operator, scores.Operators[0].Points, scores.Operators[0].Attributed[fault.Kind]})
	require.Contains(t, succeed(t, "", "faults", "summary", "--offline", "--data-dir", node.dir), fault.Culprit.String())

	rows, err := csv.NewReader(strings.NewReader(succeed(t, "", "faults", "export", "--data-dir", node.dir))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"id", fault.ID()}, []string{rows[0][0], rows[1][0]})
	require.Equal(t, "65766964656e6365", rows[1][len(rows[1])-1])
	var line view.Fault
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "faults", "export", "--format", "jsonl", "--data-dir", node.dir)), &line))
	require.Equal(t, fault.ID(), line.ID)
	require.Equal(t, codeUsage, call(t, "", "faults", "export", "--format", "xml", "--data-dir", node.dir).code)
	require.Equal(t, "'=1+1", inert("=1+1"))
}
