package devnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	stdnet "net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// enclave is a signer backend of an operator: walletnode signer as a process of its own, prepared by the commands that
// an operator would call.
type enclave struct {
	id          string // as the node's configuration calls it
	dir         string
	address     string // host:port at which it listens
	fingerprint string // of its certificate's key
	mailbox     string // in the node's feed, from which it takes what leaders propose
	token       string // file: what it shows to the node for that

	running *daemonProcess // nil while it is down
	crook   *impersonation // in its place; nil if there is none
}

// daemonProcess is a process that is asked nothing but to end.
type daemonProcess struct {
	command *exec.Cmd
	log     *os.File
	asked   atomic.Bool   // to end
	ended   chan struct{} // closed once the process is gone
	err     error         // how it ended; to be read after ended
}

// newEnclaves prepares n backends of an operator, and the certificate by which they know its node. pace is the shortest time
// between two blocks.
func (o *operator) newEnclaves(ctx context.Context, program []string, n int, pace time.Duration) error {
	var client struct {
		Certificate, Key, Fingerprint string
	}
	if err := tell(ctx, program, &client, "signer", "client", "new", "--out", filepath.Join(o.dir, "client"), "--json"); err != nil {
		return err
	}
	o.certificate, o.certificateKey = client.Certificate, client.Key
	if err := o.openOffice(); err != nil {
		return err
	}
	for i := range n {
		port, err := freePort()
		if err != nil {
			return err
		}
		id := fmt.Sprintf("enclave-%d", i+1)
		e := &enclave{id: id, dir: filepath.Join(o.dir, id), address: fmt.Sprintf("127.0.0.1:%d", port)}
		var prepared struct {
			Settings, Fingerprint, Mailbox string
			Token                          string `json:"token_file"`
		}
		arguments := []string{"signer", "init", "--dir", e.dir, "--listen", e.address, "--id", id, "--operator", o.address.String(), "--json"}
		for _, url := range o.office.urls {
			arguments = append(arguments, "--node", url)
		}
		if err := tell(ctx, program, &prepared, arguments...); err != nil {
			return err
		}
		e.fingerprint, e.mailbox, e.token = prepared.Fingerprint, prepared.Mailbox, prepared.Token
		if err := tell(ctx, program, nil, "signer", "client", "add", "node", "--dir", e.dir, "--fingerprint", client.Fingerprint, "--json"); err != nil {
			return err
		}
		if err := setBlockTime(prepared.Settings, pace); err != nil {
			return err
		}
		o.enclaves = append(o.enclaves, e)
	}
	return nil
}

// tell calls a command of walletnode, whose answer in JSON goes into answer unless that is nil.
func tell(ctx context.Context, program []string, answer any, arguments ...string) error {
	command := exec.CommandContext(ctx, program[0], append(program[1:len(program):len(program)], arguments...)...) //nolint:gosec // the caller's choice
	command.Env = ownEnvironment(os.Environ())
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil {
		return fmt.Errorf("walletnode %s: %w: %s", strings.Join(arguments[:2], " "), err, strings.TrimSpace(complaints.String()))
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("walletnode %s: read its answer: %w", strings.Join(arguments[:2], " "), err)
	}
	return nil
}

// setBlockTime puts the time between two blocks into a signer's settings, as an operator would with an editor.
func setBlockTime(settings string, pace time.Duration) error {
	text, err := os.ReadFile(settings) //nolint:gosec // the devnet's own
	if err != nil {
		return err
	}
	const standing = `block_time = "12s"`
	if strings.Count(string(text), standing) != 1 {
		return fmt.Errorf("the settings in %s do not have one line %s", settings, standing)
	}
	changed := strings.Replace(string(text), standing, fmt.Sprintf("block_time = %q", pace), 1)
	if _, _, err := daemon.ParseSettings([]byte(changed)); err != nil {
		return err
	}
	return os.WriteFile(settings, []byte(changed), 0o600)
}

// signing is the part of a node's configuration about its signers: those of the operator, or that there is none.
func (o *operator) signing() string {
	if len(o.enclaves) == 0 {
		return "[signing]\nembedded = \"off\"\n\n"
	}
	text := fmt.Sprintf("[signing]\nplacement = \"least_loaded\"\nclient_cert_file = %q\nclient_key_file = %q\n\n", o.certificate, o.certificateKey)
	for _, e := range o.enclaves {
		text += fmt.Sprintf("[[signers]]\nid = %q\nurl = %q\nfingerprint = %q\n\n", e.id, "https://"+e.address, e.fingerprint)
		text += fmt.Sprintf("[[feed.subscribers]]\nname = %q\ntoken_file = %q\nmailboxes = [%q]\nmay = [\"follow\", \"acknowledge\"]\n\n", e.id, e.token, e.mailbox)
	}
	return text
}

// sharedSigning is the same for one of many instances: they look for Bitcoin transactions where the operator puts them.
func (o *operator) sharedSigning() string {
	return o.signing() + fmt.Sprintf("[bitcoin]\ntransactions = %q\n\n", filepath.Join(o.dir, transactionsName))
}

// start starts the backend and waits until it listens. failed is told if it ends by itself.
func (e *enclave) start(ctx context.Context, program []string, failed func(error)) error {
	log, err := os.OpenFile(filepath.Join(e.dir, "signer.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	arguments := append(program[1:len(program):len(program)], "signer", "run", "--dir", e.dir)
	p := &daemonProcess{
		// It outlives ctx, so that it is stopped after the node that asks it.
		command: exec.CommandContext(context.WithoutCancel(ctx), program[0], arguments...), //nolint:gosec // the caller's choice
		log:     log,
		ended:   make(chan struct{}),
	}
	p.command.Env = ownEnvironment(os.Environ())
	p.command.Stderr = log
	if err := p.command.Start(); err != nil {
		return errors.Join(fmt.Errorf("start a signer: %w", err), log.Close())
	}
	e.running = p
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
		if !p.asked.Load() && ctx.Err() == nil {
			failed(fmt.Errorf("the signer in %s ended by itself: %w: %s", e.dir, errors.Join(errors.New("not asked to"), p.err), lastWords(log.Name())))
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, gathering, fmt.Errorf("the signer in %s does not listen", e.dir))
	defer cancel()
	return until(ctx, func() (bool, error) {
		select {
		case <-p.ended:
			return false, fmt.Errorf("the signer in %s has ended: %w: %s", e.dir, errors.Join(errors.New("not asked to"), p.err), lastWords(log.Name()))
		default:
		}
		conn, err := (&stdnet.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", e.address)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, conn.Close()
	})
}

// halt stops the backend, if it runs, and returns when it is gone.
func (e *enclave) halt() error {
	p := e.running
	if p == nil {
		return nil
	}
	e.running = nil
	p.asked.Store(true)
	err := p.command.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.ended
		if p.err != nil && !terminated(p.err) {
			err = fmt.Errorf("signer in %s, asked to stop: %w", e.dir, p.err)
		}
	}
	return errors.Join(err, p.log.Close())
}

// haltEnclaves stops the operator's backends.
func (o *operator) haltEnclaves() error {
	return atOnce(len(o.enclaves), func(i int) error { return errors.Join(o.enclaves[i].unmask(), o.enclaves[i].halt()) })
}
