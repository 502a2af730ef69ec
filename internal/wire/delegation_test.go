package wire_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

var delegationTime = time.Unix(1_800_000_000, 0)

func testDelegation() ([]byte, wire.Delegation) {
	key := secp256k1.PrivKeyFromBytes([]byte{7})
	d := wire.Delegation{
		Instance:  bytes.Repeat([]byte{3}, 38),
		Operator:  wire.PublicKeyOf(key),
		IssuedAt:  delegationTime,
		ExpiresAt: delegationTime.Add(time.Hour),
	}
	return wire.SignDelegation(key, d.Instance, d.IssuedAt, d.ExpiresAt), d
}

func TestDelegationRoundTrip(t *testing.T) {
	data, want := testDelegation()
	got, err := wire.VerifyDelegation(data)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// No single changed byte of a delegation leaves one that says something else.
func TestDelegationCannotBeChanged(t *testing.T) {
	data, want := testDelegation()
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if got, err := wire.VerifyDelegation(changed); err == nil {
			require.Equal(t, want, got, "byte %d", i)
		}
	}
	_, err := wire.VerifyDelegation(make([]byte, wire.MaxDelegation+1))
	require.ErrorIs(t, err, wire.ErrTooLarge)
	key := secp256k1.PrivKeyFromBytes([]byte{7})
	for _, instance := range [][]byte{nil, make([]byte, 129)} {
		_, err = wire.VerifyDelegation(wire.SignDelegation(key, instance, delegationTime, delegationTime.Add(1e9)))
		require.ErrorIs(t, err, wire.ErrDelegation)
	}
	for _, expires := range []int64{delegationTime.Unix(), -1, 1<<40 + 1, math.MinInt64, math.MaxInt64} {
		_, err = wire.VerifyDelegation(wire.SignDelegation(key, []byte{1}, delegationTime, time.Unix(expires, 0)))
		require.ErrorIs(t, err, wire.ErrDelegation)
	}
}

func TestTermsRoundTripAndBounds(t *testing.T) {
	terms := wire.Terms{Params: [32]byte{1}, Admitted: true, Rosters: map[chain.WalletID][32]byte{{1}: {2}, {3}: {4}}}
	got, err := wire.DecodeTerms(wire.EncodeTerms(terms))
	require.NoError(t, err)
	require.Equal(t, terms, got)

	many := wire.Terms{Rosters: map[chain.WalletID][32]byte{}}
	for i := range wire.MaxRosters + 1 {
		many.Rosters[chain.WalletID{byte(i), byte(i >> 8), 0xff}] = [32]byte{0xff}
	}
	data := wire.EncodeTerms(many)
	require.LessOrEqual(t, len(data), wire.MaxTerms)
	got, err = wire.DecodeTerms(data)
	require.NoError(t, err)
	require.Len(t, got.Rosters, wire.MaxRosters)

	_, err = wire.DecodeTerms(make([]byte, wire.MaxTerms+1))
	require.ErrorIs(t, err, wire.ErrTooLarge)
	for name, bad := range map[string][]byte{
		"empty":             nil,
		"no protobuf":       {0xff},
		"short params":      {0x0a, 1, 2},
		"more rosters":      append(data, 0x1a, 0),
		"roster of nothing": append(wire.EncodeTerms(wire.Terms{}), 0x1a, 0),
	} {
		_, err = wire.DecodeTerms(bad)
		require.ErrorIs(t, err, wire.ErrMalformed, name)
	}
}

// What verifies names the operator whose key is needed to say anything else.
func FuzzVerifyDelegation(f *testing.F) {
	data, want := testDelegation()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := wire.VerifyDelegation(data)
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.Equal(t, want, got)
	})
}

// What decodes is encoded to something that decodes to the same.
func FuzzDecodeTerms(f *testing.F) {
	f.Add(wire.EncodeTerms(wire.Terms{Params: [32]byte{1}, Admitted: true, Rosters: map[chain.WalletID][32]byte{{1}: {2}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := wire.DecodeTerms(data)
		if err != nil {
			return
		}
		second, err := wire.DecodeTerms(wire.EncodeTerms(first))
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}
