package vault

import (
	"bytes"
	"context"
	"log/slog"
	"math/big"
	stdnet "net"
	"path/filepath"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
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
	requireNoCMPShareSaid(t, r, key)
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

// requireNoCMPShareSaid wants none of a key's secrets in the traffic of its generation: of each seat the part of the key, the
// ElGamal key and the Paillier key's primes. That what is looked for is these, their public halves show.
func requireNoCMPShareSaid(t *testing.T, r *rig, key signer.KeyDetail) {
	t.Helper()
	parts := sealedParts(t, r.traffic)
	pairs := map[[2]chain.Operator]bool{}
	for _, p := range parts {
		pairs[[2]chain.Operator{p.from, p.to}] = true
	}
	require.Len(t, pairs, 3*2, "from each operator to each other one")
	requireSealedToOne(t, r, parts)

	everything := bytes.Join(r.traffic, nil)
	eachShare(t, r, key, func(seat chain.Seat, share []byte) {
		const prime = 128                       // bytes
		rest := share[5+3+65:]                  // after the header, the seats and the key
		part, rest := rest[:32], rest[32+3*33:] // after the verification shares
		elGamal, p, q := rest[:32], rest[32:32+prime], rest[32+prime:32+2*prime]

		require.EqualValues(t, key.Verification[seat], secp256k1.PrivKeyFromBytes(part).PubKey().SerializeCompressed())
		n := new(big.Int).Mul(new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)).Bytes()
		for _, public := range [][]byte{secp256k1.PrivKeyFromBytes(elGamal).PubKey().SerializeCompressed(), n} {
			require.True(t, bytes.Contains(everything, public), "what is public of seat %d was said", seat)
		}
		for name, secret := range map[string][]byte{"part of the key": part, "ElGamal key": elGamal, "first prime": p, "second prime": q} {
			requireUnsaid(t, everything, secret, "the %s of seat %d", name, seat)
		}
	})
}
