package signing

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// What was said in an attempt before a restart nobody knows: it is not taken part in again, and the next one is.
func TestARestartInTheMiddleOfAnAttempt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.start()
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			return names == w.members[0].op
		})
		m := w.members[1]
		m.tamper = silence // it dies before its first bundle leaves
		others := []*handling{w.members[0].handle(o), w.members[2].handle(o)}
		before := m.handle(o)
		w.mine(o.Start + 3)
		require.Equal(t, uint32(1), m.log.get(o.Window).Begun)
		require.NotEmpty(t, m.backend.asked)
		before.cancel()
		m.halt()
		synctest.Wait()
		require.Empty(t, before.over(t).outcome)
		asked := len(m.backend.asked)

		m.tamper = nil
		m.start()
		after := m.handle(o)
		w.mine(o.Start + attemptLength)
		require.Len(t, m.backend.asked, asked, "an attempt that was begun is not begun again")
		w.mine(o.SigningEnd())
		row := m.requireSigned(o, after.over(t))
		require.Equal(t, uint32(2), row.Begun)
		for i, h := range others {
			w.members[2*i].requireSigned(o, h.over(t))
		}
		require.Equal(t, w.digest(o), row.Digest)
	})
}

func TestR3ARevokedActionIsLeftInTheMiddleOfAnAttempt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		m := w.members[1]
		// It is revoked in the very moment in which the first bundles leave: no other one may follow.
		for _, other := range w.members {
			other.tamper = func(content any) []any {
				if b, ok := content.(bundle); ok && b.round == 1 {
					m.revoke(o.Window)
				}
				if b, ok := content.(bundle); ok && other == m {
					require.Equal(t, 1, b.round, "a share has left after the action was revoked")
				}
				return []any{content}
			}
		}
		w.start()
		all := w.play(o)
		require.Equal(t, action.Revoked, all[m].outcome)
		require.Empty(t, m.log.get(o.Window).Signed)
		for _, r := range m.backend.asked {
			require.True(t, m.backend.aborted[r.Session], "the backend forgets the session")
			require.LessOrEqual(t, r.Round, 1)
		}
		for _, other := range []*member{w.members[0], w.members[2]} {
			require.Equal(t, action.Expired, all[other].outcome, "two of three seats cannot sign")
		}
	})
}

func TestR3ARevokedActionIsNotBegun(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		for _, m := range w.members {
			m.revoke(o.Window)
		}
		w.start()
		for m, e := range w.play(o) {
			require.Equal(t, action.Revoked, e.outcome)
			require.Empty(t, m.backend.asked)
			require.Zero(t, m.log.get(o.Window).Begun)
		}
	})
}

func TestNothingLeavesUnderAnotherTerm(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		m := w.members[0]
		m.tamper = func(content any) []any {
			if b, ok := content.(bundle); ok {
				require.Equal(t, 1, b.round)
				m.memberMu.Lock()
				m.term.Epoch++
				m.memberMu.Unlock()
			}
			return []any{content}
		}
		w.start()
		all := w.play(o)
		require.Empty(t, m.log.get(o.Window).Signed)
		require.Equal(t, action.Expired, all[m].outcome, "it waited to be let go")
		for _, r := range m.backend.asked {
			require.Equal(t, signer.Term{Generation: 1, Epoch: 1}, r.Term)
			require.Equal(t, 1, r.Round)
		}
	})
}

func TestALateJoinerIsToldTheResult(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		late := w.members[4]
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			return names != late.op
		})
		w.start()
		under := map[*member]*handling{}
		for _, m := range w.members[:4] {
			under[m] = m.handle(o)
		}
		w.mine(o.Start + 60) // the second attempt is under way
		for m, h := range under {
			m.requireSigned(o, h.over(t))
		}
		// Those who told everybody at once are gone, and what they said with them.
		for _, m := range w.members[:4] {
			if row := m.log.get(o.Window); slices.Contains(row.Attempts[0].Signers, int(w.seatOf(m))) {
				m.halt()
			}
		}
		h := late.handle(o)
		w.mine(o.Start + 80)
		row := late.requireSigned(o, h.over(t))
		require.Empty(t, late.backend.asked)
		_, whole := row.Newest()
		require.False(t, whole, "it cannot say who was there")
		w.mine(o.SigningEnd() + 1)
		require.Empty(t, w.hub.lines, "the topics are closed after the last block for signing")
	})
}

// One of the signers tells the others what came of it. Where it keeps that to itself the one after it does, and so on, in the same attempt.
func TestTheNextSignerTellsTheResultWhereTheFirstDoesNot(t *testing.T) {
	for silent := range 3 {
		bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
			o := w.heartbeat(900)
			signers := operatorsOf(w.wallet, w.first(o, 1))
			told := make([]chain.Height, len(signers)) // when each of them told it
			for turn, op := range signers {
				w.by(op).tamper = func(content any) []any {
					if _, ok := content.(result); !ok {
						return []any{content}
					}
					require.Zero(t, told[turn], "once is enough")
					if told[turn] = w.clock.Height(); turn < silent {
						return nil
					}
					return []any{content}
				}
			}
			w.start()
			all := w.play(o)
			at := told[0]
			require.LessOrEqual(t, at, o.Start+3)
			for turn, height := range told {
				if turn > silent {
					require.Zero(t, height, "it was told already")
				} else {
					require.Equal(t, at+chain.Height(turn)*resultTurn, height)
				}
			}
			for m, e := range all {
				row := m.requireSigned(o, e)
				require.Len(t, row.Attempts, 1)
				require.LessOrEqual(t, row.FinishedAt, at+chain.Height(silent)*resultTurn)
			}
		})
	}
}

// What differs from the result is not it: whose turn comes after tells it all the same.
func TestAResultThatIsNoneKeepsNobodyFromTellingIt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		signers := operatorsOf(w.wallet, w.first(o, 1))
		for turn, op := range signers[:2] {
			w.by(op).tamper = func(content any) []any {
				switch r, ok := content.(result); {
				case !ok:
					return []any{content}
				case turn == 0:
					return nil
				default: // once all have signed
					return []any{result{r.about, [][]byte{make([]byte, maxSignature)}}}
				}
			}
		}
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Len(t, row.Attempts, 1)
			require.LessOrEqual(t, row.FinishedAt, o.Start+3+2*resultTurn)
		}
	})
}

func TestAResultThatIsNoneIsIgnored(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		w.members[0].tamper = func(content any) []any {
			a, ok := content.(announcement)
			if !ok {
				return []any{content}
			}
			forged := result{a.about, [][]byte{make([]byte, maxSignature)}}
			two := result{a.about, [][]byte{make([]byte, maxSignature), make([]byte, maxSignature)}}
			return []any{forged, two, content}
		}
		w.start()
		for m, e := range w.play(o) {
			m.requireSigned(o, e)
		}
	})
}

// The same window again, as after the wallet went away and came back: what is signed is signed.
func TestASignedWindowEndsAtOnce(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.start()
		o := w.heartbeat(900)
		var first map[*member]outcomed
		under := map[*member]*handling{}
		for _, m := range w.members {
			under[m] = m.handle(o)
		}
		w.mine(o.Start + 10)
		first = map[*member]outcomed{}
		for m, h := range under {
			first[m] = h.over(t)
		}
		m := w.members[0]
		asked := len(m.backend.asked)
		again := m.handle(o)
		synctest.Wait()
		require.Equal(t, first[m], again.over(t))
		require.Len(t, m.backend.asked, asked)
	})
}

// Whatever is lost on the way: nobody signs anything but what was agreed on, whoever is told a signature was told the wallet's,
// and where messages get through at all everybody has it in the end.
func TestPropertyWhateverIsLostTheSameIsSignedOrNothing(t *testing.T) {
	for _, size := range [][2]int{{3, 2}, {5, 3}, {7, 4}} {
		sharesOf(t, size[0], size[1])
	}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([][2]int{{3, 2}, {5, 3}, {7, 4}}).Draw(rt, "seats and threshold")
		loss := rapid.IntRange(0, 95).Draw(rt, "loss in percent")
		cut := rapid.IntRange(0, size[0]-1).Draw(rt, "operators of whom nothing is heard")
		window := 900 * chain.Height(rapid.IntRange(1, 10).Draw(rt, "window"))
		random := rapid.Uint64().Draw(rt, "seed of the losses")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, size[1], slices.Repeat([]int{1}, size[0])...)
			o := w.heartbeat(window)
			w.at(o.Start - 1)
			w.hub.lose = func(from, _ chain.Operator) bool {
				random = random*2862933555777941757 + 3037000493 // a generator whose high bits serve as dice
				for _, m := range w.members[:cut] {
					if m.op == from {
						return true
					}
				}
				return int(random>>33%100) < loss //nolint:gosec // below 100
			}
			w.start()
			signed := 0
			for m, e := range w.play(o) {
				switch e.outcome {
				case action.OK:
					signed++
					m.requireSigned(o, e)
				case action.Expired:
					require.Empty(t, m.log.get(window).Signed)
				default:
					require.Failf(t, "another outcome", "%s: %s", e.outcome, e.detail)
				}
				for other := range m.backend.windows() {
					require.Equal(t, window, other)
				}
			}
			if size[0]-cut < size[1] {
				require.LessOrEqual(t, signed, cut, "only who is heard by nobody can hear enough")
			}
			if cut == 0 && loss <= 50 {
				require.Equal(t, size[0], signed)
			}
			w.end()
		})
	})
}
