package devnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/rpcfault"
)

// until looks again and again whether something is so, until it is or ctx ends.
func until(ctx context.Context, so func() (bool, error)) error {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if done, err := so(); done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// atAStand is until with a bound in real time, for what nodes do while the chain stands still for it. Without new heads nobody says again
// what was lost, so that it could be for ever.
func atAStand(ctx context.Context, bound time.Duration, missing string, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bound, errors.New(missing))
	defer cancel()
	return until(ctx, so)
}

// perform lets the window pass. The chain goes on to where the next window's leaders are known.
func (a *act) perform(ctx context.Context) error {
	a.busy.Store(true)
	next := a.meetAt(coordination.RFC12().Next(a.window.Block))
	if err := a.interfere(ctx); err != nil {
		return err
	}
	if a.scenario.proves && a.plan.parted() {
		if err := a.outlastWords(ctx); err != nil {
			return err
		}
	}
	if err := a.chain.Hold(ctx, next); err != nil {
		return err
	}
	if a.chaos != nil {
		var err error
		if a.struck, err = a.chaos.play(ctx, a.window.Block); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.slow); o != nil {
		if err := a.slowOn(ctx, o); err != nil {
			return err
		}
	}
	if err := a.clock.Until(ctx, a.window.ActiveEnd); err != nil {
		return err
	}
	for _, it := range a.actors {
		a.deeds = append(a.deeds, it.silences(a.window, a.elections)...)
	}
	if err := a.shun(ctx); err != nil {
		return err
	}
	if a.plan.parted() && !a.plan.heals && !a.scenario.proves {
		if err := a.outlast(ctx); err != nil {
			return err
		}
	}
	if a.scenario.draws {
		if err := a.clock.Until(ctx, a.window.End-hurry); err != nil {
			return err
		}
		a.leash.slow(a.cfg.signingPace()) // settle ends it
	}
	if err := a.clock.Until(ctx, a.window.End+1); err != nil {
		return err
	}
	if err := a.showAgain(ctx); err != nil {
		return err
	}
	if err := a.cure(ctx); err != nil {
		return err
	}
	if err := a.dismiss(); err != nil {
		return fmt.Errorf("actor: %w", err)
	}
	return a.startAgain(ctx)
}

// showAgain ends that heads are withheld from a node, and notes which were.
func (a *act) showAgain(ctx context.Context) error {
	o, _, kind := a.lossy()
	if o == nil {
		return nil
	}
	log, err := o.endpoints[0].Set(ctx, rpcfault.Faults{})
	if err != nil {
		return err
	}
	if lost := log[rpcfault.KindWithhold]; lost.Times > 0 {
		a.deeds = append(a.deeds, deed{Kind: kind, Operator: o.address, From: lost.Lowest, To: lost.Highest})
	}
	if r, ok := o.running.(*inside); ok {
		o.follow(r.node.Clock())
	}
	return nil
}

// startAgain starts the nodes that did not run in this window.
func (a *act) startAgain(ctx context.Context) error {
	for _, address := range a.plan.down {
		if a.chain.Height() < a.refused[address] {
			continue // it would be turned away
		}
		if err := a.operator(address).start(ctx, a.fail); err != nil {
			return err
		}
	}
	return nil
}

// interfere does what the plan has for nodes and chain within the active phase.
func (a *act) interfere(ctx context.Context) error {
	if o := a.operator(a.plan.restart); o != nil {
		return a.restart(ctx, o, gathering)
	}
	if o := a.operator(a.plan.late); o != nil {
		return a.startLate(ctx, o, gathering)
	}
	if o := a.operator(a.plan.slow); o != nil {
		return a.slowDisk(ctx, o)
	}
	for _, it := range a.actors {
		if it.part.flood != nil {
			return a.endure(ctx, it)
		}
	}
	if a.plan.heals {
		return a.heal(ctx, gathering)
	}
	if a.plan.reorg {
		return a.reorg(ctx, gathering)
	}
	return nil
}

// dismiss ends the actors and takes over what they did.
func (a *act) dismiss() error {
	var errs []error
	for _, it := range a.actors {
		deeds, err := it.dismiss()
		for _, d := range deeds {
			if d.Kind == deedFlood {
				a.log.Info("Flooded", "operator", d.Operator, "sent", d.Sent, "peers", d.Peers, "from", d.From, "to", d.To)
			}
		}
		a.deeds = append(a.deeds, deeds...)
		errs = append(errs, err)
	}
	a.actors = nil
	return errors.Join(errs...)
}
