package view

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/store"
)

// Records shows what a store holds. Its errors are those of the store; store.ErrNotFound says that there is no such
// record.
type Records struct{ Store store.Reader }

// Windows lists what a filter selects.
func (r Records) Windows(ctx context.Context, filter store.WindowFilter) (Windows, error) {
	limit := filter.Limit
	filter.Limit = beyond(limit)
	rows, err := r.Store.Windows(ctx, filter)
	rows, more := cut(rows, limit)
	return Windows{each(rows, NewWindow), more}, err
}

// Window returns all of one window, of one wallet if one is given. store.ErrNotFound says what is not there.
func (r Records) Window(ctx context.Context, block chain.Height, wallet *chain.WalletID) (Trace, error) {
	schedule := coordination.RFC12()
	if _, begins := schedule.Window(block); !begins {
		return Trace{}, fmt.Errorf("%w: block %d begins no window; windows begin at multiples of %d", store.ErrNotFound, block, schedule.Frequency)
	}
	var only []chain.WalletID
	if wallet != nil {
		only = append(only, *wallet)
	}
	detail, err := r.Store.WindowDetail(ctx, block, only...)
	if err == nil && wallet != nil && len(detail.Wallets) == 0 && detail.Missed == nil {
		return Trace{}, fmt.Errorf("%w: nothing is recorded of wallet %v in window %d", store.ErrNotFound, wallet, block)
	}
	if errors.Is(err, store.ErrNotFound) {
		return Trace{}, fmt.Errorf("%w: nothing is recorded of window %d", store.ErrNotFound, block)
	}
	if err != nil {
		return Trace{}, err
	}
	return NewTrace(detail), nil
}

// Proposals lists what was agreed in the windows that a filter selects; its reasons and states are not regarded.
func (r Records) Proposals(ctx context.Context, filter store.WindowFilter) (Proposals, error) {
	limit := filter.Limit
	filter.Limit, filter.Reasons, filter.States = beyond(limit), agreements, nil
	rows, err := r.Store.Windows(ctx, filter)
	rows, more := cut(rows, limit)
	return Proposals{each(rows, NewProposal), more}, err
}

// Faults lists what a filter selects.
func (r Records) Faults(ctx context.Context, filter faults.Filter) (Faults, error) {
	limit := filter.Limit
	filter.Limit = beyond(limit)
	records, err := r.Store.Faults(ctx, filter)
	records, more := cut(records, limit)
	return Faults{each(records, NewFault), more}, err
}

// Fault returns one fault.
func (r Records) Fault(ctx context.Context, id string) (Fault, error) {
	record, err := r.Store.Fault(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Fault{}, fmt.Errorf("%w: no fault has the ID %q", store.ErrNotFound, id)
	}
	if err != nil {
		return Fault{}, err
	}
	return NewFault(record), nil
}

// Proofs lists what a filter selects.
func (r Records) Proofs(ctx context.Context, filter exchange.ProofFilter) (Proofs, error) {
	limit := filter.Limit
	filter.Limit = beyond(limit)
	stored, err := r.Store.Proofs(ctx, filter)
	stored, more := cut(stored, limit)
	return Proofs{each(stored, NewStoredProof), more}, err
}

// Proof returns one proof.
func (r Records) Proof(ctx context.Context, id string) (ProofDetail, error) {
	stored, err := r.Store.Proof(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return ProofDetail{}, fmt.Errorf("%w: no proof has the ID %q", store.ErrNotFound, id)
	}
	if err != nil {
		return ProofDetail{}, err
	}
	return NewProofDetail(stored)
}

// Scores sums up the faults that a filter selects, by operator, and the proofs of its operator, wallet and windows, unless it asks
// for faults of one kind or verdict.
func (r Records) Scores(ctx context.Context, filter faults.Filter) (Scores, error) {
	records, err := r.Store.Faults(ctx, filter)
	var proofs []exchange.StoredProof
	if err == nil && filter.Kind == "" && filter.Attributed == nil {
		proofs, err = r.Store.Proofs(ctx, exchange.ProofFilter{Culprit: filter.Culprit, Wallet: filter.Wallet, From: filter.From, To: filter.To})
	}
	return NewScores(records, proofs), err
}

// Actions lists what a filter selects.
func (r Records) Actions(ctx context.Context, filter store.ActionFilter) (Actions, error) {
	limit := filter.Limit
	filter.Limit = beyond(limit)
	rows, err := r.Store.Actions(ctx, filter)
	rows, more := cut(rows, limit)
	return Actions{each(rows, NewAction), more}, err
}

// Wallets lists every wallet, archived ones included, with who serves it as the store has it.
func (r Records) Wallets(ctx context.Context) (Wallets, error) {
	records, err := r.Store.AllWallets(ctx)
	if err != nil {
		return Wallets{each(records, NewWallet)}, err
	}
	owners, err := r.owners(ctx)
	if err != nil {
		return Wallets{}, err
	}
	shares, err := r.custody(ctx)
	return Wallets{each(records, func(w store.WalletRecord) Wallet { return shares.show(NewWallet(w).Of(owners[w.ID()])) })}, err
}

// owners returns whose each wallet is, and which are stopped. An instance whose lease is over serves none.
func (r Records) owners(ctx context.Context) (map[chain.WalletID]Owner, error) {
	seen, err := r.Store.View(ctx)
	if err != nil {
		return nil, err
	}
	owners := make(map[chain.WalletID]Owner, len(seen.Wallets))
	for _, a := range seen.Wallets {
		owner := Owner{Epoch: uint64(a.Epoch)}
		for _, m := range seen.Members {
			if m.Holder == a.Owner && m.Live() {
				owner.Owner = string(m.Instance)
			}
		}
		owners[a.Wallet] = owner
	}
	halts, err := r.Store.Halts(ctx)
	for _, h := range halts {
		owner := owners[h.Wallet]
		owner.Halted = h.Reason
		owners[h.Wallet] = owner
	}
	return owners, err
}

// Wallet returns one wallet.
func (r Records) Wallet(ctx context.Context, id chain.WalletID) (Wallet, error) {
	records, err := r.Store.AllWallets(ctx)
	if err != nil {
		return Wallet{}, err
	}
	for _, record := range records {
		if record.ID() == id {
			owners, err := r.owners(ctx)
			if err != nil {
				return Wallet{}, err
			}
			shares, err := r.custody(ctx)
			if err != nil {
				return Wallet{}, err
			}
			w := shares.show(NewWallet(record).Of(owners[id]))
			w.Generated, err = r.origin(ctx, id)
			return w, err
		}
	}
	return Wallet{}, fmt.Errorf("%w: wallet %v was never imported", store.ErrNotFound, id)
}

// custody reads which signers hold which wallets' shares.
func (r Records) custody(ctx context.Context) (custody, error) {
	assignments, err := r.Store.Assignments(ctx)
	if err != nil {
		return custody{}, err
	}
	words, err := r.Store.Words(ctx)
	return newCustody(assignments, words), err
}

// beyond is the limit to query with: one row more shows whether the list goes on. 0 is no limit.
func beyond(limit int) int {
	if limit <= 0 {
		return 0
	}
	return limit + 1
}

// cut takes off the row that was queried beyond the limit, and reports whether there was one.
func cut[T any](rows []T, limit int) ([]T, bool) {
	if limit > 0 && len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}
