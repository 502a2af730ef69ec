package cluster

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// Store is the shared database as this package needs it: rows, conditional updates and row locks. Every method is one
// transaction. The database's clock alone decides whether a lease is over, and it is read after the rows that the
// decision is about were locked: a lease may end while a statement waits for its lock.
type Store interface {
	Sessions
	Assignments
	Claims
}

// Sessions holds one row per instance: its boot, renewal counter, last token, generation, lease and what it tells.
type Sessions interface {
	// OpenSession begins a session and returns the generation that it belongs to. It replaces a row of the same instance
	// that has expired or belongs to an older generation; the wallets of the replaced boot are orphans then. A row that
	// is live is ErrInstanceTaken. The new row's counter is 0; that the instance has reconciled in this generation, and
	// what it is barred from, stays.
	OpenSession(ctx context.Context, o Opening) (Generation, error)
	// RenewSession adds one to the counter and starts the lease anew, if the row has this holder, generation and count,
	// that generation is the present one and the lease is not over. Otherwise it is ErrSessionLost.
	RenewSession(ctx context.Context, r Renewal) error
	// CloseSession removes the holder's row; its wallets have no owner from then on. A row that is not there, or another
	// boot's, is left as it is and no error.
	CloseSession(ctx context.Context, h Holder) error
	// Session reads the row of an instance, expired or not; false if there is none.
	Session(ctx context.Context, id InstanceID) (SessionRow, bool, error)
}

// Opening begins a session.
type Opening struct {
	Holder
	Token   Token
	TTL     time.Duration
	Profile Profile
	Status  Status
}

// Renewal prolongs a session.
type Renewal struct {
	Holder
	Generation Generation
	Count      uint64 // the counter that it finds
	Token      Token
	TTL        time.Duration
	Status     Status
}

// SessionRow is what a session knows itself by.
type SessionRow struct {
	Holder
	Generation Generation
	Count      uint64
	Token      Token         // of the opening or renewal that wrote the row
	Left       time.Duration // of the lease, by the database's clock; zero or less if it is over
	Current    bool          // the generation is the present one
}

// Assignments holds one row per wallet, which is never deleted: its owner and its epoch.
type Assignments interface {
	// View reads members and wallets as of one moment.
	View(ctx context.Context) (View, error)
	// AddWallets gives a row without owner and with epoch 0 to each wallet that has none.
	AddWallets(ctx context.Context, wallets []chain.WalletID) error
	// Move makes those of the moves that still hold, in one transaction, and returns their wallets as they are then,
	// each with its epoch one higher. A move holds if the wallet's owner and epoch are those it names, the taker's
	// session is live, healthy and not draining, and its cause is still true: the giver is not live (orphan), unhealthy,
	// or draining. Moves for balance hold together, if none were made for the time of pace.
	// A giver that loses a wallet for its health is barred through the move's window. The mover must have a live
	// session, or all is ErrSessionLost.
	Move(ctx context.Context, by Seal, moves []Move, pace time.Duration) ([]Assignment, error)
}

// Seal proves a session to the store.
type Seal struct {
	Holder
	Generation Generation
}

// Fence proves the responsibility for a wallet to the store. Whatever has an effect is written in a transaction that
// locks the wallet's row, finds this owner and epoch in it, and then finds the owner's session live.
type Fence struct {
	Seal
	Wallet chain.WalletID
	Epoch  Epoch
}

// Claims holds one row per (wallet, window) that this operator acts in, which is never deleted while it matters.
type Claims interface {
	// Claim makes the window the fence's holder's and returns the row. A row without proposal of a lower epoch is taken
	// over; one with a proposal is returned as it is. A fence that does not hold, and a row of a higher epoch, is
	// ErrFenced. A window up to the generation's horizon that has no proposal is ErrDoubtful until every member of the
	// table, expired ones included unless Mourning is over, has reconciled, and one lease of the fence's holder has passed
	// since the first did: by then whoever lives, and was forgotten altogether, has a row.
	Claim(ctx context.Context, f Fence, window chain.Height) (Claim, error)
	// SaveProposal stores what is to be sent, if the fence holds, the claim is of its epoch and has no proposal yet, and
	// returns the row: what it has is what must be sent, whoever built it.
	SaveProposal(ctx context.Context, f Fence, window chain.Height, own coordination.OwnProposal) (Claim, error)
	// FindClaim reads a row; false if there is none.
	FindClaim(ctx context.Context, wallet chain.WalletID, window chain.Height) (Claim, bool, error)
	// Reconcile puts back, in one transaction, what the journal's entries say was sent and the table does not have, and
	// marks the member reconciled. Entries whose row has another proposal are returned. The generation's horizon is the
	// furthest that any member gave or put back: one that sees further than the first may have served what that one did
	// not know of. In the first generation of a new store nothing is doubtful, and the horizon stays 0.
	Reconcile(ctx context.Context, by Seal, entries []Entry, horizon chain.Height) (Reconciliation, error)
}

// Claim is the row of one (wallet, window).
type Claim struct {
	Wallet chain.WalletID
	Window chain.Height
	Holder Holder // who claimed it; of one put back, who had sent it
	Epoch  Epoch
	// Own is what is said for the window, zero as long as nothing is stored. It never changes.
	Own coordination.OwnProposal
}

// Filled reports whether the claim has a proposal.
func (c Claim) Filled() bool { return len(c.Own.Payload) > 0 }

// Reconciliation is what became of the journal's entries.
type Reconciliation struct {
	Restored []Entry // the table had forgotten these
	// Contradicted were sent, and the table has something else: two proposals are known for one (wallet, window).
	Contradicted []Entry
}
