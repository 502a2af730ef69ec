package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// AsSigners makes the tests' binary the signers of a circle, so that their work is told apart from the nodes'. It names the directory
// of each, separated as in a path list.
const AsSigners = "WALLETNODE_BENCH_SIGNERS"

// enclaves are a circle's signers, which run in one process of their own.
type enclaves struct {
	configs []daemon.Config
	ask     io.WriteCloser
	answers *bufio.Reader
}

// startEnclaves starts so many signers. They end with the benchmark.
func startEnclaves(b *testing.B, count int) *enclaves {
	b.Helper()
	var dirs []string
	for range count {
		dirs = append(dirs, b.TempDir())
	}
	binary, err := os.Executable()
	require.NoError(b, err)
	process := exec.Command(binary) //nolint:gosec,noctx // this very binary; it ends with its input
	process.Env = append(os.Environ(), AsSigners+"="+strings.Join(dirs, string(filepath.ListSeparator)))
	process.Stderr = os.Stderr
	e := &enclaves{}
	e.ask, err = process.StdinPipe()
	require.NoError(b, err)
	output, err := process.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, process.Start())
	b.Cleanup(func() {
		require.NoError(b, e.ask.Close())
		_, _ = io.Copy(io.Discard, output)
		require.NoError(b, process.Wait())
	})
	e.answers = bufio.NewReader(output)
	line, err := e.answers.ReadBytes('\n')
	require.NoError(b, err)
	var urls []string
	require.NoError(b, json.Unmarshal(line, &urls))
	for i, dir := range dirs {
		config := clientOf(dir)
		config.URL = urls[i]
		identity, err := daemon.LoadIdentity(serverFiles(dir))
		require.NoError(b, err)
		config.Fingerprint = identity.Fingerprint
		e.configs = append(e.configs, config)
	}
	return e
}

// take returns how the next signer is reached.
func (e *enclaves) take(id string) node.SignerConfig {
	config := e.configs[0]
	e.configs = e.configs[1:]
	return node.SignerConfig{Spec: placement.Spec{ID: id, Weight: 1, State: placement.Active, Where: config.URL}, Config: config}
}

// cpuTime is what the signers have used so far.
func (e *enclaves) cpuTime(b *testing.B) time.Duration {
	b.Helper()
	_, err := fmt.Fprintln(e.ask)
	require.NoError(b, err)
	line, err := e.answers.ReadString('\n')
	require.NoError(b, err)
	used, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	require.NoError(b, err)
	return time.Duration(used)
}

func clientOf(dir string) daemon.Config {
	return daemon.Config{Certificate: filepath.Join(dir, "client.pem"), Key: filepath.Join(dir, "client.key"), Sign: patient, Generate: patient}
}

func serverFiles(dir string) (certificate, key string) {
	return filepath.Join(dir, "signer.pem"), filepath.Join(dir, "signer.key")
}

// ServeSigners starts a signer in each directory, tells their URLs, and for each line of in the processor time that the process has used,
// in nanoseconds. It returns when in ends.
func ServeSigners(dirs string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var servers errgroup.Group
	var urls []string
	for _, dir := range filepath.SplitList(dirs) {
		run, url, err := signerIn(ctx, dir)
		if err != nil {
			return errors.Join(err, end(cancel, &servers))
		}
		servers.Go(func() error { return run(ctx) })
		urls = append(urls, url)
	}
	err := json.NewEncoder(out).Encode(urls)
	for lines := bufio.NewScanner(in); err == nil && lines.Scan(); {
		_, err = fmt.Fprintln(out, CPUTime().Nanoseconds())
	}
	return errors.Join(err, end(cancel, &servers))
}

func end(cancel func(), servers *errgroup.Group) error {
	cancel()
	return servers.Wait()
}

// signerIn makes a vault and its server, and returns how it is run and reached.
func signerIn(ctx context.Context, dir string) (run func(context.Context) error, url string, err error) {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return nil, "", err
	}
	client := clientOf(dir)
	print, err := daemon.MakeCertificate("node", client.Certificate, client.Key)
	if err != nil {
		return nil, "", err
	}
	access, err := daemon.NewAccess([]daemon.Permission{
		{Name: "node", Fingerprint: print, Roles: []daemon.Role{daemon.RoleRead, daemon.RoleSign, daemon.RoleDKG}, Wallets: []string{"*"}},
	})
	if err != nil {
		return nil, "", err
	}
	certificate, key := serverFiles(dir)
	if _, err := daemon.MakeCertificate("signer", certificate, key); err != nil {
		return nil, "", err
	}
	identity, err := daemon.LoadIdentity(certificate, key)
	if err != nil {
		return nil, "", err
	}
	listener, err := (&stdnet.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	v, err := vault.Open(ctx, vault.Config{Dir: filepath.Join(dir, "vault"), PasswordFile: password, BlockTime: circleBlock, Work: 10})
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	server, err := daemon.NewServer(v, identity, access, quiet)
	if err != nil {
		return nil, "", errors.Join(err, v.Close(), listener.Close())
	}
	run = func(ctx context.Context) error { return errors.Join(server.Run(ctx, listener), v.Close()) }
	return run, "https://" + listener.Addr().String(), nil
}
