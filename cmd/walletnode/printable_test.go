package main

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestTextsFromOutsideCannotSteerTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain text, äöü, 鍵":     "plain text, äöü, 鍵",
		"\x1b[2Jgone":            `\x1b[2Jgone`,
		"\x1b]0;title\a":         `\x1b]0;title\x07`,
		"one\nwalletnode: two":   "one walletnode: two",
		"\u009b31m":              `\u009b31m`,
		"abc\u202edcb":           `abc\u202edcb`,
		"zero\u200bwidth":        `zero\u200bwidth`,
		"invalid \xff\xfe bytes": `invalid \xff\xfe bytes`,
		"replacement \ufffd":     "replacement \ufffd",
	} {
		require.Equal(t, want, printable(text))
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31m")
	f.Fuzz(func(t *testing.T, text string) {
		fit := printable(text)
		require.NotContains(t, fit, "\x1b")
		require.NotContains(t, fit, "\n")
		require.Equal(t, fit, printable(fit), "what is fit stays as it is")
	})
}

func TestErrorsOfCommandsAreFitForATerminal(t *testing.T) {
	var stderr bytes.Buffer
	complain(&stderr, errors.New("first\nthe endpoint says \x1b[2J"))
	require.Equal(t, "walletnode: first\nwalletnode: the endpoint says \\x1b[2J\n", stderr.String())
}

func TestLogValuesAreShownByTheirText(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(plainValues{slog.NewJSONHandler(&out, nil)}).With("operator", chain.Operator{1})
	log.WithGroup("g").Info("Said \x1b", "error", errors.New("down\x1b"), "n", 3, slog.Group("inner", "hash", chain.Hash{2}))
	line := out.String()
	require.Contains(t, line, `"operator":"0x0100000000000000000000000000000000000000"`)
	require.Contains(t, line, `"error":"down\\x1b"`)
	require.Contains(t, line, `"n":3`)
	require.Contains(t, line, `"hash":"0x02`)
	require.Contains(t, line, `"msg":"Said \\x1b"`)
}
