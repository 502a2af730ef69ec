package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/rpcfault"
)

const (
	// manyEndpoints is how many endpoints a node has where they check each other.
	manyEndpoints = 5
	// minority and majority are how many of them fall ill.
	minority = 2
	majority = 3
	// eve is how many blocks before the seed block they do: between them and the end of a burst are four more, in which
	// the nodes' views settle.
	eve = 4
	// leftBefore is how many blocks before they fall ill a branch of their own left the chain.
	leftBefore = 2
	// symptoms bounds in real time how long the ill endpoints are waited for to show it: some polls.
	symptoms = 20 * time.Second
)

// illness is what is wrong with some endpoints of some operators, from before a window's seed block until the window is
// over. Who leads is not known when it begins.
type illness struct {
	kind  deedKind
	of    []chain.Operator
	count int // of each one's endpoints, the primary and those that come next
}

// blinds reports whether whose endpoints are ill has no quorum of them.
func (i illness) blinds() bool { return i.count >= majority }

// LogValue implements slog.LogValuer.
func (i illness) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", string(i.kind)), slog.Any("of", i.of), slog.Int("count", i.count))
}

// planMinority lets a minority of everybody's endpoints fall ill.
func planMinority(kind deedKind) func(stage) plan {
	return func(s stage) plan { return plan{ill: illness{kind: kind, of: s.operators, count: minority}} }
}

// planMajority cuts off a majority of the endpoints of some, in rotation: of as many as leave enough others, but at most
// of half.
func planMajority(s stage) plan {
	n := len(s.operators)
	some := min(n/2, n-lastHonest)
	ill := illness{kind: deedCut, count: majority}
	for i := range some {
		ill.of = append(ill.of, s.operators[(int(s.window.Index)*some+i)%n]) //nolint:gosec // a remainder
	}
	return plan{ill: ill}
}

// faults is what an ill endpoint has. All of one window have the same: they collude.
func (i illness) faults(w coordination.Window) rpcfault.Faults {
	f := sound()
	switch i.kind {
	case deedLie:
		f.Lie = &rpcfault.Lie{Height: w.SeedBlock, Salt: fmt.Sprint(w.Block)}
	case deedFork:
		f.Fork = &rpcfault.Fork{From: w.SeedBlock - eve - leftBefore, Salt: fmt.Sprint(w.Block)}
	case deedBlackhole:
		f.Hang = true
	case deedCut:
		f.Cut = true
	}
	return f
}

// sound is an endpoint with nothing wrong. The chain behind it has no peers, which a node would hold against it.
func sound() rpcfault.Faults { return rpcfault.Faults{Peers: &rpcfault.Peers{Count: 25}} }

// shows is the sort of wrong answer that an illness gives.
var shows = map[deedKind]rpcfault.Kind{
	deedLie: rpcfault.KindLie, deedFork: rpcfault.KindFork, deedBlackhole: rpcfault.KindHang, deedCut: rpcfault.KindCut,
}

// sicken makes the plan's endpoints ill, goes on to where the leaders are known, and gives the ill ones the time to be
// asked.
func (a *act) sicken(ctx context.Context) error {
	a.illAt = a.chain.Height()
	for _, address := range a.plan.ill.of {
		o := a.operator(address)
		if a.plan.ill.blinds() {
			o.unfollow() // it sees no block until it is cured: to wait for it would only cost the others their patience
		}
		for _, p := range o.endpoints[:a.plan.ill.count] {
			if _, err := p.Set(ctx, a.plan.ill.faults(a.window)); err != nil {
				return err
			}
		}
	}
	if err := a.standStill(ctx, knownAt(a.window)); err != nil {
		return err
	}
	enough, cancel := context.WithTimeoutCause(ctx, symptoms, errNoSymptoms)
	defer cancel()
	err := until(enough, func() (bool, error) { return a.symptomatic(), nil })
	if errors.Is(err, errNoSymptoms) {
		return nil // the judge says so, from their logs
	}
	return err
}

var errNoSymptoms = errors.New("an ill endpoint is not asked")

// symptomatic reports whether every ill endpoint has answered something wrongly.
func (a *act) symptomatic() bool {
	for _, address := range a.plan.ill.of {
		for _, p := range a.operator(address).endpoints[:a.plan.ill.count] {
			if p.Log()[shows[a.plan.ill.kind]].Times == 0 {
				return false
			}
		}
	}
	return true
}

// cure makes the ill endpoints sound again and enters what their logs have.
func (a *act) cure(ctx context.Context) error {
	for _, address := range a.plan.ill.of {
		o := a.operator(address)
		for i, p := range o.endpoints[:a.plan.ill.count] {
			log, err := p.Set(ctx, sound())
			if err != nil {
				return err
			}
			a.deeds = append(a.deeds, deed{
				Kind: a.plan.ill.kind, Operator: address, Endpoint: i, Told: log[shows[a.plan.ill.kind]],
				From: a.illAt, To: a.chain.Height(),
			})
		}
		if r, ok := o.running.(*inside); ok && a.plan.ill.blinds() {
			o.follow(r.node.Clock()) // the next window is its own again
		}
	}
	return nil
}
