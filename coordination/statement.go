package coordination

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Statement is one signed message of an operator for a window, kept because it was accepted, or because it
// is evidence (rule R2).
type Statement struct {
	Wallet     chain.WalletID
	Window     chain.Height   // coordination block
	Author     chain.Operator // whose key signed
	Seat       chain.Seat     // as claimed in the message
	Digest     [32]byte       // of the canonical statement; one row per (wallet, window, author, digest)
	Payload    []byte         // the coordination message
	Signed     []byte         // the exact signed pubsub message, signature in low-S form
	ArrivedAt  chain.Height
	ReceivedAt time.Time
}

// OwnProposal is what this operator, as leader, said: written down before it is sent, and sent again byte for
// byte by whoever continues (rule R2).
type OwnProposal struct {
	Payload  []byte       // the coordination message
	Envelope []byte       // the whole envelope around it, with its sequence number
	SentAt   chain.Height // height of the first broadcast; retransmissions are due relative to it
	SentTime time.Time    // of the first broadcast, by our clock; zero if an earlier version stored it
}

// Journal is what an executor writes down before it acts. Every method is one transaction.
type Journal interface {
	// SaveOwn stores the proposal of (wallet, window) unless there is one already, and returns the stored one:
	// what comes back is what must be sent.
	SaveOwn(ctx context.Context, wallet chain.WalletID, window chain.Height, own OwnProposal) (OwnProposal, error)
	// Own returns the stored proposal; false if there is none.
	Own(ctx context.Context, wallet chain.WalletID, window chain.Height) (OwnProposal, bool, error)
	// SaveStatement stores a statement; one that is there already is left as it is.
	SaveStatement(ctx context.Context, s Statement) error
	// Statements returns the stored statements of (wallet, window) in the order of arrival.
	Statements(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]Statement, error)
}
