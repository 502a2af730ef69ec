package signing

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestWhatTheBackendSaysDecidesTheOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(m *member)
		want    action.Outcome
		detail  string
		at      chain.Height // blocks after the start, when it has ended
	}{
		"no backend": {func(m *member) { m.noBackend = fmt.Errorf("placement: %w", signer.ErrNoSigner) }, action.NoSigner, "", 0},
		"given up": {
			func(m *member) { m.noBackend = fmt.Errorf("placement: %w", signer.ErrBackendFailed) },
			action.SignerUnavailable, "declared failed", 0,
		},
		"out of reach": {
			func(m *member) { m.backend.fail(errors.New("connection refused")) },
			action.SignerUnavailable, "connection refused", patience,
		},
		"not permitted": {func(m *member) { m.backend.fail(signer.ErrForbidden) }, action.SignerRefused, "certificate", 0},
		"frozen": {
			func(m *member) { m.backend.key.State, m.backend.key.Why = signer.KeyFrozen, "exported" },
			action.SignerRefused, "exported", 0,
		},
		"another key": {func(m *member) { m.backend.key.GroupKey = make([]byte, 65) }, action.SignerUnavailable, "another key", 0},
		"seats of others": {
			func(m *member) { m.backend.key.Seats = []chain.Seat{1, 2} },
			action.SignerUnavailable, "seats of others", 0,
		},
		"refused by a rule": {
			func(m *member) { m.backend.refusal = signer.Refuse(signer.RuleSlot, "bound to something else") },
			action.SignerRefused, "refused by rule slot: bound to something else", attemptLength,
		},
		"failed in the rounds": {
			func(m *member) { m.backend.refusal = signer.ErrStoreFailed },
			action.SignerUnavailable, signer.ErrStoreFailed.Error(), 2 * attemptLength,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
				o := w.heartbeat(900)
				m := w.members[0]
				c.prepare(m)
				w.start()
				h, other := m.handle(o), w.members[1].handle(o)
				w.mine(o.Start + c.at)
				e := h.over(t)
				require.Equal(t, c.want, e.outcome)
				require.Contains(t, e.detail, c.detail)
				require.Empty(t, m.log.get(900).Signed)
				w.mine(o.SigningEnd())
				require.Equal(t, action.Expired, other.over(t).outcome)
			})
		})
	}
}

// A head that goes on many blocks at once ends the action before its patience: what it waited for is told all the same.
func TestWhatWasWaitedForIsToldWhenTheTimeIsOverAtOnce(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		w.members[0].backend.fail(errors.New("connection refused"))
		w.start()
		h := w.members[0].handle(o)
		w.mine(o.Start + 1)
		require.Empty(t, h.done)
		w.at(o.SigningEnd() + 5)
		synctest.Wait()
		require.Equal(t, outcomed{action.SignerUnavailable, "connection refused"}, h.over(t))
	})
}

// A node that stops, or does not serve the wallet any more, says nothing of an action that it did not end.
func TestAnActionThatIsLetGoHasNoOutcome(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		w.members[0].backend.fail(errors.New("connection refused"))
		w.start()
		h := w.members[0].handle(o)
		w.mine(o.Start + 1)
		h.cancel()
		synctest.Wait()
		require.Empty(t, h.over(t).outcome)
	})
}

// A nonce that has served, or a session whose secrets are gone, is no reason to give up: the next attempt has others.
func TestWhatAnotherAttemptMayMendIsTriedAgain(t *testing.T) {
	for _, refusal := range []error{signer.Refuse(signer.RuleNonce, "served"), signer.ErrSessionGone, signer.ErrBusy, signer.ErrSplit} {
		bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
			o := w.heartbeat(900)
			m := w.members[0]
			m.backend.refusal = refusal
			w.start()
			h, other := m.handle(o), w.members[1].handle(o)
			w.mine(o.Start + attemptLength - 1)
			m.backend.mu.Lock()
			m.backend.refusal = nil
			m.backend.mu.Unlock()
			w.mine(o.SigningEnd())
			row := m.requireSigned(o, h.over(t))
			require.Contains(t, row.Attempts[0].Detail, refusal.Error())
			w.members[1].requireSigned(o, other.over(t))
		})
	}
}

func TestABackendThatComesBackInTimeSigns(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		for _, m := range w.members {
			m.backend.fail(errors.New("connection refused"))
		}
		w.start()
		under := []*handling{w.members[0].handle(o), w.members[1].handle(o)}
		w.mine(o.Start + 20)
		for _, m := range w.members {
			m.backend.fail(nil)
		}
		w.mine(o.SigningEnd())
		for i, h := range under {
			w.members[i].requireSigned(o, h.over(t))
		}
	})
}

func TestNothingIsAskedBeforeItIsWrittenDown(t *testing.T) {
	for _, method := range []string{"Signing", "SaveIntent", "BeginAttempt"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
				o := w.heartbeat(900)
				m := w.members[0]
				m.log.fail(method, true)
				w.start()
				h, other := m.handle(o), w.members[1].handle(o)
				w.mine(o.Start + 20)
				require.Empty(t, m.backend.asked)
				m.log.fail(method, false)
				w.mine(o.SigningEnd())
				m.requireSigned(o, h.over(t))
				w.members[1].requireSigned(o, other.over(t))
				require.Contains(t, w.lines.String(), errBroken.Error())
			})
		})
	}
}

// Who told the others that it heard nothing in a window asks nobody for anything there, and says why.
func TestAnActionInAWindowThatIsBarredEndsWithTheReason(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		m := w.members[0]
		m.log.refuse("SaveIntent", fmt.Errorf("store intent: %w: it has attested that the leader was silent", ErrBarred))
		w.start()
		h := m.handle(o)
		w.mine(o.Start + 20)
		ended := h.over(t)
		require.Equal(t, action.HandlerFailed, ended.outcome)
		require.Contains(t, ended.detail, "attested that the leader was silent")
		require.Empty(t, m.backend.asked)
	})
}

func TestASignatureIsWrittenDownOnceItCanBe(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		m := w.members[0]
		m.log.fail("SaveSigned", true)
		w.start()
		h, other := m.handle(o), w.members[1].handle(o)
		w.mine(o.Start + 20)
		require.Empty(t, h.done, "it is not told before it is stored")
		m.log.fail("SaveSigned", false)
		w.mine(o.Start + 21)
		m.requireSigned(o, h.over(t))
		w.members[1].requireSigned(o, other.over(t))
	})
}

func TestThreePoorHeartbeatsNameTheAbsent(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		there, away, late := w.members[:3], w.members[3], w.members[4]
		w.start()
		for i, window := range []chain.Height{900, 1800, 2700, 3600} {
			o := w.heartbeat(window)
			players := there
			if i == 1 {
				players = append(players[:3:3], late) // 4 of 5 is not poor
			}
			for m, e := range w.play(o, players...) {
				m.requireSigned(o, e)
				require.Empty(t, m.log.inactivity)
			}
		}
		// 900 was poor, 1800 was not, 2700 and 3600 were.
		for m, e := range w.play(w.heartbeat(4500), there...) {
			require.Equal(t, action.OK, e.outcome)
			require.Equal(t, map[chain.Height]Absence{4500: {[]chain.Seat{4, 5}, []chain.Operator{away.op, late.op}}}, m.log.inactivity)
		}
	})
}

func TestWhoIsInactive(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1, 1}, func(t *testing.T, w *world) {
		op := func(i int) chain.Operator { return w.members[i].op }
		beat := func(active int, absent ...chain.Operator) Signing {
			a := Attempt{Active: active, Absent: absent, Whole: true}
			for _, op := range absent {
				a.Missing = append(a.Missing, int(w.seatOf(w.by(op))))
			}
			return Signing{Attempts: []Attempt{a}}
		}
		unseen := beat(2, op(3))
		unseen.Attempts[0].Whole = false
		paid := Signing{Intent: signer.Intent{Transaction: &signer.Transaction{}}, Attempts: unseen.Attempts}
		poor := beat(2, op(2), op(3))
		for name, c := range map[string]struct {
			rows []Signing
			want []chain.Operator
		}{
			"three":                       {[]Signing{poor, poor, poor}, []chain.Operator{op(2), op(3)}},
			"two are too few":             {[]Signing{poor, poor}, nil},
			"redemptions do not count":    {[]Signing{poor, paid, poor, paid, poor}, []chain.Operator{op(2), op(3)}},
			"only who was always absent":  {[]Signing{poor, beat(2, op(1), op(3)), poor}, []chain.Operator{op(3)}},
			"one was not poor":            {[]Signing{poor, beat(3, op(3)), poor, poor}, nil},
			"one was not followed":        {[]Signing{poor, unseen, poor}, nil},
			"nobody was heard: it was us": {[]Signing{poor, beat(1, op(1), op(2), op(3)), poor}, nil},
		} {
			found := inactive(w.wallet, op(0), 70, c.rows)
			require.Equal(t, c.want, found.Operators, name)
			for i, op := range found.Operators {
				require.Equal(t, w.seatOf(w.by(op)), found.Seats[i], name)
			}
		}
	})
}

// Of an operator that announces a part of its seats the others are absent.
func TestAnAbsenceIsOfSeats(t *testing.T) {
	bubble(t, 3, []int{2, 4, 3}, func(t *testing.T, w *world) {
		part := w.members[1]
		part.backend.key.Seats = part.backend.key.Seats[:1]
		w.start()
		for _, window := range []chain.Height{900, 1800, 2700} {
			o := w.heartbeat(window)
			for m, e := range w.play(o) {
				require.Equal(t, []int{4, 5, 6}, m.requireSigned(o, e).Attempts[0].Missing)
			}
		}
		for _, m := range w.members {
			want := map[chain.Height]Absence{2700: {[]chain.Seat{4, 5, 6}, []chain.Operator{part.op}}}
			if m == part {
				want = map[chain.Height]Absence{} // it says nothing about itself
			}
			require.Equal(t, want, m.log.inactivity)
		}
	})
}

func TestKindsThatTakeABitcoinNodeSaySo(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.start()
		handlers := w.members[0].service.Handlers()
		for _, p := range []proposal.Proposal{proposal.DepositSweep{}, proposal.MovingFunds{}, proposal.MovedFundsSweep{}} {
			outcome, detail := handlers[p.Kind()].Handle(t.Context(), proposal.Order{Proposal: p})
			require.Equal(t, action.Unverifiable, outcome)
			require.Contains(t, detail, "bitcoin")
		}
		for _, k := range []proposal.Kind{proposal.KindHeartbeat, proposal.KindRedemption} {
			outcome, _ := handlers[k].Handle(t.Context(), proposal.Order{Proposal: proposal.MovingFunds{}})
			require.Equal(t, action.HandlerFailed, outcome)
		}
		require.Len(t, handlers, len(proposal.Kinds())-1, "all but the no-op")
	})
}

func TestAConfigurationThatIsNotCompleteIsRefused(t *testing.T) {
	_, err := New(Config{PoorShare: 101})
	require.ErrorContains(t, err, "Backends is missing")
	require.ErrorContains(t, err, "percent")
}
