package scheme

import (
	"encoding/csv"
	"os"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// BIP-340's own vectors, rows 0 to 14. Rows 15 to 18 have messages that are not 32 bytes long; here there are only digests.
func TestVerifyVectors(t *testing.T) {
	file, err := os.Open("testdata/bip340.csv")
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 16)
	for _, row := range rows[1:] {
		t.Run(row[0]+" "+row[5], func(t *testing.T) {
			x, digest, sig := unhex(t, row[1]), [32]byte(unhex(t, row[2])), unhex(t, row[3])
			good := row[4] == "TRUE"
			require.Equal(t, good, verifySchnorr(x, digest[:], sig) == nil)
			key, err := uncompress([33]byte(append([]byte{2}, x...)))
			if err != nil {
				require.False(t, good)
				return
			}
			require.Equal(t, good, Verify(signer.FROST, key, digest, sig) == nil)
		})
	}
}

// What Verify refuses although the rest is right.
func TestVerifyRefuses(t *testing.T) {
	private, public := btcec.PrivKeyFromBytes([]byte{7})
	key := chain.PublicKey(public.SerializeUncompressed())
	digest := [32]byte{9}
	compact := ecdsa.SignCompact(private, digest[:], true)[1:]
	require.NoError(t, Verify(signer.CMP, key, digest, compact))

	var s btcec.ModNScalar
	require.False(t, s.SetByteSlice(compact[32:]))
	high := s.Negate().Bytes()
	none := make([]byte, 32)
	for name, sig := range map[string][]byte{
		"high s":    slices.Concat(compact[:32], high[:]),
		"no r":      slices.Concat(none, compact[32:]),
		"no s":      slices.Concat(compact[:32], none),
		"too long":  append(slices.Clone(compact), 0),
		"too short": compact[:63],
		"swapped":   slices.Concat(compact[32:], compact[:32]),
	} {
		require.Error(t, Verify(signer.CMP, key, digest, sig), name)
	}
	require.ErrorIs(t, Verify(signer.CMP, key, [32]byte{8}, compact), errSignature)
	require.Error(t, Verify(signer.FROST, key, digest, compact))
	require.Error(t, Verify("other", key, digest, compact))
	require.Error(t, Verify(signer.CMP, chain.PublicKey{}, digest, compact))

	odd := key
	for i := byte(1); odd[64]&1 == 0; i++ {
		_, public := btcec.PrivKeyFromBytes([]byte{i})
		odd = chain.PublicKey(public.SerializeUncompressed())
	}
	require.ErrorContains(t, Verify(signer.FROST, odd, digest, compact), "even")
}
