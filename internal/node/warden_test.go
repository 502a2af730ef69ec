package node

import (
	"context"
	"crypto/rand"
	"log/slog"
	stdnet "net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// quickBlock is what signers of tests take for the time between two blocks: a test's windows come within seconds.
const quickBlock = time.Microsecond

// vaultIn returns the configuration of a vault of a test's own.
func vaultIn(t testing.TB) vault.Config {
	t.Helper()
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600))
	return vault.Config{Dir: filepath.Join(dir, "signer"), PasswordFile: password, BlockTime: quickBlock, Work: drawnWork}
}

// warden is a signer backend behind its server, which all instances of an operator ask. A question can be kept on its way to it:
// whoever asked may have died before it arrives.
type warden struct {
	*vault.Vault
	caught chan *question // one for each round that is caught
	over   chan struct{}  // closed when the test is

	mu   sync.Mutex
	trap int // the round of a signature that is caught next; 0 for none
}

// question is one round of a signature that has not arrived yet.
type question struct {
	asked    signer.SignRound
	arrive   chan struct{} // closed to let it arrive
	answered chan error
}

// newWarden starts a backend, and returns how nodes reach it.
func newWarden(t testing.TB) (*warden, SignerConfig) { return newWardenWith(t, vaultIn(t)) }

func newWardenWith(t testing.TB, cfg vault.Config) (*warden, SignerConfig) {
	t.Helper()
	v, err := vault.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	w := &warden{Vault: v, caught: make(chan *question, 1), over: make(chan struct{})}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	fingerprint, err := daemon.MakeCertificate("signer", file("signer.crt"), file("signer.key"))
	require.NoError(t, err)
	node, err := daemon.MakeCertificate("node", file("node.crt"), file("node.key"))
	require.NoError(t, err)
	identity, err := daemon.LoadIdentity(file("signer.crt"), file("signer.key"))
	require.NoError(t, err)
	access, err := daemon.NewAccess([]daemon.Permission{
		{Name: "node", Fingerprint: node, Roles: []daemon.Role{daemon.RoleRead, daemon.RoleSign, daemon.RoleDKG}, Wallets: []string{"*"}},
	})
	require.NoError(t, err)
	server, err := daemon.NewServer(w, identity, access, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // longer than the nodes, which ask it until they end
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(func() { close(w.over) })
	return w, SignerConfig{
		placement.Spec{ID: "enclave", Weight: 1, State: placement.Active, Where: "in the test"},
		daemon.Config{
			URL: "https://" + listener.Addr().String(), Fingerprint: fingerprint, Certificate: file("node.crt"), Key: file("node.key"),
			Health: patient, Read: patient, Sign: patient, Generate: patient,
		},
	}
}

// catch has the next question for a round of a signature wait on its way.
func (w *warden) catch(round int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trap = round
}

// Sign implements signer.Backend.
func (w *warden) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	w.mu.Lock()
	caught := w.trap > 0 && r.Round == w.trap
	if caught {
		w.trap = 0
	}
	w.mu.Unlock()
	if !caught {
		return w.Vault.Sign(ctx, r)
	}
	q := &question{r, make(chan struct{}), make(chan error, 1)}
	w.caught <- q
	select {
	case <-q.arrive:
	case <-w.over:
	}
	reply, err := w.Vault.Sign(context.WithoutCancel(ctx), r) // it was sent, whatever has become of who did
	q.answered <- err
	return reply, err
}

// Abort implements signer.Backend. Nodes that end tell it what they do not need any more; one that is killed does not, and nothing
// may depend on it.
func (*warden) Abort(context.Context, signer.SessionID) error { return nil }

// letGo lets the question arrive, and returns what the backend says to it.
func (q *question) letGo() error {
	close(q.arrive)
	return <-q.answered
}
