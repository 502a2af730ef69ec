package scheme

import (
	"regexp"
	"strconv"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// inWords is an error of the library with a text that can be shown.
type inWords struct {
	text string
	err  error
}

func (e inWords) Error() string { return e.text }

func (e inWords) Unwrap() error { return e.err }

// byName finds where the library names a party: by the one byte that is its id.
var byName = regexp.MustCompile(`(?s)\b(from|party) (.)([ :]|$)`)

// words makes seats of the parties that an error of the library names, and takes out whatever else cannot be shown.
func words(err error) error {
	text := byName.ReplaceAllStringFunc(err.Error(), func(found string) string {
		part := byName.FindStringSubmatch(found)
		seat := "seat " + strconv.Itoa(int(part[2][0])) + part[3]
		if part[1] == "from" {
			return "from " + seat
		}
		return seat
	})
	return inWords{signer.Printable(text), err}
}
