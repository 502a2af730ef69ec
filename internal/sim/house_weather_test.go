package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// plan is all that befalls a house, drawn from a seed alone: what befalls it does not follow from what its nodes do.
type plan struct {
	seed   uint64
	storms int // windows with weather; a calm one follows
	events []event
	diary  *diary // in which its house's moments are noted; nil for none
	// untold has no operator tell a feed.
	untold bool
}

// event is one thing that befalls the house.
type event struct {
	nth    int           // of the plan, by which it can be kept when others are left out
	at     chain.Height  // the block after which it begins
	offset time.Duration // and how long after it
	lasts  chain.Height  // blocks; of who goes down, until it is started again
	kind   eventKind
	who    int // an instance, an operator or an endpoint: counted over all of them
	n      int
	deed   deed
}

// eventKind is what kind of thing it is.
type eventKind string

// The kinds of weather.
const (
	loss     eventKind = "loss" // of n % of all copies
	double   eventKind = "duplicates"
	delay    eventKind = "delay" // of up to n ms: what was said later may arrive earlier
	cut      eventKind = "cut"   // the instances named by the bits of n from the others
	doom     eventKind = "killed"
	stop     eventKind = "stopped"
	pausing  eventKind = "paused"
	skip     eventKind = "heads skipped"
	reorg    eventKind = "reorganisation"
	refuse   eventKind = "endpoint refuses"
	hang     eventKind = "endpoint hangs"
	mute     eventKind = "endpoint shows no heads"
	lag      eventKind = "endpoint lags"
	forkOff  eventKind = "endpoint on a branch of its own"
	lie      eventKind = "endpoint lies about contracts"
	slowly   eventKind = "endpoint slow"
	blackout eventKind = "no endpoints"
	slowDisk eventKind = "slow disk"
	fullDisk eventKind = "full disk"
	mislay   eventKind = "acknowledgement lost"
	noStore  eventKind = "database away"
	dying    eventKind = "signer dies"
	cheating eventKind = "signer cheats"
	relapse  eventKind = "killed, and again as it starts"
	outage   eventKind = "power fails" // for an operator's instances and signers at once
	deaf     eventKind = "deaf"        // an instance is heard, and hears nobody
	idle     eventKind = "leader idle"
	twoFaced eventKind = "leader with two faces"
	impostor eventKind = "leader impersonated"
	mainUTXO eventKind = "another main UTXO"
	ban      eventKind = "a ban" // by an operator, of him who is not honest
	putBack  eventKind = "database put back"
	making   eventKind = "a wallet is made"
)

// misdeeds are of him who is not honest: in which window, he must have been elected or not.
var misdeeds = map[eventKind]bool{idle: true, twoFaced: true, impostor: false}

// kinds are the kinds of weather with their weights.
var kinds = []struct {
	kind   eventKind
	weight int
}{
	{loss, 4},
	{double, 2},
	{delay, 3},
	{cut, 5},
	{doom, 12},
	{stop, 3},
	{pausing, 4},
	{skip, 2},
	{reorg, 2},
	{refuse, 2},
	{hang, 2},
	{mute, 1},
	{lag, 2},
	{forkOff, 2},
	{lie, 2},
	{slowly, 1},
	{blackout, 2},
	{slowDisk, 3},
	{fullDisk, 2},
	{mislay, 4},
	{noStore, 3},
	{dying, 4},
	{cheating, 2},
	{relapse, 3},
	{outage, 2},
	{deaf, 2},
	{idle, 2},
	{twoFaced, 4},
	{impostor, 3},
	{mainUTXO, 2},
	{ban, 2},
	{putBack, 3},
	{making, 3},
	{lineBreaks, 3},
	{restarted, 3},
	{slowReader, 2},
}

func (e event) String() string {
	text := fmt.Sprintf("%d: %d+%v %s who=%d n=%d lasts=%d", e.nth, e.at, e.offset, e.kind, e.who, e.n, e.lasts)
	if e.kind == doom || e.kind == relapse {
		text += fmt.Sprintf(" %s", e.deed)
	}
	return text
}

// turns is how many of a window's events go round by seed: with two, the 32 windows with weather of every day have all kinds.
const turns = 2

// draw makes the plan of a seed.
func draw(seed uint64, storms int) plan {
	rng := rand.New(rand.NewPCG(seed, 8)) //nolint:gosec // weather needs no secrets
	p := plan{seed: seed, storms: storms}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	for w := range storms {
		block := chain.Height(w+1) * 900 //nolint:gosec // positive
		most := []int{6, 12, 12, 24}[rng.IntN(4)]
		for nth := range turns + rng.IntN(most-1) {
			e := event{
				at: block - 40 + chain.Height(rng.IntN(170)), offset: time.Duration(rng.Int64N(int64(houseBlock))).Truncate(time.Millisecond),
				lasts: 1 + chain.Height(rng.IntN(50)), who: rng.IntN(1 << 16), n: rng.IntN(1 << 16), deed: deeds[rng.IntN(len(deeds))],
			}
			at := rng.IntN(total)
			for _, k := range kinds {
				if at -= k.weight; at < 0 {
					e.kind = k.kind
					break
				}
			}
			if nth < turns { // what has little weight has its turn, too
				e.kind = kinds[((seed*uint64(storms)+uint64(w))*turns+uint64(nth))%uint64(len(kinds))].kind //nolint:gosec // positive
			}
			if _, misdeed := misdeeds[e.kind]; misdeed {
				e.at = block + chain.Height(rng.IntN(85)) //nolint:gosec // positive
			}
			p.events = append(p.events, e)
		}
	}
	slices.SortStableFunc(p.events, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.offset, b.offset)) })
	for n := range p.events {
		p.events[n].nth = n
	}
	return p
}

// leads reports whether a plan has somebody who is not honest lead in a window.
func (p plan) leads(window chain.Height) bool {
	return slices.ContainsFunc(p.events, func(e event) bool { return misdeeds[e.kind] && e.at-e.at%900 == window })
}

// misled reports whether endpoints may have shown different main UTXOs while a window's signature was made.
func (p plan) misled(window chain.Height) bool {
	return slices.ContainsFunc(p.events, func(e event) bool {
		return (e.kind == mainUTXO || e.kind == lie) && e.at < window+houseQuiet && e.at+e.lasts >= window
	})
}

// begins lets what happens at one moment happen.
func (h *house) begins(e event) {
	all := h.all()
	i := all[e.who%len(all)]
	switch e.kind {
	case doom, relapse:
		if i.node != nil {
			i.life.doom(e.deed, 1+e.n%12)
			i.rest = e.lasts
			if e.kind == relapse {
				i.curse = &curse{deeds[e.n/12%len(deeds)], 1 + e.n/144%40}
			}
		}
	case outage:
		for _, i := range h.firms[e.who%len(h.firms)].crew {
			if i.node != nil {
				i.life.die()
				i.rest = e.lasts
			}
		}
	case ban:
		if i.node != nil && i.life.hears() {
			i.bans()
		}
	case idle, twoFaced, impostor:
		h.misbehaves(e)
	case putBack:
		h.putsBack(e)
	case making:
		h.makes(e)
	case restarted:
		h.restarts(e)
	case stop:
		if i.node != nil {
			i.life.goOn()
			i.life.kill()
			i.rest = e.lasts
		}
	case mislay:
		for n := range all { // a file of its own answers
			if i := all[(e.who+n)%len(all)]; i.shared {
				i.life.mislay(1 + e.n%12)
				break
			}
		}
	case skip:
		h.chain.grow(h.tip()+1+chain.Height(e.n%5), nil) //nolint:gosec // positive
	case reorg:
		tip, _, _ := h.chain.now()
		h.chain.grow(tip, &fork{tip - chain.Height(e.n%6), uint64(e.at)<<20 | uint64(e.n)}) //nolint:gosec // positive
	default:
	}
}

// lasting has the state of the world be what the events that last make it now.
func (h *house) lasting(p plan) {
	tip := h.tip()
	w := calm()
	for _, e := range p.events {
		if e.at <= tip && tip < e.at+e.lasts {
			w.take(h, e)
		}
	}
	w.impose(h)
}
