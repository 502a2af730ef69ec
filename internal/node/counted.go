package node

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/metrics"
)

// observe tells who wants to know of a report that it is stored.
func (n *Node) observe(r coordination.Report) {
	n.metrics.Observe(r)
	n.cfg.Observe(r)
}

// open hands a window over to the wallets, and tells who wants to know. First that: a result must not be told before.
func (n *Node) open(o coordination.Opened) {
	if !o.Over {
		n.metrics.Opened(o)
		n.cfg.Opened(o)
	}
	n.layer.Open(o)
}

// counted returns the node's memory with its counts. One that siblings write into is one still.
func counted(log records, m *metrics.Recorder) coordination.WindowLog {
	if shared, ok := log.(coordination.SharedLog); ok {
		return countedSharedLog{countedLog{log, m}, shared}
	}
	return countedLog{log, m}
}

// countedSharedLog is a countedLog that siblings write into.
type countedSharedLog struct {
	countedLog
	shared coordination.SharedLog
}

// LastWindowAt implements coordination.SharedLog.
func (l countedSharedLog) LastWindowAt(ctx context.Context, head chain.Height) (coordination.Opened, error) {
	return l.shared.LastWindowAt(ctx, head)
}

// countedLog is the node's memory, counting what is recorded in it and comes with no report.
type countedLog struct {
	records
	metrics *metrics.Recorder
}

// RecordMissed implements coordination.WindowLog.
func (l countedLog) RecordMissed(ctx context.Context, m coordination.Missed) error {
	err := l.records.RecordMissed(ctx, m)
	if err == nil {
		l.metrics.Missed(m)
	}
	return err
}
