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
)

var (
	historyWindows = flag.Int("history-windows", 6, "how many windows a history of honest operators has")
	historyCount   = flag.Int("histories", 1, "how many such histories are lived through, each with a seed of its own")
	historySeed    = flag.Uint64("history-seed", 1, "the seed of the histories of evidence")
	cheatCount     = flag.Int("cheats", 3, "how many histories with a leader of two faces are lived through")
	cheatWindow    = flag.Int("cheat-window", 3, "by which window at the latest the leader of such a history shows them")
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
	t.Logf("%d histories of %d windows without a cheat, from seed %d on", *historyCount, *historyWindows, *historySeed)
	windows := 0 // of histories that came to their ends

	for seed := *historySeed; seed < *historySeed+uint64(*historyCount); seed++ { //nolint:gosec // positive
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withHistory(t, seed, root(t), func(h *history) { windows += h.honest(*historyWindows) })
		})
	}
	t.Logf("%d windows without a cheat and without a proof, seeds %d to %d", windows, *historySeed, *historySeed+uint64(*historyCount)-1) //nolint:gosec // positive
}

// honest lives through windows without a cheat, and returns how many it has lived through.
func (h *history) honest(windows int) (lived int) {
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
		lived++
	}
	c := h.counters()
	h.requireNoProof()
	h.t.Logf("seed %d, %d windows: heads %d (%d skipped, %d lost), comparisons %d (%d broken off), findings %v, heard %v; killed %d, restarted %d, promoted %d, acted %d, barred %d",
		h.ether.seed, lived, c.HeadsMade, c.HeadsSkipped, c.HeadsLost, c.Comparisons, c.ComparisonsFailed, c.Findings, c.HeadsHeard, h.killed, h.restarted, h.promoted, h.acted, h.barred)
	require.Greater(h.t, c.HeadsMade, uint64(windows), "there was something to prove with") //nolint:gosec // positive
	require.Positive(h.t, c.Findings[compare.Ours])
	require.Positive(h.t, h.acted)
	require.Positive(h.t, h.killed)
	require.Positive(h.t, h.restarted)
	require.Positive(h.t, h.promoted)
	return lived
}

// An operator loses everything but its keys after it told its head of a window, and starts again before the next one: what it has not seen it
// does not attest, for it may have attested it before.
func TestHistoriesAWipedDiskLeadsToNoSecondHead(t *testing.T) {
	withHistory(t, *historySeed, root(t), func(h *history) {
		for k := range 3 {
			h.window = chain.Height(k+1) * 900
			h.pass(h.window + 79)
			for _, m := range h.members {
				for i := range h.wallets {
					if slices.Contains(rosters[i], m.n) {
						h.hears(m, i, leaderOf(i, h.window), func(*witness, int) []int { return []int{0} })
					}
				}
			}
			for at := chain.Height(exchangeFrom); at <= exchangeTo; at++ {
				h.pass(h.window + at)
			}
			if k == 1 {
				m := h.members[1]
				m.halt()
				require.NoError(h.t, os.RemoveAll(m.dir))
				require.NoError(h.t, os.MkdirAll(m.dir, 0o700))
				m.start()
				for at := chain.Height(exchangeTo + 1); at <= exchangeTo+250; at++ {
					h.pass(h.window + at)
				}
			}
			h.requireNoProof()
		}
		state, err := h.members[1].log.State(h.t.Context())
		require.NoError(h.t, err)
		require.Equal(h.t, h.window, state.Head.Window, "it goes on with the window that it saw")
	})
}
