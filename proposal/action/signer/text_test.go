package signer_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestTextsThatOthersWroteCanBeShown(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"the share of seat 4 is bad":   "the share of seat 4 is bad",
		"from \x04\n\x1b[31m":          "from ???[31m",
		"\xff\xfe né":                  "?? né",
		"\u202eright to left":          "?right to left",
		strings.Repeat("a", 1000):      strings.Repeat("a", 1000),
		strings.Repeat("a", 1001):      strings.Repeat("a", 1000) + "…",
		strings.Repeat("a", 999) + "é": strings.Repeat("a", 999) + "…",
	} {
		require.Equal(t, want, signer.Printable(text))
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("seats 3 broke the session: failed to verify response from \x03")
	f.Add(strings.Repeat("é", 600))
	f.Fuzz(func(t *testing.T, text string) {
		shown := signer.Printable(text)
		require.True(t, utf8.ValidString(shown))
		require.LessOrEqual(t, len(shown), 1000+len("…"))
		require.NotContains(t, strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return -1
			}
			return '!'
		}, shown), "!")
	})
}
