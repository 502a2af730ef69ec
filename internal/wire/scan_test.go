package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/walletnode/walletnode/internal/wire"
)

func TestAScanReadsFieldsInOrder(t *testing.T) {
	data := []byte{0x08, 0xac, 0x02, 0x12, 2, 'h', 'i', 0x1a, 0, 0x22, 2, 1, 0x80}
	s := wire.NewScan(data)
	require.Equal(t, uint64(300), s.Number(0x08))
	require.Zero(t, s.Number(0x08), "the next field is another")
	text, ok := s.Bytes(0x12)
	require.True(t, ok)
	require.Equal(t, "hi", string(text))
	require.Equal(t, 2, cap(text), "appending to a field does not overwrite the next")
	empty, ok := s.Bytes(0x1a)
	require.True(t, ok)
	require.Empty(t, empty)
	require.True(t, s.More())
	require.False(t, s.Done())
	list, ok := s.Bytes(0x22)
	require.True(t, ok)
	require.True(t, s.Done())

	l := wire.NewScan(list)
	require.Equal(t, uint64(1), l.Varint())
	require.True(t, l.More())
	require.Zero(t, l.Varint())
	require.False(t, l.More(), "the second is cut")
	require.False(t, l.Done())
}

func TestAScanRefusesOtherSpellings(t *testing.T) {
	for name, data := range map[string][]byte{
		"zero":                {0x08, 0},
		"longer varint":       {0x08, 0x87, 0},
		"cut varint":          {0x08, 0x80},
		"varint of 65 bits":   {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
		"longer length":       {0x12, 0x81, 0, 7},
		"bytes cut":           {0x12, 2, 7},
		"length beyond int64": {0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"descending":          {0x12, 1, 7, 0x08, 1},
		"twice":               {0x08, 1, 0x08, 1},
		"another field":       {0x18, 1},
		"a tag alone":         {0x08},
	} {
		s := wire.NewScan(data)
		s.Number(0x08)
		s.Bytes(0x12)
		require.False(t, s.Done(), name)
	}
	nothing := wire.NewScan(nil)
	require.True(t, nothing.Done())
}

// A scan that was read to the end has read every byte: written again, the fields are the message.
func FuzzScan(f *testing.F) {
	f.Add([]byte{0x08, 0xac, 0x02, 0x12, 2, 'h', 'i'})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := wire.NewScan(data)
		number := s.Number(0x08)
		text, some := s.Bytes(0x12)
		if !s.Done() {
			return
		}
		var again []byte
		if number > 0 {
			again = protowire.AppendVarint(append(again, 0x08), number)
		}
		if some {
			again = protowire.AppendBytes(append(again, 0x12), text)
		}
		require.Equal(t, string(data), string(again))
	})
}
