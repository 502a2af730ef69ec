package bitcoin

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return raw
}

// xOnly is the wallet key that BIP-340 means by 32 bytes.
func xOnly(t testing.TB, x []byte) chain.PublicKey {
	t.Helper()
	key, err := schnorr.ParsePubKey(x)
	require.NoError(t, err)
	return chain.PublicKey(key.SerializeUncompressed())
}

type bip341 struct {
	Keys             []struct{ MerkleRoot, Internal, Tweaked, Script string }
	Unsigned, Signed string
	Spent            []struct {
		Script string
		Value  int64
	}
	Default struct {
		Input            int
		SigHash, Witness string
	}
}

func readBIP341(t testing.TB) (v bip341, prevouts []signer.Prevout) {
	t.Helper()
	text, err := os.ReadFile("testdata/bip341.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	for _, spent := range v.Spent {
		prevouts = append(prevouts, signer.Prevout{Value: spent.Value, Script: unhex(t, spent.Script)})
	}
	return v, prevouts
}

func TestBIP341KeysArePaidAsTheStandardSays(t *testing.T) {
	v, _ := readBIP341(t)
	require.Len(t, v.Keys, 7)
	for _, k := range v.Keys {
		require.Equal(t, k.Script, hex.EncodeToString(ScriptOf(signer.FROST, xOnly(t, unhex(t, k.Tweaked)))))
		internal, err := schnorr.ParsePubKey(unhex(t, k.Internal))
		require.NoError(t, err)
		output := txscript.ComputeTaprootOutputKey(internal, unhex(t, k.MerkleRoot))
		require.Equal(t, k.Tweaked, hex.EncodeToString(schnorr.SerializePubKey(output)))
	}
}

func TestBIP341KeyPathSpendingIsHashedAndChecked(t *testing.T) {
	v, prevouts := readBIP341(t)
	raw := unhex(t, v.Unsigned)
	tx, err := ParseUnsigned(raw)
	require.NoError(t, err)
	require.Equal(t, raw, Serialize(tx))
	h, err := newHashes(tx, prevouts)
	require.NoError(t, err)
	hash, err := h.of(signer.FROST, v.Default.Input)
	require.NoError(t, err)
	require.Equal(t, v.Default.SigHash, hash.String())
	wallet := Wallet{xOnly(t, prevouts[v.Default.Input].Script[2:]), signer.FROST}
	require.NoError(t, Verify(wallet, hash, unhex(t, v.Default.Witness)))

	signed, err := Parse(unhex(t, v.Signed))
	require.NoError(t, err)
	require.Equal(t, v.Signed, hex.EncodeToString(Serialize(signed)))
	require.NoError(t, Check(signed, prevouts))
	_, err = ParseUnsigned(unhex(t, v.Signed))
	require.ErrorContains(t, err, "is signed already")

	// What every input's signature covers: all that is spent, and all that is paid.
	spoilt := func(spoil func()) {
		t.Helper()
		signed, err = Parse(unhex(t, v.Signed))
		require.NoError(t, err)
		_, prevouts = readBIP341(t)
		spoil()
		require.ErrorIs(t, Check(signed, prevouts), errSignature)
	}
	spoilt(func() { prevouts[3].Value++ })
	spoilt(func() { signed.TxOut[0].Value-- })
	spoilt(func() { signed.LockTime++ })
	spoilt(func() { signed.TxIn[4].Witness[0][9] ^= 1 })
}

// BIP-143, "Native P2WPKH": the second input.
func TestBIP143NativeP2WPKH(t *testing.T) {
	raw := unhex(t, "0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000")                                                                                                                                                                                                                                                                                                                                                                                     //nolint:lll // a vector
	signedRaw := unhex(t, "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000") //nolint:lll // a vector
	key, err := btcec.ParsePubKey(unhex(t, "025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee6357"))
	require.NoError(t, err)
	wallet := Wallet{chain.PublicKey(key.SerializeUncompressed()), signer.CMP}
	require.Equal(t, unhex(t, "00141d0f172a0ecb48aee1be1f2687d2963ae33f71a1"), wallet.Script())

	prevouts := []signer.Prevout{
		{Value: 625_000_000, Script: unhex(t, "2103c9f4836b9a4f77fc0d81f7bcb01b7f1b35916864b9476c241ce9fc198bd25432ac")},
		{Value: 600_000_000, Script: wallet.Script()},
	}
	tx, err := ParseUnsigned(raw)
	require.NoError(t, err)
	h, err := newHashes(tx, prevouts)
	require.NoError(t, err)
	hash, err := h.of(signer.CMP, 1)
	require.NoError(t, err)
	require.Equal(t, "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670", hash.String())
	_, err = h.of(signer.CMP, 0)
	require.ErrorContains(t, err, "does not spend a P2WPKH output")
	_, err = h.of(signer.FROST, 1)
	require.ErrorContains(t, err, "does not spend a P2TR output")

	// The signature, as a backend hands it over, becomes the standard's witness.
	signature := unhex(t, "3609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a"+
		"573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee")
	require.NoError(t, Verify(wallet, hash, signature))
	signed, err := Parse(signedRaw)
	require.NoError(t, err)
	require.NoError(t, Check(signed, prevouts))
	witness, err := wallet.witness(signature)
	require.NoError(t, err)
	require.Equal(t, signed.TxIn[1].Witness, witness)
	prevouts[1].Value++
	require.ErrorIs(t, Check(signed, prevouts), errSignature)
}

// Relayed are signatures with s in the lower half alone; a backend that hands over the other one is refused before.
func TestAnECDSASignatureIsInTheLowerHalf(t *testing.T) {
	private, _ := btcec.PrivKeyFromBytes([]byte{7})
	wallet := Wallet{chain.PublicKey(private.PubKey().SerializeUncompressed()), signer.CMP}
	what := signer.Signable{1}
	der := ecdsa.Sign(private, what[:])
	r, s := der.R(), der.S()
	low := joined(r, s)
	require.NoError(t, Verify(wallet, what, low))
	s.Negate()
	require.ErrorIs(t, Verify(wallet, what, joined(r, s)), errSignature)
	for name, bad := range map[string][]byte{
		"none": nil, "short": low[:63], "long": append(low[:64:64], 0), "zero": make([]byte, 64),
		"r of zero": append(make([]byte, 32), low[32:]...),
		"r too big": append(unhex(t, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), low[32:]...),
	} {
		require.ErrorIs(t, Verify(wallet, what, bad), errSignature, name)
		_, err := wallet.witness(bad)
		require.ErrorIs(t, err, errSignature, name)
	}
	require.ErrorIs(t, Verify(wallet, signer.Signable{2}, low), errSignature)
}

func joined(r, s btcec.ModNScalar) []byte {
	a, b := r.Bytes(), s.Bytes()
	return append(a[:], b[:]...)
}
