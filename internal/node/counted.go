package node

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// gapLog is the memory that siblings write into, too. RecordGaps is its RecordMissed, and returns what siblings had not
// accounted for: they have counted theirs.
type gapLog interface {
	coordination.SharedLog
	RecordGaps(ctx context.Context, m coordination.Missed) (stored []coordination.Missed, err error)
}

// counted returns the node's memory, which tells missed what is recorded in it and comes with no report. One that siblings
// write into is one still.
func counted(log records, missed func(coordination.Missed)) coordination.WindowLog {
	if shared, ok := log.(gapLog); ok {
		return countedSharedLog{countedLog{log, missed}, shared}
	}
	return countedLog{log, missed}
}

// countedSharedLog is a countedLog that siblings write into.
type countedSharedLog struct {
	countedLog
	shared gapLog
}

// LastWindowAt implements coordination.SharedLog.
func (l countedSharedLog) LastWindowAt(ctx context.Context, head chain.Height) (coordination.Opened, error) {
	return l.shared.LastWindowAt(ctx, head)
}

// RecordMissed implements coordination.WindowLog.
func (l countedSharedLog) RecordMissed(ctx context.Context, m coordination.Missed) error {
	stored, err := l.shared.RecordGaps(ctx, m)
	for _, gap := range stored {
		l.missed(gap)
	}
	return err
}

// countedLog is the node's memory, which tells what is recorded in it and comes with no report.
type countedLog struct {
	records
	missed func(coordination.Missed)
}

// RecordMissed implements coordination.WindowLog.
func (l countedLog) RecordMissed(ctx context.Context, m coordination.Missed) error {
	err := l.records.RecordMissed(ctx, m)
	if err == nil {
		l.missed(m)
	}
	return err
}

// countedFindings is the memory of what signers were asked, which tells that operators were found inactive once that is recorded.
type countedFindings struct {
	signing.Log
	found func()
}

// SaveInactivity implements signing.Log.
func (l countedFindings) SaveInactivity(ctx context.Context, wallet chain.WalletID, window chain.Height, absent signing.Absence, at chain.Height) error {
	err := l.Log.SaveInactivity(ctx, wallet, window, absent, at)
	if err == nil {
		l.found()
	}
	return err
}
