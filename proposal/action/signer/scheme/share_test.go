package scheme

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// A share comes back from its encoding as it was, and signs.
func TestShareEncoding(t *testing.T) {
	seats := []chain.Seat{1, 127, 128, 255}
	shares := generate(t, signer.FROST, seats, 3)
	read := map[chain.Seat]Share{}
	for _, s := range seats {
		data, err := shares[s].MarshalBinary()
		require.NoError(t, err)
		read[s], err = ParseShare(signer.FROST, data)
		require.NoError(t, err)
		require.Equal(t, shares[s], read[s])
	}
	sign(t, read, seats[1:], [32]byte{7})

	_, err := Share{}.MarshalBinary()
	require.Error(t, err)
	s := shares[128]
	points := s.Verification()
	points[1][0] ^= 1 // what is returned is the caller's
	require.Equal(t, read[128], s)
}

// No part of a share can be another than it is.
func TestShareIsChecked(t *testing.T) {
	shares := generate(t, signer.FROST, seatsTo(3), 2)
	data, err := shares[2].MarshalBinary()
	require.NoError(t, err)
	// Each byte but those of the verification share of seat 3: with a threshold of 2 the key does not depend on it.
	for i := range len(data) - 33 {
		wrong := bytes.Clone(data)
		wrong[i] ^= 1
		share, err := ParseShare(signer.FROST, wrong)
		if err == nil {
			err = share.Check()
		}
		require.Error(t, err, "byte %d", i)
	}
	for n := range data {
		_, err := ParseShare(signer.FROST, data[:n])
		require.Error(t, err, "%d bytes", n)
	}
	_, err = ParseShare(signer.FROST, append(bytes.Clone(data), 0))
	require.Error(t, err)
	_, err = ParseShare(signer.CMP, data)
	require.Error(t, err)
	_, err = ParseShare("other", data)
	require.Error(t, err)
}

// A share that is printed by mistake shows no secret.
func TestShareHidesItsSecret(t *testing.T) {
	share := generate(t, signer.FROST, seatsTo(2), 2)[1]
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, value := range []any{share, &share, struct{ S Share }{share}} {
			printed := fmt.Sprintf(format, value)
			for _, secret := range []string{fmt.Sprintf("%x", share.secret[:4]), fmt.Sprintf("%d %d %d", share.secret[0], share.secret[1], share.secret[2])} {
				require.NotContains(t, printed, secret, format)
			}
		}
	}
}
