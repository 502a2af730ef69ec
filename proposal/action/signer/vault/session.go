package vault

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxRounds is more than any scheme's rounds.
const maxRounds = 16

// turn is one round that is asked of a session.
type turn struct {
	kind  kind
	id    signer.SessionID
	round int
	term  signer.Term
	opens bool // it says what the session is about
	hears bool // it brings what others said
}

// take checks a turn's form and term, and takes its session; leave gives it back.
func (v *Vault) take(ctx context.Context, t turn) (*ceremony, error) {
	if t.round < 1 || t.round > maxRounds || t.opens != (t.round == 1) || t.opens && t.hears {
		return nil, fmt.Errorf("%w: round %d: want an opening in round 1, and messages in the others", signer.ErrMalformed, t.round)
	}
	if err := v.admitSession(ctx, t.id, t.kind, t.term); err != nil {
		return nil, err
	}
	return v.enter(t.id, t.opens)
}

// enter takes a session for one round; leave gives it back. Who asks about the same session meanwhile waits. One that is not
// open has no secrets, and a place is kept for it only if it begins.
func (v *Vault) enter(id signer.SessionID, begins bool) (*ceremony, error) {
	for {
		c, err := v.find(id, begins)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		if !c.gone || c.parts == nil && !begins {
			return c, nil
		}
		c.mu.Unlock() // it ended while we waited for it
	}
}

func (v *Vault) find(id signer.SessionID, begins bool) (*ceremony, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.live == nil {
		return nil, fmt.Errorf("%w: it is closed", signer.ErrSealed)
	}
	now := v.cfg.Now()
	c := v.live[id]
	if c == nil && !begins {
		return &ceremony{id: id, gone: true}, nil
	}
	if c == nil {
		v.dropIdle()
		if len(v.live) >= maxSessions {
			return nil, fmt.Errorf("%w: %d sessions are open", signer.ErrBusy, len(v.live))
		}
		c = &ceremony{id: id}
		v.live[id] = c
		if v.sweep == nil {
			v.sweep = time.AfterFunc(sessionIdle, v.sweepIdle)
		}
	}
	c.used = now
	return c, nil
}

// sweepIdle drops idle sessions where nobody begins another one, and comes again for as long as any is open.
func (v *Vault) sweepIdle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropIdle()
	if len(v.live) == 0 { // or the vault is closed
		v.sweep = nil
		return
	}
	v.sweep.Reset(sweepPause)
}

// dropIdle forgets the secrets of sessions that nobody asked about for long. v.mu is held.
func (v *Vault) dropIdle() {
	now := v.cfg.Now()
	for id, c := range v.live {
		if now.Sub(c.used) < sessionIdle || !c.mu.TryLock() { // one that is at work is not idle
			continue
		}
		c.gone, c.parts = true, nil
		delete(v.live, id)
		c.mu.Unlock()
	}
}

// leave gives a session back. One without secrets is not kept.
func (v *Vault) leave(c *ceremony) {
	if c.parts == nil && !c.gone {
		c.gone = true
		v.mu.Lock()
		delete(v.live, c.id)
		v.mu.Unlock()
	}
	c.mu.Unlock()
}

// progress is a session's row.
type progress struct {
	wallet chain.WalletID
	window chain.Height
	rounds int
	over   bool
}

// kind tells what a session is about: only a key generation has no window.
func (p progress) kind() kind { return kind(p.window != 0) }

// session reads a session's row; signer.ErrUnknownSession if there is none.
func (t *tx) session(id signer.SessionID) (progress, error) {
	var p progress
	var wallet []byte
	var window int64
	err := t.get(`SELECT wallet, window, rounds, over FROM sessions WHERE session = ?`, id[:]).into(&wallet, &window, &p.rounds, &p.over)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("session %v: %w", id, signer.ErrUnknownSession)
	}
	copy(p.wallet[:], wallet)
	p.window = chain.Height(window) //nolint:gosec // never negative
	return p, err
}

// answered looks for what was answered to a round; found is false if the round is the next one. An error if the round cannot
// be answered any more, or was answered to something else: other says which error that is.
func (v *Vault) answered(ctx context.Context, id signer.SessionID, round int, request signer.Digest, other error) (a answer, found bool, err error) {
	var p progress
	var asked, sealed []byte
	err = v.ledger.read(ctx, func(tx *tx) error {
		if p, err = tx.session(id); err != nil {
			return err
		}
		err := tx.get(`SELECT request, reply FROM replies WHERE session = ? AND round = ?`, id[:], round).into(&asked, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	switch {
	case errors.Is(err, signer.ErrUnknownSession) && round == 1:
		return answer{}, false, nil
	case err != nil:
		return answer{}, false, err
	case sealed == nil && (p.over || round <= p.rounds):
		return answer{}, false, fmt.Errorf("session %v is over: %w", id, signer.ErrSessionGone)
	case sealed == nil && round > p.rounds+1:
		return answer{}, false, fmt.Errorf("%w: session %v has answered %d rounds, and is asked for round %d", signer.ErrConflict, id, p.rounds, round)
	case sealed == nil:
		return answer{}, false, nil
	case string(asked) != string(request[:]):
		return answer{}, false, other
	}
	a, err = v.openAnswer(id, round, sealed)
	return a, err == nil, err
}

func replyPlace(id signer.SessionID, round int) []byte {
	return place("replies", append(id[:], byte(round))...) //nolint:gosec // at most maxRounds
}

func (v *Vault) openAnswer(id signer.SessionID, round int, sealed []byte) (a answer, err error) {
	plain, err := v.box.open(sealed, replyPlace(id, round))
	if err == nil {
		err = json.Unmarshal(plain, &a)
	}
	if err != nil {
		return answer{}, fmt.Errorf("read the stored reply of round %d: %w", round, err)
	}
	return a, nil
}

// begun writes a session's row.
func (t *tx) begun(id signer.SessionID, wallet chain.WalletID, window chain.Height) error {
	return t.exec(`INSERT INTO sessions (session, wallet, window, rounds, over) VALUES (?, ?, ?, 0, 0)`,
		id[:], wallet[:], int64(window)) //nolint:gosec // checked by the window rule
}

// keep writes down what is about to be answered.
func (t *tx) keep(b box, id signer.SessionID, round int, request signer.Digest, a answer) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode a reply: %w", err)
	}
	if err := t.exec(`INSERT INTO replies (session, round, request, reply) VALUES (?, ?, ?, ?)`,
		id[:], round, request[:], b.seal(plain, replyPlace(id, round))); err != nil {
		return err
	}
	return t.exec(`UPDATE sessions SET rounds = ?, over = ? WHERE session = ?`, round, a.over(), id[:])
}

// Session implements signer.Backend.
func (v *Vault) Session(ctx context.Context, id signer.SessionID) (signer.SessionState, error) {
	state := signer.SessionState{Session: id}
	var sealed []byte
	err := v.ledger.read(ctx, func(tx *tx) error {
		p, err := tx.session(id)
		if err != nil {
			return err
		}
		state.Wallet, state.Rounds, state.Over = p.wallet, p.rounds, p.over
		err = tx.get(`SELECT reply FROM replies WHERE session = ? AND round = ?`, id[:], p.rounds).into(&sealed)
		if errors.Is(err, sql.ErrNoRows) { // it was dropped, or nothing was answered
			return nil
		}
		return err
	})
	if err != nil {
		return signer.SessionState{}, err
	}
	v.mu.Lock()
	state.Over = state.Over || v.live[id] == nil
	v.mu.Unlock()
	if sealed != nil {
		a, err := v.openAnswer(id, state.Rounds, sealed)
		if err != nil {
			return signer.SessionState{}, err
		}
		state.Last = &a.Reply
	}
	return state, nil
}

// Abort implements signer.Backend.
func (v *Vault) Abort(ctx context.Context, id signer.SessionID) error {
	c, err := v.enter(id, false)
	if err != nil {
		return err
	}
	defer v.leave(c)
	c.parts = nil
	return v.ledger.write(ctx, func(tx *tx) error { return tx.exec(`UPDATE sessions SET over = 1 WHERE session = ?`, id[:]) })
}
