package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/view"
)

// smallDisk is a shell that has a disk of its own, which nobody else sees and which goes with it.
type smallDisk struct {
	dir   string // where the disk is mounted
	stdin io.Writer
	lines *bufio.Reader
}

// mountSmall skips the test where the system does not let us mount.
func mountSmall(t *testing.T, mebibytes int, env ...string) smallDisk {
	t.Helper()
	d := smallDisk{dir: t.TempDir()}
	sh := exec.Command("/bin/sh") //nolint:gosec // fixed
	sh.Env = append(append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", "GOLOG_LOG_LEVEL=error"), env...)
	sh.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	stdin, err := sh.StdinPipe()
	require.NoError(t, err)
	stdout, err := sh.StdoutPipe()
	require.NoError(t, err)
	if err := sh.Start(); err != nil {
		t.Skip("no namespaces here:", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = sh.Wait()
	})
	d.stdin, d.lines = stdin, bufio.NewReader(stdout)
	if code, said := d.do(t, fmt.Sprintf("mount -t tmpfs -o size=%dm,mode=700 none '%s'", mebibytes, d.dir)); code != 0 {
		t.Skip("no mounts here:", said)
	}
	return d
}

// do runs a line in the shell and returns its exit code and all it wrote.
func (d smallDisk) do(t *testing.T, line string) (code int, said string) {
	t.Helper()
	_, err := fmt.Fprintf(d.stdin, "{ %s\n} 2>&1; echo \"= $?\"\n", line)
	require.NoError(t, err)
	for {
		text, err := d.lines.ReadString('\n')
		require.NoError(t, err, "%s", said)
		if number, end := strings.CutPrefix(text, "= "); end {
			code, err := strconv.Atoi(strings.TrimSpace(number))
			require.NoError(t, err)
			return code, said
		}
		said += text
	}
}

// fill leaves no byte on the disk.
func (d smallDisk) fill(t *testing.T) {
	t.Helper()
	_, said := d.do(t, fmt.Sprintf("dd if=/dev/zero of='%s/filler' bs=4k", d.dir))
	require.Contains(t, said, "No space left on device")
}

func TestBadInputAFullDiskLosesNothing(t *testing.T) {
	miner := minedChain(t, localchain.Config{BlockTime: 40 * time.Millisecond, FastIdle: true})
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	operator, err := keys.LoadOperator(in.key, "secret")
	require.NoError(t, err)
	for _, name := range []string{"wallet.json", "other.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(in.dir, name), soleManifest(t, operator.Address), 0o600))
	}
	api := freeAddress(t)
	d := mountSmall(t, 80, config.Variable("api.listen")+"="+api)
	program := fmt.Sprintf("'%s' -c '%s' --data-dir '%s' ", os.Args[0], in.config, d.dir)
	code, said := d.do(t, program+"wallets import "+filepath.Join(in.dir, "wallet.json"))
	require.Zero(t, code, said)
	_, said = d.do(t, program+"start 2>"+filepath.Join(in.dir, "log")+" & echo $!")
	pid, err := strconv.Atoi(strings.TrimSpace(said))
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	log := func() string {
		text, err := os.ReadFile(filepath.Join(in.dir, "log"))
		require.NoError(t, err)
		return string(text)
	}
	ask := func(doc any, args ...string) {
		require.NoError(t, json.Unmarshal([]byte(succeed(t, "", append(args, "--json", "--api", api, "--data-dir", in.dir)...)), doc))
	}
	ready := call(t, "", "wait-ready", "--api", api)
	require.Zero(t, ready.code, "%s%s", ready.stderr, log())

	var open view.Windows
	require.Eventually(t, func() bool {
		ask(&open, "windows", "list", "--state", "open")
		return len(open.Windows) == 1
	}, 3*time.Minute, 20*time.Millisecond)
	d.fill(t)
	block := open.Windows[0].Window
	require.Eventually(t, func() bool { return strings.Contains(log(), "disk is full") }, 3*time.Minute, 20*time.Millisecond)
	full := call(t, "", "wait-ready", "--timeout", "300ms", "--api", api)
	require.Equal(t, codeNotReady, full.code)
	require.Contains(t, full.stderr, "disk: the disk of the store is nearly full: "+d.dir)
	for _, command := range []string{"wallets import " + filepath.Join(in.dir, "other.json"), "store backup '" + d.dir + "/copy.db'"} {
		code, said := d.do(t, program+command)
		require.Equal(t, codeFailure, code, "%s: %s", command, said)
		require.Contains(t, said, "what to do: free some space on the disk", command)
	}
	_, said = d.do(t, "ls '"+d.dir+"'")
	require.NotContains(t, said, "copy", "no half of a copy is left")

	code, _ = d.do(t, "rm '"+d.dir+"/filler'")
	require.Zero(t, code)
	w, _ := coordination.RFC12().Window(block)
	require.NoError(t, miner.Until(t.Context(), w.End+1))
	var trace view.Trace
	require.Eventually(t, func() bool {
		ask(&trace, "windows", "show", fmt.Sprint(block))
		return len(trace.Wallets) == 1 && trace.Wallets[0].State == view.WindowFinished
	}, 3*time.Minute, 20*time.Millisecond, "the result waited for room")
	t.Logf("window %d: %s", block, *trace.Wallets[0].Reason)
	require.Zero(t, call(t, "", "wait-ready", "--api", api).code)
	code, said = d.do(t, fmt.Sprintf("kill %d; wait %[1]d", pid))
	require.Zero(t, code, "%s%s", said, log())
	code, said = d.do(t, program+"check store")
	require.Zero(t, code, said)
	require.Contains(t, said, "sound")
}
