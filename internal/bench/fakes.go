package bench

import (
	"context"
	"math/big"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/proposal"
)

// blocks serves the headers of the work.
type blocks struct{}

// Header implements coordination.Headers.
func (blocks) Header(_ context.Context, h chain.Height) (chain.Header, error) {
	return work.Header(h), nil
}

// registry is a list of wallets that never changes.
type registry []chain.Wallet

// Wallets implements coordination.Registry.
func (r registry) Wallets(context.Context) ([]chain.Wallet, error) { return r, nil }

// memory records nothing: a window is run once and never resumed.
type memory struct{}

// LastWindow implements coordination.WindowLog.
func (memory) LastWindow(context.Context) (coordination.Opened, error) {
	return coordination.Opened{}, nil
}

// StartAfter implements coordination.WindowLog.
func (memory) StartAfter(context.Context, chain.Height) error { return nil }

// OpenWindow implements coordination.WindowLog.
func (memory) OpenWindow(context.Context, coordination.Opened) error { return nil }

// RecordMissed implements coordination.WindowLog.
func (memory) RecordMissed(context.Context, coordination.Missed) error { return nil }

// Begin implements coordination.WindowLog.
func (memory) Begin(_ context.Context, _ chain.WalletID, _ coordination.Window, at chain.Height) (coordination.Progress, error) {
	return coordination.Progress{OpenedAt: at}, nil
}

// FinishOpen implements coordination.WindowLog.
func (memory) FinishOpen(context.Context, chain.Height, coordination.Reason) error { return nil }

// OpenRows implements coordination.WindowLog.
func (memory) OpenRows(context.Context, chain.WalletID) ([]chain.Height, error) { return nil, nil }

// SaveOwn implements coordination.Journal.
func (memory) SaveOwn(_ context.Context, _ chain.WalletID, _ chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	return own, nil
}

// Own implements coordination.Journal.
func (memory) Own(context.Context, chain.WalletID, chain.Height) (coordination.OwnProposal, bool, error) {
	return coordination.OwnProposal{}, false, nil
}

// SaveStatement implements coordination.Journal.
func (memory) SaveStatement(context.Context, coordination.Statement) error { return nil }

// Statements implements coordination.Journal.
func (memory) Statements(context.Context, chain.WalletID, chain.Height) ([]coordination.Statement, error) {
	return nil, nil
}

// agreeable is a validator contract that passes everything.
type agreeable struct{}

// ValidateHeartbeat implements proposal.ChainValidator.
func (agreeable) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error { return nil }

// ValidateRedemption implements proposal.ChainValidator.
func (agreeable) ValidateRedemption(context.Context, chain.WalletID, [][]byte, *big.Int) error {
	return nil
}

// ValidateMovedFundsSweep implements proposal.ChainValidator.
func (agreeable) ValidateMovedFundsSweep(context.Context, chain.WalletID, [32]byte, uint32, *big.Int) error {
	return nil
}

// witness is a node's validator that tells the stage what a follower has accepted, and when.
type witness struct {
	stage *stage
	self  chain.Operator
	inner *proposal.Validator
}

// Validate implements executor.Validator.
func (w *witness) Validate(ctx context.Context, wallet chain.WalletID, p proposal.Proposal) proposal.Verdict {
	verdict := w.inner.Validate(ctx, wallet, p)
	if verdict.Outcome == proposal.Valid {
		w.stage.accepted(wallet, w.self)
	}
	return verdict
}
