package scheme

import (
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Any threshold of any seats make a signature of their key that another library takes, over any digest.
func TestAnyQuorumSigns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seats := rapid.SliceOfNDistinct(rapid.Uint8Range(1, 255), 2, 5, rapid.ID).Draw(r, "seats")
		var all []chain.Seat
		for _, s := range seats {
			all = append(all, chain.Seat(s))
		}
		all = sorted(all)
		threshold := rapid.IntRange(2, len(all)).Draw(r, "threshold")
		shares := generate(t, signer.FROST, all, threshold)
		count := rapid.IntRange(threshold, len(all)).Draw(r, "count")
		signers := sorted(append([]chain.Seat(nil), rapid.Permutation(all).Draw(r, "signers")[:count]...))
		digest := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, "digest"))

		key := shares[all[0]].Key()
		for _, s := range all {
			require.Equal(r, key, shares[s].Key())
			require.Equal(r, shares[all[0]].Verification(), shares[s].Verification())
			require.Equal(r, threshold, shares[s].Threshold())
			require.Equal(r, all, shares[s].seats)
			require.Equal(r, s, shares[s].Seat())
		}
		sign(t, shares, signers, digest)
	})
}

// The tweak gives the key and the secret that btcd's implementation of BIP-341 gives, for odd and even internal and output keys.
func TestTweakInAllParities(t *testing.T) {
	seen := map[[2]bool]int{}
	seats := []chain.Seat{3, 200}
	for range 2000 {
		g := newKeygens(t, signer.FROST, seats, 2)
		var internal secp256k1.JacobianPoint
		counted := map[chain.Seat]bool{}
		g.meddle = func(round int, _ chain.Seat, m Message) []Message {
			if round == 1 && !counted[m.From] { // the constant terms' sum is the internal key
				counted[m.From] = true
				c, err := parsePoint(firstCoefficient(t, m))
				require.NoError(t, err)
				var sum secp256k1.JacobianPoint
				secp256k1.AddNonConst(&internal, &c, &sum)
				internal = sum
			}
			return []Message{m}
		}
		require.Empty(t, g.play(t))
		shares := g.shares(t)

		in, err := compress(internal)
		require.NoError(t, err)
		x, err := schnorr.ParsePubKey(in[1:])
		require.NoError(t, err)
		want := txscript.ComputeTaprootKeyNoScript(x)
		key := shares[3].Key()
		require.Equal(t, schnorr.SerializePubKey(want), key[1:33])
		require.Zero(t, key[64]&1)

		// The secret that nobody holds, put together: its key is the wallet's.
		var secret secp256k1.ModNScalar
		for _, s := range seats {
			part, err := parseScalar(shares[s].secret)
			require.NoError(t, err)
			weight := lagrange(seats, s)
			secret.Add(part.Mul(&weight))
		}
		public, err := publicOf(secret)
		require.NoError(t, err)
		whole, err := uncompress(public)
		require.NoError(t, err)
		require.Equal(t, key, whole)

		seen[[2]bool{in[0] == 3, want.SerializeCompressed()[0] == 3}]++
		sign(t, shares, seats, [32]byte{1})
		if len(seen) == 4 {
			return
		}
	}
	t.Fatalf("not all parities in 2000 keys: %v", seen)
}

// firstCoefficient cuts the commitment to a polynomial's constant term out of a first message.
func firstCoefficient(t testing.TB, m Message) [33]byte {
	t.Helper()
	at := coefficients(t, m.Data)
	return [33]byte(m.Data[at+3 : at+36])
}

// A key whose internal key is X only is the tweak of an even Y, whatever the shares' own parity: BIP-341's first test vector
// without a script.
func TestTweakVector(t *testing.T) {
	internal := unhex(t, "d6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d")
	tw, err := newTweak(internal)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343"), tw.output[1:])
	add := tw.add.Bytes()
	require.Equal(t, unhex(t, "b86e7be8f39bab32a6f2c0443abbc210f0edac0e2c53d501b36b64437d9c6c70"), add[:])
}
