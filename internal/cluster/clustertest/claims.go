package clustertest

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
)

// fenced reports whether a fence holds: the wallet's row names its holder and epoch, and then the session is live.
func (t *tx) fenced(f cluster.Fence) bool {
	a, known := t.wallets[f.Wallet]
	if !known || a.Owner != f.Holder || a.Epoch != f.Epoch {
		return false
	}
	_, live := t.sealed(f.Seal)
	return live
}

// Claim implements cluster.Claims.
func (db *DB) Claim(ctx context.Context, f cluster.Fence, window chain.Height) (cluster.Claim, error) {
	locks := []string{lockWallet(f.Wallet), lockClaim(f.Wallet, window)}
	return transact(ctx, db, "Claim", locks, func(t *tx) (cluster.Claim, error) {
		if !t.fenced(f) {
			return cluster.Claim{}, cluster.ErrFenced
		}
		at := key{f.Wallet, window}
		row, found := t.claims[at]
		switch {
		case found && row.Filled():
			return row, nil
		case found && row.Epoch > f.Epoch:
			return cluster.Claim{}, cluster.ErrFenced
		case t.doubtful(f, window) && !db.Trusting:
			return cluster.Claim{}, cluster.ErrDoubtful
		}
		row = cluster.Claim{Wallet: f.Wallet, Window: window, Holder: f.Holder, Epoch: f.Epoch}
		t.write(func(r *rows) { r.claims[at] = row })
		return row, nil
	})
}

// doubtful reports whether somebody may have served a window that the table knows nothing of.
func (t *tx) doubtful(f cluster.Fence, window chain.Height) bool {
	if t.present == t.first {
		return false
	}
	e, ok := t.eras[t.present]
	if !ok {
		return true // nobody has compared anything yet
	}
	if window > e.horizon {
		return false
	}
	if t.now.Sub(e.since) < t.sessions[f.Instance].ttl {
		return true
	}
	for _, s := range t.sessions {
		if s.reconciled != t.present && t.now.Sub(later(s.expires, e.since)) < cluster.Mourning {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// SaveProposal implements cluster.Claims.
func (db *DB) SaveProposal(ctx context.Context, f cluster.Fence, window chain.Height, own coordination.OwnProposal) (cluster.Claim, error) {
	locks := []string{lockWallet(f.Wallet), lockClaim(f.Wallet, window)}
	return transact(ctx, db, "SaveProposal", locks, func(t *tx) (cluster.Claim, error) {
		if !t.fenced(f) {
			return cluster.Claim{}, cluster.ErrFenced
		}
		at := key{f.Wallet, window}
		row, found := t.claims[at]
		if found && row.Filled() {
			return row, nil
		}
		if !found || row.Epoch != f.Epoch || row.Holder != f.Holder {
			return cluster.Claim{}, cluster.ErrFenced
		}
		row.Own = own
		t.write(func(r *rows) { r.claims[at] = row })
		return row, nil
	})
}

// FindClaim implements cluster.Claims.
func (db *DB) FindClaim(ctx context.Context, wallet chain.WalletID, window chain.Height) (cluster.Claim, bool, error) {
	row, err := transact(ctx, db, "FindClaim", nil, func(t *tx) (*cluster.Claim, error) {
		if row, found := t.claims[key{wallet, window}]; found {
			return &row, nil
		}
		return nil, nil
	})
	if row == nil {
		return cluster.Claim{}, false, err
	}
	return *row, true, err
}

// Reconcile implements cluster.Claims.
func (db *DB) Reconcile(ctx context.Context, by cluster.Seal, entries []cluster.Entry, horizon chain.Height) (cluster.Reconciliation, error) {
	locks := []string{lockEra, lockInstance(by.Instance)}
	for _, e := range entries {
		locks = append(locks, lockClaim(e.Wallet, e.Window))
	}
	return transact(ctx, db, "Reconcile", locks, func(t *tx) (cluster.Reconciliation, error) {
		if _, live := t.sealed(by); !live {
			return cluster.Reconciliation{}, cluster.ErrSessionLost
		}
		var done cluster.Reconciliation
		var restored chain.Height       // the last window of those put back
		known := make(map[key][32]byte) // what this transaction itself puts back
		for _, e := range entries {
			at := key{e.Wallet, e.Window}
			row, found := t.claims[at]
			digest, twice := known[at]
			switch {
			case found && row.Filled():
				digest, twice = cluster.Digest(row.Own), true
			case !twice:
				known[at] = e.Digest
				done.Restored = append(done.Restored, e)
				put := cluster.Claim{Wallet: e.Wallet, Window: e.Window, Holder: e.Holder, Epoch: e.Epoch, Own: e.Own}
				t.write(func(r *rows) { r.claims[at] = put })
				restored = max(restored, e.Window)
			}
			if twice && digest != e.Digest {
				done.Contradicted = append(done.Contradicted, e)
			}
		}
		t.reconciled(by, horizon, restored)
		return done, nil
	})
}

// reconciled marks the member, and begins or widens the generation's doubt.
func (t *tx) reconciled(by cluster.Seal, horizon, restored chain.Height) {
	t.write(func(r *rows) {
		s := r.sessions[by.Instance]
		s.reconciled = t.present
		r.sessions[by.Instance] = s
		if t.present == t.first {
			return
		}
		e, ok := r.eras[t.present]
		if !ok {
			e = era{since: t.now}
		}
		e.horizon = max(e.horizon, horizon, restored)
		r.eras[t.present] = e
	})
}
