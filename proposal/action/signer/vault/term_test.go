package vault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// meddler is a party in whose round something else happens.
type meddler struct {
	party
	meddle func()
}

func (m meddler) Round(in []scheme.Message) (scheme.Step, error) {
	m.meddle()
	return m.party.Round(in)
}

// An instance that is superseded while its request is worked on gets nothing: its term is checked once more where what it asks
// for is written down.
func TestRuleTermHoldsUntilItIsWritten(t *testing.T) {
	older, newer := signer.Term{Generation: 1, Epoch: 5}, signer.Term{Generation: 2}

	t.Run("before nonces are bound", func(t *testing.T) {
		r, key := threeOperators(t)
		v := r.houses[0].vault
		p := r.heartbeat(key, firstWindow, 1)
		s := p.round1()
		s.Term = older
		c, err := v.take(t.Context(), turn{signing, s.Session, 1, s.Term, true, false})
		require.NoError(t, err)
		k, err := v.readKey(t.Context(), key.Wallet)
		require.NoError(t, err)
		require.NoError(t, v.admit(t.Context(), key.Wallet, s.Term))
		q, err := readAsked(s, k)
		require.NoError(t, err)

		require.NoError(t, v.admit(t.Context(), key.Wallet, newer))
		_, err = v.openSigning(t.Context(), c, s, q, signer.Digest(s.Session))
		v.leave(c)
		wantRefused(t, signer.RuleTerm, err)
		r.untouched(key)
		_, err = v.Session(t.Context(), s.Session)
		require.ErrorIs(t, err, signer.ErrUnknownSession)
		s.Term = newer
		_, err = v.Sign(t.Context(), s)
		require.NoError(t, err, "the window is free for who has taken over")
	})

	t.Run("before a share is released", func(t *testing.T) {
		r, key := threeOperators(t)
		v := r.houses[0].vault
		p := r.heartbeat(key, firstWindow, 1)
		s := p.round1()
		s.Term = older
		_, err := v.Sign(t.Context(), s)
		require.NoError(t, err)
		other, err := p.ask(r.houses[1], 1, nil)
		require.NoError(t, err)
		said := r.say(r.houses[1], signer.SigningTopic(key.Wallet), s.Session, 1, other.Out)

		took := 0
		for seat, own := range v.live[s.Session].parties {
			v.live[s.Session].parties[seat] = meddler{own, func() {
				took++
				require.NoError(t, v.admit(t.Context(), key.Wallet, newer))
			}}
		}
		reply, err := v.Sign(t.Context(), signer.SignRound{Session: s.Session, Round: 2, Term: older, In: [][]byte{said}})
		require.Equal(t, 1, took)
		wantRefused(t, signer.RuleTerm, err)
		require.Empty(t, reply)
		k, err := v.Key(t.Context(), key.Wallet)
		require.NoError(t, err)
		require.Zero(t, k.Signatures)
		state, err := v.Session(t.Context(), s.Session)
		require.NoError(t, err)
		require.Equal(t, 1, state.Rounds, "the second round has no answer that could be repeated")
	})
}
