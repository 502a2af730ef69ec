package signing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// What signers tell each other is looked at by nobody else, if it comes to a signature.
func TestABystanderPutsOffWhatOthersTellEachOther(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		w.hub.once = true
		for _, m := range w.members {
			m.backend.takes = time.Second // before which everybody has the list
		}
		w.start()
		o := w.heartbeat(900)
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Len(t, row.Attempts, 1)
			if slices.Contains(row.Attempts[0].Signers, int(w.seatOf(m))) {
				require.Equal(t, 2*2, w.hub.taken[m.op], "two rounds of two others")
			} else {
				require.Zero(t, w.hub.taken[m.op])
			}
		}
	})
}

// bystanders plays a first attempt of three of five in which operator 2 takes part and does not coordinate, nor in the next one.
// Nothing is said twice. It returns what each of the others made of it.
func bystanders(t *testing.T, tamper func(content any) []any, look func(w *world, m *member, takesPart bool, row Signing)) {
	t.Helper()
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		culprit := w.members[1]
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			_, next := coordinator(w.wallet, w.digest(o), 2)
			return names != culprit.op && next != culprit.op && slices.Contains(w.first(o, 1), 2)
		})
		culprit.tamper = tamper
		w.hub.once = true
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			if m != culprit {
				look(w, m, slices.Contains(w.first(o, 1), w.seatOf(m)), row)
			}
		}
	})
}

// A bystander explains an attempt that failed as those who took part do: it looks then at what it had put off.
func TestABystanderKnowsWhoWasSilent(t *testing.T) {
	for round := 1; round <= 2; round++ {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			mute := func(content any) []any {
				switch m := content.(type) {
				case bundle:
					if m.round >= round {
						return nil
					}
				case result: // it has all the others' shares
					return nil
				}
				return []any{content}
			}
			bystanders(t, mute, func(w *world, m *member, takesPart bool, row Signing) {
				require.Equal(t, ResultSilent, row.Attempts[0].Result, "takes part: %v", takesPart)
				require.Equal(t, []chain.Operator{w.members[1].op}, row.Attempts[0].Silent, "takes part: %v", takesPart)
				require.NotContains(t, row.Attempts[1].Signers, 2)
			})
		})
	}
}

// Of two bundles of one round a bystander has put the first one off; with the second it has the proof, at once.
func TestABystanderHasTheProofOfTwoBundles(t *testing.T) {
	for round := 1; round <= 2; round++ {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			twice := func(content any) []any {
				if b, ok := content.(bundle); ok && b.round == round {
					return []any{b, spoil(b)}
				}
				return []any{content}
			}
			bystanders(t, twice, func(w *world, m *member, takesPart bool, row Signing) {
				if takesPart {
					return // it may have ended for other reasons before
				}
				require.Equal(t, ResultCheated, row.Attempts[0].Result)
				require.LessOrEqual(t, row.Attempts[0].Ended, row.Attempts[0].Begun+3, "at once, not when time is up")
				require.Equal(t, MisdeedBundles, row.Blames[0].Misdeed)
				by, err := CheckProof(w.wallet, row.Blames[0].Proof)
				require.NoError(t, err)
				require.Equal(t, w.members[1].op, by)
			})
		})
	}
}

// Nothing is put off any more once an attempt is over.
func TestNothingIsPutOffAfterAnAttempt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		w.start()
		o := w.heartbeat(900)
		for m, e := range w.play(o) {
			m.requireSigned(o, e)
		}
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		for _, l := range w.hub.all {
			require.Nil(t, l.which)
			require.Empty(t, l.first)
		}
		require.Len(t, w.hub.all, len(w.members))
	})
}

func TestASlotIsARoundOfASessionOfWhoSigns(t *testing.T) {
	one, other, op := signer.SessionID{1}, signer.SessionID{2}, chain.Operator{7}
	slotOf := bundlesOf([]signer.SessionID{one, other}, []chain.Operator{op})
	seen := map[string]bool{}
	for _, session := range []signer.SessionID{one, other} {
		for round := 1; round <= maxRounds; round++ {
			slot, is := slotOf(op, encode(bundle{session, round, []signer.Parcel{{Data: []byte("x")}}}))
			require.True(t, is)
			require.False(t, seen[slot], "another slot for each")
			seen[slot] = true
			same, is := slotOf(op, encode(bundle{session, round, []signer.Parcel{{Data: []byte("y")}}}))
			require.True(t, is)
			require.Equal(t, slot, same)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":              nil,
		"another session":      encode(bundle{signer.SessionID{3}, 1, nil}),
		"no round":             encode(bundle{one, 0, nil}),
		"a round out of reach": encode(bundle{one, maxRounds + 1, nil}),
		"an announcement":      encode(announcement{about{}, []chain.Seat{1}}),
		"a list":               encode(list{about{}, []chain.Seat{1}}),
		"a result":             encode(result{about{}, [][]byte{make([]byte, 64)}}),
	} {
		_, is := slotOf(op, data)
		require.False(t, is, name)
	}
	_, is := slotOf(chain.Operator{8}, encode(bundle{one, 1, nil}))
	require.False(t, is, "somebody who does not sign")
}

// What was put off was said before its repetition was heard, by which others may look slow to answer.
func TestABundleCountsFromWhenItWasSaidFirst(t *testing.T) {
	b, op, at := newBundles(), chain.Operator{1}, step{signer.SessionID{1}, 1}
	said := signer.Said{By: op, Data: []byte("x"), Signed: []byte("x, signed")}
	b.add(op, at, newSigned(said, 12))
	b.add(op, at, newSigned(said, 10))
	b.add(op, at, newSigned(said, 14))
	require.EqualValues(t, 10, b.last([]chain.Operator{op}, at))
	require.Equal(t, len(said.Signed), b.of[op].bytes, "and once")
	require.False(t, b.differs)
}
