package devnet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // what Bitcoin hashes keys with

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// payToKeyHash is P2WPKH's script of a key.
func payToKeyHash(key *btcec.PrivateKey) []byte {
	hash := ripemd160.New()
	_, _ = hash.Write(chainhash.HashB(key.PubKey().SerializeCompressed())) // never fails
	return hash.Sum([]byte{0x00, 0x14})
}

// ecdsaWindow is a signed window whose wallets are of scheme CMP.
func ecdsaWindow(t *testing.T, seed uint64) (*world, facts) {
	t.Helper()
	w, f := signedWindow(t, seed, 1)
	for i, e := range w.stage.elections {
		f.Wallets[i].Purse.Scheme = signer.CMP
		key := secretOf(t, seed, i)
		own := payToKeyHash(key)
		tx := unsignedOf(w, i, own)
		hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(own, 20_000_000))
		witness, err := txscript.WitnessSignature(tx, hashes, 0, 20_000_000, own, txscript.SigHashAll, key, true)
		require.NoError(t, err)
		tx.TxIn[0].Witness = witness
		for n := range f.Nodes {
			f.Nodes[n].Signings[i] = signingOf(t, e, f.Window.Block, tx)
		}
	}
	return w, f
}

func TestTheJudgeKnowsECDSAWallets(t *testing.T) {
	for seed := range uint64(4) {
		_, f := ecdsaWindow(t, seed)
		require.Empty(t, differences("calm", f))
	}
	for name, c := range map[string]struct {
		change func(*wire.MsgTx)
		want   string
	}{
		"one byte of the signature": {func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0][20] ^= 1 }, "its signature"},
		"another key":               {func(tx *wire.MsgTx) { tx.TxIn[0].Witness[1][0] ^= 1 }, "its signature"},
		"change to a Taproot output": {func(tx *wire.MsgTx) {
			tx.TxOut[0].PkScript = append([]byte{0x51, 0x20}, tx.TxIn[0].Witness[1][1:]...)
		}, "it pays "},
	} {
		w, f := ecdsaWindow(t, 1)
		tx, err := redeemed(f.Wallets[0], f.Nodes[4].Detail.Wallets[0], f.Nodes[4].Signings[0])
		require.NoError(t, err)
		c.change(tx)
		f.Nodes[4].Signings[0] = signingOf(t, w.stage.elections[0], f.Window.Block, tx)
		require.Contains(t, fmt.Sprint(differences("calm", f)), c.want, name)
	}
	_, f := ecdsaWindow(t, 1)
	f.Wallets[0].Purse.Scheme = signer.FROST
	require.NotEmpty(t, differences("calm", f), "a wallet's scheme is not the signer's to choose")
}

func TestTheJudgeVerifiesHeartbeatsOfECDSAWallets(t *testing.T) {
	key := secretOf(t, 1, 0)
	public := [65]byte(key.PubKey().SerializeUncompressed())
	message := []byte("sixteen bytes of")
	signature := ecdsa.Sign(key, chainhash.DoubleHashB(message))
	r, s := signature.R(), signature.S()
	rs := slices.Concat(bytesOf(&r), bytesOf(&s))
	require.NoError(t, beats(signer.CMP, public, message, rs))
	s.Negate()
	for name, bad := range map[string][]byte{
		"s in the upper half": slices.Concat(bytesOf(&r), bytesOf(&s)), "a byte too few": rs[1:], "a byte too many": append(slices.Clone(rs), 0),
		"DER": signature.Serialize(), "nothing": nil,
	} {
		require.ErrorContains(t, beats(signer.CMP, public, message, bad), "not r and s", name)
	}
	require.ErrorIs(t, beats(signer.CMP, public, []byte("other"), rs), errNotTheWallets)
	require.Error(t, beats(signer.FROST, public, message, rs))
}

func bytesOf(n *btcec.ModNScalar) []byte {
	all := n.Bytes()
	return all[:]
}
