package sim

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

var (
	historyWindows = flag.Int("history-windows", 6, "how many windows a history of honest operators has")
	historyCount   = flag.Int("histories", 1, "how many such histories are lived through, each with a seed of its own")
	historySeed    = flag.Uint64("history-seed", 1, "the seed of the histories of evidence")
	historyDir     = flag.String("history-dir", "", "where histories keep their databases; a temporary directory unless given")
)

// root is where a history's databases are.
func root(t *testing.T) string {
	if *historyDir == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(*historyDir, "history")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// live lets a window pass as the weather has it: who hears a leader, who is down, and what befalls everybody afterwards. Faces is
// which faces of a cheating leader reach whom; nil if everybody is honest. From calm on, counted from the window, nothing befalls
// anybody any more.
func (h *history) live(faces func(m *witness, wallet int) []int, calm chain.Height) {
	h.pass(h.window + 79)
	for _, m := range h.members {
		if m.service() == nil || faces == nil && h.rng.IntN(25) == 0 { // it was down, and has no record of the window
			continue
		}
		for i := range h.wallets {
			if !slices.Contains(rosters[i], m.n) {
				continue
			}
			leader := leaderOf(i, h.window)
			h.hears(m, i, leader, faces)
		}
	}
	h.pass(h.window + exchangeFrom)
	h.weather()
	for _, m := range h.members {
		if h.rng.IntN(8) == 0 && calm > exchangeFrom {
			m.mu.Lock()
			m.killAt = 1
			m.mu.Unlock()
		}
	}
	for at := chain.Height(exchangeFrom + 1); at <= exchangeTo; at++ {
		h.pass(h.window + at)
		if at == calm {
			h.ether.set(0, 0, 0)
			h.ether.split(nil)
		}
		for _, m := range h.members {
			h.befalls(m, at < calm)
		}
	}
}

// hears draws what reaches an operator of what a wallet's leader says, and has it stored.
func (h *history) hears(m *witness, wallet, leader int, faces func(*witness, int) []int) {
	var heard []evidence.Statement
	late := false
	switch {
	case m.n == leader:
	case faces != nil && faces(m, wallet) != nil:
		for _, face := range faces(m, wallet) {
			heard = append(heard, h.says(leader, wallet, face))
		}
	default:
		fate := h.rng.IntN(10)
		late = fate == 1
		if fate > 1 {
			heard = append(heard, h.says(leader, wallet, 0))
		}
		if fate == 9 { // and once more
			m.record(heard[0], h.window+20)
		}
	}
	m.lives(wallet, leader, heard)
	if late { // after the window was judged
		m.record(h.says(leader, wallet, 0), h.window+85)
	}
}

// weather is drawn for each window.
func (h *history) weather() {
	h.ether.set([]float64{0, 0.1, 0.4}[h.rng.IntN(3)], h.rng.Float64()/2, time.Duration(h.rng.IntN(20))*time.Second)
	cut := h.rng.IntN(2 * operators)
	h.ether.split(func(a, b *witness) bool { return a.n != b.n && (a.n == cut || b.n == cut) })
}

// befalls has something happen to an operator, once in a while.
func (h *history) befalls(m *witness, weather bool) {
	m.mu.Lock()
	killed := m.killed
	m.mu.Unlock()
	select {
	case <-killed:
		if m.service() != nil {
			h.killed++
			m.halt()
			m.start()
		}
	default:
	}
	if m.service() == nil {
		return
	}
	switch {
	case h.rng.IntN(60) == 0:
		h.acts(m, h.rng.IntN(len(h.wallets)))
	case !weather:
	case h.rng.IntN(700) == 0:
		h.restarted++
		m.halt()
		if h.rng.IntN(2) == 0 {
			m.copyTo("older")
		}
		m.start()
	case h.rng.IntN(5000) == 0:
		h.promotes(m)
	}
}

// promotes gives an operator the database back that it had some time ago, if there is one.
func (h *history) promotes(m *witness) {
	m.halt()
	if m.promote("older") {
		h.promoted++
	}
	m.start()
}

// requireNoProof demands that nobody holds a proof.
func (h *history) requireNoProof() {
	for _, m := range h.members {
		if m.service() != nil {
			for _, p := range m.proofs() {
				require.FailNow(h.t, "a proof against somebody honest", "operator %d holds %s against %v, window %d", m.n, p.Kind, p.Slot.Operator, p.Slot.Window)
			}
		}
	}
}

// Restarts, kills between the store of a head and its sending, loss, repetition, gaps that are filled late, and databases that forget:
// as long as nobody cheats nothing is proved against anybody.
func TestHistoriesOfHonestOperatorsYieldNoProof(t *testing.T) {
	for seed := *historySeed; seed < *historySeed+uint64(*historyCount); seed++ { //nolint:gosec // positive
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withHistory(t, seed, root(t), func(h *history) { h.honest(*historyWindows) })
		})
	}
}

// honest lives through windows without a cheat.
func (h *history) honest(windows int) {
	for k := range windows {
		h.window = chain.Height(k+1) * 900 //nolint:gosec // positive
		h.live(nil, exchangeTo)
		switch m := h.members[0]; k { // however short the history is
		case 1:
			m.halt()
			m.copyTo("older")
			m.start()
		case 4:
			h.promotes(m)
		}
		h.requireNoProof()
	}
	c := h.counters()
	h.requireNoProof()
	h.t.Logf("heads %d (%d skipped, %d lost), comparisons %d (%d broken off), findings %v, heard %v; killed %d, restarted %d, promoted %d, acted %d, barred %d",
		c.HeadsMade, c.HeadsSkipped, c.HeadsLost, c.Comparisons, c.ComparisonsFailed, c.Findings, c.HeadsHeard, h.killed, h.restarted, h.promoted, h.acted, h.barred)
	require.Greater(h.t, c.HeadsMade, uint64(windows), "there was something to prove with") //nolint:gosec // positive
	require.Positive(h.t, c.Findings[compare.Ours])
	require.Positive(h.t, h.acted)
	require.Positive(h.t, h.killed)
	require.Positive(h.t, h.restarted)
	require.Positive(h.t, h.promoted)
}

// A leader shows some one face and others another. Whoever has seen one of them and whoever has seen the other, if both attest the
// window, hold the proof once they have exchanged heads, however bad the weather was before.
func TestHistoriesATwoFacedLeaderIsProved(t *testing.T) {
	proved := 0
	for seed := *historySeed; seed < *historySeed+uint64(histories()); seed++ { //nolint:gosec // a few
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withHistory(t, seed, root(t), func(h *history) {
				const cheated = 1 // of which everybody is
				cheats := h.rng.IntN(2) + 1
				seen := map[*witness][]int{}
				for k := range cheats + 1 {
					h.window = chain.Height(k+1) * 900
					if k < cheats {
						h.live(nil, exchangeTo)
						h.requireNoProof()
						continue
					}
					leader := leaderOf(cheated, h.window)
					h.live(func(m *witness, wallet int) []int {
						if wallet != cheated || m.n == leader {
							return nil
						}
						if seen[m] == nil {
							seen[m] = [][]int{{0}, {1}, {0, 1}, {}}[h.rng.IntN(4)]
						}
						return seen[m]
					}, exchangeFrom+30)
				}
				proved += h.requireProved(evidence.Slot{
					Wallet: h.wallets[cheated].ID(), Window: h.window, Operator: operator(leaderOf(cheated, h.window)),
				}, seen)
			})
		})
	}
	t.Logf("proved to %d pairs", proved)
	require.Positive(t, proved)
}

// histories is how many histories with a cheat are lived through: two, and one more for every hundred windows of the long ones.
func histories() int { return 2 + *historyWindows/100 }

// requireProved demands the proof of every two who between them have seen both faces, and that nobody else is accused. It returns how
// many pairs there are.
func (h *history) requireProved(slot evidence.Slot, seen map[*witness][]int) (pairs int) {
	for a, facesOfA := range seen {
		for b, facesOfB := range seen {
			union := append(slices.Clone(facesOfA), facesOfB...)
			if a == b || !slices.Contains(union, 0) || !slices.Contains(union, 1) || !a.attests(slot) || !b.attests(slot) {
				continue
			}
			pairs++
			for _, m := range []*witness{a, b} {
				require.True(h.t, m.proves(evidence.TwoStatements, slot), "operator %d, who saw %v, lacks the proof; the other one is %d, who saw %v", m.n, seen[m], b.n, facesOfB)
			}
		}
	}
	for _, m := range h.members {
		for _, p := range m.proofs() {
			require.Equal(h.t, slot.Operator, p.Slot.Operator, "nobody else is accused")
			require.Equal(h.t, slot, p.Slot)
		}
	}
	return pairs
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
