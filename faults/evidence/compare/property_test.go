package compare_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// network is a few operators under bad weather: what a leader says reaches each of them in time, late, twice or never.
type network struct {
	t       *rapid.T
	members []*member
	all     []evidence.Head
	proofs  int
	safe    chain.Height // nobody forgets anything from this window on; 0 for never
}

func newNetwork(t *rapid.T) *network {
	n := &network{t: t}
	rosters := [][]int{{1, 2, 3}, {2, 1}, {3, 1, 2}}
	for seed := 1; seed <= 3; seed++ {
		var wallets []chain.Wallet
		for i, roster := range rosters {
			if slices.Contains(roster, seed) {
				wallets = append(wallets, wallet(t, i, roster...))
			}
		}
		n.members = append(n.members, newMember(seed, 0, wallets...))
	}
	return n
}

// index is a wallet's number.
func (n *network) index(w chain.Wallet) int {
	for i := range 3 {
		if wallet(n.t, i, 1).ID() == w.ID() {
			return i
		}
	}
	n.t.Fatal("unknown wallet")
	return 0
}

// window lets a window pass. Told draws what the leader of a wallet tells a member, none if nothing arrives.
func (n *network) window(window chain.Height, told func(m *member, leader, i int) []evidence.Statement) {
	for _, m := range n.members {
		for _, w := range m.wallets {
			i := n.index(w)
			leader := leaderOf(i, window)
			e := evidence.Entry{Wallet: w.ID(), Window: window, Leader: operator(leader)}
			for _, s := range told(m, leader, i) {
				m.keep(s)
				e.Status, e.Sender, e.Statement = evidence.Said, s.Operator, s.Digest
				if len(m.kept[[2]any{w.ID(), window}]) == 2 {
					e.Status, e.Statement = evidence.Twice, [32]byte{}
				}
			}
			require.NoError(n.t, m.ledger.Put(e))
		}
		fate := 9
		if n.safe == 0 || window < n.safe {
			fate = rapid.IntRange(0, 9).Draw(n.t, "fate")
		}
		switch fate {
		case 0: // the database was lost with this window: it is skipped
			if len(m.heads) > 0 {
				last := slices.Max(windowsOf(m.heads))
				n.restart(m, m.heads[last].Head)
			}
			continue
		case 1: // and this time with everything before
			n.restart(m, evidence.Head{})
			continue
		}
		n.all = append(n.all, m.close(n.t, window).Head)
	}
}

// restart forgets what is not in the store: all entries that a head denies too much about, and all heads but the last.
func (n *network) restart(m *member, last evidence.Head) {
	entries := m.ledger
	m.ledger = heads.NewLedger(chainID, operator(m.seed), last)
	for window := chain.Height(frequency); window <= last.Window; window += frequency {
		for _, w := range m.wallets {
			if e, ok := entries.Entry(w.ID(), window); ok {
				require.NoError(n.t, m.ledger.Put(e))
			}
		}
	}
}

// gossip has one member compare with another, and both learn from it.
func (n *network) gossip(a, b *member, window chain.Height) {
	if _, ok := b.heads[window]; !ok {
		return
	}
	s := listen(n.t, a, b, a.asks(b, window), func(f compare.Finding) { n.learn(b, f) })
	require.True(n.t, s.Complete())
	for _, f := range s.Findings() {
		n.learn(a, f)
	}
	if a.known[b.seed] == nil {
		a.known[b.seed] = heads.Known{}
	}
	for wallet, instead := range s.Explains() {
		a.known[b.seed][wallet] = append(a.known[b.seed][wallet], instead...)
	}
}

func (n *network) learn(m *member, f compare.Finding) {
	switch f.Kind {
	case compare.Contradiction:
		requireProof(n.t, f)
		n.proofs++
		for _, s := range f.Proof.Statements() {
			m.keep(s)
		}
	case compare.Ours:
		m.keep(*f.Statement)
		if f.Mine != nil && f.Mine.Status == evidence.None && !f.Mine.Leader.IsZero() {
			late := *f.Mine
			late.Status, late.Sender, late.Statement = evidence.Late, f.Statement.Operator, f.Statement.Digest
			require.NoError(n.t, m.ledger.Put(late))
		}
	}
}

// requireNoProofFromHeads tries every pair of heads that were ever signed.
func (n *network) requireNoProofFromHeads() {
	for i, a := range n.all {
		for _, b := range n.all[i+1:] {
			_, err := evidence.ProveTwoHeads(a, b)
			require.Error(n.t, err)
			_, err = evidence.ProveFork(a, b)
			require.Error(n.t, err)
			_, err = evidence.ProveFork(b, a)
			require.Error(n.t, err)
		}
	}
}

func leaderOf(i int, window chain.Height) int {
	seats := [][]int{{1, 2, 3}, {2, 1}, {3, 1, 2}}[i]
	return seats[int(window/frequency)%len(seats)]
}

func windowsOf(m map[chain.Height]*heads.Attested) []chain.Height {
	var windows []chain.Height
	for w := range m {
		windows = append(windows, w)
	}
	return windows
}

// Whatever is lost, repeated, late or forgotten, and whoever compares with whom: nobody is accused who says one thing only.
func TestNoHonestPairEverYieldsAProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(t)
		windows := rapid.IntRange(1, 4).Draw(t, "windows")
		for k := 1; k <= windows; k++ {
			window := chain.Height(k * frequency)
			n.window(window, func(m *member, leader, i int) []evidence.Statement {
				s := says(t, leader, i, window, 0)
				return slices.Repeat([]evidence.Statement{s}, rapid.IntRange(0, 2).Draw(t, "copies"))
			})
			for range rapid.IntRange(0, 3).Draw(t, "comparisons") {
				a, b := rapid.IntRange(0, 2).Draw(t, "asks"), rapid.IntRange(0, 2).Draw(t, "asked")
				if a != b {
					n.gossip(n.members[a], n.members[b], window)
				}
			}
		}
		require.Zero(t, n.proofs)
		n.requireNoProofFromHeads()
	})
}

// A leader that tells some one thing and others another is proved to have, by any two who between them heard both and compare:
// both of them have the proof then.
func TestATwoFacedLeaderIsProvedByAnyTwoWhoHeardBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(t)
		n.safe = 3 * frequency
		const cheated = 2 // the wallet that operator 3 leads in the windows that are multiples of three
		windows := rapid.IntRange(3, 4).Draw(t, "windows")
		faces := []int{rapid.IntRange(0, 3).Draw(t, "to 1"), rapid.IntRange(0, 3).Draw(t, "to 2")} // bit 0 and 1: which it tells
		for k := 2; k <= windows; k++ {
			window := chain.Height(k * frequency)
			n.window(window, func(m *member, leader, i int) []evidence.Statement {
				if k == 3 && i == cheated && m.seed != 3 {
					require.Equal(t, 3, leader)
					var both []evidence.Statement
					for face := range 2 {
						if faces[m.seed-1]>>face&1 == 1 {
							both = append(both, says(t, leader, i, window, face))
						}
					}
					return both
				}
				return slices.Repeat([]evidence.Statement{says(t, leader, i, window, 0)}, rapid.IntRange(0, 2).Draw(t, "copies"))
			})
		}
		a, b := n.members[0], n.members[1]
		if rapid.Bool().Draw(t, "who asks") {
			a, b = b, a
		}
		window := chain.Height(windows * frequency)
		n.gossip(a, b, window)
		if faces[0]|faces[1] != 3 {
			require.Zero(t, n.proofs, "they did not hear both")
			return
		}
		slot := [2]any{wallet(t, cheated, 1).ID(), chain.Height(3 * frequency)}
		for _, m := range []*member{a, b} {
			require.Len(t, m.kept[slot], 2, "each of the two can prove it to anybody")
			_, err := evidence.Prove(chainID, m.kept[slot][0], m.kept[slot][1])
			require.NoError(t, err)
		}
		if faces[0] != 3 || faces[1] != 3 {
			require.NotZero(t, n.proofs)
		}
	})
}
