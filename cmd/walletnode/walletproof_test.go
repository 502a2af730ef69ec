package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
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

// A key generation failed because an operator said two things in one round. What is stored of it names the operator, here and to whoever
// is given the file.
func TestTheProofOfAFailedKeyGenerationNamesItsCulpritToAnybody(t *testing.T) {
	node := newRunning(t)
	honest := secp256k1.PrivKeyFromBytes([]byte{8})
	roster := []chain.Operator{wire.PublicKeyOf(honest).Operator(), wire.PublicKeyOf(liar).Operator()}
	fail := func(nonce string, liars []*secp256k1.PrivateKey, says ...string) keygen.Row {
		inv := keygen.Invitation{
			Terms: keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Roster: roster, Threshold: 2, Scheme: signer.FROST},
			Nonce: sha256.Sum256([]byte(nonce)), Expires: time.Unix(1_800_000_000, 0),
		}
		doc, err := keygen.SignInvitation(honest, inv)
		require.NoError(t, err)
		row := keygen.Row{Session: inv.Session(), Invitation: doc, State: keygen.Failed, Detail: "it failed", Created: time.Unix(1, 0), Changed: time.Unix(2, 0)}
		for _, by := range liars {
			for i, text := range says {
				data := keygen.EncodeBundle(row.Session, 1, []signer.Parcel{{Data: []byte(text)}}, nil)
				signed := wire.SignPubsub(by, keygen.TopicOf(row.Session), data, binary.BigEndian.AppendUint64(nil, uint64(i+1))) //nolint:gosec // two
				row.Proof = append(row.Proof, signed.Bytes())
			}
		}
		require.NoError(t, node.store.AddKeygen(t.Context(), row))
		return row
	}
	one := []*secp256k1.PrivateKey{liar}
	split, same, silent := fail("split", one, "one thing", "another"), fail("same", one, "one thing", "one thing"), fail("silent", nil)
	both := fail("both", append(one, honest), "one thing", "another")

	file := filepath.Join(t.TempDir(), "proof.json")
	told := succeed(t, "", "wallets", "proof", split.Session.String(), "-o", file, "--data-dir", node.dir)
	require.Contains(t, told, "culprit  "+roster[1].String())
	require.Contains(t, told, "said two different things in round 1")
	var verdict keygenVerdict
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "wallets", "proof", "--file", file, "--json")), &verdict))
	require.Equal(t, keygenVerdict{split.Session.String(), []keygenCulprit{{roster[1], verdict.Culprits[0].Why}}}, verdict)
	told = succeed(t, "", "wallets", "proof", both.Session.String(), "--data-dir", node.dir)
	require.Contains(t, told, "culprit  "+roster[0].String())
	require.Contains(t, told, "culprit  "+roster[1].String())

	proof, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	var p keygenProof
	require.NoError(t, json.Unmarshal(proof, &p))
	p.Messages = p.Messages[:1]
	half, err := json.Marshal(p)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"it is not overwritten":   {[]string{split.Session.String(), "-o", file}, codeFailure, "exists"},
		"half of it":              {[]string{"--file", fileOf(t, "half", half)}, codeFailure, "prove nothing"},
		"no proof":                {[]string{"--file", fileOf(t, "none", []byte("{}"))}, codeFailure, "invitation"},
		"no JSON":                 {[]string{"--file", fileOf(t, "text", []byte("proof"))}, codeFailure, "wallets proof"},
		"no file":                 {[]string{"--file", "/none"}, codeUsage, "/none"},
		"the same twice":          {[]string{same.Session.String()}, codeFailure, "prove nothing"},
		"nothing was proven":      {[]string{silent.Session.String()}, codeNotFound, "it failed"},
		"no such key generation":  {[]string{someFingerprint}, codeNotFound, "wallets pending --all"},
		"no session":              {[]string{"none"}, codeUsage, "session"},
		"a session and a file":    {[]string{split.Session.String(), "--file", file}, codeUsage, "argument"},
		"neither session or file": {nil, codeUsage, "needs SESSION"},
	} {
		got := call(t, "", append(append([]string{"wallets", "proof"}, c.args...), "--data-dir", node.dir)...)
		require.Equal(t, c.code, got.code, "%s: %s", name, got.stderr)
		require.Contains(t, got.stderr, c.says, name)
	}
}
