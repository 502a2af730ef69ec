package devnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/net"
)

// process is an operator's node as a process of its own, which can be killed. It is asked how it fares through its API,
// as an operator would.
//
// It proposes what a node in this process would: the two differ in the block time that their redemption generators go
// by, which decides how far back requests are looked for and how near to their timeout they are left alone, and no
// request of a devnet gets that old.
type process struct {
	command *exec.Cmd
	client  *api.Client
	log     *os.File
	asked   atomic.Bool   // to end
	ended   chan struct{} // closed once the process is gone
	err     error         // how it ended; to be read after ended
}

// startProcess starts the operator's node from its directory with walletnode start, where program is what runs
// walletnode. failed is told if it ends by itself.
func (o *operator) startProcess(ctx context.Context, program []string, failed func(error)) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port) // not the socket in the directory, whose path may be too long for one
	environment := []string{config.Variable("api.listen") + "=" + address}
	p, err := launch(ctx, program, o.dir, address, environment, func(err error) { failed(fmt.Errorf("operator %v: %w", o.address, err)) })
	if err != nil {
		return err
	}
	o.running = p
	return nil
}

// launch starts a node as a process from a directory that has its configuration, where its log goes, too; environment is set
// besides. The node's API is to be at an address. failed is told if the process ends by itself.
func launch(ctx context.Context, program []string, dir, address string, environment []string, failed func(error)) (*process, error) {
	client, err := api.NewClient(address)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	arguments := append(program[1:len(program):len(program)], "start", "--config", filepath.Join(dir, configName))
	p := &process{
		// It outlives ctx, so that halt can end it in good order.
		command: exec.CommandContext(context.WithoutCancel(ctx), program[0], arguments...), //nolint:gosec // the caller's choice
		client:  client,
		log:     log,
		ended:   make(chan struct{}),
	}
	p.command.Env = append(ownEnvironment(os.Environ()), environment...)
	p.command.Stderr = log
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a node as a process: %w", err), log.Close())
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
		if !p.asked.Load() && ctx.Err() == nil {
			failed(fmt.Errorf("the process of a node ended by itself: %w: %s", errors.Join(errors.New("not asked to"), p.err), lastWords(log.Name())))
		}
	}()
	return p, nil
}

// lastWords returns the end of a log: what a node that has ended had to say.
func lastWords(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const enough = 1000 // bytes, a few lines
	return strings.TrimSpace(string(text[max(0, len(text)-enough):]))
}

// ownEnvironment leaves out what would configure the node beside its file, or make it notify a service manager that
// did not start it.
func ownEnvironment(environment []string) []string {
	var own []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "WALLETNODE_") && name != "NOTIFY_SOCKET" && !strings.HasPrefix(name, "WATCHDOG_") {
			own = append(own, entry)
		}
	}
	return own
}

// height implements runner.
func (p *process) height(ctx context.Context) chain.Height {
	status, err := p.client.Status(ctx)
	if err != nil || status.Head == nil {
		return 0 // it does not answer yet
	}
	return status.Head.Block
}

// admits implements runner.
func (p *process) admits(ctx context.Context, other chain.Operator) bool {
	known, err := p.client.Peers(ctx)
	if err != nil {
		return false
	}
	for _, it := range known.Peers {
		if it.Operator != nil && *it.Operator == other && it.State == net.PeerAdmitted && it.AdmitsUs != nil {
			return true
		}
	}
	return false
}

// refused implements runner.
func (p *process) refused(ctx context.Context) []string {
	known, err := p.client.Peers(ctx)
	if err != nil {
		return nil
	}
	var ids []string
	for _, it := range known.Peers {
		if it.State == net.PeerRefused {
			ids = append(ids, it.ID)
		}
	}
	return ids
}

// terminated reports that a process ended by the signal itself: it was told to stop in the moment in which it began, before it
// listens for signals, and had nothing to put in order. Service managers take that for an orderly stop, too.
func terminated(err error) bool {
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return false
	}
	status, ok := ended.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// halt implements runner.
func (p *process) halt() error {
	if err := p.end(syscall.SIGTERM); err != nil {
		return err
	}
	if p.err != nil && !terminated(p.err) {
		return fmt.Errorf("node as a process, asked to stop: %w", p.err)
	}
	return nil
}

// kill ends the process as a power failure would. That nothing else ended it is part of the bargain.
func (p *process) kill() error {
	if err := p.end(syscall.SIGKILL); err != nil {
		return err
	}
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("node as a process, not killed but %v", p.command.ProcessState)
	}
	return nil
}

// over reports whether the process is gone.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// forget closes what is left of a process that is gone.
func (p *process) forget() {
	p.client.Close()
	_ = p.log.Close() // what it wrote, it wrote by itself
}

// pause stops the process where it stands (SIGSTOP), and goOn lets it go on as if nothing had been.
func (p *process) pause() error { return p.command.Process.Signal(syscall.SIGSTOP) }
func (p *process) goOn() error  { return p.command.Process.Signal(syscall.SIGCONT) }

// end sends a signal and waits until the process is gone. One that has gone already needs none, and one that was stopped
// is let go on to hear it.
func (p *process) end(signal os.Signal) error {
	p.asked.Store(true)
	_ = p.goOn() // one that has gone is told below
	err := p.command.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.ended
	}
	p.client.Close()
	return errors.Join(err, p.log.Close())
}
