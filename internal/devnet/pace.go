package devnet

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

const (
	// attemptBlocks is how many blocks after an attempt to sign the next one begins (RFC 12).
	attemptBlocks = 41
	// ahead is how many blocks before an attempt the chain must be for it to be held there in time.
	ahead = 10
)

// pace has the chain be slow while somebody makes a signature. In between nobody needs the blocks: until the next attempt begins, or
// until it is given up to wait for a signer that is away.
func (a *act) pace(ctx context.Context) error {
	now, next, err := a.attempts(ctx)
	if err != nil {
		return err
	}
	rest := a.meetAt(coordination.RFC12().Next(a.window.Block))
	if !now && next > 0 {
		now = a.chain.Height()+ahead >= next
		if !now {
			rest = next - 1
		}
	}
	if now {
		a.leash.slow(a.cfg.signingPace())
	} else {
		a.leash.slow(0)
	}
	return a.chain.Hold(ctx, rest)
}

// attempts reports whether an attempt to sign is under way, and if none is, when the next one begins that somebody waits for; 0 for
// never.
func (a *act) attempts(ctx context.Context) (now bool, next chain.Height, err error) {
	rows := make(map[chain.WalletID][]attempting)
	for _, o := range a.operators {
		if o.running == nil {
			continue
		}
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return false, 0, err
		}
		signings, _, err := o.signings(ctx, a.wallets, a.window.Block)
		if err != nil {
			return false, 0, err
		}
		for _, e := range a.elections {
			id := e.wallet.ID()
			if unsignable(o.address, id, a.holdings.shares, a.plan.silent) {
				continue // its node only waits for the signer
			}
			i := slices.IndexFunc(detail.Wallets, func(r store.WalletDetail) bool { return r.Wallet == id })
			pending := i >= 0 && (detail.Wallets[i].Open || detail.Wallets[i].Pending)
			rows[id] = append(rows[id], attempting{e.wallet.SeatsOf(o.address), pending, nodeFacts{Signings: signings}.signed(id)})
		}
	}
	var begins []chain.Height
	for _, r := range rows {
		now, next := underWay(r, a.window.Block+signingBegin)
		if now {
			return true, 0, nil
		}
		if next > 0 {
			begins = append(begins, next)
		}
	}
	if len(begins) == 0 {
		return false, 0, nil
	}
	return false, slices.Min(begins), nil
}

// attempting is what a node has of a wallet's signature, whose own seats are given.
type attempting struct {
	seats   []chain.Seat
	pending bool // the action has no outcome
	signing.Signing
}

// ended returns what the node recorded of an attempt, once it has ended there.
func (r attempting) ended(number uint32) (signing.Attempt, bool) {
	i := slices.IndexFunc(r.Attempts, func(one signing.Attempt) bool { return one.Number == number })
	if i < 0 {
		return signing.Attempt{}, false
	}
	return r.Attempts[i], true
}

// underWay is attempts of one wallet, where the first one begins at a height.
func underWay(rows []attempting, first chain.Height) (now bool, next chain.Height) {
	newest, waits := uint32(0), false
	for _, r := range rows {
		if r.pending {
			newest, waits = max(newest, r.Begun), true
		}
	}
	switch {
	case !waits:
		return false, 0
	case newest == 0 || !broken(rows, newest):
		return true, 0
	}
	return false, first + chain.Height(newest)*attemptBlocks
}

// broken reports whether an attempt has failed for everybody who was to sign in it: whoever else waits for it does so in vain.
func broken(rows []attempting, number uint32) bool {
	var failed *signing.Attempt
	for _, r := range rows {
		if one, ended := r.ended(number); ended && one.Result != signing.ResultSigned {
			failed = &one
		}
	}
	return failed != nil && !slices.ContainsFunc(rows, func(r attempting) bool {
		_, ended := r.ended(number)
		named := slices.ContainsFunc(r.seats, func(s chain.Seat) bool { return slices.Contains(failed.Signers, int(s)) })
		return r.pending && !ended && (named || len(failed.Signers) == 0)
	})
}
