package devnet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// share says which signer holds an operator's shares of a wallet.
type share struct {
	Operator chain.Operator
	Signer   string
	Wallet   chain.WalletID
}

// holdings are where the shares of the wallets that sign are, and what became of signers, as a window takes it over from the one before.
// The director owns them.
type holdings struct {
	shares  []share
	retired []deed                                // signers that were retired
	silent  []deed                                // signers that were down in the window before, if that takes turns
	poor    map[chain.WalletID][][]chain.Operator // who was missing from the newest heartbeats, while these are poor
}

// askShares asks every signer what it holds, by the command that an operator would call.
func (d *devnet) askShares(ctx context.Context) error {
	d.holdings.shares = nil
	for _, o := range d.operators {
		for _, e := range o.enclaves {
			var answer struct {
				Keys []struct{ Wallet chain.WalletID }
			}
			if err := tell(ctx, d.cfg.Program, &answer, "signer", "keys", "list", "--dir", e.dir, "--json"); err != nil {
				return err
			}
			for _, k := range answer.Keys {
				d.holdings.shares = append(d.holdings.shares, share{o.address, e.id, k.Wallet})
			}
		}
	}
	return nil
}

// retire has every operator retire the signer that holds its shares of a wallet.
func (d *devnet) retire(ctx context.Context, wallet chain.WalletID) error {
	if err := d.askShares(ctx); err != nil {
		return err
	}
	for _, s := range d.holdings.shares {
		if s.Wallet != wallet {
			continue
		}
		r, ok := d.operator(s.Operator).running.(*inside)
		if !ok {
			return errors.New("a node that is to retire a signer does not run in this process")
		}
		if err := r.node.Signers().Say(ctx, s.Signer, placement.Retired, "devnet", false); err != nil {
			return err
		}
		d.holdings.retired = append(d.holdings.retired, deed{Kind: deedRetired, Operator: s.Operator, Signer: s.Signer, From: d.chain.Height()})
		d.cfg.Screen.Note(fmt.Sprintf("operator %v retires %s", s.Operator, s.Signer))
	}
	return nil
}

// enclave returns the operator's signer of a name; nil if there is none.
func (o *operator) enclave(id string) *enclave {
	i := slices.IndexFunc(o.enclaves, func(e *enclave) bool { return e.id == id })
	if i < 0 {
		return nil
	}
	return o.enclaves[i]
}

// silence stops the signers that the plan has, and logs those that are back from the window before.
func (a *act) silence(ctx context.Context) error {
	if a.cfg.Enclaves == 0 {
		return nil
	}
	if err := a.awaitSigners(ctx, a.chain.Height()); err != nil {
		return err
	}
	for _, d := range a.holdings.silent {
		a.deeds = append(a.deeds, deed{Kind: deedSignersBack, Operator: d.Operator, Signer: d.Signer, From: a.chain.Height()})
	}
	a.holdings.silent = nil
	for _, s := range a.plan.silent {
		e := a.operator(s.Operator).enclave(s.Signer)
		if e == nil {
			return fmt.Errorf("operator %v has no signer %s", s.Operator, s.Signer)
		}
		if err := e.halt(); err != nil {
			return err
		}
		a.deeds = append(a.deeds, deed{Kind: deedSignerDown, Operator: s.Operator, Signer: s.Signer, From: a.chain.Height()})
	}
	a.deeds = append(a.deeds, a.holdings.retired...)
	if a.plan.cheats {
		return a.conspire(ctx)
	}
	return nil
}

// revive ends what was done to signers in the window, when its actions are over, and logs until when that lasted.
func (a *act) revive(ctx context.Context) error {
	for i := range a.deeds {
		d := &a.deeds[i]
		if !d.ofSigner() {
			continue
		}
		d.To = a.chain.Height()
		switch d.Kind {
		case deedSignerDown:
			e := a.operator(d.Operator).enclave(d.Signer)
			if e.running != nil {
				return fmt.Errorf("the signer in %s runs, and should not", e.dir)
			}
			if err := e.start(ctx, a.cfg.Program, a.fail); err != nil {
				return err
			}
			if a.scenario.expect.alternates {
				a.holdings.silent = append(a.holdings.silent, *d)
			}
		case deedRetired:
			d.Wallet = a.wallets[len(a.wallets)-1].ID() // which was made after that
		default:
		}
	}
	return a.disperse(ctx)
}

// planSignerDown has one signer stopped, by turns one that holds shares of the first wallet: if it can be, one without which all
// of its wallets can sign.
func planSignerDown(s stage) plan {
	var all, spared []share
	for _, held := range s.shares {
		if held.Wallet != s.elections[0].wallet.ID() {
			continue
		}
		held.Wallet = chain.WalletID{}
		all = append(all, held)
		if s.signs([]share{held}) {
			spared = append(spared, held)
		}
	}
	if len(spared) > 0 {
		all = spared
	}
	if len(all) == 0 {
		return plan{}
	}
	return plan{silent: []share{all[int(s.window.Index)%len(all)]}} //nolint:gosec // windows are few
}

// planBelowQuorum has, in odd windows, so many signers stopped that no wallet can sign, and none in even ones.
func planBelowQuorum(s stage) plan {
	var p plan
	if s.window.Index%2 == 0 {
		return p
	}
	for _, e := range s.elections {
		for _, held := range s.shares {
			if held.Wallet != e.wallet.ID() || seatsLeft(e.wallet, s.shares, p.silent) < s.threshold {
				continue
			}
			if one := (share{Operator: held.Operator, Signer: held.Signer}); !slices.Contains(p.silent, one) {
				p.silent = append(p.silent, one)
			}
		}
	}
	return p
}

// signs reports whether every wallet can sign without some signers.
func (s stage) signs(silent []share) bool {
	return !slices.ContainsFunc(s.elections, func(e election) bool { return seatsLeft(e.wallet, s.shares, silent) < s.threshold })
}

// unsignable reports whether an operator's shares of a wallet are with one of some signers that are down.
func unsignable(op chain.Operator, wallet chain.WalletID, shares, silent []share) bool {
	return slices.ContainsFunc(shares, func(s share) bool {
		return s.Operator == op && s.Wallet == wallet && slices.Contains(silent, share{Operator: op, Signer: s.Signer})
	})
}

// seatsLeft returns how many of a wallet's seats are with signers other than some that are down.
func seatsLeft(w chain.Wallet, shares, silent []share) int {
	left := 0
	for _, op := range w.Roster() {
		if !unsignable(op, w.ID(), shares, silent) {
			left++
		}
	}
	return left
}
