package node

import (
	"context"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// records is the durable memory of what a node does; *store.Store is one.
type records interface {
	coordination.WindowLog
	coordination.ResultLog
	coordination.Journal
	action.Log
	signing.Log
}

// pen writes for wallets, and proves in each write that they are this instance's; *store.Pen is one. A write that the proof
// fails in is cluster.ErrFenced, and changes nothing.
type pen interface {
	gapLog
	coordination.ResultLog
	SaveStatement(ctx context.Context, s coordination.Statement) error
	action.Log
	signing.Log
}

// fenced is the memory of an instance among siblings: the store, written with a pen wherever it is about a wallet, or about
// windows, which siblings open too. A wallet whose write was refused has lost its term: whoever is responsible does what is
// left to do.
type fenced struct {
	records
	pen     pen
	custody *custody
}

// under runs a write for a wallet.
func (f fenced) under(wallet chain.WalletID, write func() error) error {
	term := f.custody.Term(wallet)
	err := write()
	if errors.Is(err, cluster.ErrFenced) {
		f.custody.lapse(wallet, term)
	}
	return err
}

// LastWindow implements coordination.WindowLog.
func (f fenced) LastWindow(ctx context.Context) (coordination.Opened, error) {
	return f.pen.LastWindow(ctx)
}

// LastWindowAt implements coordination.SharedLog.
func (f fenced) LastWindowAt(ctx context.Context, head chain.Height) (coordination.Opened, error) {
	return f.pen.LastWindowAt(ctx, head)
}

// StartAfter implements coordination.WindowLog.
func (f fenced) StartAfter(ctx context.Context, block chain.Height) error {
	return f.pen.StartAfter(ctx, block)
}

// OpenWindow implements coordination.WindowLog.
func (f fenced) OpenWindow(ctx context.Context, o coordination.Opened) error {
	return f.pen.OpenWindow(ctx, o)
}

// RecordMissed implements coordination.WindowLog.
func (f fenced) RecordMissed(ctx context.Context, m coordination.Missed) error {
	return f.pen.RecordMissed(ctx, m)
}

// RecordGaps implements gapLog.
func (f fenced) RecordGaps(ctx context.Context, m coordination.Missed) ([]coordination.Missed, error) {
	return f.pen.RecordGaps(ctx, m)
}

// Begin implements coordination.WindowLog.
func (f fenced) Begin(ctx context.Context, wallet chain.WalletID, w coordination.Window, at chain.Height) (p coordination.Progress, err error) {
	err = f.under(wallet, func() error {
		p, err = f.pen.Begin(ctx, wallet, w, at)
		return err
	})
	return p, err
}

// FinishOpen implements coordination.WindowLog.
func (f fenced) FinishOpen(ctx context.Context, last chain.Height, reason coordination.Reason) error {
	return f.pen.FinishOpen(ctx, last, reason)
}

// OpenRows implements coordination.WindowLog.
func (f fenced) OpenRows(ctx context.Context, wallet chain.WalletID) ([]chain.Height, error) {
	return f.pen.OpenRows(ctx, wallet)
}

// RecordResult implements coordination.ResultLog.
func (f fenced) RecordResult(ctx context.Context, r coordination.Result) (first bool, err error) {
	err = f.under(r.Wallet, func() error {
		first, err = f.pen.RecordResult(ctx, r)
		return err
	})
	return first, err
}

// RecordAmendment implements coordination.ResultLog.
func (f fenced) RecordAmendment(ctx context.Context, a coordination.Amendment) error {
	return f.under(a.Wallet, func() error { return f.pen.RecordAmendment(ctx, a) })
}

// SaveStatement implements coordination.Journal.
func (f fenced) SaveStatement(ctx context.Context, s coordination.Statement) error {
	return f.under(s.Wallet, func() error { return f.pen.SaveStatement(ctx, s) })
}

// PendingActions implements action.Log: those of the wallets that are served here.
func (f fenced) PendingActions(ctx context.Context) ([]proposal.Order, error) {
	return f.pen.PendingActions(ctx)
}

// StartAction implements action.Log.
func (f fenced) StartAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) error {
	return f.under(wallet, func() error { return f.pen.StartAction(ctx, wallet, window, at) })
}

// FinishAction implements action.Log.
func (f fenced) FinishAction(ctx context.Context, wallet chain.WalletID, window chain.Height, outcome action.Outcome, detail string, at chain.Height) error {
	return f.under(wallet, func() error { return f.pen.FinishAction(ctx, wallet, window, outcome, detail, at) })
}

// ActionRevoked implements action.Log.
func (f fenced) ActionRevoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error) {
	return f.pen.ActionRevoked(ctx, wallet, window)
}
