package executor

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
)

var alice, bob, carol = chain.Operator{0xaa}, chain.Operator{0xbb}, chain.Operator{0xcc}

// nthWallet is a wallet of three operators, of whom two have two seats.
func nthWallet(t *testing.T, nth int) chain.Wallet {
	t.Helper()
	seen := make(map[string]bool)
	for _, v := range vectors(t) {
		if seen[v.WalletPublicKey] {
			continue
		}
		if seen[v.WalletPublicKey] = true; len(seen) <= nth {
			continue
		}
		key, err := chain.ParsePublicKey(v.WalletPublicKey)
		require.NoError(t, err)
		w, err := chain.NewWallet(key, []chain.Operator{alice, bob, carol, alice, bob})
		require.NoError(t, err)
		return w
	}
	t.Fatalf("there is no wallet %d", nth)
	return chain.Wallet{}
}

// family of two, with one wallet that is the first one's, right before window 900. The operator leads it or not.
func withTwo(t *testing.T, leads bool, test func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		wallet := nthWallet(t, 0)
		elected := newFamily(t, 0, alice, wallet)
		elected.chain.Show(899)
		leader := elected.leader(wallet, 900)
		self := leader
		if !leads {
			for _, op := range wallet.Operators() {
				if op != leader {
					self = op
				}
			}
		}
		f := newFamily(t, 2, self, wallet)
		defer f.end()
		f.show(890)
		f.move(wallet, 0)
		test(t, f, wallet, leader)
	})
}

func TestAWalletNobodyServesHasNoResultFromHere(t *testing.T) {
	withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, _ chain.Operator) {
		f.move(w, -1)
		f.pass(1010)
		require.Empty(t, f.database.rows)
	})
}

func TestAWalletGivenAwayInTheActivePhaseIsCarriedOn(t *testing.T) {
	withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
		f.pass(910)
		f.says(leader, w, 900, redemption(5), 0) // only the first hears it, and writes it down
		f.pass(920)
		f.move(w, 1)
		f.pass(1010)
		r := f.result(w, 900)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, redemption(5), r.Proposal)
		require.EqualValues(t, 910, r.ReceivedAt)
		require.EqualValues(t, 900, r.OpenedAt)
		require.Empty(t, f.accused())
	})
}

func TestR2ATakenOverLeaderSendsTheIdenticalEnvelope(t *testing.T) {
	withTwo(t, true, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
		f.pass(910)
		require.Len(t, f.said(w, 900), 1)
		f.move(w, 1) // which has heard it from its sibling, too
		f.pass(1010)
		require.Len(t, f.said(w, 900), 1)
		r := f.result(w, 900)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, coordination.RoleLeader, r.Role)
		require.Equal(t, redemption(0), r.Proposal, "what the first one made")
		require.Empty(t, f.accused(), "our own words are no second statement")
	})
}

func TestALeaderThatIsTakenOverBeforeItSpokeSpeaksOnce(t *testing.T) {
	withTwo(t, true, func(t *testing.T, f *family, w chain.Wallet, _ chain.Operator) {
		f.move(w, -1)
		f.pass(930)
		require.Empty(t, f.said(w, 900))
		f.move(w, 1)
		f.pass(1010)
		require.Len(t, f.said(w, 900), 1)
		require.Equal(t, redemption(1), f.result(w, 900).Proposal)
	})
}

func TestAWalletThatComesBackIsTakenUpAgain(t *testing.T) {
	withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
		f.pass(905)
		f.move(w, -1)
		f.says(leader, w, 900, redemption(5)) // waits in the channel
		f.pass(915)
		f.move(w, 0)
		f.pass(1010)
		r := f.result(w, 900)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.EqualValues(t, 905, r.ReceivedAt)
	})
}

// The lease lapses with a message in hand that the database did not take any more.
func TestAMessageThatCouldNotBeWrittenDownIsNotLostWithTheTerm(t *testing.T) {
	for name, next := range map[string]int{"the same instance comes back": 0, "another one follows": 1} {
		t.Run(name, func(t *testing.T) {
			withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
				f.pass(910)
				f.give(w, -1) // nobody has told the owner yet
				f.says(leader, w, 900, redemption(5))
				require.Empty(t, f.database.statements)
				f.pass(915)
				f.move(w, next)
				f.pass(1010)
				r := f.result(w, 900)
				require.Equal(t, coordination.ReasonOK, r.Reason)
				require.EqualValues(t, 910, r.ReceivedAt)
				require.Empty(t, f.accused(), "the leader was honest")
			})
		})
	}
}

func TestAWindowTakenOverAfterTheActivePhaseIsJudgedByWhatIsWrittenDown(t *testing.T) {
	for name, at := range map[string]chain.Height{"in the passive phase": 985, "after the window": 1040, "long after it": 1500} {
		t.Run(name, func(t *testing.T) {
			withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
				f.pass(910)
				f.says(leader, w, 900, redemption(5), 0)
				f.pass(911)
				f.move(w, -1)
				f.pass(at)
				require.False(t, f.finished(w, 900))
				f.move(w, 1)
				f.pass(at + 1)
				r := f.result(w, 900)
				if at < 1300 { // by then it must be signed
					require.Equal(t, coordination.ReasonOK, r.Reason)
					require.Equal(t, redemption(5), r.Proposal)
					require.EqualValues(t, 910, r.ReceivedAt)
				} else {
					require.Equal(t, coordination.ReasonValidationError, r.Reason)
				}
				require.Contains(t, r.Detail, fmt.Sprint(at))
				require.Empty(t, f.accused())
			})
		})
	}
}

func TestWhatWaitsInTheChannelCountsForALateJudgement(t *testing.T) {
	withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
		f.pass(910)
		f.move(w, -1)
		f.says(leader, w, 900, redemption(5), 1)
		f.pass(990)
		f.move(w, 1)
		f.pass(1010)
		require.Equal(t, coordination.ReasonOK, f.result(w, 900).Reason)
	})
}

func TestOurOwnProposalCountsForALateJudgement(t *testing.T) {
	withTwo(t, true, func(t *testing.T, f *family, w chain.Wallet, _ chain.Operator) {
		f.pass(910)
		f.move(w, -1)
		f.pass(990)
		f.instances[1].lines[w.ID()].sight = net.Sight{Subscribed: true} // nobody is there now, which is nothing
		f.move(w, 1)
		f.pass(1010)
		r := f.result(w, 900)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, redemption(0), r.Proposal)
		require.Len(t, f.said(w, 900), 1)
	})
}

func TestSilenceInAWindowTakenOverLateIsNobodysFault(t *testing.T) {
	for name, leads := range map[string]bool{"as leader": true, "as follower": false} {
		t.Run(name, func(t *testing.T) {
			withTwo(t, leads, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
				f.give(w, -1) // the window is begun by nobody, and opened by both
				f.pass(901)
				f.move(w, -1)
				f.pass(985)
				f.move(w, 1)
				f.pass(990)
				if !leads {
					f.says(leader, w, 900, redemption(5)) // far too late
				}
				f.pass(1010)
				require.Equal(t, coordination.ReasonLateStart, f.result(w, 900).Reason)
				require.Empty(t, f.said(w, 900))
				for _, fault := range f.accused() {
					require.Equal(t, faults.LeaderIdle, fault.Kind)
					require.False(t, fault.Attributed)
				}
			})
			withTwo(t, leads, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
				f.database.down = leads // begun in time; a leader could not write its proposal down
				if leads {
					f.pass(900)
					f.database.down = false
					_, err := pen{f.database, 0}.Begin(t.Context(), w.ID(), coordination.Window{Block: 900}, 900)
					require.NoError(t, err)
				} else {
					f.pass(910)
				}
				f.move(w, -1)
				f.pass(985)
				f.move(w, 1)
				f.pass(1010)
				r := f.result(w, 900)
				require.Equal(t, coordination.ReasonNodeDown, r.Reason)
				require.Equal(t, "taken up at block 985", r.Detail)
				require.Equal(t, leader, r.Leader)
				require.Empty(t, f.said(w, 900))
				require.Empty(t, f.accused())
			})
		})
	}
}

// Evidence that the owner before wrote down and had no time to report.
func TestAnEquivocationWrittenDownByTheOwnerBeforeIsReported(t *testing.T) {
	withTwo(t, false, func(t *testing.T, f *family, w chain.Wallet, leader chain.Operator) {
		f.pass(910)
		f.says(leader, w, 900, redemption(5))
		f.pass(985)
		require.Equal(t, coordination.ReasonOK, f.result(w, 900).Reason)
		f.says(leader, w, 900, redemption(6), 0)
		f.database.mu.Lock()
		f.database.amendments = nil // it died before that
		f.database.mu.Unlock()
		f.move(w, 1)
		f.pass(1050)
		require.Len(t, f.database.amendments, 1)
		require.True(t, f.database.amendments[0].Revoke)
		require.Equal(t, []charge{{faults.LeaderEquivocation, leader, true}}, charges(f.accused()))
	})
}

// weather is a schedule of moves, of beliefs that lag, of failures of the database and of what the leaders say.
type weather struct {
	*rand.Rand
	f     *family
	pace  int                     // heads from one move of a wallet to the next, on average
	ills  int                     // heads for which the database stays down
	spoke map[chain.WalletID]bool // whether this window's leader has spoken
}

// step is what happens at one head.
func (s *weather) step(window coordination.Window, h chain.Height) {
	f := s.f
	for _, w := range f.wallets {
		if s.IntN(s.pace) == 0 {
			f.give(w, s.IntN(len(f.instances)+1)-1)
		}
		for n := range f.instances {
			if s.IntN(4) == 0 {
				f.tell(n, w)
			}
		}
		if leader := f.leader(w, window.Block); leader != f.self && !s.spoke[w.ID()] && h < window.ActiveEnd && s.IntN(12) == 0 {
			s.spoke[w.ID()] = true
			f.says(leader, w, window.Block, redemption(100))
		}
	}
	if s.ills > 0 {
		s.ills--
	} else if s.IntN(40) == 0 {
		s.ills = 1 + s.IntN(6)
	}
	f.database.mu.Lock()
	f.database.down = s.ills > 0
	f.database.mu.Unlock()
	synctest.Wait()
}

// calm lets everybody know who serves what, and the database be well.
func (s *weather) calm() {
	s.f.database.mu.Lock()
	s.f.database.down = false
	s.f.database.mu.Unlock()
	for _, w := range s.f.wallets {
		s.f.move(w, s.IntN(len(s.f.instances)))
	}
}

// The heart of it: wallets that change hands at any time, with owners that learn of it late, have exactly one final result
// in each window, are spoken for with one voice, and accuse no leader that spoke in time.
func TestWalletsThatChangeHandsAtRandomHaveOneResultInEachWindow(t *testing.T) {
	const windows = 2
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 5))
				wallets := []chain.Wallet{nthWallet(t, 0), nthWallet(t, 1)}
				f := newFamily(t, 2+random.IntN(2), []chain.Operator{alice, bob, carol}[random.IntN(3)], wallets...)
				defer f.end()
				s := &weather{Rand: random, f: f, pace: []int{3, 15, 60, 250}[random.IntN(4)]}
				f.show(890)
				s.calm()
				for n := 1; n <= windows; n++ {
					window, _ := coordination.RFC12().Window(chain.Height(900 * n))
					s.spoke = make(map[chain.WalletID]bool)
					calm := window.Block + chain.Height(random.IntN(230)) // from then on all is well
					for h := window.Block; h < window.End+120; h++ {
						f.show(h)
						if h < calm {
							s.step(window, h)
						} else if h == calm {
							s.calm()
						}
					}
					s.calm()
					f.show(window.End+130, window.End+131)
					for _, w := range wallets {
						s.judge(t, w, window, calm)
					}
				}
			})
		})
	}
}

func (s *weather) judge(t *testing.T, w chain.Wallet, window coordination.Window, calm chain.Height) {
	t.Helper()
	f := s.f
	r := f.result(w, window.Block) // there is one
	require.Equal(t, 1, f.database.rows[row{w.ID(), window.Block}].results)
	require.LessOrEqual(t, len(f.said(w, window.Block)), 1, "one voice")
	leads := f.leader(w, window.Block) == f.self
	own, spoken := f.database.own[row{w.ID(), window.Block}]
	switch {
	case leads && spoken:
		require.Contains(t, f.said(w, window.Block), string(own.Envelope))
		require.Equal(t, coordination.ReasonOK, r.Reason)
	case leads && calm < window.ActiveEnd:
		t.Errorf("served from block %d on, and said nothing: %s (%s)", calm, r.Reason, r.Detail)
	case s.spoke[w.ID()]:
		require.Equal(t, coordination.ReasonOK, r.Reason, "all instances heard it: %s", r.Detail)
	}
	for _, fault := range f.accused() {
		require.False(t, fault.Attributed && s.spoke[w.ID()] && fault.Window == window.Block && fault.Wallet == w.ID(), "%v", fault)
	}
}
