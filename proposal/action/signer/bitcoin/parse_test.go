package bitcoin

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestOneTransactionHasOneForm(t *testing.T) {
	p := newPurse(signer.FROST, 1)
	_, tx := p.fund(5000, 1)
	whole, stripped := Serialize(tx), bare(tx)
	back, err := Parse(whole)
	require.NoError(t, err)
	require.Equal(t, tx, back)
	back, err = Parse(stripped)
	require.NoError(t, err)
	require.Equal(t, tx.TxHash(), back.TxHash())
	require.Equal(t, 1, bytes.Count(whole, p.Script()))
	at := bytes.Index(whole, p.Script())

	splice := func(raw []byte, from, to int, with ...byte) []byte {
		return append(append(append([]byte(nil), raw[:from]...), with...), raw[to:]...)
	}
	twice := tx.Copy()
	twice.AddTxIn(twice.TxIn[0])
	rich := tx.Copy()
	rich.TxOut[0].Value, rich.TxOut[1].Value = maxValue, 1
	broke := tx.Copy()
	broke.TxOut[0].Value = -1
	empty := tx.Copy()
	empty.TxOut = nil
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"nothing":                   {nil, "it ends too early"},
		"a byte more":               {append(whole, 0), "1 bytes follow it"},
		"stripped with a byte more": {append(stripped, 0), "1 bytes follow it"},
		"too long":                  {make([]byte, MaxTransaction+1), "400001 bytes are more than 400000"},
		"a length in three bytes":   {splice(whole, at-1, at, 0xfd, 34, 0), "more bytes than it takes"},
		"a length in five bytes":    {splice(whole, at-1, at, 0xfe, 34, 0, 0, 0), "more bytes than it takes"},
		"a length in nine bytes":    {splice(whole, at-1, at, 0xff, 34, 0, 0, 0, 0, 0, 0, 0), "more bytes than it takes"},
		"another flag":              {splice(whole, 5, 6, 2), "it has no inputs"},
		"witnesses without content": {splice(splice(stripped, 4, 4, 0, 1), len(stripped)-2, len(stripped)-2, 0), "it has witnesses without content"},
		"no inputs":                 {[]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "it has no inputs"},
		"no outputs":                {bare(empty), "it has no inputs, or no outputs"},
		"an outpoint twice":         {bare(twice), "twice"},
		"more than all bitcoin":     {bare(rich), "output 1 makes more than all bitcoin"},
		"a negative value":          {bare(broke), "output 0 makes more than all bitcoin"},
		"inputs beyond the end":     {append([]byte{1, 0, 0, 0, 0xfe}, bytes.Repeat([]byte{0xff}, 50)...), "it ends too early"},
		"2^64-1 inputs":             {append([]byte{1, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 50)...), "it ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.raw)
			require.ErrorContains(t, err, c.says)
		})
	}
	for n := range whole {
		_, err := Parse(whole[:n])
		require.Error(t, err, "cut to %d", n)
	}
}

// Why others' bytes are not given to the library: its buffer for scripts is as long as the longest script, and two that claim
// more together panic.
func TestALengthThatPanicsTheLibraryIsRefused(t *testing.T) {
	raw := []byte{1, 0, 0, 0, 1}
	raw = append(raw, make([]byte, 36)...)
	raw = append(raw, 0xfe)
	raw = binary.LittleEndian.AppendUint32(raw, 300_000)
	raw = append(raw, make([]byte, 300_000)...)
	raw = append(raw, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0xfe)
	raw = binary.LittleEndian.AppendUint32(raw, 4_000_000)
	raw = append(raw, 1)
	require.Panics(t, func() { _ = new(wire.MsgTx).Deserialize(bytes.NewReader(raw)) }, "if this fails the library was mended")
	_, err := Parse(raw)
	require.ErrorIs(t, err, errCut)
}

// FuzzParse: what is accepted is what the library reads, and has no other form.
func FuzzParse(f *testing.F) {
	for _, scheme := range signer.Schemes() {
		p := newPurse(scheme, 1)
		main, previous := p.fund(10_000_000, 1)
		f.Add(Serialize(previous))
		f.Add(bare(previous))
		tx, err := Redemption(p.Wallet, main, previous, []chain.RedemptionRequest{request(pkh(2), 2_000_000)}, big.NewInt(1000))
		require.NoError(f, err)
		f.Add(tx.Raw)
	}
	v, _ := readBIP341(f)
	f.Add(unhex(f, v.Signed))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := Parse(raw)
		if err != nil {
			require.Nil(t, tx)
			return
		}
		require.Equal(t, raw, Serialize(tx))
		var theirs wire.MsgTx
		require.NoError(t, theirs.Deserialize(bytes.NewReader(raw)))
		require.Equal(t, theirs.WitnessHash(), tx.WitnessHash())
		require.Equal(t, theirs.TxHash(), tx.TxHash())
		again, err := Parse(bare(tx))
		require.NoError(t, err)
		require.Equal(t, tx.TxHash(), again.TxHash())
		if _, err := ParseUnsigned(raw); err == nil {
			require.Equal(t, bare(tx), raw)
		}
	})
}

// FuzzHexFile reads what an operator may have put into the directory.
func FuzzHexFile(f *testing.F) {
	_, tx := newPurse(signer.CMP, 1).fund(5000, 1)
	f.Add(txID(tx), []byte(hexOf(tx)+"\n"))
	f.Add(strings.ToUpper(txID(tx)), []byte(strings.ToUpper(hexOf(tx))))
	f.Fuzz(func(t *testing.T, txid string, text []byte) {
		tx, err := parseHex(txid, text)
		if err == nil {
			require.True(t, strings.EqualFold(txid, txID(tx)))
		}
	})
}
