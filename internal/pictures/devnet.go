//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/walletnode/walletnode/internal/terminal"
)

// The terminal's size: wide enough for a line about a wallet, and high enough for three windows.
const columns, rows = 125, 26

// patience is how long a devnet may take to come to what a picture is to show.
const patience = 10 * time.Minute

// devnet is a devnet that runs on a terminal.
type devnet struct {
	command string // as one types it
	process *exec.Cmd
	ended   chan struct{} // closed when nothing is written any more

	mu     sync.Mutex
	screen *terminal.Screen
}

// start runs walletnode devnet. End must follow.
func start(program string, args ...string) (*devnet, error) {
	person, end, err := terminal.Open(columns, rows)
	if err != nil {
		return nil, err
	}
	d := &devnet{
		command: "walletnode devnet " + strings.Join(args, " "),
		process: exec.Command(program, append([]string{"devnet"}, args...)...), //nolint:gosec // built a moment ago
		ended:   make(chan struct{}),
		screen:  terminal.NewScreen(columns, rows),
	}
	d.process.Env = append(os.Environ(), "TERM=xterm-256color")
	d.process.Stdin, d.process.Stdout, d.process.Stderr = end, end, end
	d.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = d.process.Start()
	if err := errors.Join(err, end.Close()); err != nil { // the program has its own
		return nil, errors.Join(err, person.Close())
	}
	go func() {
		defer close(d.ended)
		_, _ = io.Copy(d, person) // fails when the program has left
		_ = person.Close()        // nothing is lost
	}()
	return d, nil
}

// Write shows on the terminal what the program writes.
func (d *devnet) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.screen.Write(p)
}

func (d *devnet) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.screen.Lines()
}

// await returns what the terminal shows once that contains a text.
func (d *devnet) await(ctx context.Context, text string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		lines := d.lines()
		if strings.Contains(strings.Join(lines, "\n"), text) {
			return lines, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s never said %q: %w\n%s", d.command, text, ctx.Err(), strings.Join(lines, "\n"))
		case <-d.ended:
			return nil, fmt.Errorf("%s ended before it said %q:\n%s", d.command, text, strings.Join(lines, "\n"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// end asks the devnet to end, as Ctrl-C does, and returns when it has.
func (d *devnet) end() error {
	if err := d.process.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := d.process.Wait()
	<-d.ended
	var left *exec.ExitError
	if errors.As(err, &left) && left.ExitCode() >= 0 {
		return nil // interrupted within a window, which it says by its exit code
	}
	return err
}
