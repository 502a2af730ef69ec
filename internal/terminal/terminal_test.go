package terminal_test

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/terminal"
)

func TestAScreenShowsWhatATerminalShows(t *testing.T) {
	for name, it := range map[string]struct {
		written string
		want    []string
	}{
		"lines":                 {"one\r\ntwo\r\n", []string{"one", "two"}},
		"a line drawn again":    {"one\rtwo", []string{"two"}},
		"and shorter":           {"three\rtwo\x1b[K", []string{"two"}},
		"a line above":          {"one\r\ntwo\r\n\x1b[A\x1b[Kthree\r\n", []string{"one", "three"}},
		"two lines above":       {"one\r\ntwo\r\n\x1b[2Athree", []string{"three", "two"}},
		"a whole line erased":   {"one\r\n\x1b[A\x1b[2Ktwo", []string{"two"}},
		"colours":               {"\x1b[1;32mone\x1b[0m", []string{"one"}},
		"what it does not know": {"\x1b7\x1b[?25lone\x07", []string{"one"}},
		"a long line":           {"12345678901", []string{"1234567890", "1"}},
		"a line just as long":   {"1234567890\r\nx", []string{"1234567890", "x"}},
		"more lines than rows":  {"a\r\nb\r\nc\r\nd", []string{"b", "c", "d"}},
		"runes":                 {"█░\r█", []string{"█░"}},
	} {
		t.Run(name, func(t *testing.T) {
			whole, pieces := terminal.NewScreen(10, 3), terminal.NewScreen(10, 3)
			_, err := io.WriteString(whole, it.written)
			require.NoError(t, err)
			require.Equal(t, it.want, whole.Lines())
			for i := range len(it.written) { // a terminal is written to in pieces
				_, err := io.WriteString(pieces, it.written[i:i+1])
				require.NoError(t, err)
			}
			require.Equal(t, it.want, pieces.Lines())
		})
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte("one\r\n\x1b[A\x1b[Ktwo\x1b[1;32m█\x1b["), uint8(10), uint8(3))
	f.Add([]byte("\x1b[999999999999A\xff\xfe"), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, written []byte, columns, rows uint8) {
		s := terminal.NewScreen(int(columns), int(rows))
		n, err := s.Write(written)
		require.NoError(t, err)
		require.Equal(t, len(written), n)
		lines := s.Lines()
		require.LessOrEqual(t, len(lines), max(1, int(rows)))
		for _, l := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(l), max(1, int(columns)))
			require.Equal(t, -1, strings.IndexFunc(l, func(r rune) bool { return r < ' ' }))
		}
	})
}
