package signing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// requireWitnessed demands that a member whose action ended otherwise has what the others signed.
func (m *member) requireWitnessed(o proposal.Order, others *member) {
	m.t.Helper()
	row, theirs := m.log.get(o.Window), others.log.get(o.Window)
	require.NotEmpty(m.t, theirs.Signed)
	require.Equal(m.t, theirs.Signed, row.Signed)
	require.Equal(m.t, theirs.TxHash, row.TxHash)
	require.Equal(m.t, theirs.Digest, row.Digest)
	require.NotZero(m.t, row.FinishedAt)
	for _, a := range row.Attempts {
		require.NotEqual(m.t, ResultSigned, a.Result)
	}
}

func TestWhoseOwnSignerIsAwayKeepsWhatTheOthersSign(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(m *member)
		want    action.Outcome
	}{
		"no signer":    {func(m *member) { m.noBackend = signer.ErrNoSigner }, action.NoSigner},
		"given up":     {func(m *member) { m.noBackend = signer.ErrBackendFailed }, action.SignerUnavailable},
		"out of reach": {func(m *member) { m.backend.fail(errors.New("connection refused")) }, action.SignerUnavailable},
		"frozen":       {func(m *member) { m.backend.key.State = signer.KeyFrozen }, action.SignerRefused},
		"refused by a rule": {func(m *member) {
			m.backend.refusal = signer.Refuse(signer.RuleDouble, "paid before")
		}, action.SignerRefused},
	} {
		for kind, prepare := range map[string]func(w *world) proposal.Order{
			"heartbeat": func(w *world) proposal.Order { return w.heartbeat(900) },
			"redemption": func(w *world) proposal.Order {
				w.fund(1_000_000)
				return w.redemption(900, 1000, w.request(1, 100_000))
			},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
					o := prepare(w)
					m := w.members[0]
					c.prepare(m)
					w.start()
					all := w.play(o)
					for _, other := range w.members[1:] {
						other.requireSigned(o, all[other])
					}
					if all[m].outcome == action.OK { // it heard the result before its own signer was asked
						require.Equal(t, "refused by a rule", name)
						return
					}
					require.Equal(t, c.want, all[m].outcome)
					m.requireWitnessed(o, w.members[1])
					require.Empty(t, w.hub.lines, "the topic is closed")
				})
			})
		}
	}
}

// What its own signer lacked in one window is no obstacle in the next.
func TestAWitnessBuildsOnWhatTheOthersSigned(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		m := w.members[0]
		m.noBackend = signer.ErrNoSigner
		w.start()
		w.play(o)
		m.requireWitnessed(o, w.members[1])
		w.settled(m, 900)
		m.memberMu.Lock()
		m.noBackend = nil
		m.memberMu.Unlock()
		m.tamper = func(content any) []any {
			_, asks := content.(wanted)
			require.False(t, asks, "it need not")
			return []any{content}
		}
		next := w.redemption(1800, 1000, w.request(2, 50_000))
		for m, e := range w.play(next) {
			m.requireSigned(next, e)
		}
	})
}

// While it listens, the operator may mend the signer and try again.
func TestAnActionIsTriedAgainWhileItsWitnessListens(t *testing.T) {
	bubble(t, 2, []int{1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		m, other := w.members[0], w.members[1]
		m.noBackend = signer.ErrNoSigner
		w.start()
		h, theirs := m.handle(o), other.handle(o)
		w.mine(o.Start + 10)
		require.Equal(t, action.NoSigner, h.over(t).outcome)
		require.NotZero(t, m.log.get(900).Digest, "it knows what is to be signed")
		m.memberMu.Lock()
		m.noBackend = nil
		m.memberMu.Unlock()
		h = m.handle(o)
		w.mine(o.SigningEnd())
		m.requireSigned(o, h.over(t))
		other.requireSigned(o, theirs.over(t))
		require.NotContains(t, w.lines.String(), "level=ERROR")
	})
}

// What others say is looked at, not believed; the truth is taken from whoever says it.
func TestAWitnessTakesNothingThatIsNotTheWalletsSignature(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		w.fund(1_000_000)
		o := w.redemption(900, 1000, w.request(1, 100_000))
		m := w.members[0]
		m.noBackend = signer.ErrNoSigner
		for _, liar := range w.members[1:] {
			liar.tamper = func(content any) []any {
				r, ok := content.(result)
				if !ok {
					return []any{content}
				}
				var all []any
				for n := range maxResults + 5 { // more than are looked at
					false1 := r
					false1.signatures = [][]byte{make([]byte, maxSignature)}
					false1.signatures[0][0] = byte(n)
					all = append(all, false1)
				}
				other := r
				other.intent[0]++
				return append(all, other, r)
			}
		}
		w.start()
		all := w.play(o)
		require.Equal(t, action.NoSigner, all[m].outcome)
		require.Empty(t, m.log.get(900).Signed)
	})
}

func TestAWitnessWritesNothingForAWalletThatIsAnothersByThen(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		m := w.members[0]
		m.noBackend = signer.ErrNoSigner
		w.start()
		h := m.handle(o)
		m.log.refuse("SaveSigned", chain.ErrNotServed)
		var others []*handling
		for _, other := range w.members[1:] {
			others = append(others, other.handle(o))
		}
		w.mine(o.Start + 60)
		require.Equal(t, action.NoSigner, h.over(t).outcome)
		for _, h := range others {
			require.Equal(t, action.OK, h.over(t).outcome)
		}
		require.Empty(t, m.log.get(900).Signed)
		require.Len(t, w.hub.lines, 2, "it listens no more")
	})
}

// What the window's row says is read again once a witness that may have written it is ended; one that has ended long ago costs no read.
func TestARowIsReadAgainOnlyWhereAWitnessMayHaveWrittenIt(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1}, func(t *testing.T, w *world) {
		m := w.members[0]
		m.noBackend = signer.ErrNoSigner
		m.start()
		reads := func(o proposal.Order, until chain.Height) int {
			before := m.log.count()
			h := m.handle(o)
			w.mine(until)
			require.Equal(t, action.NoSigner, h.over(t).outcome)
			return m.log.count() - before - 2 // the witness's, and that for who was absent
		}
		o := w.heartbeat(900)
		require.Equal(t, 1, reads(o, o.Start+2))
		require.Equal(t, 2, reads(o, o.SigningEnd()+1), "the witness was listening")
		next := w.heartbeat(1800)
		require.Equal(t, 1, reads(next, next.Start+2), "nobody was")
	})
}
