package devnet

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// drawStage is any devnet in any window, with any leaders.
func drawStage(t *rapid.T) stage {
	operators := rapid.IntRange(lastHonest+1, 8).Draw(t, "operators")
	seed := rapid.Uint64().Draw(t, "seed")
	secrets, err := operatorKeys(lot{seed: seed}, operators)
	require.NoError(t, err)
	var s stage
	for _, key := range secrets {
		s.operators = append(s.operators, operatorOf(key))
	}
	seats := rapid.IntRange(operators, 20).Draw(t, "seats")
	wallets, err := makeWallets(lot{seed: seed}, rapid.IntRange(1, 6).Draw(t, "wallets"), seats, s.operators)
	require.NoError(t, err)
	s.window, _ = coordination.RFC12().Window(chain.Height(900 * rapid.IntRange(1, 40).Draw(t, "index")))
	safe := chain.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "safe block"))
	due := [][]byte{payout(1), payout(2)}[:rapid.IntRange(0, 2).Draw(t, "due")]
	for _, w := range wallets {
		s.elections = append(s.elections, elect(w, s.window, safe, due))
	}
	return s
}

func TestR10PlansLeaveEnoughHonestNodesAndAttackSomething(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		for _, scenario := range unsigned() {
			p := scenario.plan(s)
			honest := s.others(p.down)
			require.GreaterOrEqual(t, len(honest), lastHonest, scenario.Name)
			for _, it := range p.parts {
				require.Contains(t, p.down, it.operator, "%s: a key is used while its honest node is down", scenario.Name)
				require.NotEmpty(t, it.audience)
				for _, op := range it.audience {
					require.Contains(t, honest, op)
				}
			}
			if scenario.Name != "calm" {
				require.NotEqual(t, plan{}, p, scenario.Name)
			}
		}
	})
}

// attacked returns the lines of a plan by wallet.
func attacked(p plan) map[chain.WalletID][]line {
	lines := make(map[chain.WalletID][]line)
	for _, it := range p.parts {
		for _, l := range it.lines {
			lines[l.wallet] = append(lines[l.wallet], l)
		}
	}
	return lines
}

func TestR10AdversariesGoByRoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		idle, mistaken, impostor, twoFaced := planIdle(s), planMistaken(s), planImpostor(s), planTwoFaced(s)
		require.Empty(t, attacked(idle))
		for _, e := range s.elections {
			id := e.wallet.ID()
			if slices.Contains(mistaken.down, e.leader) {
				require.Len(t, attacked(mistaken)[id], 1)
				require.Len(t, attacked(twoFaced)[id], 2)
			} else {
				require.Empty(t, attacked(mistaken)[id])
				require.Empty(t, attacked(twoFaced)[id])
			}
			if e.leader == impostor.down[0] {
				require.Empty(t, attacked(impostor)[id], "nobody impersonates itself")
			} else {
				require.Len(t, attacked(impostor)[id], 2)
			}
		}
	})
}

// Whoever is refused because of the window before stays away, and somebody else floods what it does not lead.
func TestR10AFlooderLeadsNothingOfWhatItFloodsAndIsNotRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		if len(s.operators) > lastHonest+1 {
			s.refused = []chain.Operator{rapid.SampledFrom(s.operators).Draw(t, "refused")}
		}
		p := planFlood(s)
		require.Subset(t, p.down, s.refused)
		require.GreaterOrEqual(t, len(s.others(p.down)), lastHonest)
		it := p.parts[0]
		require.NotContains(t, s.refused, it.operator)
		i := slices.IndexFunc(s.elections, func(e election) bool { return e.wallet.ID() == it.flood.wallet })
		require.NotEqual(t, s.elections[i].leader, it.operator)
		require.Equal(t, s.elections[i].wallet.LowestSeat(it.operator), it.flood.seat)
		there := !slices.Contains(s.refused, s.elections[i].leader)
		require.Equal(t, s.window.Index%2 == 0 && there, it.flood.replays, "nobody replays the silence of a leader who is away")
	})
}

func TestMistakesTakeTurnsAndAreMistakes(t *testing.T) {
	w := newWorld(t, 1, 1)
	e := w.stage.elections[0]
	var kinds []string
	for variant := range uint64(4) {
		l := mistake(e, w.stage.window, variant)
		m := proposal.Message{Sender: l.seat, Block: 900, Wallet: l.wallet, Proposal: l.proposal}
		switch {
		case !e.allows(l.proposal.Kind()):
			kinds = append(kinds, "off the checklist")
		case m.Sender != e.wallet.LowestSeat(e.leader):
			kinds = append(kinds, "wrong seat")
			own := e.wallet.SeatsOf(e.leader)
			require.Equal(t, len(own) > 1, slices.Contains(own, l.seat), "its own second seat, where it has one")
		case l.proposal.(proposal.Redemption).TxFee.Int64() == greedyFee:
			kinds = append(kinds, "fee")
		case !holds(e.due, l.proposal.(proposal.Redemption).OutputScripts[0]):
			kinds = append(kinds, "no such request")
		}
	}
	require.Equal(t, []string{"off the checklist", "wrong seat", "fee", "no such request"}, kinds)
}

func TestRestartAndLostHeadsMeetLeaderAndFollowerByTurns(t *testing.T) {
	for index := uint64(1); index <= 6; index++ {
		s := newWorld(t, 2, index).stage
		who := s.byTurns()
		require.Equal(t, index%2 == 1, who == s.elections[0].leader, "window %d", s.window.Block)
		if index%2 == 0 {
			require.NotContains(t, s.leaders(), who)
		}
	}
}

func TestSeedFixesKeysAndSeats(t *testing.T) {
	a, b, c := newWorld(t, 1, 1), newWorld(t, 1, 1), newWorld(t, 2, 1)
	require.Equal(t, a.stage, b.stage)
	require.NotEqual(t, a.stage.operators, c.stage.operators)
	require.NotEqual(t, a.stage.elections[0].wallet.Key(), a.stage.elections[1].wallet.Key())
}

func TestSeatsAreSpreadOverAllOperatorsUnevenly(t *testing.T) {
	uneven := 0
	for seed := range uint64(50) {
		w := newWorld(t, seed, 1)
		for _, e := range w.stage.elections {
			require.Equal(t, 10, e.wallet.Seats())
			counts := make(map[int]bool)
			for _, op := range w.stage.operators {
				require.True(t, e.wallet.Holds(op))
				counts[len(e.wallet.SeatsOf(op))] = true
			}
			if len(counts) > 1 {
				uneven++
			}
		}
	}
	require.Greater(t, uneven, 80, "of 100 wallets")
}

func TestPayoutsDiffer(t *testing.T) {
	require.False(t, bytes.Equal(payout(1), payout(2)))
	require.False(t, bytes.Equal(payout(1), payout(257)))
	require.Len(t, payout(70_000), 22)
}
