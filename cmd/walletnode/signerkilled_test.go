package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// The password may lie where the service manager puts it, and not beside the shares: the variable of the unit names it.
func TestASignersPasswordIsWhereTheServiceManagerPutsIt(t *testing.T) {
	dir, _ := preparedDir(t)
	list := []string{"signer", "keys", "list", "--dir", dir}
	succeed(t, "", list...)
	credential := filepath.Join(t.TempDir(), "signer-password")
	require.NoError(t, os.Rename(filepath.Join(dir, "password"), credential))
	require.NotZero(t, call(t, "", list...).code)
	t.Setenv(signerPasswordVariable, credential)
	succeed(t, "", list...)
	require.NoError(t, os.WriteFile(credential, []byte("another one\n"), 0o600))
	require.NotZero(t, call(t, "", list...).code)
}

// A signer is killed after each round of a key generation, and again before and after its key is put to use: it has a whole key or
// none, signs with none that is not in use, and makes another one afterwards.
func TestASignerThatIsKilledInAKeyGenerationHasAWholeKeyOrNone(t *testing.T) {
	private, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	require.NoError(t, err)
	o := &soleOperator{key: private, op: wire.PublicKeyOf(private).Operator()}
	s := startSigner(t)
	backend := s.dial(t, s.config)
	again := func() {
		t.Helper()
		s.kill(t)
		s.start(t)
		backend = s.dial(t, s.config)
	}
	for killed := 1; killed <= 3; killed++ {
		inv := keygen.Invitation{
			Terms: keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Roster: []chain.Operator{o.op, o.op, o.op}, Threshold: 2, Scheme: signer.FROST},
			Nonce: keygen.NewNonce(), Expires: time.Now().Add(time.Hour),
		}
		signed, err := keygen.SignInvitation(o.key, inv)
		require.NoError(t, err)
		sealTo, err := backend.SealTo(t.Context(), inv.Session())
		require.NoError(t, err)
		accepted, err := keygen.SignAcceptance(o.key, keygen.Acceptance{Session: inv.Session(), Backend: "signer-1", SealTo: sealTo})
		require.NoError(t, err)
		ask := func(round int) (signer.RoundReply, error) {
			r := signer.GenerateRound{Session: inv.Session(), Round: round}
			if round == 1 {
				r.Open = &signer.Opening{Invitation: signed, Acceptances: [][]byte{accepted}, Self: o.op, Height: 9899}
			}
			return backend.Generate(t.Context(), r)
		}
		var reply signer.RoundReply
		for round := 1; round <= killed; round++ {
			reply, err = ask(round)
			require.NoError(t, err)
		}
		require.Equal(t, killed == 3, reply.Done != nil)
		again()
		repeated, err := ask(killed)
		require.NoError(t, err)
		require.Equal(t, reply, repeated, "what was answered is answered")
		keys, err := backend.Keys(t.Context(), nil, 10)
		require.NoError(t, err)
		if killed < 3 {
			_, err = ask(killed + 1)
			require.ErrorIs(t, err, signer.ErrSessionGone)
			require.Empty(t, keys)
			continue
		}
		require.Len(t, keys, 1)
		require.Equal(t, signer.KeyPending, keys[0].State)
		key := *reply.Done.Key
		_, err = o.heartbeat(t, backend, key, 9900)
		require.ErrorIs(t, err, signer.ErrFrozen)
		a, err := keygen.AttestationOf(inv, key)
		require.NoError(t, err)
		attested, err := keygen.SignAttestation(o.key, a)
		require.NoError(t, err)
		record, err := keygen.MakeRecord(inv.Roster, [][]byte{attested})
		require.NoError(t, err)
		require.NoError(t, backend.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive, Record: record}))
		again()
		_, err = o.heartbeat(t, backend, key, 9900)
		require.NoError(t, err)
	}
	s.stop(t)
}
