package coordination

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

const (
	manifestKey = "04b69522e50ec6a536e6469853125d64aaf42421b88b31ff9daf5b56a3c89c553a3dab5913742af49d762eac6a1a602a28fe9fe55f0bc701e0e28e5b0314209e88"
	manifestOp  = "0xcc7bBa720c89402711Da14dc23B6911771F84185"
)

func TestManifest(t *testing.T) {
	w, err := ParseManifest(strings.NewReader(`{"publicKey":"` + manifestKey + `","operators":["` + manifestOp + `","` + manifestOp + `"]}`))
	require.NoError(t, err)
	require.Equal(t, 2, w.Seats())
	require.Equal(t, "2ec0a64a29a2a7dddc067bd326cd30b0e90b9e83", w.ID().Hex())

	text, err := MarshalManifest(w)
	require.NoError(t, err)
	again, err := ParseManifest(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, w, again)
}

func TestABadManifestIsAClearError(t *testing.T) {
	ops := func(list ...string) string {
		text, err := json.Marshal(list)
		require.NoError(t, err)
		return string(text)
	}
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"not JSON":           {"wallet", []string{"invalid character"}},
		"empty":              {"", []string{"EOF"}},
		"unknown key":        {`{"publickey2":"","operators":[]}`, []string{"publickey2"}},
		"something after it": {`{"publicKey":"` + manifestKey + `","operators":` + ops(manifestOp) + `} {}`, []string{"follows"}},
		"key too short":      {`{"publicKey":"04ab","operators":` + ops(manifestOp) + `}`, []string{"130 hex digits"}},
		"key not on the curve": {
			`{"publicKey":"` + manifestKey[:128] + `00","operators":` + ops(manifestOp) + `}`, []string{"wallet public key"},
		},
		"no seats":             {`{"publicKey":"` + manifestKey + `","operators":[]}`, []string{"no seats"}},
		"too many seats":       {`{"publicKey":"` + manifestKey + `","operators":` + ops(make256()...) + `}`, []string{"256 seats"}},
		"operator not EIP-55":  {`{"publicKey":"` + manifestKey + `","operators":` + ops(strings.ToLower(manifestOp)) + `}`, []string{"seat 1", "EIP-55", manifestOp}},
		"operator no address":  {`{"publicKey":"` + manifestKey + `","operators":` + ops("0x12") + `}`, []string{"seat 1"}},
		"several, all at once": {`{"publicKey":"zz","operators":` + ops("0x12", manifestOp, "bad") + `}`, []string{"public key", "seat 1", "seat 3"}},
		"the zero operator":    {`{"publicKey":"` + manifestKey + `","operators":` + ops(chain.Operator{}.String()) + `}`, []string{"seat 1 has no operator"}},
		"larger than any":      {`{"publicKey":"` + strings.Repeat("a", maxManifest) + `"}`, []string{"larger than"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseManifest(strings.NewReader(c.text))
			require.Error(t, err)
			for _, part := range c.says {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

func make256() []string {
	list := make([]string, 256)
	for i := range list {
		list[i] = manifestOp
	}
	return list
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"publicKey":"` + manifestKey + `","operators":["` + manifestOp + `"]}`))
	f.Add([]byte(`{"publicKey":"","operators":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := ParseManifest(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := MarshalManifest(w)
		require.NoError(t, err)
		reread, err := ParseManifest(bytes.NewReader(again))
		require.NoError(t, err)
		require.Equal(t, w, reread)
	})
}
