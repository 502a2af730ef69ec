package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/terminal"
)

// screen is a terminal with a person before it: a pseudo-terminal, and all that was shown on it.
type screen struct {
	keyboard *os.File // the person's end
	terminal *os.File // the program's end

	mu    sync.Mutex
	shown bytes.Buffer
	gone  chan struct{} // closed when nothing is shown any more
}

// openScreen skips the test where the system gives no pseudo-terminals.
func openScreen(t *testing.T) *screen {
	t.Helper()
	keyboard, program, err := terminal.Open(120, 40)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	s := &screen{keyboard: keyboard, terminal: program, gone: make(chan struct{})}
	go func() {
		defer close(s.gone)
		_, _ = io.Copy(s, keyboard) // until nobody holds the program's end
	}()
	t.Cleanup(func() {
		_ = program.Close() // it may be closed already
		<-s.gone
		require.NoError(t, keyboard.Close())
	})
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(p)
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// all is what was shown when the program has left.
func (s *screen) all(t *testing.T) string {
	t.Helper()
	require.NoError(t, s.terminal.Close())
	<-s.gone
	return s.text()
}

// echoes reports whether the terminal shows what is typed.
func (s *screen) echoes(t *testing.T) bool {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(s.keyboard.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return modes.Lflag&unix.ECHO != 0
}

// answer types a line once the program has asked and hides what is typed.
func (s *screen) answer(t *testing.T, question, line string) {
	t.Helper()
	s.await(t, question)
	_, err := io.WriteString(s.keyboard, line+"\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.echoes(t) || !strings.HasSuffix(s.text(), question) }, 10*time.Second, time.Millisecond)
}

func (s *screen) await(t *testing.T, question string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.HasSuffix(s.text(), question) && !s.echoes(t) }, 10*time.Second, time.Millisecond,
		"%q is not asked", question)
}

// program starts the program as a process of its own with the screen as its terminal; its data goes to a pipe.
func (s *screen) program(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var stdout bytes.Buffer
	p := exec.Command(os.Args[0], args...) //nolint:gosec // this test binary
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdin, p.Stdout, p.Stderr = s.terminal, &stdout, s.terminal
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() }) // for when the test fails half-way
	return p, &stdout
}

const typed = "correct horse"

func TestAPasswordIsAskedForAtATerminalAndNotShown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	key := filepath.Join(dir, "operator.json")

	s := openScreen(t)
	p, stdout := s.program(t, "init", "--dir", dir, "--light")
	s.answer(t, "New password of the operator's key: ", typed)
	s.answer(t, "The same again: ", typed)
	require.NoError(t, p.Wait(), "%s", s.text())
	require.True(t, s.echoes(t), "the terminal is as it was")
	require.Equal(t, "New password of the operator's key: \r\nThe same again: \r\n", s.all(t))
	require.Contains(t, stdout.String(), "prepared "+dir)
	_, err := keys.LoadOperator(key, typed)
	require.NoError(t, err)

	s = openScreen(t)
	p, stdout = s.program(t, "check", "config", "--data-dir", dir)
	s.answer(t, "Password of "+key+": ", typed)
	_ = p.Wait() // the configuration lacks what only an operator can fill in
	require.Regexp(t, `PASS +config +operator_key `, stdout.String())
	require.NotContains(t, s.all(t), typed)
}

func TestPasswordsThatDifferOrAreNotGivenChangeNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	s := openScreen(t)
	p, _ := s.program(t, "init", "--dir", dir, "--light")
	s.answer(t, "New password of the operator's key: ", typed)
	s.answer(t, "The same again: ", typed+"!")
	require.Equal(t, codeFailure, codeOf(t, p))
	require.Contains(t, s.all(t), "the two passwords differ; nothing was changed")
	require.NoFileExists(t, filepath.Join(dir, "operator.json"))

	s = openScreen(t)
	p, _ = s.program(t, "init", "--dir", dir, "--light")
	s.await(t, "New password of the operator's key: ")
	_, err := s.keyboard.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	require.Equal(t, codeInterrupted, codeOf(t, p))
	require.True(t, s.echoes(t), "the shell gets its terminal back as it was")
	require.Contains(t, s.all(t), "interrupted before there was a password")
	require.NoFileExists(t, filepath.Join(dir, "operator.json"))
}

// codeOf waits for a process that must fail and returns its exit code.
func codeOf(t *testing.T, p *exec.Cmd) int {
	t.Helper()
	var ended *exec.ExitError
	require.ErrorAs(t, p.Wait(), &ended)
	return ended.ExitCode()
}

// onScreen runs the program in process with both its outputs on a terminal, and returns what was shown.
func onScreen(t *testing.T, args ...string) string {
	t.Helper()
	s := openScreen(t)
	code := run(append([]string{"walletnode"}, args...), strings.NewReader(""), s.terminal, s.terminal)
	shown := s.all(t)
	require.Zero(t, code, shown)
	return shown
}

func TestColoursAndBarsAreForTerminalsThatCanAndPeopleWhoWant(t *testing.T) {
	node := newRunning(t)
	node.importWallet(t)
	const bold, erase = "\x1b[1m", "\x1b["
	list := []string{"wallets", "list", "--offline", "--data-dir", node.dir}
	backup := func(more ...string) []string {
		return append([]string{"store", "backup", filepath.Join(t.TempDir(), "copy.db"), "--data-dir", node.dir}, more...)
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	require.Contains(t, onScreen(t, list...), bold)
	require.NotContains(t, onScreen(t, append(list, "--no-color")...), erase)
	require.Contains(t, onScreen(t, append(backup(), "--no-color")...), "backup ...", "a bar without colours is a bar")
	require.NotContains(t, onScreen(t, append(backup(), "--no-progress")...), "backup ...")

	t.Setenv("NO_COLOR", "1")
	require.NotContains(t, onScreen(t, list...), erase)
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	require.NotContains(t, onScreen(t, list...), erase)
	require.NotContains(t, onScreen(t, backup()...), erase)
}
