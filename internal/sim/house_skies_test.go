package sim

import (
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/nettest"
)

// weatherNow is the state of the world that events which last come to together.
type weatherNow struct {
	net    nettest.Weather
	cuts   []int // bits of instances that are cut off from the others, of each cut
	paused map[int]bool
	deaf   map[int]bool
	ill    map[int]illness // by endpoint, counted over all operators
	slow   map[int]time.Duration
	full   map[int]bool
	away   map[int]bool // databases, by operator
	dead   map[int]bool // signer backends, counted over all operators
	cheats map[int]bool
	moved  bool // the main UTXO of the wallet that signs
}

// calm is no weather.
func calm() *weatherNow {
	return &weatherNow{
		paused: map[int]bool{}, deaf: map[int]bool{}, ill: map[int]illness{}, slow: map[int]time.Duration{}, full: map[int]bool{},
		away: map[int]bool{}, dead: map[int]bool{}, cheats: map[int]bool{},
	}
}

// What each operator has.
const (
	endpointsEach = 3
	signersEach   = 2
)

// fair is weather in which each message takes its own time at least: two that arrive at one moment would be taken in another order in each run.
func fair(w nettest.Weather) nettest.Weather {
	w.MinDelay = time.Millisecond
	w.MaxDelay = max(w.MaxDelay, 40*time.Millisecond)
	return w
}

// take adds an event.
func (w *weatherNow) take(h *house, e event) {
	firm, endpoint := e.who%len(h.firms), e.who%(endpointsEach*len(h.firms))
	ill := w.ill[endpoint]
	switch e.kind {
	case loss:
		w.net.Loss = max(w.net.Loss, float64(e.n%60)/100)
	case double:
		w.net.Duplicate = max(w.net.Duplicate, float64(e.n%100)/100)
	case delay:
		w.net.MaxDelay = max(w.net.MaxDelay, time.Duration(e.n%20_000)*time.Millisecond)
	case cut:
		w.cuts = append(w.cuts, e.n)
	case pausing:
		w.paused[e.who%len(h.all())] = true
	case deaf:
		w.deaf[e.who%len(h.all())] = true
	case mainUTXO:
		w.moved = true
	case refuse:
		ill.refuse = true
	case hang:
		ill.hang = true
	case mute:
		ill.mute = true
	case lag:
		ill.lag = max(ill.lag, 1+chain.Height(e.n%20)) //nolint:gosec // positive
	case forkOff:
		ill.fork = e.at
	case lie:
		ill.lie = true
	case slowly:
		ill.slow = time.Duration(e.n%2500) * time.Millisecond
	case blackout:
		for n := range endpointsEach {
			w.ill[firm*endpointsEach+n] = illness{refuse: true}
		}
		return
	case slowDisk:
		w.slow[firm] = max(w.slow[firm], time.Duration(e.n%3000)*time.Millisecond)
	case fullDisk:
		w.full[firm] = true
	case noStore:
		w.away[firm] = true
	case dying:
		w.dead[e.who%(signersEach*len(h.firms))] = true
	case outage:
		for n := range signersEach {
			w.dead[firm*signersEach+n] = true
		}
	case cheating:
		w.cheats[e.who%(signersEach*len(h.firms))] = true
	default:
		return
	}
	w.ill[endpoint] = ill
}

// impose has the world be so.
func (w *weatherNow) impose(h *house) {
	h.ether.SetWeather(fair(w.net))
	h.chain.till.move(w.moved)
	sides := make([][]*nettest.Member, 1<<len(w.cuts))
	lay := fmt.Sprint(w.cuts)
	for n, i := range h.all() {
		if i.seat != nil {
			lay += " " + i.life.who
			side := 0 // of all cuts
			for c, apart := range w.cuts {
				side |= apart >> n & 1 << c
			}
			sides[side] = append(sides[side], i.seat)
		}
		i.deaf.Store(w.deaf[n])
		switch {
		case w.paused[n]:
			i.life.pause()
		default:
			i.life.goOn()
		}
	}
	if lay != h.lay { // otherwise it is as it was
		h.lay = lay
		h.ether.Partition(sides...)
	}
	for n, f := range h.firms {
		f.disk.set(w.slow[n], w.full[n], w.away[n])
		for e, s := range f.enclaves {
			s.cheat(w.cheats[n*signersEach+e])
			if err := s.up(!w.dead[n*signersEach+e]); err != nil {
				h.record.fault("%s does not start or end: %v", s.name, err)
			}
		}
		for e, o := range f.endpoints {
			if ill := w.ill[n*endpointsEach+e]; ill != o.state() {
				o.fall(ill)
			}
		}
	}
}
