// Package coordination turns heights into windows and windows into results: the Watcher opens each coordination
// window once, the Layer runs one executor per wallet in it, and the Processor stores what comes out and hands
// agreed proposals to their handlers.
//
//	chain.Clock ─height─► Watcher ─Window─► Layer ─► one Executor per wallet
//	                                                     │ Report: one Result, then Amendments
//	                                                     ▼
//	                               Processor ─► store (result, faults, order), then the order's handler
//
// A window is opened once, whichever heights are seen, and what was missed is recorded with a reason. Each wallet's part in it ends in
// exactly one result, whatever happened, which is stored before anybody acts on it. What a window comes to is the executors' to say: nothing
// here elects, listens or judges.
//
// This file holds the nouns and the promises between the boxes.
//
//	coordination.go, window.go, reason.go, statement.go  the nouns, and the promises between the boxes
//	watcher.go, woe.go, siblings.go                      windows are opened, also by siblings, or missed
//	layer.go, custody.go, inherit.go                     who serves a wallet, for how long, and what an owner before it left open
//	processor.go                                         results are stored, and handed on
//	manifest.go                                          a wallet as it is imported
package coordination

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// Role is what a node was to a wallet in one window.
type Role string

// The roles. RoleNone is that of a window in which the leader could not be known or that was not run.
const (
	RoleNone     Role = ""
	RoleLeader   Role = "leader"
	RoleFollower Role = "follower"
)

// Result is how one window ended for one wallet. There is always exactly one, whatever happened: silence, a lie
// and our own blindness are results too.
type Result struct {
	Wallet   chain.WalletID
	Window   Window
	Role     Role
	Seed     [32]byte          // zero if the seed block could not be read
	Leader   chain.Operator    // zero if not known
	Proposal proposal.Proposal // what was agreed; nil if nothing was
	// ReceivedAt is the height known when the agreed message arrived; for the leader, when it was first sent. 0
	// if nothing was agreed.
	ReceivedAt chain.Height
	OpenedAt   chain.Height // height at which this node opened the window
	Faults     []faults.Fault
	Reason     Reason
	Detail     string // what a person wants to know beyond the reason; may be empty
}

// Order returns what the handler is to be told, false if the window ended in nothing to do.
func (r Result) Order() (proposal.Order, bool) {
	if r.Reason != ReasonOK || r.Proposal == nil || r.Proposal.Kind() == proposal.KindNoop {
		return proposal.Order{}, false
	}
	return proposal.Order{
		Wallet:   r.Wallet,
		Window:   r.Window.Block,
		Proposal: r.Proposal,
		Start:    r.Window.End,
		Expiry:   r.Window.End + r.Proposal.Kind().ValidityBlocks(),
	}, true
}

// Amendment is what was learned of a window after its result, in its passive phase (rule R3). It never changes the
// result: it appends a fault or marks one late, and may revoke the action.
type Amendment struct {
	Wallet chain.WalletID
	Window Window
	Fault  faults.Fault // appended, or merged into the fault of the same key: Late and Evidence are taken over
	Revoke bool         // the window's action must not be carried out
}

// Report is a Result or an Amendment. Of one wallet and window the Result comes first.
type Report interface{ wallet() chain.WalletID }

func (r Result) wallet() chain.WalletID    { return r.Wallet }
func (a Amendment) wallet() chain.WalletID { return a.Wallet }

// Executor runs one wallet's procedure for one window.
type Executor interface {
	// Coordinate sends exactly one Result to reports when the active phase ends, then Amendments, and returns
	// when the window ends. A window whose active phase is over when it is called is judged at once, by what was written
	// down and what still waits to be heard. It returns early only when ctx ends, or when the journal says that the
	// wallet is not served here any more; if no result was sent by then the window is suspended, and may be resumed after
	// a restart or by another instance (rule R1). The layer calls it for one window at a time.
	Coordinate(ctx context.Context, w Window, openedAt chain.Height, reports chan<- Report)
	// Linger takes up a window whose result is already stored, as after a restart: it sends as Amendments what was
	// written down before and may not have been reported, watches what is left of the passive phase, and returns when
	// the window or ctx ends.
	Linger(ctx context.Context, w Window, reports chan<- Report)
}

// Registry knows the wallets this node holds seats of.
type Registry interface {
	// Wallets returns the active wallets at the moment of the call.
	Wallets(ctx context.Context) ([]chain.Wallet, error)
}

// WindowLog is the durable memory of windows (rule R1). Every method is one transaction; an error means that
// nothing of it was stored. Where instances share it, chain.ErrNotServed says that this one may not write for the wallet.
type WindowLog interface {
	// LastWindow returns the last window this store has accounted for: opened, missed, or the one it started
	// after. At is 0 unless it was opened; all is zero in a new store.
	LastWindow(ctx context.Context) (Opened, error)
	// StartAfter makes block the last window of a new store: what was before it is not this node's concern.
	StartAfter(ctx context.Context, block chain.Height) error
	// OpenWindow records that a window was opened. The window must be later than the last one.
	OpenWindow(ctx context.Context, o Opened) error
	// RecordMissed stores a range of windows that were wholly missed; its last one becomes the last window.
	RecordMissed(ctx context.Context, m Missed) error
	// Begin records that a wallet takes part in a window and tells how far it got before. It never changes a
	// finished row.
	Begin(ctx context.Context, wallet chain.WalletID, w Window, at chain.Height) (Progress, error)
	// FinishOpen gives every open row of windows up to and including last the final result reason, and a result to
	// the wallets that window last was opened for but never begun with. Where instances share the log, it leaves alone
	// the wallets that another one may serve.
	FinishOpen(ctx context.Context, last chain.Height, reason Reason) error
	// OpenRows returns, in ascending order, the windows in which a wallet has no final result though it has or had a part
	// in them: those begun, and those opened that nobody began for it.
	OpenRows(ctx context.Context, wallet chain.WalletID) ([]chain.Height, error)
}

// SharedLog is a WindowLog that other instances of the operator write into too. Each opens the windows that it sees: what a
// sibling opened already is no error and is not missed, and a sibling that is far ahead keeps nobody from opening the window
// of now.
type SharedLog interface {
	WindowLog
	// LastWindowAt returns the last window at or below a height that any instance has accounted for.
	LastWindowAt(ctx context.Context, head chain.Height) (Opened, error)
}

// Opened is the opening of one window.
type Opened struct {
	Block chain.Height // coordination block c
	At    chain.Height // height at which it was opened, c .. c+79
	Hash  chain.Hash   // hash of block c
	Time  time.Time    // wall time of the opening
	// Over says that the window had ended when this run took it up again: what was heard in it is left to be reported,
	// and what an earlier owner of a wallet left open. It is not stored.
	Over bool
}

// Missed is a range of windows that were not opened in their active phase.
type Missed struct {
	First, Last chain.Height // coordination blocks, both included
	Reason      Reason       // ReasonNodeDown, ReasonChainStalled, ReasonLateStart, ReasonNoQuorum or ReasonStoreFailed
	NotedAt     chain.Height
}

// Progress tells how far a wallet got in a window.
type Progress struct {
	OpenedAt chain.Height // when it was first opened: earlier than now if the window is resumed
	Finished bool         // it has its final result and must not run again
}

// ResultLog stores what reports carry (rule R7).
type ResultLog interface {
	// RecordResult stores a result, its faults and, if it orders an action, the action's row, in one
	// transaction. Repeating it for a finished (wallet, window) changes nothing and reports false.
	RecordResult(ctx context.Context, r Result) (bool, error)
	// RecordAmendment stores an amendment's fault and revocation in one transaction.
	RecordAmendment(ctx context.Context, a Amendment) error
}

// Headers reads block headers by number. A block the source does not have is chain.ErrNotFound.
type Headers interface {
	Header(ctx context.Context, h chain.Height) (chain.Header, error)
}

// Dispatcher takes orders to their handlers. No method waits for a handler.
type Dispatcher interface {
	Dispatch(o proposal.Order)
	Revoke(wallet chain.WalletID, window chain.Height)
	// Reread has the log's pending orders read: one may have been stored with nobody being told.
	Reread()
}
