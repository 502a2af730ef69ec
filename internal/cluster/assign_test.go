package cluster

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

var testRules = Rules{Settle: 10 * time.Second, Pace: DefaultPace}

var (
	between = phase{Window: 7, Between: true}
	during  = phase{Window: 7}
)

// member is a settled, healthy, live instance.
func member(name string) Member {
	return Member{
		Holder: Holder{Instance: InstanceID(name), Boot: Boot{1}}, Status: Status{Healthy: true},
		Left: 9 * time.Second, Age: time.Hour, Current: true, Reconciled: true,
	}
}

func members(n int) []Member {
	all := make([]Member, n)
	for i := range all {
		all[i] = member(fmt.Sprintf("i%02d", i))
	}
	return all
}

func testWallet(i int) chain.WalletID {
	var id chain.WalletID
	binary.BigEndian.PutUint32(id[:], uint32(i)*2654435761) // spread, so that order by id is not the order of making
	binary.BigEndian.PutUint32(id[4:], uint32(i))
	return id
}

// orphans is a view of members and wallets that nobody has.
func orphans(all []Member, wallets int) View {
	v := View{Members: all, Rested: Never}
	for i := range wallets {
		v.Wallets = append(v.Wallets, Assignment{Wallet: testWallet(i)})
	}
	return v
}

// after is the view once the moves are made.
func after(v View, moves []Move) View {
	v.Members, v.Wallets = slices.Clone(v.Members), slices.Clone(v.Wallets)
	for _, m := range moves {
		i := slices.IndexFunc(v.Wallets, func(a Assignment) bool { return a.Wallet == m.Wallet })
		v.Wallets[i].Owner = m.To
		v.Wallets[i].Epoch++
		if m.Cause == CauseBalance {
			v.Rested = 0
		}
		if m.BarFrom > 0 {
			j := slices.IndexFunc(v.Members, func(o Member) bool { return o.Holder == m.From })
			v.Members[j].BarredThrough = m.BarFrom
		}
	}
	return v
}

// settled plans until nothing moves, between windows and with the pace passed each time.
func settled(v View) View {
	for range 10 {
		v.Rested = Never
		moves := plan(v, between, testRules)
		if len(moves) == 0 {
			return v
		}
		v = after(v, moves)
	}
	panic("plans do not come to rest")
}

// loads counts wallets by instance; members without any are in it, too.
func loads(v View) map[InstanceID]int {
	count := make(map[InstanceID]int)
	for _, m := range v.Members {
		count[m.Instance] = 0
	}
	for _, a := range v.Wallets {
		if !a.Owner.IsZero() {
			count[a.Owner.Instance]++
		}
	}
	return count
}

func spread(count map[InstanceID]int) int {
	least, most := 1<<30, 0
	for _, n := range count {
		least, most = min(least, n), max(most, n)
	}
	return most - least
}

// drawView draws instances of any kind, and wallets with owners that are there, gone or nobody.
func drawView(t *rapid.T) View {
	v := View{Rested: rapid.SampledFrom([]time.Duration{Never, 0, 59 * time.Second, time.Minute}).Draw(t, "rested")}
	flag := func(name string, percent int) bool { return rapid.IntRange(0, 99).Draw(t, name) < percent }
	for _, m := range members(rapid.IntRange(0, 6).Draw(t, "members")) {
		m.Healthy, m.Standby, m.Draining = flag("healthy", 80), flag("standby", 20), flag("draining", 15)
		m.Current, m.Reconciled = flag("current", 92), flag("reconciled", 92)
		m.Left = time.Duration(rapid.SampledFrom([]int{9, 1, 0, -3}).Draw(t, "left")) * time.Second
		m.Age = time.Duration(rapid.SampledFrom([]int{3600, 10, 9, 0}).Draw(t, "age")) * time.Second
		m.BarredThrough = rapid.SampledFrom([]uint64{0, 6, 7, 9}).Draw(t, "barred")
		v.Members = append(v.Members, m)
	}
	for i := range rapid.IntRange(0, 25).Draw(t, "wallets") {
		a := Assignment{Wallet: testWallet(i), Epoch: Epoch(rapid.IntRange(0, 5).Draw(t, "epoch"))}
		switch owner := rapid.IntRange(-2, len(v.Members)-1).Draw(t, "owner"); {
		case owner >= 0:
			a.Owner = v.Members[owner].Holder
		case owner == -1:
			a.Owner = Holder{Instance: "gone", Boot: Boot{9}}
		}
		v.Wallets = append(v.Wallets, a)
	}
	return v
}

func find(v View, h Holder) (Member, bool) {
	i := slices.IndexFunc(v.Members, func(m Member) bool { return m.Holder == h })
	if i < 0 {
		return Member{}, false
	}
	return v.Members[i], true
}

func serves(v View, h Holder) bool {
	m, ok := find(v, h)
	return ok && m.Live() && m.Healthy && !m.Draining
}

func TestAnyPlanKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t)
		phase := phase{Window: 7, Between: rapid.Bool().Draw(t, "between")}
		moves := plan(v, phase, testRules)

		someone := slices.ContainsFunc(v.Members, func(m Member) bool { return serves(v, m.Holder) && m.Reconciled })
		seen := make(map[chain.WalletID]bool)
		for _, m := range moves {
			require.False(t, seen[m.Wallet], "a wallet moves twice")
			seen[m.Wallet] = true
			i := slices.IndexFunc(v.Wallets, func(a Assignment) bool { return a.Wallet == m.Wallet })
			require.Equal(t, v.Wallets[i], Assignment{Wallet: m.Wallet, Owner: m.From, Epoch: m.Epoch})
			require.NotEqual(t, m.From, m.To)
			to, ok := find(v, m.To)
			require.True(t, ok && serves(v, m.To) && to.Reconciled, "a wallet goes to somebody who cannot serve it")

			from, known := find(v, m.From)
			switch m.Cause {
			case CauseBalance:
				require.True(t, phase.Between && v.Rested >= testRules.Pace, "balance does not wait")
				require.True(t, serves(v, m.From))
			case CauseOrphan:
				require.False(t, known && from.Live())
			case CauseDrain:
				require.True(t, from.Live() && from.Draining)
			case CauseHealth:
				require.True(t, from.Live() && !from.Draining && !from.Healthy)
				require.EqualValues(t, 9, m.BarFrom, "it stays out of windows 8 and 9")
			default:
				t.Fatalf("cause %q", m.Cause)
			}
		}
		for _, a := range after(v, moves).Wallets {
			require.True(t, !someone || serves(v, a.Owner), "a wallet is left without a server although there is one")
		}

		// Nothing depends on the order in which rows were read.
		shuffled := v
		shuffled.Members = slices.Clone(v.Members)
		slices.Reverse(shuffled.Members)
		shuffled.Wallets = rapid.Permutation(v.Wallets).Draw(t, "order")
		require.Equal(t, moves, plan(shuffled, phase, testRules))
	})
}

func TestPlansComeToRestInBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "instances")
		v := orphans(members(n), rapid.IntRange(0, 60).Draw(t, "wallets"))
		for i := range v.Wallets {
			if owner := rapid.IntRange(-1, n-1).Draw(t, "owner"); owner >= 0 {
				v.Wallets[i].Owner = v.Members[owner].Holder
			}
		}
		// The fewest moves there can be: who has more than his share gives the rest away, where the larger shares are for
		// those who have most; and wallets of nobody must move anyway.
		var held []int
		free := 0
		for _, m := range v.Members {
			held = append(held, loads(v)[m.Instance])
		}
		for _, a := range v.Wallets {
			if a.Owner.IsZero() {
				free++
			}
		}
		slices.SortFunc(held, func(a, b int) int { return b - a })
		fewest := free
		for i, h := range held {
			share := len(v.Wallets) / n
			if i < len(v.Wallets)%n {
				share++
			}
			fewest += max(0, h-share)
		}
		moves := plan(v, between, testRules)
		require.LessOrEqual(t, spread(loads(after(v, moves))), 1)
		require.Len(t, moves, fewest)
	})
}

// The figures of a join and a death: nothing moves that need not.
func TestAJoinAndADeathMoveAsLittleAsTheyCan(t *testing.T) {
	for _, wallets := range []int{1, 10, 20, 99, 100, 1000} {
		for n := 1; n <= 6; n++ {
			t.Run(fmt.Sprintf("%d wallets, %d instances", wallets, n), func(t *testing.T) {
				v := settled(orphans(members(n), wallets))
				require.LessOrEqual(t, spread(loads(v)), 1)

				joined := v
				joined.Members, joined.Rested = members(n+1), Never
				moves := plan(joined, between, testRules)
				require.LessOrEqual(t, len(moves), (wallets+n)/(n+1), "more than its share goes to who joins")
				for _, m := range moves {
					require.Equal(t, joined.Members[n].Holder, m.To, "a wallet moves between those who were there")
				}
				require.LessOrEqual(t, spread(loads(after(joined, moves))), 1)

				if n == 1 {
					return
				}
				dead := v
				dead.Members = slices.Clone(v.Members)
				dead.Members[0].Left = 0
				moves = plan(dead, during, testRules)
				require.Len(t, moves, loads(v)[dead.Members[0].Instance], "a death moves the dead's wallets alone")
				left := loads(after(dead, moves))
				delete(left, dead.Members[0].Instance)
				require.LessOrEqual(t, spread(left), 1)
			})
		}
	}
}

func TestOneInstanceServesAllAndSpareOnesIdle(t *testing.T) {
	require.Equal(t, map[InstanceID]int{"i00": 40}, loads(settled(orphans(members(1), 40))))

	few := loads(settled(orphans(members(5), 2)))
	require.Len(t, few, 5)
	require.Equal(t, 1, spread(few))

	require.Empty(t, plan(orphans(nil, 3), between, testRules))
}

func TestAStandbyServesOnlyWhileNobodyElseCan(t *testing.T) {
	all := members(2)
	all[1].Standby = true
	v := settled(orphans(all, 6))
	require.Equal(t, map[InstanceID]int{"i00": 6, "i01": 0}, loads(v))

	v.Members[0].Healthy = false
	v = after(v, plan(v, during, testRules))
	require.Equal(t, map[InstanceID]int{"i00": 0, "i01": 6}, loads(v))

	v.Members[0].Healthy, v.Members[0].BarredThrough = true, 0
	require.Empty(t, plan(v, during, testRules), "a standby that serves is not disturbed in a window")
	require.Equal(t, map[InstanceID]int{"i00": 6, "i01": 0}, loads(settled(v)))
}

func TestWhoLosesWalletsForItsHealthStaysOutForTwoWindows(t *testing.T) {
	v := settled(orphans(members(2), 4))
	v.Members[0].Healthy = false
	v = after(v, plan(v, during, testRules)) // in window 7
	v.Members[0].Healthy, v.Rested = true, Never
	for window, moves := range map[uint64]int{7: 0, 8: 0, 9: 0, 10: 2} {
		require.Len(t, plan(v, phase{Window: window, Between: true}, testRules), moves, "window %d", window)
	}
	// Alone it serves, barred or not.
	v.Members[1].Left = 0
	require.Len(t, plan(v, during, testRules), 4)
}

func TestAnUnhealthyInstanceKeepsWhatNobodyElseCanServe(t *testing.T) {
	v := settled(orphans(members(2), 4))
	v.Members[0].Healthy, v.Members[1].Healthy = false, false
	require.Empty(t, plan(v, during, testRules))
}

func TestDrainingGivesAllAwayAtOnce(t *testing.T) {
	v := settled(orphans(members(3), 9))
	v.Members[1].Draining, v.Rested = true, 0
	moves := plan(v, during, testRules)
	require.Len(t, moves, 3)
	require.Equal(t, map[InstanceID]int{"i00": 4, "i01": 0, "i02": 5}, sortedLoads(loads(after(v, moves))))
}

// sortedLoads puts the larger of the two remaining loads at i02: which of them has it is for the hash to say.
func sortedLoads(count map[InstanceID]int) map[InstanceID]int {
	if count["i00"] > count["i02"] {
		count["i00"], count["i02"] = count["i02"], count["i00"]
	}
	return count
}

func TestWhoJoinsWaitsOneLeaseUnlessNobodyElseIsThere(t *testing.T) {
	v := settled(orphans(members(1), 4))
	v.Members, v.Rested = members(2), Never
	v.Members[1].Age = testRules.Settle - 1
	require.Empty(t, plan(v, between, testRules))
	v.Members[1].Age++
	require.Len(t, plan(v, between, testRules), 2)

	fresh := orphans(members(2), 4)
	fresh.Members[0].Age, fresh.Members[1].Age = 0, 0
	require.Len(t, plan(fresh, during, testRules), 4, "after a cold start nobody is settled")
}

func TestBalanceWaitsForThePaceAndTheTimeBetweenWindows(t *testing.T) {
	v := settled(orphans(members(1), 4))
	v.Members = members(2)
	v.Rested = testRules.Pace
	require.Empty(t, plan(v, during, testRules))
	require.Len(t, plan(v, between, testRules), 2)
	v.Rested--
	require.Empty(t, plan(v, between, testRules))
}

func TestPhaseLeavesTheWindowAndItsApproachAlone(t *testing.T) {
	s := coordination.RFC12()
	for h, want := range map[chain.Height]phase{
		0:    {Window: 0, Between: true},
		900:  {Window: 1},
		999:  {Window: 1},
		1000: {Window: 1, Between: true},
		1789: {Window: 1, Between: true},
		1790: {Window: 1},
		1800: {Window: 2},
	} {
		require.Equal(t, want, phaseAt(s, h), "height %d", h)
	}
	require.EqualValues(t, 900, horizon(s, 1767))
	require.EqualValues(t, 1800, horizon(s, 1768), "somebody may be a seed's depth ahead")
}

// Versions plan side by side: the hash is part of what they agree on. The figure is what sha256sum says.
func TestTheRankIsPinned(t *testing.T) {
	require.Equal(t, uint64(0xdb2fff923b76636e), rank(chain.WalletID{1, 2, 3}, "alpha"))
}

func BenchmarkPlan(b *testing.B) {
	v := settled(orphans(members(5), 1000))
	b.Run("nothing to do", func(b *testing.B) {
		for b.Loop() {
			plan(v, between, testRules)
		}
	})
	joined := v
	joined.Members, joined.Rested = members(6), Never
	b.Run("join", func(b *testing.B) {
		for b.Loop() {
			plan(joined, between, testRules)
		}
	})
}
