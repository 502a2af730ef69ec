package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// A reply that was lost on its way is given again, byte for byte, also after a restart.
func TestALostReplyIsRepeated(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	calls := map[string]func() (signer.RoundReply, error){}
	replies := map[string]signer.RoundReply{}
	ask := func(h *house, round int, in [][]byte) (signer.RoundReply, error) {
		name := fmt.Sprintf("signing, seat %d, round %d", r.seatOf(h), round)
		calls[name] = func() (signer.RoundReply, error) { return p.ask(h, round, in) }
		reply, err := calls[name]()
		replies[name] = reply
		return reply, err
	}
	r.rounds(r.signing(p), signer.SigningTopic(key.Wallet), p.session(), ask)
	r.invite(signer.FROST, 2)
	r.rounds(r.houses, keygen.TopicOf(r.session), r.session, func(h *house, round int, in [][]byte) (signer.RoundReply, error) {
		name := fmt.Sprintf("key generation, seat %d, round %d", r.seatOf(h), round)
		calls[name] = func() (signer.RoundReply, error) { return r.generating(h, round, in) }
		reply, err := calls[name]()
		replies[name] = reply
		return reply, err
	})
	require.Len(t, calls, 2*3+3*3)
	for range 2 {
		for name, call := range calls {
			again, err := call()
			require.NoError(t, err, name)
			require.Equal(t, replies[name], again, name)
		}
		for _, h := range r.houses {
			r.reopen(h)
		}
	}
	state, err := r.houses[0].vault.Session(t.Context(), p.session())
	require.NoError(t, err)
	last := replies["signing, seat 1, round 3"]
	require.Equal(t, signer.SessionState{Session: p.session(), Wallet: key.Wallet, Rounds: 3, Over: true, Last: &last}, state)
}

func (r *rig) seatOf(h *house) int {
	for i, op := range r.roster {
		if op == h.op {
			return i + 1
		}
	}
	return 0
}

// generating is one call of the rig's key generation.
func (r *rig) generating(h *house, round int, in [][]byte) (signer.RoundReply, error) {
	g := signer.GenerateRound{Session: r.session, Round: round, In: in}
	if round == 1 {
		g.Open = r.openingFor(h)
	}
	return h.vault.Generate(context.Background(), g)
}

// A restart ends open sessions: their nonces are gone, and are never made anew.
func TestARestartEndsOpenSessions(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	_, err := p.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	b, err := p.ask(r.houses[1], 1, nil)
	require.NoError(t, err)
	said := r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)
	r.reopen(r.houses[0])
	_, err = p.ask(r.houses[0], 2, [][]byte{said})
	require.ErrorIs(t, err, signer.ErrSessionGone)
	state, err := r.houses[0].vault.Session(t.Context(), p.session())
	require.NoError(t, err)
	require.True(t, state.Over)
	p.attempt = 2
	r.sign(key, p)
}

func TestAnAbortedSessionIsGone(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	_, err := p.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	b, err := p.ask(r.houses[1], 1, nil)
	require.NoError(t, err)
	v := r.houses[0].vault
	require.NoError(t, v.Abort(t.Context(), p.session()))
	require.NoError(t, v.Abort(t.Context(), p.session()))
	require.NoError(t, v.Abort(t.Context(), signer.SessionID{1}), "one that was never begun")
	require.Empty(t, v.live)
	_, err = p.ask(r.houses[0], 2, [][]byte{r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)})
	require.ErrorIs(t, err, signer.ErrSessionGone)
	_, err = v.Session(t.Context(), signer.SessionID{1})
	require.ErrorIs(t, err, signer.ErrUnknownSession)
	_, err = v.Sign(t.Context(), signer.SignRound{Session: signer.SessionID{1}, Round: 2})
	require.ErrorIs(t, err, signer.ErrUnknownSession)
}

// Sessions are bounded in number, and do not live for ever.
func TestIdleSessionsAreForgotten(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	_, err := p.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	b, err := p.ask(r.houses[1], 1, nil)
	require.NoError(t, err)
	v := r.houses[0].vault
	for i := range maxSessions - 1 {
		v.live[signer.SessionID{1, byte(i), byte(i >> 8)}] = &ceremony{used: r.now.Add(time.Second)}
	}
	second := p
	second.attempt = 2
	_, err = second.ask(r.houses[0], 1, nil)
	require.ErrorIs(t, err, signer.ErrBusy)
	_, err = p.ask(r.houses[0], 1, nil)
	require.NoError(t, err, "one that is open goes on")
	r.now = r.now.Add(sessionIdle)
	_, err = second.ask(r.houses[0], 1, nil)
	require.NoError(t, err, "the first one is idle")
	_, err = p.ask(r.houses[0], 2, [][]byte{r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)})
	require.ErrorIs(t, err, signer.ErrSessionGone)
}

// Nonces of a session that was abandoned do not stay in memory, though nobody asks for anything any more.
func TestAbandonedSessionsLoseTheirSecretsByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, key := threeOperators(t)
		v := r.houses[0].vault
		ahead := time.Until(r.now)
		for _, h := range r.houses { // each has a timer since the key was generated, and the rig's clock is not for several
			h.vault.mu.Lock() // which its timer takes, too
			h.vault.cfg.Now = func() time.Time { return time.Now().Add(ahead) }
			h.vault.mu.Unlock()
		}
		open := func() int {
			v.mu.Lock()
			defer v.mu.Unlock()
			return len(v.live)
		}
		pass := func(d time.Duration) {
			time.Sleep(d) // of the bubble
			synctest.Wait()
		}
		p := r.heartbeat(key, firstWindow, 1)
		require.NoError(t, r.begin(p))
		pass(sessionIdle / 2)
		require.NoError(t, r.begin(p), "it is asked about")
		v.mu.Lock()
		c := v.live[p.session()]
		v.mu.Unlock()
		pass(sessionIdle/2 + time.Second)
		require.Equal(t, 1, open())
		pass(sessionIdle/2 + sweepPause)
		require.Zero(t, open())
		c.mu.Lock()
		require.Nil(t, c.parts)
		c.mu.Unlock()
		v.mu.Lock()
		require.Nil(t, v.sweep, "nothing is left to look for")
		v.mu.Unlock()

		p.attempt = 2
		require.NoError(t, r.begin(p))
		require.NoError(t, v.Close())
		pass(2 * sessionIdle)
	})
}

// A round is asked in its turn.
func TestRoundsFollowOneAnother(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	_, err := p.ask(r.houses[0], 1, nil)
	require.NoError(t, err)
	v := r.houses[0].vault
	_, err = v.Sign(t.Context(), signer.SignRound{Session: p.session(), Round: 3})
	require.ErrorIs(t, err, signer.ErrConflict)
	_, err = v.Generate(t.Context(), signer.GenerateRound{Session: p.session(), Round: 2})
	require.ErrorIs(t, err, signer.ErrConflict, "the session is a signature's")
	for _, bad := range []signer.SignRound{
		{Session: p.session(), Round: 0},
		{Session: p.session(), Round: maxRounds + 1},
		{Session: p.session(), Round: 1},
		{Session: p.session(), Round: 2, Open: p.round1().Open},
		{Session: p.session(), Round: 1, Open: p.round1().Open, In: [][]byte{{1}}},
	} {
		_, err = v.Sign(t.Context(), bad)
		require.ErrorIs(t, err, signer.ErrMalformed)
		_, err = v.Generate(t.Context(), signer.GenerateRound{Session: bad.Session, Round: bad.Round, In: bad.In})
		if bad.Round != 2 {
			require.ErrorIs(t, err, signer.ErrMalformed)
		}
	}
}

var errCrash = errors.New("the power fails")

// crashAt makes a vault's write number n fail: before it is on the disk, or right after. It returns how many writes there were.
func crashAt(v *Vault, n int, after bool) *int {
	writes := new(int)
	v.ledger.commit = func(tx *sql.Tx) error {
		*writes++
		if *writes != n {
			return tx.Commit()
		}
		if after {
			if err := tx.Commit(); err != nil {
				return err
			}
		} else if err := tx.Rollback(); err != nil {
			return err
		}
		return errCrash
	}
	return writes
}

// Wherever the power fails while a wallet signs: what was answered stays what it was, the window stays bound to what left the
// vault, the count never falls behind, and the wallet signs in the end.
func TestACrashAtAnyWriteNeverSignsTwice(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("write %d, after it is on the disk: %v", n, after), func(t *testing.T) {
				r, key := threeOperators(t)
				h := r.houses[0]
				p := r.heartbeat(key, firstWindow, 1)
				writes := crashAt(h.vault, n, after)
				left, crashed := 0, false // rounds whose replies have left
				said := map[*house][]byte{}
				for round := 1; round <= 3; round++ {
					next := map[*house][]byte{}
					for _, asked := range r.signing(p) {
						in := others(said, asked)
						reply, err := p.ask(asked, round, in)
						if asked == h && round == n {
							require.ErrorIs(t, err, signer.ErrStoreFailed)
							require.Empty(t, reply)
							crashed = true
							r.reopen(h)
							reply, err = r.afterCrash(p, h, round, in, after)
						}
						if errors.Is(err, signer.ErrSessionGone) {
							require.True(t, crashed)
							continue // its vault has no part in this attempt any more
						}
						require.NoError(t, err)
						if asked == h {
							left = round
						}
						if reply.Done == nil {
							next[asked] = r.say(asked, signer.SigningTopic(key.Wallet), p.session(), round, reply.Out)
						}
					}
					if said = next; len(said) < 2 {
						break // the others wait in vain
					}
				}
				require.True(t, crashed)
				require.Equal(t, n, *writes)

				if bound := left > 0 || after; bound {
					wantRefused(t, signer.RuleSlot, r.begin(r.heartbeat(key, firstWindow, 2)))
				}
				k, err := h.vault.Key(t.Context(), key.Wallet)
				require.NoError(t, err)
				if left >= 2 {
					require.EqualValues(t, 1, k.Signatures, "a share that has left is counted")
				}
				p.attempt = 7
				r.sign(key, p)
			})
		}
	}
}

// afterCrash is what a node does after its vault came back: it asks the same again.
func (r *rig) afterCrash(p plan, h *house, round int, in [][]byte, after bool) (signer.RoundReply, error) {
	r.t.Helper()
	reply, err := p.ask(h, round, in)
	if after {
		require.NoError(r.t, err, "it was written down, so it is answered")
		again, err := p.ask(h, round, in)
		require.NoError(r.t, err)
		require.Equal(r.t, reply, again)
	} else if round > 1 {
		require.ErrorIs(r.t, err, signer.ErrSessionGone)
	}
	return reply, err
}

// Wherever the power fails while a key is generated: there is a whole key that all have, or none.
func TestACrashAtAnyWriteLeavesNoHalfKey(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("write %d, after it is on the disk: %v", n, after), func(t *testing.T) {
				r := newRig(t, 1, 1, 1)
				r.invite(signer.FROST, 2)
				h := r.houses[0]
				crashAt(h.vault, n, after)
				said := map[*house][]byte{}
				var err error
				for round := 1; round <= 3 && err == nil; round++ {
					next := map[*house][]byte{}
					for _, asked := range r.houses {
						var reply signer.RoundReply
						reply, err = r.generating(asked, round, others(said, asked))
						if asked == h && round == n {
							require.ErrorIs(t, err, signer.ErrStoreFailed)
							r.reopen(h)
							reply, err = r.generating(asked, round, others(said, asked))
						}
						if err != nil {
							break
						}
						if reply.Done == nil {
							next[asked] = r.say(asked, keygen.TopicOf(r.session), r.session, round, reply.Out)
						}
					}
					said = next
				}
				keys, listed := h.vault.Keys(t.Context(), nil, 10)
				require.NoError(t, listed)
				switch {
				case n == 1 && !after:
					require.NoError(t, err, "nothing had left: it begins anew")
					require.Len(t, keys, 1)
				case n == 3 && after:
					require.NoError(t, err)
					require.Len(t, keys, 1)
				default:
					require.ErrorIs(t, err, signer.ErrSessionGone)
					require.Empty(t, keys)
				}
				for _, k := range keys {
					require.Equal(t, signer.KeyPending, k.State)
				}
				r.generate(signer.FROST, 2) // another invitation makes a key
			})
		}
	}
}

// On a full disk nothing is signed; it says so, and goes on once there is room.
func TestAFullDiskSignsNothing(t *testing.T) {
	r, key := threeOperators(t)
	h := r.houses[0]
	var pages int
	require.NoError(t, h.vault.ledger.db.QueryRow(`PRAGMA page_count`).Scan(&pages))
	limit := func(n int) {
		_, err := h.vault.ledger.db.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, n))
		require.NoError(t, err)
	}
	limit(pages)
	p := r.heartbeat(key, firstWindow, 1)
	failed := 0
	for p.attempt = 1; p.attempt < 50; p.attempt++ { // until the last free page is used
		if err := r.begin(p); err != nil {
			require.ErrorIs(t, err, signer.ErrStoreFailed)
			failed++
			break
		}
	}
	require.NotZero(t, failed)
	require.False(t, health(t, h.vault).StoreOK)
	require.NotEmpty(t, health(t, h.vault).Detail)
	require.ErrorIs(t, r.begin(p), signer.ErrStoreFailed)
	require.Error(t, h.vault.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive}))
	limit(pages + 1000)
	require.True(t, health(t, h.vault).StoreOK)
	r.sign(key, p)
}

// A vault that was closed says so.
func TestAClosedVaultSignsNothing(t *testing.T) {
	r, key := threeOperators(t)
	require.NoError(t, r.houses[0].vault.Close())
	require.ErrorIs(t, r.begin(r.heartbeat(key, firstWindow, 1)), signer.ErrStoreFailed)
	require.False(t, health(t, r.houses[0].vault).StoreOK)
}
