package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Problem is the answer to a request that failed.
type Problem struct {
	Error string      `json:"error"`
	Code  string      `json:"code"`           // stable: one of the codes below
	Rule  signer.Rule `json:"rule,omitempty"` // of code refused
}

// verdict is how one kind of error travels.
type verdict struct {
	code   string
	status int
	err    error // what the client makes of it; nil where it is only told
}

// Codes without an error to compare with.
const (
	codeRefused = "refused" // the client makes a *signer.Refused of it
	codeFailed  = "failed"
)

// verdicts lists every answer that is none, those that hold others first.
var verdicts = []verdict{
	{"unknown_key", http.StatusNotFound, signer.ErrUnknownKey},
	{"unknown_session", http.StatusNotFound, signer.ErrUnknownSession},
	{"conflict", http.StatusConflict, signer.ErrConflict},
	{"split", http.StatusConflict, signer.ErrSplit},
	{"session_gone", http.StatusGone, signer.ErrSessionGone},
	{codeRefused, http.StatusPreconditionFailed, nil},
	{"frozen", http.StatusLocked, signer.ErrFrozen},
	{"busy", http.StatusTooManyRequests, signer.ErrBusy},
	{"sealed", http.StatusServiceUnavailable, signer.ErrSealed},
	{"store_failed", http.StatusInsufficientStorage, signer.ErrStoreFailed},
	{"forbidden", http.StatusForbidden, signer.ErrForbidden},
	{"malformed", http.StatusBadRequest, signer.ErrMalformed},
	{"too_large", http.StatusRequestEntityTooLarge, errTooLarge},
	{"no_route", http.StatusNotFound, errNoRoute},
	{"not_kept", http.StatusNotFound, errNotKept},
	{codeFailed, http.StatusInternalServerError, nil},
}

// errNoRoute is answered to what asks for something else.
var errNoRoute = errors.New("there is no such route (GET /openapi.json lists them)")

// errTooLarge says that a request has more bytes than any honest one.
var errTooLarge = fmt.Errorf("%w: it has more than %d bytes", signer.ErrMalformed, maxBody)

// problemOf returns what a server answers to an error.
func problemOf(err error) (int, Problem) {
	p := Problem{Error: signer.Printable(err.Error()), Code: codeFailed}
	var refused *signer.Refused
	if errors.As(err, &refused) {
		// Its detail alone: the other side puts the rest around it again.
		return http.StatusPreconditionFailed, Problem{refused.Detail, codeRefused, refused.Rule}
	}
	if errors.Is(err, errTooLarge) { // it is malformed too
		p.Code = "too_large"
		return http.StatusRequestEntityTooLarge, p
	}
	for _, v := range verdicts {
		if v.err != nil && errors.Is(err, v.err) {
			p.Code = v.code
			return v.status, p
		}
	}
	return http.StatusInternalServerError, p
}

// ruleName is what a rule can be called, also one of a newer backend.
var ruleName = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)

// told is an error of a backend: the text as it told it, the kind as its code says.
type told struct {
	text  string
	kind  error
	after time.Duration // of one that has too much to do: when to ask again
}

func (e told) Error() string { return e.text }

func (e told) Unwrap() error { return e.kind }

// errorOf is problemOf the other way round; what another machine wrote is shown as far as it can be. A status that does not fit the code is an answer that fits nothing.
func errorOf(status int, p Problem) error {
	text := signer.Printable(p.Error)
	for _, v := range verdicts {
		if v.code != p.Code || v.status != status {
			continue
		}
		switch {
		case v.code == codeRefused:
			if !ruleName.MatchString(string(p.Rule)) {
				return fmt.Errorf("%w: a refusal without a rule: %q", errUnfit, text)
			}
			return &signer.Refused{Rule: p.Rule, Detail: text}
		case v.err != nil:
			return told{text: text, kind: v.err}
		default:
			return fmt.Errorf("the backend answers %d %s: %q", status, v.code, text)
		}
	}
	return fmt.Errorf("%w: status %d with code %q", errUnfit, status, p.Code)
}
