package quorum

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

var (
	casesFlag = flag.Int("quorum.cases", 3000, "random cases in which a minority of the endpoints lie")
	seedFlag  = flag.Uint64("quorum.seed", 0, "of the random cases; 0 for any")
)

// seedBelow is how far below its window's first block the block lies from which the leader is elected.
const seedBelow = 32

// tallies count what the cases held, so that a run shows what it tried.
type tallies struct {
	rulings, races, lying, forksNamed, tipsNamed, seeds int
	lost                                                [falseTips]int // races that honest endpoints lost in a row
}

// TestNoMinorityMovesTheSeedOrForksTheHonest is goals A2 and A3. docs/benchmarks.md has the command of the long run.
func TestNoMinorityMovesTheSeedOrForksTheHonest(t *testing.T) {
	sum := playAll(t, *casesFlag, fewRounds)
	for _, n := range []int{sum.rulings, sum.races, sum.lying, sum.forksNamed, sum.seeds} {
		require.Positive(t, n, "the cases try nothing")
	}
}

// TestNoHonestEndpointLosesTooManyRaces has an honest endpoint be on the losing side of all races that there are, and
// says that it is healthy all the same, while those whose every newest block is false are found out.
func TestNoHonestEndpointLosesTooManyRaces(t *testing.T) {
	sum := playAll(t, max(100, *casesFlag/20), manyRounds)
	require.Positive(t, sum.tipsNamed)
	require.Positive(t, sum.lost[mostLost], "no honest endpoint lost several races in a row")
}

// playAll plays n random cases.
func playAll(t *testing.T, n, rounds int) (sum tallies) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	began := time.Now()
	for i := range n {
		if err := sum.play(rand.New(rand.NewPCG(seed, uint64(i))), rounds); err != nil {
			t.Fatalf("case %d of -quorum.seed=%d: %v", i, seed, err)
		}
	}
	took := time.Since(began)
	t.Logf("-quorum.seed=%d: %d cases in %v; %d rulings, %d of them in a race for the tip; %d liars; %d forks named with their depth, %d false tips; %d times the seed's hash was asked; 1, 2, ... races in a row that honest endpoints lost: %v times",
		seed, n, took.Round(time.Millisecond), sum.rulings, sum.races, sum.lying, sum.forksNamed, sum.tipsNamed, sum.seeds, sum.lost[1:])
	return sum
}

// play runs one case: some rounds of polls, a ruling after each poll.
func (sum *tallies) play(rng *rand.Rand, rounds int) error {
	w := newWorld(rng, rounds)
	seedHeight := w.start - chain.Height(rng.IntN(12)) - seedBelow
	var ring *Ring
	for round := range rounds {
		for _, i := range rng.Perm(len(w.actors)) {
			a := w.actors[i]
			at := time.Duration(round)*pollEvery + a.offset
			w.poll(a, at, ring)
			r := Classify(w.table(ring))
			sum.rulings++
			if err := w.check(r); err != nil {
				return fmt.Errorf("round %d: %w", round, err)
			}
			if err := w.step(a, r.Findings[i], time.Unix(0, int64(at)), round); err != nil {
				return fmt.Errorf("round %d: %w", round, err)
			}
			if round > 0 && !r.Quorum {
				return fmt.Errorf("round %d: no quorum with %d of %d votes, and the honest are a majority", round, r.Votes, r.Groups)
			}
			if !r.Quorum {
				continue
			}
			ring = w.fill(ring, r.Agreed, at)
			sum.settle(w, ring)
			if known, ok := ring.At(seedHeight); ok {
				sum.seeds++
				if known.Hash != right.hash(seedHeight) {
					return fmt.Errorf("round %d: wrong seed block %v", round, known)
				}
			}
			if r.Agreed.Hash != right.hash(r.Agreed.Height) {
				sum.races++
			}
		}
	}
	if _, ok := ring.At(seedHeight); !ok {
		return fmt.Errorf("the seed block is not known at the end")
	}
	return w.named(sum)
}

// settle holds every endpoint's newest blocks against what is agreed.
func (sum *tallies) settle(w *world, ring *Ring) {
	for _, a := range w.actors {
		before := a.tips.wrong
		a.tips.settle(ring)
		if now := a.tips.wrong; a.lie == none && now > before && now < len(sum.lost) {
			sum.lost[now]++
		}
	}
}

// check holds of every ruling: what is agreed is a block that some honest endpoint may have, and votes are enough.
func (w *world) check(r Ruling) error {
	if r.Needed != w.needed || r.Quorum != (r.Votes >= r.Needed) {
		return fmt.Errorf("quorum %v with %d of %d votes, %d needed", r.Quorum, r.Votes, r.Groups, r.Needed)
	}
	h := r.Agreed.Height
	if r.Quorum && r.Agreed != right.header(h) {
		if i := h - w.start; i >= chain.Height(len(w.races)) || !w.races[i] || r.Agreed != loser(h).header(h) {
			return fmt.Errorf("agreed on %v", r.Agreed)
		}
	}
	for i, f := range r.Findings {
		if a := w.actors[i]; a.lie == none && f.Reason == Forked {
			return fmt.Errorf("honest %s is called forked, %d deep", a.name, f.Depth)
		}
	}
	return nil
}

// step moves the polled endpoint's standing. An honest one is healthy whatever the others say, once all have been asked:
// there may be something odd about it for one poll, such as that it is the first to see a third block while the agreed head
// waits for races to be settled, and no more than that.
func (w *world) step(a *actor, f Finding, now time.Time, round int) error {
	if round == 0 {
		return nil
	}
	a.standing = a.standing.Step(f, now)
	if a.lie == none && (f.Reason != OK && !f.Soft || a.standing.Status != Healthy) {
		return fmt.Errorf("honest %s is %s, found %+v", a.name, a.standing.Reason, f)
	}
	return nil
}

// mustShow is what lies that cannot look honest are called.
var mustShow = map[lie]Reason{
	forkLie: Forked, aheadLie: AheadUncorroborated, wrongIDLie: WrongChain, disputedLie: BadHeader,
}

// named holds at a case's end: whoever lied in a way that shows is not healthy, and a fork has its depth.
func (w *world) named(sum *tallies) error {
	for _, a := range w.actors {
		if a.lie != none {
			sum.lying++
		}
		want, shows := mustShow[a.lie]
		if a.lie == falseTipLie && w.rounds == manyRounds {
			want, shows = FalseTip, true
			sum.tipsNamed++
		}
		if !shows {
			continue
		}
		if a.standing.Reason != want {
			return fmt.Errorf("%s shows %s, and is called %s", a.name, a.lie, a.standing.Reason)
		}
		if want == Forked {
			sum.forksNamed++
			if depth := a.sight.Head.Height - a.own.from; a.standing.Depth != depth {
				return fmt.Errorf("%s left the chain %d blocks ago, called %d", a.name, depth, a.standing.Depth)
			}
		}
	}
	return nil
}
