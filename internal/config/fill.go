package config

import (
	"fmt"
	"slices"
	"strings"
)

// Fill returns a document with some keys ("table.key") set to other texts and some commented out; all else stays as it
// is, comments included. Every key named must stand in the document, on one line of its own.
func Fill(doc string, texts map[string]string, unset ...string) (string, error) {
	if _, err := parseTOML("the document", []byte(doc)); err != nil {
		return "", err
	}
	at := positions("", []byte(doc))
	lines := strings.SplitAfter(doc, "\n")
	line := func(key string) (*string, error) {
		origin, ok := at[key]
		if !ok {
			return nil, fmt.Errorf("key %s is not in the document", key)
		}
		return &lines[origin.Line-1], nil
	}
	for key, text := range texts {
		l, err := line(key)
		if err != nil {
			return "", err
		}
		name := key[strings.LastIndexByte(key, '.')+1:]
		*l = name + " = " + quote(text) + "\n"
	}
	for _, key := range slices.Sorted(slices.Values(unset)) {
		l, err := line(key)
		if err != nil {
			return "", err
		}
		*l = "# " + *l
	}
	return strings.Join(lines, ""), nil
}
