package signing

import (
	"context"
	"errors"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ErrOtherIntent says that a window is bound to another intent already. Nothing is signed then.
var ErrOtherIntent = errors.New("another intent is stored for the window")

// ErrBarred says that this operator may do nothing in the window: it told the others that it heard nothing to act on, and to act
// all the same would prove it a liar. Nothing is signed then.
var ErrBarred = errors.New("this operator may not act in the window any more")

// Log is the durable memory of what was asked of wallets' signers. Every method is one transaction, and of several that are
// written at once all or none last. Where instances share it, chain.ErrNotServed says that this one may not write for the wallet.
type Log interface {
	// Signing returns what was asked in a window; false if nothing was.
	Signing(ctx context.Context, wallet chain.WalletID, window chain.Height) (Signing, bool, error)
	// Signings returns what was asked of a wallet in the windows before one, the newest first, limit at most, and without Blames:
	// their proofs are as long as cheats make them.
	Signings(ctx context.Context, wallet chain.WalletID, before chain.Height, limit int) ([]Signing, error)
	// SaveIntent stores what is about to be asked: Wallet, Window, Digest, Intent and BegunAt. It must have happened before
	// anybody is asked for anything. The same digest again changes nothing; another one is ErrOtherIntent. ErrBarred if the
	// window's head says that nothing was heard.
	SaveIntent(ctx context.Context, s Signing) error
	// BeginAttempt records that an attempt is about to be taken part in: none up to it is begun again.
	BeginAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, attempt uint32) error
	// EndAttempt adds what became of an attempt, and who broke it. The same attempt again changes nothing.
	EndAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, a Attempt, blames []Blame) error
	// SaveSigned stores what came of it, and the attempt that made it as EndAttempt does; of each the first one stays.
	SaveSigned(ctx context.Context, wallet chain.WalletID, window chain.Height, s Success) error
	// SaveInactivity records who was absent from the poor heartbeats that end with a window's; the first finding stays.
	SaveInactivity(ctx context.Context, wallet chain.WalletID, window chain.Height, absent Absence, at chain.Height) error
}

// Absence is who was missing at several poor heartbeats of a wallet in a row.
type Absence struct {
	Seats     []chain.Seat // ascending
	Operators []chain.Operator
}

// Success is what came of an intent.
type Success struct {
	Raw     []byte        // the signed transaction, or the heartbeat's signature
	TxHash  signer.Digest // of the transaction, internal byte order; zero of a heartbeat
	At      chain.Height
	Attempt *Attempt // that was taken part in and ended so; nil if there is none
}

// Signing is what a wallet's signers were asked in one window, and what came of it.
type Signing struct {
	Wallet     chain.WalletID
	Window     chain.Height
	Digest     signer.Digest // of the intent
	Intent     signer.Intent // as it is given to backends; without a transaction it is a heartbeat
	Begun      uint32        // the newest attempt that was begun; 0 if none was
	Attempts   []Attempt     // those that ended, in order
	Blames     []Blame
	Signed     []byte        // the signed transaction, or the heartbeat's signature; empty until there is one
	TxHash     signer.Digest // of the signed transaction, internal byte order
	BegunAt    chain.Height
	FinishedAt chain.Height // 0 until it is signed
}

// Newest returns the newest attempt that was followed from its beginning, which shows who was there; false if there is none.
func (s Signing) Newest() (Attempt, bool) {
	for _, a := range slices.Backward(s.Attempts) {
		if a.Whole {
			return a, true
		}
	}
	return Attempt{}, false
}

// Result is how an attempt ended.
type Result string

// The results of attempts.
const (
	ResultSigned  Result = "signed"        // all inputs are signed, and the signatures were verified
	ResultTooFew  Result = "too_few_seats" // fewer seats than the threshold announced themselves
	ResultNoList  Result = "no_list"       // the coordinator named no signers
	ResultSilent  Result = "silent"        // a signer said nothing in time
	ResultCheated Result = "cheated"       // an operator broke the attempt, as Blames tells
	ResultUnsound Result = "unsound"       // what came of it is no signature, and nobody can be told to have broken it
	ResultBackend Result = "backend"       // the operator's own backend could not go on
)

// Attempt is one attempt as it was seen from here.
type Attempt struct {
	Number      uint32           `json:"attempt"` // from 1
	Begun       chain.Height     `json:"begun"`   // height
	Ended       chain.Height     `json:"ended"`
	Coordinator chain.Operator   `json:"coordinator"`
	Signers     []int            `json:"signers"` // seats; none if no list came
	Active      int              `json:"active"`  // seats that announced themselves
	Absent      []chain.Operator `json:"absent"`  // did not announce themselves
	Missing     []int            `json:"missing"` // seats that nobody announced: theirs, and those that their operators left out
	Silent      []chain.Operator `json:"silent"`  // were named as signers, and said nothing in time
	Whole       bool             `json:"whole"`   // followed from its beginning, so that who was not heard was not there
	Result      Result           `json:"result"`
	Detail      string           `json:"detail"`
}

// Misdeed is what an operator broke an attempt with.
type Misdeed string

// The misdeeds.
const (
	MisdeedScheme  Misdeed = "scheme"      // the scheme's own checks name it
	MisdeedLists   Misdeed = "two_lists"   // as coordinator it signed two differing lists: Proof has both
	MisdeedBundles Misdeed = "two_bundles" // it signed two differing bundles of one round: Proof has both
)

// Blame is an operator who broke an attempt.
type Blame struct {
	Attempt  uint32         `json:"attempt"`
	Operator chain.Operator `json:"operator"`
	Seat     int            `json:"seat"` // 0 if it is not one seat's
	Misdeed  Misdeed        `json:"misdeed"`
	Detail   string         `json:"detail"`
	Proof    [][]byte       `json:"proof"` // signed pubsub messages, in base64; none of MisdeedScheme
}
