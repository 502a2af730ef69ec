package signer

import (
	"errors"
	"fmt"
)

// Errors of a backend, told apart with errors.Is. Behind each stands its HTTP status.
var (
	ErrUnknownKey     = errors.New("the backend does not hold this key")                     // 404
	ErrUnknownSession = errors.New("the backend knows no such session")                      // 404
	ErrConflict       = errors.New("the session was asked for something else before")        // 409
	ErrSplit          = errors.New("operators were told different commitments")              // 409
	ErrSessionGone    = errors.New("the session's secrets are gone; it takes a new attempt") // 410
	ErrFrozen         = errors.New("the key is frozen")                                      // 423
	ErrBusy           = errors.New("the backend has too much to do")                         // 429
	ErrSealed         = errors.New("the backend is sealed")                                  // 503
	ErrStoreFailed    = errors.New("the backend cannot write down what it does")             // 507
	ErrForbidden      = errors.New("the certificate does not permit it")                     // 403
	ErrMalformed      = errors.New("the request is malformed")                               // 400
)

// ErrNoSigner says that no backend was ever assigned to a wallet.
var ErrNoSigner = errors.New("no signer backend holds a share of the wallet")

// ErrBackendFailed says that the operator has given up a wallet's backend.
var ErrBackendFailed = errors.New("the wallet's signer backend is declared failed")

// Rule is a rule of a backend that a request breaks.
type Rule string

// The rules. What each demands stands in package vault.
const (
	RuleStatement Rule = "statement" // the leader's message is not one for this wallet and window, or not by an operator of it
	RuleProposal  Rule = "proposal"  // what is asked for is not what the leader's message proposes
	RuleChange    Rule = "change"    // an output is neither a proposed one nor the wallet's own
	RuleFee       Rule = "fee"       // the transaction's fee is not the proposed one, or above the cap
	RulePrevious  Rule = "previous"  // an input's previous transaction is missing, or another one
	RuleSlot      Rule = "slot"      // the window is bound to something else
	RuleWindow    Rule = "window"    // the window lies before the newest one, or in a future that cannot have come
	RuleNonce     Rule = "nonce"     // the session's nonce has served
	RuleOutpoint  Rule = "outpoint"  // an outpoint is locked to another transaction
	RuleDouble    Rule = "double"    // a redemption would be paid by two transactions that share no input
	RuleRate      Rule = "rate"      // too many signatures in one window
	RuleTerm      Rule = "term"      // a newer instance has asked before
	RuleFeed      Rule = "feed"      // the leader's message did not come through the backend's own mailbox
	RuleSeats     Rule = "seats"     // the signers are not seats of the wallet, or too few
)

// Refused says that a backend will not do something, and which of its rules forbids it: HTTP 412. It is not to be tried again.
type Refused struct {
	Rule   Rule
	Detail string
}

// Error implements error.
func (r *Refused) Error() string { return fmt.Sprintf("refused by rule %s: %s", r.Rule, r.Detail) }

// Refuse makes a refusal. Its detail can be shown, whatever the arguments are.
func Refuse(rule Rule, format string, args ...any) error {
	return &Refused{rule, Printable(fmt.Sprintf(format, args...))}
}
