package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes a text fit for a terminal: whatever could move the cursor, change colours, turn the direction of writing
// or pass for a line of ours stands as its code point. Spaces stay; tabs and line ends become spaces.
func printable(text string) string {
	if strings.IndexFunc(text, unfit) < 0 && utf8.ValidString(text) {
		return text
	}
	var fit strings.Builder
	for i, r := range text {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			fit.WriteByte(' ')
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&fit, `\x%02x`, text[i])
		case unfit(r) && r < utf8.RuneSelf:
			fmt.Fprintf(&fit, `\x%02x`, r)
		case unfit(r):
			fmt.Fprintf(&fit, `\u%04x`, r)
		default:
			fit.WriteRune(r)
		}
	}
	return fit.String()
}

// unfit holds for control characters, those of the C1 set included, and for what only steers layout (bidirectional overrides,
// zero-width characters, line and paragraph separators).
func unfit(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}
