package ethereum

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ethereum/go-ethereum/rpc"
)

// maxErrorText is how much of an endpoint's own words an error shows, in bytes: it writes them, we log them.
const maxErrorText = 300

// presentable takes out of a transport's error what must not be shown: the URL, which may carry an access key,
// and a body or message of any length. The chain of errors stays whole below it.
func presentable(err error) error {
	var status rpc.HTTPError
	if errors.As(err, &status) {
		return shownError{text: "HTTP status " + status.Status, err: err}
	}
	var located *url.Error
	if errors.As(err, &located) {
		return shownError{text: fmt.Sprintf("%s: %v", located.Op, located.Err), err: err}
	}
	return shownError{text: err.Error(), err: err}
}

// shownError prints its own text in place of the wrapped error's.
type shownError struct {
	text string
	err  error
}

func (e shownError) Error() string { return bounded(e.text, maxErrorText) }
func (e shownError) Unwrap() error { return e.err }

// bounded cuts a text to a number of bytes and makes it valid UTF-8.
func bounded(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}
