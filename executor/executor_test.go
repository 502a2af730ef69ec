package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

func asFollower(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newStage(t, false)) })
}

func asLeader(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newStage(t, true)) })
}

// open opens the window at its first block after a head before it, as a running node does.
func (s *stage) openOnTime() {
	s.show(s.window.Block - 1)
	s.open(s.window.Block)
}

func TestR3TheFirstAcceptableMessageDecidesAtTheEndOfTheActivePhase(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.pass(905)
		s.leaderSays(redemption(1))
		s.pass(979)
		require.Empty(t, s.got, "nothing is decided while a differing message may come")
		r := s.result()
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, coordination.RoleFollower, r.Role)
		require.Equal(t, s.leader, r.Leader)
		require.Equal(t, redemption(1), r.Proposal)
		require.EqualValues(t, 905, r.ReceivedAt)
		require.Empty(t, r.Faults)
		require.Empty(t, s.amendments())
		require.Len(t, s.journal.statements, 1, "written down")
	})
}

func TestR3NoopIsAlwaysAcceptable(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(proposal.Noop{})
		r := s.result()
		require.Equal(t, coordination.ReasonNoop, r.Reason)
		_, ordered := r.Order()
		require.False(t, ordered)
	})
}

func TestSection8ASilentLeaderEndsInAResultWithItsFaults(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		impostor := s.followers[1]
		s.says(impostor, s.wallet.LowestSeat(s.leader), proposal.Noop{})
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderIdle, r.Reason)
		require.ElementsMatch(t, []charge{
			{faults.LeaderIdle, s.leader, true},
			{faults.LeaderImpersonation, impostor, true},
		}, charges(r.Faults))
	})
}

func TestSection8ClaimingTheLeadersSeatIsAFaultOfWhoSigned(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		impostor := s.followers[1]
		s.says(impostor, s.wallet.LowestSeat(s.leader), redemption(1))
		s.says(impostor, s.wallet.LowestSeat(impostor), redemption(2)) // one fault however often
		s.leaderSays(redemption(3))
		r := s.result()
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, redemption(3), r.Proposal)
		require.Equal(t, []charge{{faults.LeaderImpersonation, impostor, true}}, charges(r.Faults))
		require.Len(t, r.Faults[0].Evidence, 1)
	})
}

func TestSection8TheLeadersSecondSeatIsItsMistakeAndNotAccepted(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		seats := s.wallet.SeatsOf(s.leader)
		if len(seats) == 1 {
			seats = append(seats, 200) // a seat that does not exist is as wrong
		}
		s.openOnTime()
		s.says(s.leader, seats[1], redemption(1))
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderMistake, r.Reason)
		require.Equal(t, []charge{{faults.LeaderMistake, s.leader, true}}, charges(r.Faults))
		require.Contains(t, r.Faults[0].Detail, "seat")
		require.Nil(t, r.Proposal)
	})
}

func TestR4AnActionOffTheChecklistIsTheLeadersMistake(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(proposal.MovingFunds{Targets: []chain.WalletID{{1}}, TxFee: redemption(1).TxFee}) // window 1 is no fourth window
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderMistake, r.Reason)
		require.Equal(t, []charge{{faults.LeaderMistake, s.leader, true}}, charges(r.Faults))
		require.Zero(t, s.validator.calls, "no call is wasted on it")
	})
}

func TestSection8TwoProposalsByOneLeaderMakeTheWindowANoop(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.leaderSays(redemption(1)) // a retransmission is no second statement
		s.pass(950)
		s.leaderSays(redemption(2))
		s.leaderSays(redemption(3))
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderEquivocation, r.Reason)
		require.Nil(t, r.Proposal)
		require.Equal(t, []charge{{faults.LeaderEquivocation, s.leader, true}}, charges(r.Faults))
		require.Len(t, r.Faults[0].Evidence, 2, "both signed messages")
		require.NotEqual(t, r.Faults[0].Evidence[0], r.Faults[0].Evidence[1])
		require.Len(t, s.journal.statements, 2, "two prove it; more are not kept")
	})
}

func TestR3InvalidMessagesOfTheLeaderEquivocateToo(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.says(s.leader, 0, redemption(1)) // the same proposal from no seat is another statement
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderEquivocation, r.Reason)
		require.ElementsMatch(t, []charge{
			{faults.LeaderEquivocation, s.leader, true},
			{faults.LeaderMistake, s.leader, true},
		}, charges(r.Faults))
	})
}

func TestR3EvidenceInThePassivePhaseAppendsTheFaultAndRevokes(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		require.Equal(t, coordination.ReasonOK, s.result().Reason)
		s.pass(990)
		s.leaderSays(redemption(2))
		amendments := s.amendments()
		require.Len(t, amendments, 1)
		require.True(t, amendments[0].Revoke)
		require.Equal(t, []charge{{faults.LeaderEquivocation, s.leader, true}}, charges([]faults.Fault{amendments[0].Fault}))
		require.Len(t, amendments[0].Fault.Evidence, 2)
	})
}

func TestR3AMessageInThePassivePhaseMarksTheIdleFaultLate(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		require.Equal(t, coordination.ReasonLeaderIdle, s.result().Reason)
		s.pass(985)
		s.leaderSays(redemption(1))
		amendments := s.amendments()
		require.Len(t, amendments, 1)
		require.False(t, amendments[0].Revoke)
		require.Equal(t, faults.LeaderIdle, amendments[0].Fault.Kind)
		require.True(t, amendments[0].Fault.Late)
		require.Len(t, amendments[0].Fault.Evidence, 1)
	})
}

func TestR3QueuesAreDrainedBeforeIdlenessIsJudged(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.pass(979)
		// Arrived in the last block, together with the first head that is too late.
		m := proposal.Message{Sender: s.wallet.LowestSeat(s.leader), Block: 900, Wallet: s.wallet.ID(), Proposal: redemption(1)}
		s.channel.mu.Lock()
		s.channel.inbox = append(s.channel.inbox, net.Message{
			Slot:   net.Slot{Wallet: m.Wallet, Window: 900, Seat: m.Sender, Digest: m.Digest()},
			Author: s.leader, Payload: proposal.EncodeMessage(m), Signed: []byte("signed"), ArrivedAt: 979,
		})
		s.channel.mu.Unlock()
		r := s.result()
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Empty(t, r.Faults)
	})
}

// The first block that is too late: what arrives at it is heard before judgement, and is not accepted.
func TestR3AMessageAtTheEndOfTheActivePhaseIsTooLate(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.pass(979)
		m := s.message(s.leader, s.wallet.LowestSeat(s.leader), redemption(1))
		m.ArrivedAt = 980
		s.channel.mu.Lock()
		s.channel.inbox = append(s.channel.inbox, m) // nobody is woken for it before the head
		s.channel.mu.Unlock()
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderIdle, r.Reason)
		require.Nil(t, r.Proposal)
		require.Equal(t, []charge{{faults.LeaderIdle, s.leader, true}}, charges(r.Faults))
		require.True(t, r.Faults[0].Late)
		require.Zero(t, s.validator.calls)
		require.Empty(t, s.amendments(), "it is all said")
	})
}

// Whoever was away in the active phase and is back in the passive one has heard nothing, which proves nothing.
func TestR4AfterARestartSilenceIsNotHeld(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.run(985, 900, true)
		require.Empty(t, s.amendments())
	})
}

func TestR4WithOtherParametersAMistakeIsNotAttributed(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.channel.mismatched = map[chain.Operator]bool{s.leader: true}
		s.openOnTime()
		s.says(s.leader, 0, redemption(1))
		r := s.result()
		require.Equal(t, coordination.ReasonParamsMismatch, r.Reason)
		require.Equal(t, []charge{{faults.LeaderMistake, s.leader, false}}, charges(r.Faults))
	})
}

// Who could not see has no leader to blame for the silence, but an impostor that it did hear.
func TestAnImpostorIsTheReasonWhereSilenceIsNotSure(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.open(930)
		s.says(s.followers[1], s.wallet.LowestSeat(s.leader), proposal.Noop{})
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderImpersonation, r.Reason)
		require.ElementsMatch(t, []charge{
			{faults.LeaderImpersonation, s.followers[1], true},
			{faults.LeaderIdle, s.leader, false},
		}, charges(r.Faults))
	})
}

func TestR4IdlenessIsAttributedOnlyWithAClearView(t *testing.T) {
	for name, c := range map[string]struct {
		obstruct   func(s *stage)
		attributed bool
		reason     coordination.Reason
	}{
		"clear view": {func(s *stage) { s.openOnTime() }, true, coordination.ReasonLeaderIdle},
		"opened a few heads late while subscribed": {func(s *stage) {
			s.show(899)
			s.open(905)
		}, true, coordination.ReasonLeaderIdle},
		"joined within the window": {func(s *stage) {
			s.channel.see(func(v *net.Sight) { v.Since = 910 })
			s.openOnTime()
		}, false, coordination.ReasonLeaderIdle},
		"came up within the window": {func(s *stage) { s.open(930) }, false, coordination.ReasonLeaderIdle},
		"connected to nobody": {func(s *stage) {
			s.channel.see(func(v *net.Sight) { v.Operators = 0 })
			s.openOnTime()
		}, false, coordination.ReasonNoPeers},
		"subscribed to nothing": {func(s *stage) {
			s.channel.see(func(v *net.Sight) { v.Subscribed = false })
			s.openOnTime()
		}, false, coordination.ReasonLeaderIdle},
		"cut off for a moment": {func(s *stage) {
			s.openOnTime()
			s.channel.see(func(v *net.Sight) { v.Since = 905 }) // and back before anybody looked
		}, false, coordination.ReasonLeaderIdle},
		"cut off until after the first block, and opened after that": {func(s *stage) {
			s.show(899)
			s.channel.see(func(v *net.Sight) { v.Since = 903 })
			s.open(905)
		}, false, coordination.ReasonLeaderIdle},
		"clock stale before a late opening": {func(s *stage) {
			s.show(899)
			time.Sleep(10 * time.Minute)
			s.open(950)
		}, false, coordination.ReasonChainStalled},
		"clock stale for a while": {func(s *stage) {
			s.openOnTime()
			time.Sleep(10 * time.Minute)
			s.show(950)
		}, false, coordination.ReasonChainStalled},
		"a head without a quorum ends the active phase": {func(s *stage) {
			s.openOnTime()
			s.show(905)
			s.clock.ObserveDoubtful(chain.Header{Height: 990, Hash: chain.Hash{1}})
			synctest.Wait()
		}, false, coordination.ReasonNoQuorum},
		"a block without a quorum within the active phase": {func(s *stage) {
			s.openOnTime()
			s.clock.ObserveDoubtful(chain.Header{Height: 930, Hash: chain.Hash{1}})
			synctest.Wait()
			s.show(931)
		}, false, coordination.ReasonNoQuorum},
		"a quorum that came back before the window": {func(s *stage) {
			s.clock.ObserveDoubtful(chain.Header{Height: 899, Hash: chain.Hash{1}})
			s.openOnTime()
		}, true, coordination.ReasonLeaderIdle},
		"other parameters than ours": {func(s *stage) {
			s.channel.mismatched = map[chain.Operator]bool{s.leader: true}
			s.openOnTime()
		}, false, coordination.ReasonParamsMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				c.obstruct(s)
				r := s.result()
				require.Equal(t, c.reason, r.Reason)
				require.Equal(t, []charge{{faults.LeaderIdle, s.leader, c.attributed}}, charges(r.Faults))
				require.NotZero(t, r.Faults[0].Observer, "our own state stands beside it")
			})
		})
	}
}

func TestR5RefusalIsAFaultOnlyAtEveryHeadOverThreeBlocks(t *testing.T) {
	refused := proposal.Verdict{Outcome: proposal.Refused, Reason: "Not a pending redemption request"}
	failed := proposal.Verdict{Outcome: proposal.Failed, Reason: "timeout"}
	divided := proposal.Verdict{Outcome: proposal.Failed, Reason: "2 of 5", NoQuorum: true}
	for name, c := range map[string]struct {
		verdict func(h chain.Height) proposal.Verdict
		at      chain.Height
		reason  coordination.Reason
		faulty  bool
	}{
		"refused at every head": {
			func(chain.Height) proposal.Verdict { return refused }, 905, coordination.ReasonLeaderMistake, true,
		},
		"a later pass accepts": {func(h chain.Height) proposal.Verdict {
			if h < 908 {
				return refused
			}
			return proposal.Verdict{Outcome: proposal.Valid}
		}, 905, coordination.ReasonOK, false},
		"our own failure is never a fault": {
			func(chain.Height) proposal.Verdict { return failed }, 905, coordination.ReasonValidationError, false,
		},
		"nor is it that our endpoints disagree": {
			func(chain.Height) proposal.Verdict { return divided }, 905, coordination.ReasonNoQuorum, false,
		},
		"refused, then no quorum to the end": {func(h chain.Height) proposal.Verdict {
			if h < 910 {
				return refused
			}
			return divided
		}, 905, coordination.ReasonNoQuorum, false},
		"failing, then passing": {func(h chain.Height) proposal.Verdict {
			if h < 920 {
				return failed
			}
			return proposal.Verdict{Outcome: proposal.Valid}
		}, 905, coordination.ReasonOK, false},
		"refused once, and no answer ever after": {func(h chain.Height) proposal.Verdict {
			if h < 906 {
				return refused
			}
			return failed
		}, 905, coordination.ReasonValidationError, false},
		"no answer at one head among refusals": {func(h chain.Height) proposal.Verdict {
			if h == 906 {
				return failed
			}
			return refused
		}, 905, coordination.ReasonValidationError, false},
		"refused over just three blocks": {
			func(chain.Height) proposal.Verdict { return refused }, 976, coordination.ReasonLeaderMistake, true,
		},
		"refused over two": {
			func(chain.Height) proposal.Verdict { return refused }, 977, coordination.ReasonValidationError, false,
		},
		"too few blocks left": {
			func(chain.Height) proposal.Verdict { return refused }, 978, coordination.ReasonValidationError, false,
		},
		"refused by itself": {func(chain.Height) proposal.Verdict {
			return proposal.Verdict{Outcome: proposal.Refused, Reason: "21 scripts", Final: true}
		}, 979, coordination.ReasonLeaderMistake, true},
		"unverifiable": {func(chain.Height) proposal.Verdict {
			return proposal.Verdict{Outcome: proposal.Unverifiable, Reason: "needs a bitcoin source"}
		}, 905, coordination.ReasonUnverifiable, false},
	} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				s.validator.verdict = func(proposal.Proposal) proposal.Verdict { return c.verdict(s.clock.Height()) }
				s.openOnTime()
				s.pass(c.at)
				s.leaderSays(redemption(1))
				r := s.result()
				require.Equal(t, c.reason, r.Reason)
				if c.faulty {
					require.Equal(t, []charge{{faults.LeaderMistake, s.leader, true}}, charges(r.Faults))
					require.NotEmpty(t, r.Faults[0].Detail, "with the validator's reason")
				} else {
					require.Empty(t, r.Faults)
				}
				require.LessOrEqual(t, s.validator.calls, 12, "a refused proposal costs a dozen calls, not eighty")
			})
		})
	}
}

// A verdict that the end of the active phase cut short is none: what there was no time to try is tried once more.
func TestR5AVerdictCutShortIsNone(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.validator.during = func(ctx context.Context) {
			if s.validator.calls == 1 {
				s.chain.Show(980)
				<-ctx.Done()
			}
		}
		s.validator.verdict = func(proposal.Proposal) proposal.Verdict {
			if s.validator.calls == 1 {
				return proposal.Verdict{Outcome: proposal.Failed, Reason: "context canceled"}
			}
			return proposal.Verdict{Outcome: proposal.Valid}
		}
		s.openOnTime()
		s.pass(979)
		s.leaderSays(redemption(1))
		require.Equal(t, coordination.ReasonOK, s.result().Reason)
		require.Equal(t, 2, s.validator.calls)
	})
}

func TestSection8TheLeaderValidatesWhatItIsAboutToSend(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.makes = map[proposal.Kind]proposal.Proposal{proposal.KindRedemption: redemption(1)}
		s.validator.verdict = func(proposal.Proposal) proposal.Verdict {
			return proposal.Verdict{Outcome: proposal.Refused, Reason: "too high"}
		}
		s.openOnTime()
		r := s.result()
		require.Equal(t, coordination.ReasonGenerationFailed, r.Reason)
		require.Equal(t, "not proposed: Redemption: too high", r.Detail)
		require.Equal(t, proposal.Noop{}, r.Proposal)
		require.Equal(t, coordination.RoleLeader, r.Role)
	})
}

func TestSection8AFailingTaskIsSkippedAndANoopSentIfAllFail(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.fails = map[proposal.Kind]error{proposal.KindRedemption: errors.New("endpoint down")}
		s.openOnTime()
		r := s.result()
		require.Equal(t, coordination.ReasonGenerationFailed, r.Reason)
		require.Equal(t, "not proposed: Redemption: endpoint down", r.Detail)
		require.Equal(t, proposal.Noop{}, r.Proposal)
		require.NotEmpty(t, s.channel.published, "followers are told, so nobody takes us for idle")
	})
}

func TestTheLeaderGoesOnToTheNextActionOfTheChecklist(t *testing.T) {
	p := &procedure{
		Executor: &Executor{Config{
			Clock:     chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0),
			Validator: &fakeValidator{},
			Generator: &fakeGenerator{
				fails: map[proposal.Kind]error{
					proposal.KindRedemption:   errors.New("endpoint down"),
					proposal.KindDepositSweep: proposal.ErrNeedsBitcoinSource,
				},
				makes: map[proposal.Kind]proposal.Proposal{proposal.KindHeartbeat: proposal.Heartbeat{}},
			},
		}},
		log: quietLog(),
		hearing: &hearing{checklist: []proposal.Kind{
			proposal.KindRedemption, proposal.KindDepositSweep, proposal.KindHeartbeat,
		}},
	}
	require.Equal(t, proposal.Heartbeat{}, p.generate(t.Context()))
	require.False(t, p.said.generationFailed)
	require.Equal(t, []string{"Redemption: endpoint down", "DepositSweep: needs a bitcoin source"}, p.said.passedOver)

	// What cannot be made for want of Bitcoin data is passed over visibly, and is no failure.
	p.hearing.checklist = []proposal.Kind{proposal.KindDepositSweep}
	require.Equal(t, proposal.Noop{}, p.generate(t.Context()))
	require.False(t, p.said.generationFailed)
	p.said.own, p.sawPeers = &proposal.Message{Proposal: proposal.Noop{}}, true
	var r coordination.Result
	p.concludeAsLeader(&r)
	require.Equal(t, coordination.ReasonNoop, r.Reason)
	require.Equal(t, "not proposed: DepositSweep: needs a bitcoin source", r.Detail)
}

func TestR8AgesOfRequestsAreCountedByTheHeadersTime(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		head, err := s.chain.Header(t.Context(), 900)
		require.NoError(t, err)
		require.Equal(t, head.Time, s.generator.last.Now)
		require.EqualValues(t, 900, s.generator.last.Height)
		require.NotEqual(t, time.Now().Unix(), head.Time.Unix(), "and not by ours")
	})
}

func TestR2TheProposalIsWrittenDownBeforeItIsSent(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.journal.fail(errDisk)
		s.openOnTime()
		s.pass(910)
		require.Empty(t, s.channel.published)
		s.journal.fail(nil)
		s.pass(911)
		require.Len(t, s.channel.published, 1)
		require.Equal(t, string(s.journal.own.Envelope), s.channel.published[0].envelope)
		require.Equal(t, coordination.ReasonNoop, s.result().Reason)
	})
}

func TestALeaderThatCouldNotWriteTriesAgainAtTheNextHead(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.during = func() { s.journal.fail(errDisk) }
		s.openOnTime()
		s.pass(910)
		require.Empty(t, s.channel.published)
		s.generator.during = nil
		s.journal.fail(nil)
		s.pass(911)
		require.Len(t, s.channel.published, 1)
		require.Equal(t, coordination.ReasonNoop, s.result().Reason)
	})
}

func TestALeaderThatCannotWriteDoesNotSpeak(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.show(899)
		s.journal.fail(errDisk)
		s.open(900)
		r := s.result()
		require.Equal(t, coordination.ReasonStoreFailed, r.Reason)
		require.Empty(t, s.channel.published)
		require.Empty(t, r.Faults, "nobody accuses himself of silence")
	})
}

func TestSection8RetransmissionsAreDueAtHeights(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.pass(902)
		s.show(915, 916, 919, 925, 940) // due at 903, 906, 911 while heads were skipped: one catches up
		s.pass(1000)
		var at []chain.Height
		for _, p := range s.channel.published {
			at = append(at, p.at)
			require.Equal(t, s.channel.published[0].envelope, p.envelope, "identical")
		}
		require.Equal(t, []chain.Height{900, 901, 915, 925, 940, 970}, at)
	})
}

// A leader goes on hearing others, and what it hears makes it say nothing more often.
func TestSection8WhatALeaderHearsAddsNoRetransmission(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		for _, h := range []chain.Height{900, 902, 930} {
			s.pass(h)
			s.says(s.followers[0], s.wallet.LowestSeat(s.leader), redemption(int64(h)))
		}
		r := s.result()
		var at []chain.Height
		for _, p := range s.channel.published {
			at = append(at, p.at)
		}
		require.Equal(t, []chain.Height{900, 901, 903, 906, 911, 920, 937, 970}, at)
		require.Equal(t, []charge{{faults.LeaderImpersonation, s.followers[0], true}}, charges(r.Faults))
	})
}

func TestARestartedLeaderThatWasContradictedInItsOwnNameIsSilent(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(7)) // our key was used elsewhere
		s.kill()
		s.restart()
		s.run(920, 900, false)
		r := s.result()
		require.Empty(t, s.channel.published)
		require.Equal(t, coordination.ReasonLeaderEquivocation, r.Reason)
	})
}

func TestR2ARestartedLeaderSendsTheIdenticalEnvelope(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.makes = map[proposal.Kind]proposal.Proposal{proposal.KindRedemption: redemption(1)}
		s.openOnTime()
		s.pass(905)
		first := s.channel.published[0].envelope
		s.kill()
		require.Empty(t, s.got, "suspended, not ended")

		s.restart()
		s.generator.makes[proposal.KindRedemption] = redemption(2) // the chain has moved on
		s.run(920, 900, false)
		require.NotEmpty(t, s.channel.published, "it re-sends at once")
		r := s.result()
		var at []chain.Height
		for _, p := range s.channel.published {
			at = append(at, p.at)
			require.Equal(t, first, p.envelope)
		}
		require.Equal(t, []chain.Height{920, 937, 970}, at, "and then when it is due")
		require.Equal(t, redemption(1), r.Proposal)
		require.Equal(t, coordination.ReasonOK, r.Reason)
	})
}

func TestR2ARestartedFollowerKnowsWhatItHeard(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.kill()
		s.restart()
		s.run(920, 900, false)
		s.leaderSays(redemption(2))
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderEquivocation, r.Reason)
		require.Len(t, r.Faults[0].Evidence, 2)
	})
}

func TestR2AFollowerRestartedInThePassivePhaseStillRecognisesASecondProposal(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.result()
		s.kill()
		s.got = nil
		s.restart()
		s.run(985, 900, true)
		s.leaderSays(redemption(2))
		amendments := s.amendments()
		require.Len(t, amendments, 1)
		require.True(t, amendments[0].Revoke)
	})
}

// The node is killed after a statement was written down and before what follows from it was reported.
func TestR3AKillBetweenStatementAndAmendmentLosesNoEvidence(t *testing.T) {
	for name, back := range map[string]chain.Height{"back in the passive phase": 990, "back when the window is over": 1050} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				s.openOnTime()
				s.leaderSays(redemption(1))
				s.says(s.followers[1], 1, proposal.Noop{})
				s.result()
				s.kill()
				second := proposal.Message{Sender: s.wallet.LowestSeat(s.leader), Block: 900, Wallet: s.wallet.ID(), Proposal: redemption(2)}
				require.NoError(t, s.journal.SaveStatement(t.Context(), coordination.Statement{
					Wallet: s.wallet.ID(), Window: 900, Author: s.leader, Seat: second.Sender, Digest: second.Digest(),
					Payload: proposal.EncodeMessage(second), Signed: []byte("signed"), ArrivedAt: 985,
				}))
				s.got = nil
				s.restart()
				s.run(back, 900, true)
				var told []charge
				for _, a := range s.amendments() {
					told = append(told, charges([]faults.Fault{a.Fault})...)
					require.Equal(t, a.Fault.Kind == faults.LeaderEquivocation, a.Revoke)
				}
				require.ElementsMatch(t, []charge{
					{faults.LeaderEquivocation, s.leader, true},
					{faults.LeaderImpersonation, s.followers[1], true},
				}, told)
			})
		})
	}
}

func TestR3EvidenceOfTheLastBlockIsReportedThoughTheWindowEndsAtOnce(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.result()
		s.pass(999)
		m := proposal.Message{Sender: s.wallet.LowestSeat(s.leader), Block: 900, Wallet: s.wallet.ID(), Proposal: redemption(2)}
		s.channel.mu.Lock() // arrived, and nobody was woken before the next head
		s.channel.inbox = append(s.channel.inbox, net.Message{
			Slot:   net.Slot{Wallet: m.Wallet, Window: 900, Seat: m.Sender, Digest: m.Digest()},
			Author: s.leader, Payload: proposal.EncodeMessage(m), Signed: []byte("signed"), ArrivedAt: 999,
		})
		s.channel.mu.Unlock()
		require.Len(t, s.amendments(), 1)
	})
}

func TestR3EvidenceWaitsForAProcessorThatIsBusyBeyondTheWindow(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.result()
		s.hold <- struct{}{} // the processor takes nothing
		s.pass(985)
		s.leaderSays(redemption(2))
		s.pass(1020)
		require.Len(t, s.got, 1)
		s.hold <- struct{}{}
		require.Len(t, s.amendments(), 1)
	})
}

func TestALeaderListensOnceMoreBeforeItSpeaks(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.during = func() { s.channel.deliver(s.message(s.leader, s.wallet.LowestSeat(s.leader), redemption(7))) } // our key is used elsewhere while we generate
		s.openOnTime()
		r := s.result()
		require.Empty(t, s.channel.published)
		require.Equal(t, redemption(7), r.Proposal)
		require.Empty(t, r.Faults)
	})
}

func TestWhoSpokeWithOurKeyElsewhereIsNotContradicted(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.show(899)
		s.leaderSays(redemption(7)) // a sibling instance was faster
		s.open(900)
		r := s.result()
		require.Empty(t, s.channel.published)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, redemption(7), r.Proposal)
	})
}

// A sibling led before us; the database had forgotten that, and is told again while we generate.
func TestOurOwnProposalHeardFromASiblingIsNobodyElses(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		m := s.message(s.leader, s.wallet.LowestSeat(s.leader), redemption(7))
		s.generator.during = func() {
			s.generator.during = nil
			s.journal.own = &coordination.OwnProposal{Payload: m.Payload, Envelope: []byte("theirs"), SentAt: 900}
			s.channel.deliver(m)
		}
		s.openOnTime()
		r := s.result()
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.Equal(t, coordination.RoleLeader, r.Role)
		require.Equal(t, redemption(7), r.Proposal)
		require.Empty(t, r.Faults)
		require.Empty(t, s.journal.statements, "or it would count as a second thing said")
		for _, p := range s.channel.published {
			require.Equal(t, "theirs", p.envelope)
		}
		require.NotEmpty(t, s.channel.published)
	})
}

func TestABannedLeadersSilenceIsNoFault(t *testing.T) {
	for name, c := range map[string]struct {
		banned bool // while the window begins; it is lifted in it
		speaks bool
		reason coordination.Reason
	}{
		"silent":                             {true, false, coordination.ReasonLeaderBanned},
		"not banned":                         {false, false, coordination.ReasonLeaderIdle},
		"heard before or after all, in time": {true, true, coordination.ReasonNoop},
	} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				s.banned = c.banned
				s.openOnTime()
				if c.speaks {
					s.leaderSays(proposal.Noop{})
				}
				s.banned = false
				r := s.result()
				require.Equal(t, c.reason, r.Reason)
				require.Equal(t, c.reason == coordination.ReasonLeaderIdle, len(r.Faults) > 0)
				if c.reason == coordination.ReasonLeaderBanned {
					s.leaderSays(proposal.Noop{}) // the ban is lifted
					require.Empty(t, s.amendments())
				}
			})
		})
	}
}

// The journal is fenced: what it refuses is another instance's to do, and nothing is wrong.
func TestARunThatItsJournalRefusesEndsQuietly(t *testing.T) {
	errFenced := fmt.Errorf("fenced: %w", chain.ErrNotServed)
	for name, refuse := range map[string]func(s *stage){
		"when it reads what was said": func(s *stage) { s.journal.fail(errFenced); s.openOnTime() },
		"when a message is to be written down": func(s *stage) {
			s.openOnTime()
			s.journal.fail(errFenced)
			s.leaderSays(redemption(1))
			require.Len(s.t, s.channel.inbox, 1, "it is put back")
		},
		"before silence is judged": func(s *stage) {
			s.openOnTime()
			s.pass(979)
			s.journal.fail(errFenced)
			s.channel.mu.Lock()
			s.channel.inbox = append(s.channel.inbox, s.message(s.leader, s.wallet.LowestSeat(s.leader), redemption(1)))
			s.channel.mu.Unlock()
			s.show(980)
			require.Len(s.t, s.channel.inbox, 1, "it is put back")
		},
	} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				refuse(s)
				<-s.done
				require.Empty(t, s.got)
				require.NotContains(t, s.lines.String(), "level=WARN")
				require.NotContains(t, s.lines.String(), "level=ERROR")
			})
		})
	}
	t.Run("when a leader's proposal is to be written down", func(t *testing.T) {
		asLeader(t, func(t *testing.T, s *stage) {
			s.generator.during = func() { s.journal.fail(errFenced) }
			s.openOnTime()
			<-s.done
			require.Empty(t, s.got)
			require.Empty(t, s.channel.published)
			require.NotContains(t, s.lines.String(), "level=ERROR")
		})
	})
	t.Run("when the channel does not let it speak", func(t *testing.T) {
		asLeader(t, func(t *testing.T, s *stage) {
			s.channel.refusal = errFenced
			s.openOnTime()
			<-s.done
			require.Empty(t, s.got)
			require.NotContains(t, s.lines.String(), "level=WARN")
		})
	})
}

func TestALeaderThatIsContradictedInItsOwnNameRecordsIt(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.leaderSays(redemption(7)) // our key was used elsewhere after we spoke
		r := s.result()
		require.Equal(t, coordination.ReasonLeaderEquivocation, r.Reason)
		require.Equal(t, []charge{{faults.LeaderEquivocation, s.self, true}}, charges(r.Faults))
	})
}

func TestR8AStaleClockDoesNotLead(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.clock = chain.NewClock(chain.Freshness{MaxSilence: time.Minute, MaxHeaderAge: time.Second}, 0)
		s.chain.Follow(s.clock)
		time.Sleep(1_000_000 * time.Second) // headers are old
		s.show(899)
		s.open(900)
		r := s.result()
		require.Equal(t, coordination.ReasonChainStalled, r.Reason)
		require.Empty(t, s.channel.published)
		require.Empty(t, r.Faults, "nobody accuses himself of silence")
	})
}

func TestR8ALeaderLeadsOnceItsClockIsFresh(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.clock = chain.NewClock(chain.Freshness{MaxSilence: time.Minute, MaxHeaderAge: time.Minute}, 0)
		s.chain.Follow(s.clock)
		s.channel.clock = s.clock
		time.Sleep(910 * 12 * time.Second) // so that blocks come two minutes late
		s.show(899)
		s.open(900)
		s.pass(905)
		require.Empty(t, s.channel.published)
		s.show(920) // the endpoint has caught up
		require.Len(t, s.channel.published, 1)
		require.Equal(t, coordination.ReasonNoop, s.result().Reason)
	})
}

func TestSection8PastTheActivePhaseNobodyLeads(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.journal.fail(errDisk)
		s.openOnTime()
		s.pass(979)
		s.show(980)
		s.journal.fail(nil)
		s.pass(1000)
		require.Empty(t, s.channel.published)
	})
}

// A proposal that takes so long to generate that the active phase is over is not sent.
func TestSection8AProposalThatIsReadyTooLateIsNotSent(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.generator.during = func() { s.chain.Show(980) }
		s.openOnTime()
		s.pass(1000)
		require.Empty(t, s.channel.published)
		require.Empty(t, s.result().Faults)
	})
}

func TestALeaderNobodyHears(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.channel.see(func(v *net.Sight) { v.Operators = 0 })
		s.openOnTime()
		require.Equal(t, coordination.ReasonNoPeers, s.result().Reason)
	})
}

func TestALeaderWhosePeersComeLaterIsHeard(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.channel.see(func(v *net.Sight) { v.Operators = 0 })
		s.openOnTime()
		s.pass(902)
		s.channel.see(func(v *net.Sight) { v.Operators, v.Since = 2, 902 })
		s.pass(950)
		s.channel.see(func(v *net.Sight) { v.Operators, v.Since = 0, 0 }) // they heard what was sent at 903 and later
		require.Equal(t, coordination.ReasonNoop, s.result().Reason)
	})
}

func TestSection8WithoutAQuorumOnTheSeedTheNodeAbstains(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		reason coordination.Reason
	}{
		"unavailable": {errors.New("endpoint down"), coordination.ReasonSeedUnavailable},
		"no quorum":   {chain.ErrNoQuorum, coordination.ReasonNoQuorum},
	} {
		t.Run(name, func(t *testing.T) {
			asLeader(t, func(t *testing.T, s *stage) {
				s.chain.Fail(c.err)
				s.openOnTime()
				s.says(s.followers[0], 1, redemption(1))
				r := s.result()
				require.Equal(t, c.reason, r.Reason)
				require.Empty(t, r.Faults, "neither lead nor accuse")
				require.Empty(t, s.channel.published)
				require.True(t, r.Leader.IsZero())
			})
		})
	}
}

func TestASeedThatComesLateStillServes(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.chain.Fail(errors.New("endpoint down"))
		s.openOnTime()
		s.leaderSays(redemption(1))
		s.pass(930)
		s.chain.Fail(nil)
		require.Equal(t, coordination.ReasonOK, s.result().Reason)
	})
}

func TestAMessageThatCannotBeWrittenDownIsNotActedOn(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.journal.fail(errDisk)
		s.leaderSays(redemption(1))
		r := s.result()
		require.Equal(t, coordination.ReasonStoreFailed, r.Reason)
		require.Nil(t, r.Proposal)
		require.Empty(t, r.Faults)
	})
}

func TestAMessageIsActedOnOnceTheStoreRecovers(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.journal.fail(errDisk)
		s.leaderSays(redemption(1))
		s.pass(910)
		s.journal.fail(nil)
		s.pass(911)
		require.Len(t, s.journal.statements, 1, "at the next head")
		require.Equal(t, 1, s.validator.calls)
		require.Equal(t, coordination.ReasonOK, s.result().Reason)
	})
}

func TestSection8EveryWaitEndsWithTheContext(t *testing.T) {
	for name, prepare := range map[string]func(s *stage){
		"listening":           func(s *stage) { s.openOnTime() },
		"waiting for a seed":  func(s *stage) { s.chain.Fail(errors.New("down")); s.openOnTime() },
		"waiting for a store": func(s *stage) { s.journal.fail(errDisk); s.openOnTime() },
		"lingering":           func(s *stage) { s.openOnTime(); s.result() },
	} {
		for _, leads := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, leads)
					prepare(s)
					before := len(s.got)
					s.kill() // a goroutine left behind fails the bubble
					require.Len(t, s.got, before, "a suspended window has no result")
				})
			})
		}
	}
}

func TestTrialsThinOutAndEndWithTheActivePhase(t *testing.T) {
	var at []chain.Height
	tr := trial{arrived: 910}
	for h := chain.Height(910); h < 1000; h++ {
		for tr.due(h, 980) {
			at = append(at, h)
			tr.record(h, proposal.Verdict{Outcome: proposal.Failed})
		}
	}
	require.Equal(t, []chain.Height{910, 911, 912, 913, 915, 918, 923, 931, 944, 965, 979}, at)
	require.True(t, slices.IsSorted(at))
}
