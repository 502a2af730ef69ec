package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/view"
)

// newcomer is somebody with a shell, an empty home directory and walletnode on the PATH.
type newcomer struct {
	home string
	env  []string
}

func newNewcomer(t *testing.T) newcomer {
	t.Helper()
	home, err := os.MkdirTemp("", "new") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	bin := filepath.Join(home, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	program := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, self)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "walletnode"), []byte(program), 0o700)) //nolint:gosec // it is to be run
	return newcomer{home, []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "GOLOG_LOG_LEVEL=error"}}
}

// shell returns what runs a line as a shell does.
func (n newcomer) shell(line string) *exec.Cmd {
	c := exec.Command("/bin/sh", "-c", line) //nolint:gosec // the test's own words
	c.Dir, c.Env = n.home, n.env
	return c
}

// types runs a line and returns what it wrote to stdout.
func (n newcomer) types(t *testing.T, line string) string {
	t.Helper()
	var stderr bytes.Buffer
	c := n.shell(line)
	c.Stderr = &stderr
	stdout, err := c.Output()
	require.NoError(t, err, "%s\n%s%s", line, stdout, &stderr)
	return string(stdout)
}

// leaves runs a line in another terminal, until the test ends it.
func (n newcomer) leaves(t *testing.T, line string) (*exec.Cmd, *written) {
	t.Helper()
	c, out := n.shell("exec "+line), new(written)
	c.Stdout, c.Stderr = out, out
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // for when the test fails half-way
	return c, out
}

// written is what a process has written so far.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// The guide's "Join a devnet", typed as it stands there, but for a smaller and faster devnet and a key that is made faster.
func TestANewcomerGetsFromInitToAWindowOnADevnet(t *testing.T) {
	n, steps := newNewcomer(t), stepsOf(t, "Join a devnet")
	require.Len(t, steps, 12, "%q", steps)
	require.Equal(t, "go install ./cmd/walletnode", steps[0])
	n.types(t, steps[1])
	require.Contains(t, steps[2], "walletnode init ")
	prepared := n.types(t, steps[2]+" --light")
	address := regexp.MustCompile(`the key of operator (0x[0-9a-fA-F]{40})`).FindStringSubmatch(prepared)
	require.Len(t, address, 2, prepared)

	require.Contains(t, steps[3], "walletnode devnet ")
	dir := regexp.MustCompile(` --dir (\S+) `).FindStringSubmatch(steps[3])
	require.Len(t, dir, 2, steps[3])
	require.NoFileExists(t, filepath.Join("../..", dir[1]), "who cloned the repository types this in it")
	require.NoDirExists(t, filepath.Join("../..", dir[1]))
	devnet, screen := n.leaves(t, strings.Replace(steps[3], "0xYourAddress", address[1], 1)+" --operators 3 --wallets 1 --seats 4 --block-time 25ms")
	told := regexp.MustCompile(`where its node is to run:\n  (set -a;.*)\n  (walletnode check .*)\n  (walletnode wallets import .*)\n  (walletnode start)\n`)
	var say []string
	require.Eventually(t, func() bool {
		say = told.FindStringSubmatch(screen.String())
		return say != nil
	}, 3*time.Minute, 10*time.Millisecond, "%s", screen)
	for i, step := range steps[4:8] { // the devnet says it with whole paths
		require.Equal(t, step, strings.ReplaceAll(say[i+1], n.home+"/"+dir[1]+"/", dir[1]+"/"))
	}
	settings, check, imports, start := steps[4], steps[5], steps[6], steps[7]

	require.NotContains(t, n.types(t, settings+"; "+check), "FAIL")
	require.Contains(t, n.types(t, settings+"; "+imports), "imported: 4 seats, 4 operators")
	node := n.shell(settings + "; exec " + start)
	log := new(written)
	node.Stderr = log
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way

	require.Equal(t, "ready\n", n.types(t, steps[8]))
	require.Contains(t, n.types(t, steps[9]), "peers     3 admitted")
	require.Regexp(t, `^next +window \d+ in \d+ block`, n.types(t, steps[10]))
	watch, lines := n.leaves(t, steps[11])
	var ended view.Window
	require.Eventually(t, func() bool {
		var list view.Windows
		require.NoError(t, json.Unmarshal([]byte(n.types(t, "walletnode windows list --state finished --json")), &list))
		for _, w := range list.Windows {
			if *w.Reason == coordination.ReasonOK {
				ended = w
			}
		}
		return ended.Wallet != nil
	}, 3*time.Minute, 100*time.Millisecond, "%s\n%s", screen, log)
	require.Eventually(t, func() bool { return strings.Contains(lines.String(), ended.Wallet.String()+": ") }, 3*time.Minute, 10*time.Millisecond)
	require.NoError(t, watch.Process.Signal(os.Interrupt))
	require.NoError(t, watch.Wait(), "%s", lines)
	verified := n.types(t, settings+"; walletnode windows verify "+fmt.Sprint(ended.Window))
	require.Contains(t, verified, "recorded  the same")

	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", log)
	require.NoError(t, devnet.Process.Signal(os.Interrupt))
	require.NoError(t, devnet.Wait(), "%s", screen)
	require.NotContains(t, screen.String(), "not expected")
	require.NotContains(t, strings.ToLower(log.String()), "panic")
}
