package chain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

const (
	aKey      = "04b69522e50ec6a536e6469853125d64aaf42421b88b31ff9daf5b56a3c89c553a3dab5913742af49d762eac6a1a602a28fe9fe55f0bc701e0e28e5b0314209e88"
	aKeyHash  = "2ec0a64a29a2a7dddc067bd326cd30b0e90b9e83" // of the reference client's vectors
	anAddress = "0xcc7bBa720c89402711Da14dc23B6911771F84185"
)

func TestAnOperatorMustBeInEIP55Form(t *testing.T) {
	op, err := chain.ParseOperator(anAddress)
	require.NoError(t, err)
	require.Equal(t, anAddress, op.String())
	for _, bad := range []string{
		"", "0x", strings.ToLower(anAddress), strings.ToUpper(anAddress), anAddress[2:], anAddress + "0", anAddress[:41], "0x" + strings.Repeat("zz", 20),
	} {
		_, err := chain.ParseOperator(bad)
		require.Error(t, err, bad)
	}
	_, err = chain.ParseOperator(strings.ToLower(anAddress))
	require.ErrorContains(t, err, anAddress, "the error tells the form that is wanted")
}

func TestAWalletIsItsKeyAndItsRoster(t *testing.T) {
	key, err := chain.ParsePublicKey(aKey)
	require.NoError(t, err)
	a, b := chain.Operator{1}, chain.Operator{2}
	roster := []chain.Operator{b, a, b}
	w, err := chain.NewWallet(key, roster)
	require.NoError(t, err)
	roster[0] = a // the wallet has its own copy
	w.Roster()[1] = b

	require.Equal(t, aKeyHash, w.ID().Hex())
	require.Equal(t, []chain.Operator{b, a, b}, w.Roster())
	require.Equal(t, []chain.Operator{b, a}, w.Operators())
	require.Equal(t, []chain.Seat{1, 3}, w.SeatsOf(b))
	require.EqualValues(t, 1, w.LowestSeat(b))
	require.EqualValues(t, 2, w.LowestSeat(a))
	require.Zero(t, w.LowestSeat(chain.Operator{9}))
	require.False(t, w.Holds(chain.Operator{9}))
	holder, ok := w.At(3)
	require.True(t, ok)
	require.Equal(t, b, holder)
	for _, none := range []chain.Seat{0, 4, 255} {
		_, ok := w.At(none)
		require.False(t, ok, "seat %d", none)
	}

	_, err = chain.NewWallet(key, nil)
	require.ErrorContains(t, err, "no seats")
	_, err = chain.NewWallet(key, make([]chain.Operator, 256))
	require.ErrorContains(t, err, "256 seats")
	_, err = chain.NewWallet(key, []chain.Operator{a, {}})
	require.ErrorContains(t, err, "seat 2")
}

func TestAPublicKeyMustBeAPointOfTheCurve(t *testing.T) {
	for _, bad := range []string{"", aKey[:128], aKey + "00", "05" + aKey[2:], aKey[:128] + "00", "02" + aKey[2:66]} {
		_, err := chain.ParsePublicKey(bad)
		require.Error(t, err, bad)
	}
}

func TestValuesAreReadBackAsTheyAreWritten(t *testing.T) {
	type all struct {
		Hash   chain.Hash
		Wallet chain.WalletID
		Op     chain.Operator
	}
	in := all{chain.Hash{1, 2}, chain.WalletID{3}, chain.Operator{4}}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	var out all
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
	require.Error(t, json.Unmarshal([]byte(`{"Hash":"0x12"}`), &out))
	require.Error(t, json.Unmarshal([]byte(`{"Wallet":"0x12"}`), &out))
	require.Error(t, json.Unmarshal([]byte(`{"Op":"0x12"}`), &out))
}

func FuzzParse(f *testing.F) {
	f.Add(anAddress)
	f.Add(aKey)
	f.Add("0x" + aKeyHash)
	f.Fuzz(func(t *testing.T, s string) {
		if op, err := chain.ParseOperator(s); err == nil {
			require.Equal(t, s, op.String(), "an address has one form")
		}
		if key, err := chain.ParsePublicKey(s); err == nil {
			again, err := chain.ParsePublicKey(key.String())
			require.NoError(t, err)
			require.Equal(t, key, again)
		}
		if id, err := chain.ParseWalletID(s); err == nil {
			require.Equal(t, strings.ToLower(strings.TrimPrefix(s, "0x")), id.Hex())
		}
		if h, err := chain.ParseHash(s); err == nil {
			require.Equal(t, "0x"+strings.ToLower(strings.TrimPrefix(s, "0x")), h.String())
		}
	})
}
