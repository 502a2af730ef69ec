package executor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// leftWith makes the journal what an owner before left who heard the leader at block 910 and did not judge.
func (s *stage) leftWith(p proposal.Proposal) {
	m := s.message(s.leader, s.wallet.LowestSeat(s.leader), p)
	m.ArrivedAt = 910
	s.journal.statements = append(s.journal.statements, statement(m))
}

func TestR5AProposalIsTriedLateUntilThereIsAVerdict(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.leftWith(redemption(1))
		s.validator.verdict = func(proposal.Proposal) proposal.Verdict {
			if s.clock.Height() < 987 {
				return proposal.Verdict{Outcome: proposal.Failed, Reason: "no answer"}
			}
			return proposal.Verdict{Outcome: proposal.Valid}
		}
		s.run(985, 900, false)
		require.Empty(t, s.got)
		s.show(986, 987)
		r := s.got[0].(coordination.Result)
		require.Equal(t, coordination.ReasonOK, r.Reason)
		require.EqualValues(t, 910, r.ReceivedAt)
		require.Empty(t, s.amendments())
	})
}

func TestR5ALateRefusalConvictsOnlyIfItIsFinal(t *testing.T) {
	for name, c := range map[string]struct {
		final  bool
		reason coordination.Reason
	}{
		"the request may be gone by now": {false, coordination.ReasonValidationError},
		"refused by itself":              {true, coordination.ReasonLeaderMistake},
	} {
		t.Run(name, func(t *testing.T) {
			asFollower(t, func(t *testing.T, s *stage) {
				s.leftWith(redemption(1))
				s.validator.verdict = func(proposal.Proposal) proposal.Verdict {
					return proposal.Verdict{Outcome: proposal.Refused, Reason: "no", Final: c.final}
				}
				s.run(985, 900, false)
				r := s.got[0].(coordination.Result)
				require.Equal(t, c.reason, r.Reason)
				require.Equal(t, c.final, len(r.Faults) == 1)
				require.Equal(t, 1, s.validator.calls)
				s.amendments()
			})
		})
	}
}

// The database is down as the window is taken up late: nothing is judged before what waits in the channel is written down.
func TestALateJudgementWaitsForTheStore(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		m := s.message(s.leader, s.wallet.LowestSeat(s.leader), redemption(1))
		m.ArrivedAt = 910
		s.channel.deliver(m)
		s.journal.fail(errDisk)
		s.run(985, 900, false)
		s.show(986)
		require.Empty(t, s.got)
		s.journal.fail(nil)
		s.show(987)
		require.Equal(t, coordination.ReasonOK, s.got[0].(coordination.Result).Reason)
		require.Empty(t, s.amendments())
	})
}

func TestALateJudgementWithoutASeedSaysSoInTheEnd(t *testing.T) {
	asFollower(t, func(t *testing.T, s *stage) {
		s.show(985)
		s.chain.Fail(chain.ErrNoQuorum)
		s.run(986, 900, false)
		s.show(999, 1000, 1099)
		require.Empty(t, s.got)
		s.show(1100)
		<-s.done
		require.Len(t, s.got, 1)
		require.Equal(t, coordination.ReasonNoQuorum, s.got[0].(coordination.Result).Reason)
	})
}
