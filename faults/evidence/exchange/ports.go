// Package exchange is what operators do with evidence after each window: this operator's head is made and told, the heads of
// others are heard, histories are compared, and what is proved is kept and told.
//
//	service.go, counters.go             what is needed, the loops, what came of it
//	company.go, circle.go               with whom wallets are shared
//	attest.go, entry.go                 this operator's head of a window
//	record.go, state.go                 what it rests on, kept from window to window
//	hear.go, neighbours.go, compare.go  heads of others, and where histories differ
//	proofs.go, fetch.go, wants.go       what is proved: told, asked for, kept
//	quotes.go                           what signing topics show that somebody said
//	ports.go, network.go                what is asked of the durable memory, which instances share, and of the network
//
// One head is signed for a window, whatever is restarted or put back, and it is on the disk before it is told. What others say is
// believed only as far as it is signed; who answers badly or never costs bounded time and space, and is accused of nothing.
package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// Errors of a Log that its callers tell apart. chain.ErrNotServed is one more: this instance's session is over.
var (
	// ErrAttested says that a head of this window, or of a later one, was signed: by a sibling, or before data was lost.
	ErrAttested = errors.New("a head of this window or of a later one was signed already")
	// ErrStale says that what the draft rests on has changed: draft again.
	ErrStale = errors.New("what was drafted has changed meanwhile")
	// ErrDoubtful says that the database lost data, and that a head of this window may have been signed before: it is skipped
	// unless all instances have compared what they sent.
	ErrDoubtful = errors.New("a head of this window may have been signed before data was lost")
	// ErrUnknown says that there is no such proof.
	ErrUnknown = errors.New("no such proof")
	// ErrEnough says that so much is proved about an operator already that this proof is not kept: see MaxProofsOf.
	ErrEnough = errors.New("enough is proved about the operator")
)

// Bounds of what a Log keeps. At each of them what is new is left out, for what is there settles the case.
const (
	// MaxQuotes is how many wallets' quotes are kept of one operator and window.
	MaxQuotes = 64
	// MaxQuoted is how many of them are read for one comparison: as many as it looks into differences.
	MaxQuoted = compare.MaxFindings
	// MaxKnown is how many explained differences are kept with one operator.
	MaxKnown = 1 << 16
	// MaxPinned is how many differences that nobody could explain are kept with one operator, with all that is on record of their slots,
	// however old they are: the newest. Those beyond are kept for as long as evidence is. One comparison looks into a quarter as many, and
	// an honest operator leaves none.
	MaxPinned = 1 << 10
	// MaxProofsOf is how many long proofs about one operator are kept of evidence.Span windows: proofs whose statements are padded far
	// beyond what a proposal needs. Each is 132 KiB at most, so whoever pads costs a megabyte a day. As many are kept, for ever, of those
	// about one operator that came more than Late after their window. Other short ones are all kept.
	MaxProofsOf = 64
	// Late is how many blocks after its window a proof counts as one that came late: this operator was away, or somebody makes proofs
	// about windows of long ago, of which there are any number.
	Late = 2 * evidence.Span * frequency
)

// Log is the durable memory of heads, entries and proofs. Each method is one transaction; an error means that nothing of it
// was stored. Its methods may be called from any goroutine.
type Log interface {
	Heads
	Statements
	Proofs
}

// Heads are this operator's, and those of others that were heard.
type Heads interface {
	// Recall notes the heads that this machine's disk knows and the log has forgotten: nothing new is signed in their windows. It is
	// called before anything can be, and again before each Draft.
	Recall(ctx context.Context) error
	// Version returns that of the state that State would return.
	Version(ctx context.Context) (uint64, error)
	// State returns what this operator attested last, and what it knows of the windows below that. It reads all of it, some ten
	// thousand entries.
	State(ctx context.Context) (State, error)
	// Since returns what has changed since this operator's head of a window was stored with a version: a state with those entries alone that
	// are of later windows, or were filled since. False if no such head was stored with that version: the log has forgotten it, and may
	// know others.
	Since(ctx context.Context, window chain.Height, version uint64) (State, bool, error)
	// Draft returns what is to be attested of a window: its new entries, to be put to the ledger of the state with the same version.
	// Wallets without a final result have none. It reads of the window alone, and changes nothing.
	Draft(ctx context.Context, window chain.Height) (Draft, error)
	// Attest stores a head with the entries it was drafted with, and has it on this machine's disk as well before it returns:
	// the head may be sent then, and only then. From here on nothing can be signed or proposed in a slot that it attests as
	// None or Late; where something was meanwhile, it is ErrStale. ErrAttested, ErrStale and ErrDoubtful say that the head must
	// never leave; any other error leaves open whether it is stored, and Unsent tells. It returns the version of the state that is there
	// then, which is the ledger that was closed for the head: it need not be read again.
	Attest(ctx context.Context, d Draft, h evidence.Head) (version uint64, err error)
	// Unsent returns heads of this operator that were stored and are not known to have been sent, oldest first, the last
	// evidence.Span windows of them: they are sent as they are. Each is on this machine's disk when it is returned.
	Unsent(ctx context.Context) ([]evidence.Head, error)
	// Sent notes that a head of this operator was sent.
	Sent(ctx context.Context, window chain.Height) error
	// Lost notes a head of this operator that was heard and is not in the log, because data was lost: the window is skipped, and
	// nothing new is signed in it. It reports false if the head is known. A head that contradicts a stored one is noted too.
	Lost(ctx context.Context, h evidence.Head) (bool, error)

	// SaveHeads stores heads of other operators. Of one operator and window the first one stays.
	SaveHeads(ctx context.Context, list []evidence.Head) error
	// HeadsFrom returns the heads of other operators of a window and later ones, ascending by window.
	HeadsFrom(ctx context.Context, window chain.Height) ([]evidence.Head, error)
}

// State is what an operator attests: enough to make the Ledger anew, and to open its last head.
type State struct {
	// Head is the last one; zero if there is none. Before is the one that it names; zero if it begins a chain.
	Head, Before evidence.Head
	// Entries are those of the last evidence.Span windows up to the head's, in no order.
	Entries []Attested
	// Wallets are those in which the operator holds a seat, with their rosters, archived ones too.
	Wallets []chain.Wallet
	// Made is the version with which the head was stored.
	Made uint64
	// Version is another one after each change of entries and heads, and never one that was there before, not even in a log that has
	// forgotten some of them: what has the same version is the same.
	Version uint64
}

// Attested is an entry as it is now.
type Attested struct {
	evidence.Entry
	// Filled is the window of the newest head in which this entry was None still; 0 if it was never attested differently.
	Filled chain.Height
}

// Draft is what a head of a window can be made of, with the state of its version.
type Draft struct {
	Window  chain.Height
	New     []evidence.Entry // of Window, ascending by wallet
	Wallets []chain.Wallet   // as in State; not to be changed
	Version uint64           // of the state that the head is to follow
}

// Statements are the signed messages that entries speak of, and what is known of how others attest them.
type Statements interface {
	// Statements returns the signed messages on record of a wallet and window that an entry is made of: those of its sender, or
	// all that were heard if it has none; two at most of each operator. This operator's own are in Own.
	Statements(ctx context.Context, wallet chain.WalletID, window chain.Height) ([][]byte, error)
	// Own returns the envelope that this operator said as leader, which becomes a statement again by being signed; false if
	// there is none.
	Own(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]byte, bool, error)
	// Fill stores a statement that was learned of from another operator at a height, and if it fills a gap of ours makes the
	// entry Late: then it returns the entry and true. Nothing else changes an entry. If it contradicts a stored one the proof is
	// stored too.
	Fill(ctx context.Context, s evidence.Statement, at chain.Height) (evidence.Entry, bool, error)

	// Explain stores what a comparison found that an operator attests differently. Open are findings that nobody could explain:
	// what is on record of their windows is kept until they are explained, MaxPinned of them.
	Explain(ctx context.Context, peer chain.Operator, known heads.Known, open []Slot) error
	// Known returns what an operator is known to attest differently, of a window and later ones.
	Known(ctx context.Context, peer chain.Operator, from chain.Height) (heads.Known, error)

	// SaveQuotes stores messages in which other operators acted on a leader's word: the first of each slot.
	SaveQuotes(ctx context.Context, quotes []evidence.Quote) error
	// Quotes returns what was stored of one operator about the slots of some entries, with its own statements where the entry names it as the
	// leader; MaxQuoted at most. Each was verified.
	Quotes(ctx context.Context, of chain.Operator, about []evidence.Entry) ([]evidence.Quote, error)
}

// Slot is a wallet's window.
type Slot struct {
	Wallet chain.WalletID
	Window chain.Height
}

// Proofs are kept for ever. Two differing statements of one slot are proved by the log itself, in the transaction in which the
// second one is stored.
type Proofs interface {
	// SaveProof stores a proof that was decoded or made, and reports whether it is the first of its misdeed: of one kind,
	// operator, wallet and window one is kept. It returns the ID of the one that is. From says whom it came from; zero if it
	// was found here. ErrEnough says that nothing is stored.
	SaveProof(ctx context.Context, p evidence.Proof, from chain.Operator, at chain.Height) (id string, first bool, err error)
	// Proof returns one; ErrUnknown if there is none.
	Proof(ctx context.Context, id string) (StoredProof, error)
	// Proofs returns those that a filter selects, the newest window first.
	Proofs(ctx context.Context, f ProofFilter) ([]StoredProof, error)
	// Holds notes that an operator has a proof, and reports whether it is here: of one that is not nothing is noted. What is noted
	// already is not written again.
	Holds(ctx context.Context, id string, operator chain.Operator) (here bool, err error)
	// Untold returns proofs that are still to be announced after a window, without Encoded, limit at most: those that are Due and not Told,
	// first the newest of each culprit, then the second of each, so that no culprit's many keep those about others from being told.
	Untold(ctx context.Context, window chain.Height, rarely uint64, limit int) ([]StoredProof, error)
	// Told ends a proof's announcements: the others have it.
	Told(ctx context.Context, id string) error
}

// Due reports whether a proof that was stored at a height is to be announced after a window: after each of the first evidence.Span ones, and
// then rarely windows after it was stored, and after twice, four times, eight times as many, without an end. Rarely is evidence.Span at least.
func Due(stored, window chain.Height, rarely uint64) bool {
	if window < stored+evidence.Span*frequency {
		return true
	}
	age := uint64(window-stored) / uint64(frequency)
	times := age / rarely
	return times > 0 && age%rarely == 0 && times&(times-1) == 0
}

// ProofFilter selects proofs. Zero fields select all.
type ProofFilter struct {
	Kind     evidence.Kind
	Culprit  chain.Operator
	Wallet   *chain.WalletID // proofs of heads are of no wallet
	From, To chain.Height    // windows, both included; 0 for no bound
	Limit    int             // 0 for no limit
}

// StoredProof is a proof with what is known about it.
type StoredProof struct {
	ID      string
	Kind    evidence.Kind
	Slot    evidence.Slot // Proof.Slot
	Encoded []byte        // Proof.Encode; nil from Untold
	// Fault is the ID of the recorded fault that it proves; empty if there is none.
	Fault    string
	From     chain.Operator // who told of it; zero if it was found here
	At       chain.Height   // at which it was stored
	StoredAt time.Time
	Told     bool             // the others have it: it is announced no more
	Holders  []chain.Operator // who is known to have it, ascending
}
