// Package action is what happens after a window: each agreed proposal is carried out by the handler of its kind,
// one action per wallet at a time, and its outcome is written down (rule R7). A second order of a wallet is recorded as busy and never
// carried out later. An action that is cut off, as the node ends or the wallet has another owner, stays pending without an outcome.
//
//	Dispatch ─Order─► Dispatcher ─► one goroutine per action: wait for the window's end, check for revocation,
//	Revoke ─────────►                validate again, Handler ─► Outcome ─► Log
//
//	action.go, handlers.go   what a handler promises, and those that sign nothing
//	dispatcher.go, round.go  which order is taken, and which waits, is busy or is revoked
//	carryout.go              one action, from its order to its outcome
package action

import (
	"context"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// Outcome is how an action ended. The texts are reason codes of rule R9: stored, exported, never reused. Empty means
// that it has not ended.
type Outcome string

// The outcomes.
const (
	OK                Outcome = "ok"                 // signed
	NoSigner          Outcome = "no_signer"          // the node has no signer backend for the wallet
	SignerUnavailable Outcome = "signer_unavailable" // the backend could not be reached, or did not finish
	SignerRefused     Outcome = "signer_refused"     // the backend said no; the detail names its rule
	WalletBusy        Outcome = "wallet_busy"        // an earlier action of the wallet was still running
	Revoked           Outcome = "revoked"            // evidence against the window's agreement came in
	Expired           Outcome = "expired"            // the last block for signing passed
	ValidationError   Outcome = "validation_error"   // the proposal could not be validated again in time
	Invalidated       Outcome = "invalidated"        // the chain's validator refused it when its time had come
	Unverifiable      Outcome = "unverifiable"       // the kind takes Bitcoin data that the node does not read
	HandlerFailed     Outcome = "handler_failed"     // the handler panicked or ended without an outcome
	StoreFailed       Outcome = "store_failed"       // the start could not be written down in time
)

// Outcomes returns every outcome.
func Outcomes() []Outcome {
	return []Outcome{
		OK, NoSigner, SignerUnavailable, SignerRefused, WalletBusy, Revoked, Expired, ValidationError, Invalidated,
		Unverifiable, HandlerFailed, StoreFailed,
	}
}

// Retryable reports whether an action that ended so may be tried again while its blocks last: what it lacked was at this node, and
// may have come since. What was signed, refused or revoked stays as it is.
func (o Outcome) Retryable() bool {
	switch o {
	case NoSigner, SignerUnavailable, Unverifiable, ValidationError, StoreFailed:
		return true
	default:
		return false
	}
}

// Handler carries out the agreed proposals of one kind.
type Handler interface {
	// Handle returns how the action ended, with a detail for people that may be empty. It is called once the
	// proposal was valid at a head of the action's own time, and must return soon after ctx ends, which it does
	// when the action is revoked, when the last block for signing passes, or when the node stops. An empty
	// outcome then lets the reason for the end decide; at any other time it is a failure. It also ends when another
	// instance becomes responsible for the wallet, and whoever is begins the action again.
	Handle(ctx context.Context, o proposal.Order) (Outcome, string)
}

// Clock is the chain's clock; *chain.Clock is one.
type Clock interface {
	Height() chain.Height
	// Changed returns a channel that is closed at the next move.
	Changed() <-chan struct{}
	// Until blocks until height h was reached or ctx ends.
	Until(ctx context.Context, h chain.Height) error
}

// Validator judges a proposal at the newest head.
type Validator interface {
	Validate(ctx context.Context, wallet chain.WalletID, p proposal.Proposal) proposal.Verdict
}

// Custody says which wallets this instance serves; the actions of the others are their instances'.
type Custody interface {
	// Term returns the term under which the wallet is served now; 0 if it is not. It must return at once. What was begun
	// under one term is not carried on under another, which may have had an instance between them.
	Term(wallet chain.WalletID) chain.Term
	// Changed returns a channel that is closed at the next change of any wallet's term; nil if none ever changes. Take it
	// before calling Term, or a change in between goes unseen.
	Changed() <-chan struct{}
}

// ErrFinished says that an action has its outcome already and must not run again.
var ErrFinished = errors.New("action is finished")

// Log is the durable memory of actions. Every method is one transaction. The row of an action is inserted with the
// result that orders it, before it is dispatched. Where instances share it, chain.ErrNotServed says that this one may not
// write for the wallet.
type Log interface {
	// PendingActions returns the orders without an outcome, oldest window first. Those of wallets that are not served here
	// may be among them.
	PendingActions(ctx context.Context) ([]proposal.Order, error)
	// StartAction records that an action is begun at a height; repeating it changes nothing. ErrFinished if the action has
	// its outcome, as from another instance.
	StartAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) error
	// FinishAction records an outcome; the first one stays.
	FinishAction(ctx context.Context, wallet chain.WalletID, window chain.Height, outcome Outcome, detail string, at chain.Height) error
	// ActionRevoked reports whether the action must not be carried out.
	ActionRevoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error)
}
