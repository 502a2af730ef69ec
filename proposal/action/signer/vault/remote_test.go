package vault

import (
	"context"
	"log/slog"
	stdnet "net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// behind puts a house's vault behind a daemon of its own, with its node's roles and no more.
func (r *rig) behind(h *house) {
	r.t.Helper()
	dir := r.t.TempDir()
	certify := func(name string) (id daemon.Identity, certificate, key string) {
		certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
		_, err := daemon.MakeCertificate(name, certificate, key)
		require.NoError(r.t, err)
		id, err = daemon.LoadIdentity(certificate, key)
		require.NoError(r.t, err)
		return id, certificate, key
	}
	self, _, _ := certify("signer")
	node, certificate, key := certify("node")
	access, err := daemon.NewAccess([]daemon.Permission{{
		Name: "node", Fingerprint: node.Fingerprint, Wallets: []string{"*"}, Roles: []daemon.Role{daemon.RoleRead, daemon.RoleSign, daemon.RoleDKG},
	}})
	require.NoError(r.t, err)
	server, err := daemon.NewServer(h.vault, self, access, slog.New(slog.DiscardHandler))
	require.NoError(r.t, err)
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	const patience = 10 * time.Minute // a busy machine
	client, err := daemon.Dial(daemon.Config{
		URL: "https://" + listener.Addr().String(), Fingerprint: self.Fingerprint, Certificate: certificate, Key: key,
		Health: patience, Read: patience, Sign: patience, Generate: patience,
	})
	require.NoError(r.t, err)
	h.remote = client
	r.t.Cleanup(func() {
		client.Close()
		cancel()
		require.NoError(r.t, <-ended)
	})
}

// A wallet for the Bridge of today, 2 of 3, through the daemons of its operators: its key is generated, its private messages are
// sealed in every round that has some, it redeems, and it goes on after a share has moved.
func TestACMPWalletThroughItsDaemons(t *testing.T) {
	if testing.Short() || bubble.Watched {
		t.Skip("CMP takes half a minute of a processor; run without -short and -race")
	}
	r := newRig(t, 1, 1, 1)
	for _, h := range r.houses {
		r.behind(h)
	}
	key := r.generate(signer.CMP, 2)
	require.NotEmpty(t, sealedParts(t, r.traffic))
	r.at(firstWindow)
	p := r.redemption(key, firstWindow, coins(key, 500_000, 1), script(1), script(2))
	bare := p
	tx := *p.intent.Transaction
	tx.Previous = nil
	bare.intent.Transaction = &tx
	wantRefused(t, signer.RulePrevious, r.begin(bare))
	w := bitcoin.Wallet{Key: chain.PublicKey(key.GroupKey), Scheme: signer.CMP}
	signed, err := bitcoin.Assemble(w, p.intent.Transaction, [][]byte{r.sign(key, p)})
	require.NoError(t, err)
	require.Equal(t, p.spend(t).TxHash(), signed.TxHash())
	require.Len(t, signed.TxIn[0].Witness, 2, "P2WPKH")

	old := r.houses[0]
	file, err := old.vault.Export(t.Context(), key.Wallet, "secret")
	require.NoError(t, err)
	next := &house{key: old.key, op: old.op, cfg: testConfig(t)}
	next.cfg.Now = old.cfg.Now
	next.vault = openVault(t, next.cfg)
	_, err = next.vault.Import(t.Context(), file, "secret")
	require.NoError(t, err)
	r.behind(next)
	r.houses[0] = next
	r.at(firstWindow + 900)
	again := r.redemption(key, firstWindow+900, p.spend(t), script(1))
	_, err = bitcoin.Assemble(w, again.intent.Transaction, [][]byte{r.sign(key, again)})
	require.NoError(t, err)
	k, err := next.remote.Key(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.EqualValues(t, 2, k.Signatures, "the first one was moved with the key")
}
