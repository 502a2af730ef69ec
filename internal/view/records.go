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
	rows, more, err := Page(filter.Limit, func(limit int) ([]store.WindowRow, error) {
		filter.Limit = limit
		return r.Store.Windows(ctx, filter)
	}, newWindow)
	return Windows{rows, more}, err
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
	return newTrace(detail), nil
}

// Proposals lists what was agreed in the windows that a filter selects; its reasons and states are not regarded.
func (r Records) Proposals(ctx context.Context, filter store.WindowFilter) (Proposals, error) {
	filter.Reasons, filter.States = agreements, nil
	rows, more, err := Page(filter.Limit, func(limit int) ([]store.WindowRow, error) {
		filter.Limit = limit
		return r.Store.Windows(ctx, filter)
	}, newProposal)
	return Proposals{rows, more}, err
}

// Faults lists what a filter selects.
func (r Records) Faults(ctx context.Context, filter faults.Filter) (Faults, error) {
	rows, more, err := Page(filter.Limit, func(limit int) ([]faults.Record, error) {
		filter.Limit = limit
		return r.Store.Faults(ctx, filter)
	}, newFault)
	return Faults{rows, more}, err
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
	return newFault(record), nil
}

// Proofs lists what a filter selects.
func (r Records) Proofs(ctx context.Context, filter exchange.ProofFilter) (Proofs, error) {
	rows, more, err := Page(filter.Limit, func(limit int) ([]exchange.StoredProof, error) {
		filter.Limit = limit
		return r.Store.Proofs(ctx, filter)
	}, newStoredProof)
	return Proofs{rows, more}, err
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
	return newProofDetail(stored)
}

// Scores sums up the faults that a filter selects, by operator, and the proofs of its operator, wallet and windows, unless it asks
// for faults of one kind or verdict.
func (r Records) Scores(ctx context.Context, filter faults.Filter) (Scores, error) {
	records, err := r.Store.Faults(ctx, filter)
	var proofs []exchange.StoredProof
	if err == nil && filter.Kind == "" && filter.Attributed == nil {
		proofs, err = r.Store.Proofs(ctx, exchange.ProofFilter{Culprit: filter.Culprit, Wallet: filter.Wallet, From: filter.From, To: filter.To})
	}
	return newScores(records, proofs), err
}

// Actions lists what a filter selects.
func (r Records) Actions(ctx context.Context, filter store.ActionFilter) (Actions, error) {
	rows, more, err := Page(filter.Limit, func(limit int) ([]store.Action, error) {
		filter.Limit = limit
		return r.Store.Actions(ctx, filter)
	}, newAction)
	return Actions{rows, more}, err
}

// Wallets lists every wallet, archived ones included, with who serves it as the store has it.
func (r Records) Wallets(ctx context.Context) (Wallets, error) {
	records, err := r.Store.AllWallets(ctx)
	if err != nil {
		return Wallets{each(records, newWallet)}, err
	}
	owners, err := r.owners(ctx)
	if err != nil {
		return Wallets{}, err
	}
	shares, err := r.custody(ctx)
	return Wallets{each(records, func(w store.WalletRecord) Wallet { return shares.show(newWallet(w).Of(owners[w.ID()])) })}, err
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
			w := shares.show(newWallet(record).Of(owners[id]))
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

// Page shows what a query returns that has a limit, and whether the list goes on: of the query one row more is asked for. 0 is no limit.
func Page[R, V any](limit int, query func(limit int) ([]R, error), show func(R) V) (list []V, more bool, err error) {
	beyond := 0
	if limit = max(limit, 0); limit > 0 {
		beyond = 1
	}
	rows, err := query(limit + beyond)
	rows, more = cut(rows, limit)
	return each(rows, show), more, err
}

// cut takes off the row that was queried beyond the limit, and reports whether there was one.
func cut[T any](rows []T, limit int) ([]T, bool) {
	if limit > 0 && len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}
