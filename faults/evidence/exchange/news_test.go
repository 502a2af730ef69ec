package exchange

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire/pb"
)

func TestNewsAreReadAsTheyWereWritten(t *testing.T) {
	n := news{window: 1800, told: []string{strings.Repeat("ab", 32)}, held: []string{strings.Repeat("01", 32), strings.Repeat("02", 32)}}
	got, err := readNews(n.encode())
	require.NoError(t, err)
	require.Equal(t, n, got)
	full := news{}
	for range maxTold {
		full.told, full.held = append(full.told, n.told[0]), append(full.held, n.held[0])
	}
	full.window = 1 << 60
	require.LessOrEqual(t, len(full.encode()), maxNews)
	_, err = readNews(full.encode())
	require.NoError(t, err)
}

func TestNewsOfTooMuchAreRefused(t *testing.T) {
	for name, raw := range map[string]*pb.ProofNews{
		"too many":    {Told: make([][]byte, maxTold+1)},
		"a short ID":  {Told: [][]byte{make([]byte, 31)}},
		"a long ID":   {Held: [][]byte{make([]byte, 33)}},
		"a long text": {Held: [][]byte{make([]byte, maxNews)}},
	} {
		data, err := proto.Marshal(raw)
		require.NoError(t, err)
		_, err = readNews(data)
		require.Error(t, err, name)
	}
	_, err := readNews([]byte{0xff})
	require.Error(t, err)
}

func FuzzReadNews(f *testing.F) {
	f.Add(news{window: 900, told: []string{strings.Repeat("ab", 32)}, held: []string{strings.Repeat("cd", 32)}}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := readNews(data)
		if err != nil {
			return
		}
		again, err := readNews(n.encode())
		require.NoError(t, err)
		require.Equal(t, n, again)
	})
}
