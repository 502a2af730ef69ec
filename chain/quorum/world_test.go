package quorum

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// lie is how an endpoint is ill, for as long as a case lasts.
type lie string

const (
	none         lie = ""
	forkLie      lie = "a fork at a fixed depth, which grows as the chain does"
	shiftingLie  lie = "another fork at every poll"
	laggingLie   lie = "some blocks behind"
	staleLie     lie = "always the same head"
	aheadLie     lie = "30 million blocks ahead"
	oneHashLie   lie = "one hash among the true ones"
	falseTipLie  lie = "a false block at the tip at every poll"
	loserLie     lie = "the block that lost the race, and blocks on top of it"
	silentLie    lie = "no usable answer"
	wrongIDLie   lie = "another chain"
	disputedLie  lie = "headers whose hashes are not theirs"
	backwardsLie lie = "heads that go back and forth"
)

var lies = []lie{
	forkLie, shiftingLie, laggingLie, staleLie, aheadLie, oneHashLie, falseTipLie, loserLie, silentLie, wrongIDLie, disputedLie, backwardsLie,
}

// world is a chain in time, and its endpoints. Blocks come 12 s apart or more; at some heights two compete, and the next
// block settles which of them stays.
type world struct {
	rng      *rand.Rand
	rounds   int // of polls
	start    chain.Height
	arrivals []time.Duration // of the blocks from start on
	races    []bool          // at these heights two blocks competed
	actors   []*actor
	needed   int
	depth    int    // of the deepest fork, and how far below start the ring reaches; mostly small, which is faster
	shared   branch // of liars who agree with each other
}

// actor is one endpoint.
type actor struct {
	name, group string
	lie         lie
	delay       time.Duration // from a block's arrival until it has it
	offset      time.Duration // of its polls
	partial     bool          // sees the losers of races first
	own         branch
	behind      chain.Height
	colludes    bool

	view     *View
	sight    *Sight
	trouble  chain.Trouble
	tips     tips
	standing standing
}

const (
	fewRounds  = 4
	manyRounds = 60 // 15 blocks at least
	// mostLost is how many races in a row an endpoint loses in a world of many rounds, each believed first. There every
	// third block is one of a race; on Ethereum less than one in a hundred is.
	mostLost = falseTips - 1

	pollEvery = 5 * time.Second
	slot      = 12 * time.Second
)

func newWorld(rng *rand.Rand, rounds int) *world {
	w := &world{rng: rng, rounds: rounds, start: 20_000_000 + chain.Height(rng.IntN(1_000_000))}
	lost := 0
	for at := -time.Duration(rng.Int64N(int64(slot))); at < time.Duration(rounds+1)*pollEvery; {
		race := rng.IntN(3) == 0 && lost < mostLost
		if lost++; !race {
			lost = 0
		}
		w.arrivals, w.races = append(w.arrivals, at), append(w.races, race)
		at += slot * time.Duration(1+rng.IntN(8)/7)
	}
	w.depth = 45
	if rng.IntN(20) == 0 {
		w.depth = 240
	}
	w.shared = w.newBranch(w.start - 3 - chain.Height(rng.IntN(w.depth-10)))
	n := 3 + rng.IntN(5)
	for i := range n {
		a := &actor{
			name: fmt.Sprint("e", i), group: fmt.Sprint("g", i), delay: time.Duration(rng.Int64N(int64(3 * time.Second))),
			offset: time.Duration(rng.Int64N(int64(pollEvery))), partial: rng.IntN(2) == 0,
		}
		if i >= 3 && rng.IntN(5) == 0 {
			a.group = w.actors[rng.IntN(i)].group
		}
		w.actors = append(w.actors, a)
	}
	w.corrupt()
	return w
}

// corrupt makes a minority of the vote groups lie: often as many as may.
func (w *world) corrupt() {
	var groups []string
	for _, a := range w.actors {
		if !slices.Contains(groups, a.group) {
			groups = append(groups, a.group)
		}
	}
	w.needed = len(groups)/2 + 1
	w.rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	most := (len(groups) - 1) / 2
	if w.rng.IntN(3) == 0 {
		most = w.rng.IntN(most + 1)
	}
	together, kind := w.rng.IntN(2) == 0, lies[w.rng.IntN(len(lies))]
	for _, group := range groups[:most] {
		for _, a := range w.actors {
			if a.group != group || w.rng.IntN(5) == 0 {
				continue
			}
			a.lie, a.colludes = kind, together
			if !together {
				a.lie = lies[w.rng.IntN(len(lies))]
			}
			a.own = w.newBranch(w.start - 3 - chain.Height(w.rng.IntN(w.depth-10)))
			if together {
				a.own = w.shared
			}
			a.behind = 1 + chain.Height(w.rng.IntN(30))
		}
	}
}

func (w *world) newBranch(from chain.Height) branch {
	return branch{id: 1_000_000_000 + w.rng.Uint64N(1<<40), from: from}
}

// loser is the branch of the block that lost the race at a height; each height has its own.
func loser(h chain.Height) branch { return branch{id: uint64(h), from: h - 1} }

// head is what the network's newest block is for the endpoint at a time, and of which branch.
func (w *world) head(a *actor, at time.Duration) (branch, chain.Height) {
	i := 0
	for i+1 < len(w.arrivals) && w.arrivals[i+1]+a.delay <= at {
		i++
	}
	h := w.start + chain.Height(i)
	if a.partial && w.races[i] {
		return loser(h), h
	}
	return branch{}, h
}

// poll makes one endpoint answer once more, as the pool would ask.
func (w *world) poll(a *actor, at time.Duration, ring *Ring) {
	a.trouble = ""
	b, h := w.stance(a, at)
	if a.lie == silentLie && w.rng.IntN(4) > 0 {
		a.trouble = []chain.Trouble{chain.TroubleTimeout, chain.TroubleMalformed, chain.TroubleRefused}[w.rng.IntN(3)]
		return
	}
	s := b.sight(h, a.view.Ask())
	s.Took = time.Millisecond
	switch a.lie {
	case wrongIDLie:
		s.ChainID = 5
	case disputedLie:
		s.Disputed = h
	case oneHashLie:
		lied := w.newBranch(0).hash(h)
		if n := len(s.Headers); n > 0 && w.rng.IntN(2) == 0 {
			s.Headers[w.rng.IntN(n)].Hash = lied
		} else {
			s.Head.Hash = lied
		}
	}
	a.sight = &s
	var more []chain.Header
	for range 5 {
		v := a.view.With(s, more)
		from, to, missing := v.Missing(ring)
		if !missing || a.lie == oneHashLie && w.rng.IntN(2) == 0 {
			break
		}
		more = append(more, b.headers(from, to)...)
	}
	a.view = a.view.With(s, more).Trace(context.Background(), told{branch: b, top: h}, ring)
	a.tips.note(a.view.Head())
}

// stance is the branch and head that the endpoint shows at a time.
func (w *world) stance(a *actor, at time.Duration) (branch, chain.Height) {
	b, h := w.head(a, at)
	switch a.lie {
	case forkLie, wrongIDLie, disputedLie:
		return a.own, h + chain.Height(w.rng.IntN(2))
	case shiftingLie:
		return w.newBranch(h - 1 - chain.Height(w.rng.IntN(60))), h
	case laggingLie:
		return branch{}, h - a.behind
	case staleLie:
		return branch{}, w.start - a.behind
	case aheadLie:
		if a.colludes {
			return branch{id: w.shared.id, from: h}, h + 30_000_000
		}
		return w.newBranch(h), h + 30_000_000
	case falseTipLie:
		if a.colludes {
			return branch{id: w.shared.id + uint64(h), from: h - 1}, h
		}
		return w.newBranch(h - 1), h
	case loserLie:
		return loser(h), h + chain.Height(w.rng.IntN(3))
	case backwardsLie:
		return branch{}, h - chain.Height(w.rng.IntN(6))
	}
	return b, h
}

// table is what the classifier sees.
func (w *world) table(ring *Ring) Table {
	t := Table{ChainID: 1, Ring: ring, Rules: DefaultRules(len(w.actors), 2*time.Second)}
	for _, a := range w.actors {
		t.Rows = append(t.Rows, Row{
			Name: a.name, Group: a.group, Votes: true, Sight: a.sight, View: a.view, Trouble: a.trouble, FalseTips: a.tips.wrong,
		})
	}
	return t
}

// fill puts an agreed head onto the ring. What lies between is asked of endpoints in any order, liars too, and taken if
// it links.
func (w *world) fill(ring *Ring, agreed chain.Header, at time.Duration) *Ring {
	bottom := w.start - chain.Height(w.depth)
	if top, ok := ring.Head(); ok {
		bottom = top.Height - 1
	}
	for _, i := range w.rng.Perm(len(w.actors)) {
		b, _ := w.stance(w.actors[i], at)
		headers := append(b.headers(min(bottom, agreed.Height), agreed.Height-1), agreed)
		if next, err := ring.With(headers); err == nil {
			return next
		}
	}
	return ring
}
