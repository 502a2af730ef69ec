package devnet

import (
	"context"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// mendAfter is how many blocks into a window scenario partition ends a cut that does not last: two of a leader's
// repetitions, at blocks c+37 and c+70, come after it.
const mendAfter = 25

// part cuts the network in two, and returns when the nodes see it.
func (a *act) part(ctx context.Context) error {
	a.links.split(a.plan.sides)
	return until(ctx, func() (bool, error) { return a.apart(ctx), nil })
}

// apart reports whether no node admits one on the other side.
func (a *act) apart(ctx context.Context) bool {
	for _, o := range a.operators {
		for _, other := range a.operators {
			if a.plan.sides.apart(o.address, other.address) && o.running.admits(ctx, other.address) {
				return false
			}
		}
	}
	return true
}

// heal ends the cut within the active phase, once every node has heard the leaders on its own side, and no other. The chain
// stands still until the nodes have found each other again, and for the hearing within a bound.
func (a *act) heal(ctx context.Context, bound time.Duration) error {
	at := a.window.Block + mendAfter
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	if err := atAStand(ctx, bound, unspoken, func() (bool, error) { return a.heardOnTheirSides(ctx, at) }); err != nil {
		return err
	}
	a.logPartition(ctx, at)
	a.links.mend()
	return a.gather(ctx)
}

// logPartition logs the cut as it was up to a block, if it was one.
func (a *act) logPartition(ctx context.Context, to chain.Height) {
	if a.apart(ctx) {
		a.deeds = append(a.deeds, deed{Kind: deedPartition, From: a.window.Block, To: to, Sides: a.plan.sides})
	}
}

// heardOnTheirSides reports whether every node's clock shows a height, and it has heard each leader on its side.
func (a *act) heardOnTheirSides(ctx context.Context, height chain.Height) (bool, error) {
	for _, o := range a.operators {
		if o.height(ctx) < height {
			return false, nil
		}
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return false, err
		}
		for _, e := range a.elections {
			if e.leader != o.address && !a.plan.sides.apart(o.address, e.leader) && !heard(detail, e) {
				return false, nil
			}
		}
	}
	return true, nil
}

// forgetful is the time between two blocks of the passive phase that has to be over before the sides meet: it is four seconds long
// then, and pubsub offers what it carried to those who come for three.
const forgetful = 200 * time.Millisecond

// outlastWords keeps the cut until nobody says anything about the window any more, and ends it before the heads of the window are
// made. The chain stands still until the nodes have found each other again.
func (a *act) outlastWords(ctx context.Context) error {
	last := a.window.End - 1
	if err := a.chain.Hold(ctx, last); err != nil {
		return err
	}
	if err := a.clock.Until(ctx, a.window.ActiveEnd); err != nil {
		return err
	}
	a.leash.slow(forgetful)
	defer a.leash.slow(0)
	if err := a.clock.Until(ctx, last); err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) { return a.allShow(ctx, last), nil }); err != nil {
		return err
	}
	a.logPartition(ctx, a.window.ActiveEnd-1)
	a.links.mend()
	return a.gather(ctx)
}

// allShow reports whether every node's clock shows a height.
func (a *act) allShow(ctx context.Context, height chain.Height) bool {
	return !slices.ContainsFunc(a.operators, func(o *operator) bool { return o.running != nil && o.height(ctx) < height })
}

// outlast keeps the cut until the window is over on every node, and ends it.
func (a *act) outlast(ctx context.Context) error {
	if err := a.clock.Until(ctx, a.window.ActiveEnd); err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) { return a.allShow(ctx, a.window.End+1), nil }); err != nil {
		return err
	}
	a.logPartition(ctx, a.window.ActiveEnd-1)
	a.links.mend()
	return nil
}
