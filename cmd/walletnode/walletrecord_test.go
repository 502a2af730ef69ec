package main

import (
	"crypto/sha256"
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

// generated stores the generation of a wallet's key with a seat for each operator, as it ends, and returns the attestations.
func (r running) generated(t testing.TB, key chain.PublicKey, operators ...*secp256k1.PrivateKey) (attestations [][]byte) {
	t.Helper()
	terms := keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Threshold: 2, Scheme: signer.FROST}
	a := keygen.Attestation{GroupKey: key}
	for _, op := range operators {
		terms.Roster = append(terms.Roster, wire.PublicKeyOf(op).Operator())
		a.Verification = append(a.Verification, wire.PublicKeyOf(op))
	}
	inv := keygen.Invitation{Terms: terms, Nonce: sha256.Sum256(key[:]), Expires: time.Unix(1_800_000_000, 0)}
	doc, err := keygen.SignInvitation(operators[0], inv)
	require.NoError(t, err)
	a.Terms, a.Session = terms, inv.Session()
	for _, op := range operators {
		signed, err := keygen.SignAttestation(op, a)
		require.NoError(t, err)
		attestations = append(attestations, signed)
	}
	require.NoError(t, r.store.AddKeygen(t.Context(), keygen.Row{
		Session: inv.Session(), Invitation: doc, State: keygen.Active, Attestations: attestations, Wallet: key.Hash(), Created: time.Unix(1, 0), Changed: time.Unix(2, 0),
	}))
	return attestations
}

// Whoever has the record that all operators of a wallet have signed judges a proof by it, and need be given no list.
func TestARecordJudgesAProof(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	proof := fileOf(t, "proof", []byte(succeed(t, "", "evidence", "export", node.caught(t), "--data-dir", node.dir)))
	key, err := chain.ParsePublicKey(walletKey)
	require.NoError(t, err)
	honest := secp256k1.PrivKeyFromBytes([]byte{8})
	require.Equal(t, codeNotFound, call(t, "", "wallets", "record", walletID, "-o", "-", "--data-dir", node.dir).code, "it was imported, not generated")
	attestations := node.generated(t, key, honest, liar)

	file := filepath.Join(t.TempDir(), "record")
	require.Empty(t, succeed(t, "", "wallets", "record", walletID, "--output", file, "--data-dir", node.dir))
	record, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	require.Equal(t, succeed(t, "", "wallets", "record", walletID, "--data-dir", node.dir), string(record))
	require.Equal(t, codeFailure, call(t, "", "wallets", "record", walletID, "-o", file, "--data-dir", node.dir).code, "it overwrites nothing")
	require.Equal(t, codeUsage, call(t, "", "wallets", "record", "none", "--data-dir", node.dir).code)

	text := succeed(t, "", "evidence", "verify", proof, "--record", file)
	require.Contains(t, text, "valid\n")
	require.Contains(t, text, "operator  "+wire.PublicKeyOf(liar).Operator().String())
	require.Equal(t, text, succeed(t, string(record), "evidence", "verify", proof, "--record", "-"))

	roster := []chain.Operator{wire.PublicKeyOf(honest).Operator(), wire.PublicKeyOf(liar).Operator()}
	_, err = keygen.MakeRecord(roster, attestations[:1])
	require.Error(t, err, "all have signed, or it is none")
	foreign := chain.PublicKey(wire.PublicKeyOf(liar).Uncompressed())
	elsewhere, err := keygen.MakeRecord(roster, node.generated(t, foreign, honest, liar))
	require.NoError(t, err)
	forged := append([]byte{}, record...)
	forged[len(forged)-1] ^= 1
	for about, row := range map[string]struct {
		record []byte
		code   int
		reason any
	}{
		"valid":               {record, 0, nil},
		"another wallet's":    {elsewhere, 2, "other_wallet"},
		"forged":              {forged, 2, "bad_operators"},
		"cut off":             {record[:len(record)/2], 2, "bad_operators"},
		"one signature alone": {attestations[0], 2, "bad_operators"},
		"nothing":             {nil, 2, "bad_operators"},
	} {
		got := call(t, "", "evidence", "verify", proof, "--record", fileOf(t, "r", row.record), "--json")
		require.Equal(t, row.code, got.code, "%s: %s", about, got.stdout)
		require.Equal(t, row.reason, document(t, got.stdout)["reason"], about)
	}
	require.Equal(t, codeUnusable, call(t, "", "evidence", "verify", proof, "--record", "/dev/zero").code)
	both := call(t, "", "evidence", "verify", proof, "--record", file, "--operators", file)
	require.Equal(t, codeUsage, both.code)
	require.Contains(t, both.stderr, "not both")
}
