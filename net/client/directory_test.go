package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

var issued = time.Unix(1_800_000_000, 0).UTC()

// sample is a signed directory, as docs/clients.md shows it.
func sample(t testing.TB) Directory {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("operator")))
	require.NoError(t, err)
	d := Directory{
		Operator: chain.Operator(crypto.PubkeyToAddress(key.PublicKey)), Issued: issued, Expires: issued.Add(time.Hour),
		Instances: []Entry{{"a", []string{"https://a.example:9602", "http://abc.onion"}}, {"b", []string{}}},
	}
	require.NoError(t, d.Sign(key))
	return d
}

// The text and the signature are what other languages compare theirs with.
func TestADirectoryIsSignedAsTheDocumentSays(t *testing.T) {
	d := sample(t)
	require.Equal(t, `walletnode-directory-1
operator 0xbC32b0FCDb9b55F5ECE07BA7F8059bA42D331F4C
issued 1800000000
expires 1800003600
instance a
url https://a.example:9602
url http://abc.onion
instance b
`, d.Text())
	raw, err := json.Marshal(d)
	require.NoError(t, err)
	require.Equal(t, `{"operator":"0xbC32b0FCDb9b55F5ECE07BA7F8059bA42D331F4C","issued":"2027-01-15T08:00:00Z","expires":"2027-01-15T09:00:00Z","instances":[{"id":"a","urls":["https://a.example:9602","http://abc.onion"]},{"id":"b","urls":[]}],"signature":"0x6a08c7805a0679f8da333c09c04b951f14affb0bb77c6180a5140f66a6535f2c28d06f187776d59d07f2a5bc98b206dee2ea170fb432a165e9dce3454458b6091c"}`, string(raw))
	back, err := DecodeDirectory(raw)
	require.NoError(t, err)
	require.Equal(t, d, back)
	require.NoError(t, back.Verify(d.Operator, issued))

	document, err := os.ReadFile("../../docs/clients.md")
	require.NoError(t, err)
	require.Contains(t, string(document), d.Text())
	require.Contains(t, string(document), fmt.Sprintf(`"signature": "0x%x"`, []byte(d.Signature)))
}

func TestAnyChangeOfADirectoryIsNoticed(t *testing.T) {
	for name, change := range map[string]func(*Directory){
		"issued":                 func(d *Directory) { d.Issued = d.Issued.Add(time.Second) },
		"expires":                func(d *Directory) { d.Expires = d.Expires.Add(time.Second) },
		"a fraction of a second": func(d *Directory) { d.Expires = d.Expires.Add(time.Nanosecond) },
		"a name":                 func(d *Directory) { d.Instances[0].ID = "c" },
		"a URL":                  func(d *Directory) { d.Instances[0].URLs[0] = "https://evil.example" },
		"a URL more":             func(d *Directory) { d.Instances[1].URLs = []string{"https://evil.example"} },
		"the order of URLs":      func(d *Directory) { u := d.Instances[0].URLs; u[0], u[1] = u[1], u[0] },
		"a URL of another": func(d *Directory) {
			d.Instances[1].URLs, d.Instances[0].URLs = d.Instances[0].URLs[1:], d.Instances[0].URLs[:1]
		},
		"an instance less":            func(d *Directory) { d.Instances = d.Instances[:1] },
		"a line inside of a name":     func(d *Directory) { d.Instances[0].ID = "a\nurl https://a.example:9602" },
		"a line inside of a URL":      func(d *Directory) { d.Instances[0].URLs[0] = "https://a.example:9602\nurl http://abc.onion" },
		"no signature":                func(d *Directory) { d.Signature = nil },
		"a short signature":           func(d *Directory) { d.Signature = d.Signature[:64] },
		"another signature":           func(d *Directory) { d.Signature[5] ^= 1 },
		"another v":                   func(d *Directory) { d.Signature[64] ^= 7 },
		"v of 0 or 1":                 func(d *Directory) { d.Signature[64] -= 27 },
		"the other s":                 mirror,
		"a life that is too long":     func(d *Directory) { d.Expires = d.Issued.Add(MaxLife + time.Second) },
		"an end before its beginning": func(d *Directory) { d.Expires = d.Issued },
		"an instance twice":           func(d *Directory) { d.Instances[1].ID = "a" },
		"too many URLs":               func(d *Directory) { d.Instances[1].URLs = make([]string, MaxURLs+1) },
		"too many instances":          func(d *Directory) { d.Instances = make([]Entry, MaxInstances+1) },
	} {
		d := sample(t)
		change(&d)
		require.ErrorIs(t, d.Verify(d.Operator, issued), ErrDirectory, name)
	}
}

// mirror makes the other signature that fits the same text and key.
func mirror(d *Directory) {
	s := new(big.Int).SetBytes(d.Signature[32:64])
	s.Sub(crypto.S256().Params().N, s).FillBytes(d.Signature[32:64])
	d.Signature[64] ^= 27 ^ 28
}

func TestADirectoryHasItsTimeAndItsOperator(t *testing.T) {
	d := sample(t)
	require.NoError(t, d.Verify(d.Operator, issued.Add(-Skew)))
	require.NoError(t, d.Verify(d.Operator, d.Expires.Add(Skew-time.Second)))
	require.ErrorContains(t, d.Verify(d.Operator, issued.Add(-Skew-time.Second)), "yet to come")
	require.ErrorContains(t, d.Verify(d.Operator, d.Expires.Add(Skew)), "expired at 2027")
	require.ErrorIs(t, d.Verify(chain.Operator{1}, issued), ErrOtherOperator)

	other, err := crypto.GenerateKey()
	require.NoError(t, err)
	require.ErrorContains(t, d.Sign(other), "the key is not operator")
	d.Instances[0].ID = "A"
	require.ErrorIs(t, d.Sign(other), ErrDirectory)
}

func TestWhatIsNoDirectoryIsRefused(t *testing.T) {
	for _, raw := range []string{"", "[]", `{"operator":"0x12"}`, `{"signature":"0x12"}`, `{"signature":"zz"}`} {
		_, err := DecodeDirectory([]byte(raw))
		require.ErrorIs(t, err, ErrDirectory, raw)
	}
	_, err := DecodeDirectory(bytes.Repeat([]byte(" "), MaxDirectory+1))
	require.ErrorIs(t, err, ErrDirectory)
}

// Whatever is decoded, the check neither panics nor lets two lines of text stand where one should; and what verifies has a text of
// its own.
func FuzzDirectory(f *testing.F) {
	d := sample(f)
	raw, err := json.Marshal(d)
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"instances":[{"id":"a","urls":["http://a\n"]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		have, err := DecodeDirectory(raw)
		if err != nil {
			return
		}
		if have.check() == nil {
			lines := 4
			for _, e := range have.Instances {
				lines += 1 + len(e.URLs)
			}
			if n := bytes.Count([]byte(have.Text()), []byte("\n")); n != lines {
				t.Fatalf("%d lines, want %d", n, lines)
			}
		}
		if have.Verify(d.Operator, issued) == nil && have.Text() != d.Text() {
			t.Fatalf("verified what was never signed: %s", fmt.Sprintf("%q", have.Text()))
		}
	})
}
