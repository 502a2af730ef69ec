package signer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the most of a text that is shown, in bytes: a reason, not a document.
const maxText = 1000

// Printable returns a text in which others had a hand as it can be stored, logged and shown: one line of valid UTF-8 without
// control characters, of at most 1000 bytes and a mark that something is missing.
func Printable(text string) string {
	cut := len(text) > maxText
	if cut {
		text = text[:maxText]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) { // not within a character
			text = text[:len(text)-1]
		}
		if last, _ := utf8.DecodeLastRuneInString(text); last == utf8.RuneError && len(text) > 0 {
			text = text[:len(text)-1]
		}
	}
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if cut {
		text += "…"
	}
	return text
}
