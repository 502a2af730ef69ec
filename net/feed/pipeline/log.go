package pipeline

import (
	"context"
	"errors"

	"github.com/walletnode/walletnode/net/feed"
)

// What callers tell apart with errors.Is.
var (
	// ErrNoMailbox says that the mailbox does not exist: no version of the subscriptions that was in force names it.
	ErrNoMailbox = errors.New("there is no such mailbox; subscribe it, and it opens with the next epoch")
	// ErrFuture says that somebody acknowledges what was not delivered yet.
	ErrFuture = errors.New("acknowledges an entry that does not exist yet")
	// ErrSource says that the source is unknown or its numbers leave some out.
	ErrSource = errors.New("source refused")
	// ErrCollected says that what a subscriber wants to read was acknowledged or is too old, and is gone.
	ErrCollected = errors.New("is not kept any more; begin with what the mailbox holds")
	// ErrOrder says that what is to be stored does not follow what is: somebody else has written meanwhile.
	ErrOrder = errors.New("does not follow what is stored")
	// ErrStopped says that the feed has ended before the answer was there; what was submitted may have been accepted.
	ErrStopped = errors.New("the feed has ended")
)

// Accepted is a record with its payload, and what the origin of its item signed of it, which no stage looks at: nil of what is not
// signed, as on a node alone.
type Accepted struct {
	Record  feed.Record
	Payload []byte
	Witness *feed.Witness // not written to
}

// Delivered is an entry of a mailbox with its record's payload and witness, which are not written to; a gap has neither.
type Delivered struct {
	Entry   feed.Entry
	Payload []byte
	Witness *feed.Witness
}

// Term is an epoch with the subscriptions that hold in it.
type Term struct {
	Epoch         feed.Epoch
	Subscriptions *feed.Subscriptions
}

// State is where a feed stands.
type State struct {
	// Terms are the epochs that are not sealed, ascending. The last one is open, those before it were being closed. None: nothing
	// was opened yet, or since data was lost.
	Terms []Term
	// First is the first record of the first of them: one more than all that is sealed, and without them one more than Last.
	First feed.Seq
	// Last is the last record accepted; 0 if none.
	Last feed.Seq
	// Sealed is the last seal; nil if none.
	Sealed *feed.Seal
	// Sources has the last number accepted of each source.
	Sources map[string]uint64
}

// MailboxState is where a mailbox stands.
type MailboxState struct {
	Last         feed.Number
	Head         feed.Hash  // of the last entry
	Closed       bool       // the last entry is a gap
	ClosedIn     feed.Epoch // if it is
	Acknowledged feed.Number
	Stored       []feed.Seq // the records it holds from a given epoch on
	Moved        bool       // another instance has it: nothing more is kept here
}

// Log is the durable part of a feed. Each call is one transaction: after an error nothing of it was done, or the feed ends and reads
// the state anew. What does not follow what is stored is ErrOrder. Payloads are stored once, with their record; a mailbox names them by hash.
// The lists that are stored are the caller's again after a call that returned no error.
type Log interface {
	// State reads where the feed stands.
	State(ctx context.Context) (State, error)
	// Open makes an epoch the open one. It comes after all that are open.
	Open(ctx context.Context, t Term) error
	// Accept stores records, which follow the last one without a gap; others it refuses.
	Accept(ctx context.Context, records []Accepted) error
	// Append adds entries, of several mailboxes; in each they follow the last one without a gap, others it refuses.
	Append(ctx context.Context, entries []feed.Entry) error
	// Seal stores the seal of the first epoch that has none.
	Seal(ctx context.Context, s feed.Seal) error
	// Acknowledge stores the last entry that the subscriber needs no more; it never goes back.
	Acknowledge(ctx context.Context, mailbox string, n feed.Number) error

	// Records reads at most limit records from a number on.
	Records(ctx context.Context, from feed.Seq, limit int) ([]feed.Record, error)
	// Accepted reads as Records does, with payloads, and no more than about MaxPage bytes of them unless one alone is longer.
	Accepted(ctx context.Context, from feed.Seq, limit int) ([]Accepted, error)
	// Mailbox reads where a mailbox stands, with what it holds from an epoch on. One that nobody wrote to is empty; one that has moved
	// in stands where it stood in the instance before.
	Mailbox(ctx context.Context, mailbox string, from feed.Epoch) (MailboxState, error)
	// Entries reads at most limit entries after a number, and no more than about MaxPage bytes of payloads unless one alone is longer.
	Entries(ctx context.Context, mailbox string, after feed.Number, limit int) ([]Delivered, error)
	// NextSeal reads the first seal after an epoch; nil if there is none yet.
	NextSeal(ctx context.Context, after feed.Epoch) (*feed.Seal, error)
	// FirstSeal reads the oldest seal that is kept; nil if there is none.
	FirstSeal(ctx context.Context) (*feed.Seal, error)
	// Subscriptions reads what held in an epoch that was opened.
	Subscriptions(ctx context.Context, e feed.Epoch) (*feed.Subscriptions, error)
	// Collect removes what nobody needs any more: of sealed epochs before one, the entries that are acknowledged, the records that no
	// entry is left of, and the seals but the last one. It may take several transactions.
	Collect(ctx context.Context, before feed.Epoch) error
}
