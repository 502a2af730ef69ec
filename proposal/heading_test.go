package proposal_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// requireHeading holds the short way of reading a message against the long one.
func requireHeading(t require.TestingT, data []byte) {
	before := slices.Clone(data)
	got, err := proposal.ReadHeading(data)
	require.Equal(t, before, data)
	m, wantErr := proposal.DecodeMessage(data)
	require.Equal(t, wantErr, err)
	if wantErr != nil {
		require.Zero(t, got)
		return
	}
	require.Equal(t, proposal.Heading{Sender: m.Sender, Block: m.Block, Wallet: m.Wallet, Digest: m.Digest()}, got)
}

func TestVectorsHeadings(t *testing.T) {
	for _, file := range []string{"messages.json", "malformed.json"} {
		for _, v := range loadVectors(t, file) {
			t.Run(v.Name, func(t *testing.T) { requireHeading(t, unhex(t, v.Message)) })
		}
	}
}

// What EncodeMessage writes is read the short way, which allocates nothing; one byte more, less or other is read as
// DecodeMessage reads it.
func TestAHeadingIsTheMessagesOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := proposal.EncodeMessage(anyMessage().Draw(t, "message"))
		requireHeading(t, data)
		require.Zero(t, testing.AllocsPerRun(1, func() { _, _ = proposal.ReadHeading(data) }))
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		other := slices.Clone(data)
		other[at] = b
		requireHeading(t, other)
		requireHeading(t, slices.Insert(slices.Clone(data), at, b))
		requireHeading(t, slices.Delete(slices.Clone(data), at, at+1))
	})
}

// Each of these differs from what EncodeMessage writes in one detail, is no error, and means the same as the canonical
// form: so its digest is not that of its bytes.
func TestR2AnotherSpellingIsHashedInItsCanonicalForm(t *testing.T) {
	wallet := make([]byte, 22)
	wallet[0], wallet[1] = 0x1a, 20
	message := func(head string, proposed ...byte) []byte {
		data := append([]byte(head), wallet...)
		return append(append(data, 0x22, byte(len(proposed))), proposed...)
	}
	for name, c := range map[string]struct{ spelled, canonical []byte }{
		"seat zero written":      {message("\x08\x00"), message("")},
		"seat in two bytes":      {message("\x08\x87\x00"), message("\x08\x07")},
		"block zero written":     {message("\x10\x00"), message("")},
		"block before the seat":  {message("\x10\x01\x08\x07"), message("\x08\x07\x10\x01")},
		"unknown field":          {append(message(""), 0x28, 1), message("")},
		"action zero written":    {message("", 0x08, 0), message("")},
		"empty payload written":  {message("", 0x12, 0), message("")},
		"noop with a payload":    {message("", 0x12, 1, 7), message("")},
		"empty fee written":      {message("", 0x08, 3, 0x12, 2, 0x12, 0), message("", 0x08, 3)},
		"fee with a zero":        {message("", 0x08, 3, 0x12, 4, 0x12, 2, 0, 1), message("", 0x08, 3, 0x12, 3, 0x12, 1, 1)},
		"script after the fee":   {message("", 0x08, 3, 0x12, 5, 0x12, 1, 1, 0x0a, 0), message("", 0x08, 3, 0x12, 5, 0x0a, 0, 0x12, 1, 1)},
		"reveal blocks unpacked": {message("", 0x08, 2, 0x12, 2, 0x18, 5), message("", 0x08, 2, 0x12, 3, 0x1a, 1, 5)},
		"empty list written":     {message("", 0x08, 2, 0x12, 2, 0x1a, 0), message("", 0x08, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			requireHeading(t, c.spelled)
			requireHeading(t, c.canonical)
			spelled, err := proposal.ReadHeading(c.spelled)
			require.NoError(t, err)
			canonical, err := proposal.ReadHeading(c.canonical)
			require.NoError(t, err)
			require.Equal(t, canonical, spelled)
			require.Equal(t, chain.WalletID{}, spelled.Wallet)
		})
	}
}

// Whatever arrives, the short way says what the long one does.
func FuzzReadHeading(f *testing.F) {
	for _, file := range []string{"messages.json", "malformed.json"} {
		for _, v := range loadVectors(f, file) {
			f.Add(unhex(f, v.Message))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { requireHeading(t, data) })
}
