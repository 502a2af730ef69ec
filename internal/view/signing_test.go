package view

import (
	"encoding/hex"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// bundle signs what a backend says in the first round of a session.
func bundle(t *testing.T, wallet chain.Wallet, key *secp256k1.PrivateKey, says string) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Bundle{
		Bundle: &pb.SignerBundle{Session: make([]byte, 32), Round: 1, Parcels: []*pb.SignerParcel{{Data: []byte(says)}}},
	}})
	require.NoError(t, err)
	return wire.SignPubsub(key, signer.SigningTopic(wallet.ID()), data, []byte{0, 0, 0, 0, 0, 0, 0, 1}).Bytes()
}

// Whoever is shown a blame is told whether its proof holds: it is checked with the roster alone, whenever it is shown.
func TestABlamesProofIsCheckedWhenItIsShown(t *testing.T) {
	key, other := secp256k1.PrivKeyFromBytes([]byte{9}), secp256k1.PrivKeyFromBytes([]byte{10})
	cheat := wire.PublicKeyOf(key).Operator()
	wallet := testWallet(t, cheat, wire.PublicKeyOf(other).Operator())
	one, two := bundle(t, wallet, key, "one"), bundle(t, wallet, key, "two")
	for name, c := range map[string]struct {
		wallet chain.Wallet
		by     chain.Operator
		proof  [][]byte
		want   bool
	}{
		"two bundles":       {wallet, cheat, [][]byte{one, two}, true},
		"one bundle twice":  {wallet, cheat, [][]byte{one, one}, false},
		"of two operators":  {wallet, cheat, [][]byte{one, bundle(t, wallet, other, "two")}, false},
		"of somebody else":  {wallet, wire.PublicKeyOf(other).Operator(), [][]byte{one, two}, false},
		"of another wallet": {testWallet(t, cheat), cheat, [][]byte{one, bundle(t, testWallet(t, chain.Operator{5}), key, "two")}, false},
		"no roster":         {chain.Wallet{}, cheat, [][]byte{one, two}, false},
		"no proof":          {wallet, cheat, nil, false},
	} {
		shown, err := newSigning(signing.Signing{
			Wallet: wallet.ID(), Window: 900, Blames: []signing.Blame{{Attempt: 1, Operator: c.by, Misdeed: signing.MisdeedBundles, Proof: c.proof}},
		}, c.wallet)
		require.NoError(t, err, name)
		require.Equal(t, c.want, shown.Blames[0].Proven, name)
		require.Len(t, shown.Blames[0].Proof, len(c.proof))
		if len(c.proof) > 0 {
			require.Equal(t, hex.EncodeToString(c.proof[0]), shown.Blames[0].Proof[0])
		}
	}
}
