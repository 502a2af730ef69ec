package cluster

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// RunCopy is Run of a copy of an instance whose session has this row: what a machine does that is restored from a snapshot
// of one that runs.
func (s *Session) RunCopy(ctx context.Context, row SessionRow, hold func(context.Context, *Tenure) error) error {
	l := s.lease(opening{row.Holder, attempt{row.Token, s.cfg.Now()}}, row.Generation, row.Count)
	if again, err := s.serve(ctx, l, hold); !again {
		return unlessOver(ctx, err)
	}
	return s.Run(ctx, hold)
}

// NewTestEntry is what the desk writes down.
func NewTestEntry(f Fence, window chain.Height, own coordination.OwnProposal) Entry {
	return newEntry(f, window, own)
}
