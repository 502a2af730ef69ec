package sim

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// calms are from which block on the weather of the window with the cheat is fair, by history in turns: for all of the exchange, after heads
// were sent, and never.
var calms = []chain.Height{exchangeFrom + 1, exchangeFrom + 30, exchangeTo}

// fairAtMost is how many windows without faults follow a cheat at most, until all have told each other what they attest of it. One is enough but
// where a database was put back: who may have signed a head before skips a window or two.
const fairAtMost = 4

// A leader shows some one face and others another. Whoever has seen one of them and whoever has seen the other hold the proof once they
// have exchanged heads: at the latest when the weather has cleared up, whatever became of their comparisons before; and in any weather as soon
// as one of those was brought to its end.
func TestHistoriesATwoFacedLeaderIsProved(t *testing.T) {
	var all tally
	for seed := *historySeed; seed < *historySeed+uint64(*cheatCount); seed++ { //nolint:gosec // positive
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withHistory(t, seed, root(t), func(h *history) {
				calm := calms[(seed-*historySeed)%uint64(len(calms))]
				got := h.cheat(h.rng.IntN(*cheatWindow), h.rng.IntN(2), calm)
				if calm == calms[0] {
					require.Positive(t, got.attested, "two who saw both faces between them were up and attested it")
				}
				all.add(got)
			})
		})
	}
	t.Logf("seeds %d to %d, %d windows without a cheat, %d with one, %d fair ones", *historySeed, *historySeed+uint64(*cheatCount)-1, all.before, *cheatCount, all.after) //nolint:gosec // positive
	t.Logf("in the weather: proved to %d of %d pairs that attested what they saw of both faces, %d by %d comparisons", all.proved, all.attested, all.compared, all.comparisons)
	t.Logf("after it: proved to %d of %d pairs that attest both faces and exchanged heads; %d pairs have both and do not attest the window; proofs of all kinds %d",
		all.settled, all.exchanged, all.unattested, all.proofs)
}

// Two who exchanged heads hold the proof by that alone: whoever makes one tells all others, which would hide that some pair's comparison does not come to it.
// So nobody hears of proofs here, and the weather clears up with the next window, in which what a comparison shows is of an earlier one.
func TestHistoriesHeadsAloneProveATwoFacedLeader(t *testing.T) {
	var all tally
	for seed := *historySeed; seed < *historySeed+uint64(*cheatCount); seed++ { //nolint:gosec // positive
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withHistory(t, seed, root(t), func(h *history) {
				h.ether.silence(exchange.ProofsTopic)
				all.add(h.cheat(h.rng.IntN(*cheatWindow), h.rng.IntN(2), exchangeTo))
			})
		})
	}
	t.Logf("seeds %d to %d: in the weather proved to %d of %d pairs, %d by %d comparisons; after it to %d of %d", *historySeed, *historySeed+uint64(*cheatCount)-1, //nolint:gosec // positive
		all.proved, all.attested, all.compared, all.comparisons, all.settled, all.exchanged)
	require.Positive(t, all.exchanged, "some pair exchanged heads that say what it saw of both faces")
}

// tally is what came of cheats: windows before and after them; pairs of operators who between them saw both faces and attest the window, how many of
// those compared to the end and how often, how many hold the proof, both of them, when the window is over; and once the weather has cleared up
// pairs who have both faces, attest the window and have heard each other's heads, those that hold the proof, pairs who have both and of whom
// one does not attest it, for its database was put back; and proofs in all stores.
type tally struct {
	before, after, attested, compared, comparisons, proved int

	exchanged, settled, unattested, proofs int
}

func (t *tally) add(other tally) {
	t.before += other.before
	t.after += other.after
	t.attested += other.attested
	t.compared += other.compared
	t.comparisons += other.comparisons
	t.proved += other.proved
	t.exchanged += other.exchanged
	t.settled += other.settled
	t.unattested += other.unattested
	t.proofs += other.proofs
}

// cheat lives through some windows without one, then through one in which a wallet's leader has two faces, and demands what has to be proved.
func (h *history) cheat(before, wallet int, calm chain.Height) tally {
	for range before {
		h.window += 900
		h.live(nil, exchangeTo)
		h.requireNoProof()
	}
	h.window += 900
	leader := leaderOf(wallet, h.window)
	seen := h.shown(wallet, leader)
	h.live(func(m *witness, w int) []int {
		if w != wallet {
			return nil
		}
		return seen[m]
	}, calm)
	slot := evidence.Slot{Wallet: h.wallets[wallet].ID(), Window: h.window, Operator: operator(leader)}
	got := h.requireProved(slot, seen, calm)
	got.before = before
	h.settle(slot, wallet, &got)
	for _, m := range h.members {
		for _, p := range m.proofs() {
			require.Equal(h.t, slot, p.Slot, "nobody else is accused")
			got.proofs++
		}
	}
	return got
}

// settle lives through windows without faults until all pairs who have both faces and attest the window have heard each other's heads that
// say so, and demands that both of each pair hold the proof.
func (h *history) settle(slot evidence.Slot, wallet int, got *tally) {
	var pairs [][2]*witness
	for unheard := true; unheard; {
		require.Less(h.t, got.after, fairAtMost, "some have not told each other what they attest")
		h.fair()
		got.after++
		pairs, got.unattested = h.witnesses(slot, wallet)
		unheard = slices.ContainsFunc(pairs, func(p [2]*witness) bool { return !p[0].heardOf(p[1], slot) || !p[1].heardOf(p[0], slot) })
	}
	for _, p := range pairs {
		got.exchanged++
		for i, m := range p {
			require.True(h.t, m.proves(evidence.TwoStatements, slot), "operator %d, who exchanged heads with %d, lacks the proof", m.n, p[1-i].n)
		}
		got.settled++
	}
}

// witnesses are the pairs of honest operators who between them have two statements of a slot and attest its window, and the number of those of
// whom one does not attest it.
func (h *history) witnesses(slot evidence.Slot, wallet int) (pairs [][2]*witness, unattested int) {
	for i, a := range h.members {
		for _, b := range h.members[:i] {
			if a.op == slot.Operator || b.op == slot.Operator || !slices.Contains(rosters[wallet], a.n) || !slices.Contains(rosters[wallet], b.n) {
				continue
			}
			faces := a.digests(slot)
			maps.Copy(faces, b.digests(slot))
			switch {
			case len(faces) < 2:
			case a.attests(slot) && b.attests(slot):
				pairs = append(pairs, [2]*witness{a, b})
			default:
				unattested++
			}
		}
	}
	return pairs, unattested
}

// digests are those of the statements of a slot that an operator has.
func (m *witness) digests(slot evidence.Slot) map[[32]byte]bool {
	has := map[[32]byte]bool{}
	signed, err := m.log.Statements(m.h.t.Context(), slot.Wallet, slot.Window)
	require.NoError(m.h.t, err)
	for _, raw := range signed {
		s, err := evidence.ReadStatement(raw)
		require.NoError(m.h.t, err)
		if s.Slot == slot {
			has[s.Digest] = true
		}
	}
	return has
}

// heardOf reports whether a head of another operator that attests the window of a slot was heard here.
func (m *witness) heardOf(other *witness, slot evidence.Slot) bool {
	heard, err := m.store.HeadsFrom(m.h.t.Context(), slot.Window)
	require.NoError(m.h.t, err)
	return slices.ContainsFunc(heard, func(head evidence.Head) bool { return head.Operator == other.op && head.Attests(slot.Window) })
}

// fair lives through a window in which all is well: everybody is up, hears the leaders, and reaches everybody.
func (h *history) fair() {
	h.ether.set(0, 0, 0)
	h.ether.split(nil)
	for _, m := range h.members {
		m.mu.Lock()
		m.killAt = 0
		m.mu.Unlock()
		h.befalls(m, false) // who was killed last is started again
	}
	h.window += 900
	h.pass(h.window + 79)
	for _, m := range h.members {
		for i := range h.wallets {
			if slices.Contains(rosters[i], m.n) {
				leader := leaderOf(i, h.window)
				h.hears(m, i, leader, func(*witness, int) []int { return []int{0} })
			}
		}
	}
	for at := chain.Height(exchangeFrom); at <= exchangeTo; at++ {
		h.pass(h.window + at)
		for _, m := range h.members {
			h.befalls(m, false)
		}
	}
}

// shown draws which faces of a leader reach whom, so that some two see both between them.
func (h *history) shown(wallet, leader int) map[*witness][]int {
	for {
		seen := map[*witness][]int{}
		for _, m := range h.members {
			if m.n != leader && slices.Contains(rosters[wallet], m.n) {
				seen[m] = [][]int{{0}, {1}, {0, 1}, {1, 0}, {}}[h.rng.IntN(5)]
			}
		}
		for a := range seen {
			for b := range seen {
				if a != b && both(seen, a, b) {
					return seen
				}
			}
		}
	}
}

// both reports whether two have seen both faces between them.
func both(seen map[*witness][]int, a, b *witness) bool {
	faces := slices.Concat(seen[a], seen[b])
	return slices.Contains(faces, 0) && slices.Contains(faces, 1)
}

// requireProved demands the proof of every two who between them have seen both faces, attest it, and have compared to the end since; of all
// who attest it if the weather cleared up.
func (h *history) requireProved(slot evidence.Slot, seen map[*witness][]int, calm chain.Height) (got tally) {
	for i, a := range h.members {
		for _, b := range h.members[:i] {
			if seen[a] == nil || seen[b] == nil || !both(seen, a, b) || !a.attests(slot) || !b.attests(slot) {
				continue
			}
			got.attested++
			times := h.comparisons(a, b, slot.Window)
			got.comparisons += times
			if times > 0 {
				got.compared++
			}
			proved := true
			for _, m := range []*witness{a, b} {
				has := m.proves(evidence.TwoStatements, slot)
				if times > 0 || calm < exchangeTo {
					require.True(h.t, has, "operator %d, who saw %v, lacks the proof; the others are %d and %d, who compared %d times",
						m.n, seen[m], a.n, b.n, times)
				}
				proved = proved && has
			}
			if proved {
				got.proved++
			}
		}
	}
	return got
}

// comparisons is how often two compared a window to the end with the databases that they have now.
func (h *history) comparisons(a, b *witness, window chain.Height) (times int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.whole {
		pair := c.by == a && c.of == b || c.by == b && c.of == a
		if pair && c.window == window && c.lives == [2]int{int(c.by.put.Load()), int(c.of.put.Load())} {
			times++
		}
	}
	return times
}

// attests reports whether an operator's newest head attests something of a slot's wallet and window.
func (m *witness) attests(slot evidence.Slot) bool {
	state, err := m.log.State(m.h.t.Context())
	require.NoError(m.h.t, err)
	for _, e := range state.Entries {
		if e.Wallet == slot.Wallet && e.Window == slot.Window {
			return state.Head.Attests(slot.Window)
		}
	}
	return false
}

// An operator runs two instances that do not know of each other: they attest different things of one window, and everybody who hears
// both heads can prove it.
func TestHistoriesTwoHeadsOfAWindowAreProved(t *testing.T) {
	withHistory(t, *historySeed, root(t), func(h *history) {
		h.window = 900
		twin := h.join(0, 1)
		twin.start()
		// What one of the twins hears of the other one's head would keep it from making its own.
		h.pass(h.window + 79)
		for _, m := range h.members {
			for i := range h.wallets {
				if slices.Contains(rosters[i], m.n) {
					m.lives(i, leaderOf(i, h.window), h.heardBy(m, i, twin))
				}
			}
		}
		h.ether.split(func(a, b *witness) bool { return a.n == b.n })
		for at := chain.Height(exchangeFrom); at <= exchangeTo; at++ {
			h.pass(h.window + at)
		}
		for _, m := range h.members {
			if m.n != 0 {
				require.True(t, m.proves(evidence.TwoHeads, evidence.Slot{Window: h.window, Operator: operator(0)}), "operator %d", m.n)
			}
			for _, p := range m.proofs() {
				require.Equal(t, operator(0), p.Slot.Operator)
			}
		}
	})
}

// heardBy is what reaches an operator: everything, but a twin hears nothing.
func (h *history) heardBy(m *witness, wallet int, twin *witness) []evidence.Statement {
	leader := leaderOf(wallet, h.window)
	if m == twin || m.n == leader {
		return nil
	}
	return []evidence.Statement{h.says(leader, wallet, 0)}
}

// An operator attests that a leader was silent, and is ready to sign what the leader said: who has its word and compares proves it.
func TestHistoriesADenialIsProved(t *testing.T) {
	withHistory(t, *historySeed, root(t), func(h *history) {
		h.window = 900
		const wallet = 1
		leader := leaderOf(wallet, h.window)
		denier := h.members[(leader+1)%operators]
		h.pass(h.window + 79)
		for _, m := range h.members {
			for i := range h.wallets {
				if !slices.Contains(rosters[i], m.n) {
					continue
				}
				var heard []evidence.Statement
				if other := leaderOf(i, h.window); m.n != other && (m != denier || i != wallet) {
					heard = append(heard, h.says(other, i, 0))
				}
				m.lives(i, leaderOf(i, h.window), heard)
			}
		}
		h.pass(h.window + exchangeFrom)
		h.announce(denier, wallet, signer.Digest{1})
		time.Sleep(time.Minute) // five blocks on Ethereum: what is heard about signatures is stored together, every half minute
		for at := chain.Height(exchangeFrom + 1); at <= exchangeTo; at++ {
			h.pass(h.window + at)
		}
		slot := evidence.Slot{Wallet: h.wallets[wallet].ID(), Window: h.window, Operator: denier.op}
		for _, m := range h.members {
			if m != denier {
				require.True(t, m.proves(evidence.Denial, slot), "operator %d", m.n)
			}
			for _, p := range m.proofs() {
				require.Equal(t, slot, p.Slot)
			}
		}
	})
}
