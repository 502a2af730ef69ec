package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/proposal"
)

// RecordResult implements coordination.ResultLog. A row that is finished, by an earlier result or by FinishOpen, stays
// as it is: then nothing is stored, faults included, and the answer is false.
func (s scribe) RecordResult(ctx context.Context, r coordination.Result) (bool, error) {
	if _, err := coordination.ParseReason(string(r.Reason)); err != nil {
		return false, fmt.Errorf("store result: %w", err)
	}
	now := time.Now()
	var won bool
	err := s.write(ctx, "store result", r.Wallet, func(ctx context.Context, tx *sql.Tx) (err error) {
		if won, err = finish(ctx, tx, r, now); err != nil || !won {
			return err
		}
		for _, fault := range r.Faults {
			if err := mergeFault(ctx, tx, fault, now); err != nil {
				return err
			}
		}
		if len(r.Faults) > 0 {
			if err := bump(ctx, tx, shared.TopicFaults); err != nil {
				return err
			}
		}
		if order, acts := r.Order(); acts {
			if err := insertAction(ctx, tx, order); err != nil {
				return err
			}
		}
		return s.teller.tell(ctx, Tiding{Wallet: r.Wallet, Window: r.Window.Block, Result: &r})
	})
	return won && err == nil, err
}

// finish writes the final row of a result unless there is one. It keeps the height at which the window was first opened.
func finish(ctx context.Context, tx *sql.Tx, r coordination.Result, now time.Time) (bool, error) {
	action, message := encodeProposal(r.Wallet, r.Window.Block, r.Proposal)
	done, err := tx.ExecContext(ctx, `INSERT INTO results
		(block, wallet, opened_at, finished, reason, detail, role, seed, leader, action, proposal, received_at, recorded_time)
		VALUES ($1, $2, $3, TRUE, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (block, wallet) DO UPDATE SET
			finished = excluded.finished, reason = excluded.reason, detail = excluded.detail, role = excluded.role,
			seed = excluded.seed, leader = excluded.leader, action = excluded.action, proposal = excluded.proposal,
			received_at = excluded.received_at, recorded_time = excluded.recorded_time
		WHERE NOT results.finished`,
		height(r.Window.Block), r.Wallet[:], height(r.OpenedAt), string(r.Reason), text(r.Detail), string(r.Role),
		r.Seed[:], r.Leader[:], action, message, height(r.ReceivedAt), instant(now))
	if err != nil {
		return false, err
	}
	rows, err := done.RowsAffected()
	return rows == 1, err
}

// RecordAmendment implements coordination.ResultLog. An amendment without a fault's kind carries a revocation alone. The
// revocation of an action that has its outcome is noted beside it; the outcome stays.
func (s scribe) RecordAmendment(ctx context.Context, a coordination.Amendment) error {
	now := time.Now()
	return s.write(ctx, "store amendment", a.Wallet, func(ctx context.Context, tx *sql.Tx) error {
		if a.Fault.Kind != "" {
			if err := mergeFault(ctx, tx, a.Fault, now); err != nil {
				return err
			}
			if err := bump(ctx, tx, shared.TopicFaults); err != nil {
				return err
			}
		}
		if a.Revoke {
			_, err := tx.ExecContext(ctx, `UPDATE actions SET revoked = TRUE WHERE block = $1 AND wallet = $2`,
				height(a.Window.Block), a.Wallet[:])
			if err != nil {
				return err
			}
		}
		return s.teller.tell(ctx, Tiding{Wallet: a.Wallet, Window: a.Window.Block, Amendment: &a})
	})
}

// encodeProposal returns the kind's name and the wire form of a coordination message that carries the proposal, with no
// sender; both are empty for none.
func encodeProposal(wallet chain.WalletID, block chain.Height, p proposal.Proposal) (string, []byte) {
	if p == nil {
		return "", []byte{}
	}
	return p.Kind().String(), proposal.EncodeMessage(proposal.Message{Block: block, Wallet: wallet, Proposal: p})
}

// decodeProposal is the inverse of encodeProposal; nil for empty bytes.
func decodeProposal(wallet chain.WalletID, block chain.Height, stored []byte) (proposal.Proposal, error) {
	if len(stored) == 0 {
		return nil, nil
	}
	m, err := proposal.DecodeMessage(stored)
	if err != nil {
		return nil, fmt.Errorf("%w: proposal of wallet %v in window %d: %w", ErrCorrupt, wallet, block, err)
	}
	if m.Wallet != wallet || m.Block != block {
		return nil, fmt.Errorf("%w: proposal of wallet %v in window %d belongs elsewhere", ErrCorrupt, wallet, block)
	}
	return m.Proposal, nil
}
