package devnet

import (
	"context"
	"errors"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/rpcfault"
)

// prepare brings everybody to where the leaders are known, and makes the plan come true while the chain stands still.
func (a *act) prepare(ctx context.Context) error {
	if err := a.clock.Until(ctx, a.meetAt(a.window)); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if err := a.devise(ctx); err != nil {
		return err
	}
	a.log.Info("Window planned", "window", a.window.Block, "plan", a.plan)
	if err := a.cast(ctx); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if err := a.silence(ctx); err != nil {
		return err
	}
	if a.chaos != nil {
		return a.chaos.muster(ctx)
	}
	if a.plan.parted() {
		return a.part(ctx)
	}
	return nil
}

// devise elects, and plans the window: what befalls whoever leads before it is known who that is, everything else afterwards.
func (a *act) devise(ctx context.Context) error {
	if a.scenario.draws {
		if err := a.draw(ctx); err != nil {
			return err
		}
	}
	if a.scenario.ill > 0 { // whoever leads
		a.plan = a.scenario.plan(a.stage())
		if err := a.sicken(ctx); err != nil {
			return err
		}
	}
	if err := a.elect(ctx); err != nil {
		return err
	}
	if a.scenario.ill == 0 {
		a.plan = a.scenario.plan(a.stage())
	}
	return nil
}

// cast takes out the nodes that the plan wants away or otherwise, and hires who acts in place of some.
func (a *act) cast(ctx context.Context) error {
	for _, address := range a.plan.down {
		if err := a.takeDown(ctx, a.operator(address)); err != nil {
			return err
		}
	}
	for _, p := range a.plan.parts {
		if err := a.hire(ctx, p); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.restart); o != nil {
		if err := o.halt(); err != nil {
			return err
		}
		if err := o.startProcess(ctx, a.cfg.Program, a.fail); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.late); o != nil {
		if err := o.halt(); err != nil {
			return err
		}
	}
	if o, last, _ := a.lossy(); o != nil {
		o.unfollow()
		lost := rpcfault.Range{From: a.window.Block, To: last}
		if _, err := o.endpoints[0].Set(ctx, rpcfault.Faults{Withhold: lost}); err != nil {
			return err
		}
	}
	return nil
}

// lossy returns whose endpoint loses heads, if anybody's, the last one it loses, and what that is called.
func (a *act) lossy() (*operator, chain.Height, deedKind) {
	if o := a.operator(a.plan.stall); o != nil {
		return o, a.window.ActiveEnd - 1, deedStalledChain
	}
	return a.operator(a.plan.skip), a.window.Block + skippedBlocks - 1, deedSkippedHeads
}

// elect derives from the chain alone who leads what and what there is to do.
func (a *act) elect(ctx context.Context) error {
	safe, err := a.chain.Header(a.window.SeedBlock)
	if err != nil {
		return err
	}
	now, err := a.chain.Header(knownAt(a.window))
	if err != nil {
		return err
	}
	a.safe = safe.Hash
	for _, w := range a.wallets {
		due, err := a.treasury.due(ctx, w.ID(), now.Time)
		if err != nil {
			return err
		}
		a.elections = append(a.elections, elect(w, a.window, a.safe, due))
	}
	return nil
}

func (a *act) stage() stage {
	s := stage{window: a.window, elections: a.elections, shares: a.holdings.shares, threshold: a.cfg.threshold()}
	for _, o := range a.operators {
		s.operators = append(s.operators, o.address)
		if a.chain.Height() < a.refused[o.address] {
			s.refused = append(s.refused, o.address)
		}
	}
	return s
}

func (a *act) takeDown(ctx context.Context, o *operator) error {
	last, err := o.lastWindow(ctx)
	if err != nil {
		return err
	}
	a.first[o.address] = last == 0
	return o.halt()
}

func (a *act) hire(ctx context.Context, p part) error {
	var peers []string
	for _, address := range p.audience {
		peers = append(peers, a.operator(address).peers()...)
	}
	log := a.log.With("actor", p.operator)
	var old [][]byte
	if p.flood != nil && p.flood.replays {
		var err error
		if old, err = a.heardBefore(ctx, p.flood.wallet, p.operator); err != nil {
			return err
		}
	}
	it, err := hire(ctx, p, a.window, a.operator(p.operator), peers, a.wallets, a.genesis, a.clock, old, log)
	if err != nil {
		return err
	}
	a.actors = append(a.actors, it)
	return nil
}

// gather waits until every running node follows the chain to where it stands, all of them have admitted each other,
// and every actor is admitted by its audience.
func (a *act) gather(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gathering, errors.New("the nodes do not find each other"))
	defer cancel()
	return until(ctx, func() (bool, error) {
		height := a.chain.Height()
		for _, o := range a.operators {
			if o.running != nil && (o.height(ctx) < height || !a.admitsAll(ctx, o)) {
				return false, nil
			}
		}
		for _, it := range a.actors {
			if it.heard() < len(it.part.audience) {
				return false, nil
			}
		}
		return true, nil
	})
}

func (a *act) admitsAll(ctx context.Context, o *operator) bool {
	return !slices.ContainsFunc(a.operators, func(other *operator) bool {
		return other != o && other.running != nil && !o.running.admits(ctx, other.address)
	})
}
