package keygen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// generate goes through the rounds with the backend, and writes down what came of them.
func (p *play) generate(ctx context.Context) error {
	backend, err := p.s.cfg.Placement.Chosen(ctx, p.row.Session)
	if err != nil {
		return p.mine(ctx, fmt.Errorf("the backend that was chosen: %w", err))
	}
	p.backend = backend
	key, err := p.earlier(ctx)
	if err == nil && key == nil {
		key, err = p.rounds(ctx)
	}
	if err != nil {
		return err
	}
	return p.generated(ctx, *key)
}

// earlier returns the key if the backend had come to it before we were restarted; nil if it had not. What it said last may
// not have been published.
func (p *play) earlier(ctx context.Context) (*signer.KeyDetail, error) {
	state, err := p.backend.Session(ctx, p.row.Session)
	if err != nil || state.Last == nil || state.Last.Done == nil || state.Last.Done.Key == nil {
		return nil, nil //nolint:nilerr // the rounds tell what is wrong with the backend
	}
	if len(state.Last.Out) > 0 {
		if err := p.utter(ctx, state.Rounds, state.Last.Out); err != nil {
			return nil, err
		}
	}
	return state.Last.Done.Key, nil
}

// rounds runs the rounds in step with the others.
func (p *play) rounds(ctx context.Context) (*signer.KeyDetail, error) {
	var in [][]byte
	for round := 1; round <= MaxRounds; round++ {
		deadline := time.Now().Add(p.s.cfg.RoundTime)
		p.note(Progress{Round: round, Since: time.Now()})
		reply, err := p.ask(ctx, round, in, deadline)
		if err != nil {
			return nil, err
		}
		if len(reply.Culprits) > 0 {
			p.opened = slices.DeleteFunc(slices.Clone(reply.Openings), func(o signer.Opened) bool { return !o.Among(len(p.inv.Roster)) })
			return nil, blame(reply.Culprits)
		}
		if reply.Done == nil || len(reply.Out) > 0 {
			if err := p.utter(ctx, round, reply.Out); err != nil {
				return nil, err
			}
		}
		if reply.Done != nil {
			if reply.Done.Key == nil {
				return nil, &failure{why: "our backend ended without a key"}
			}
			p.played = true
			return reply.Done.Key, nil
		}
		err = p.await(ctx, round, func() time.Time { return deadline.Add(p.s.cfg.RoundTime) }, func() (absent []chain.Operator) {
			in, absent = p.heard.bundlesOf(round)
			return absent
		}, fmt.Sprintf("did not answer in round %d", round))
		if err != nil {
			return nil, err
		}
	}
	return nil, &failure{why: fmt.Sprintf("our backend has come to no end in %d rounds", MaxRounds)}
}

// utter says at the end of a round what our backend says, and to which keys it has sealed. What others would not take, because
// it could not be shown to anybody, is not said.
func (p *play) utter(ctx context.Context, round int, out []signer.Parcel) error {
	keys := map[chain.Operator]signer.PublicKey{}
	for _, signed := range p.row.Acceptances {
		if a, err := ReadAcceptance(signed); err == nil {
			keys[a.By] = a.SealTo
		}
	}
	data := EncodeBundle(p.row.Session, round, out, keys)
	if len(data) > maxBundle-signatures {
		return tooLarge(len(data), maxBundle-signatures)
	}
	p.bundles = append(p.bundles, data)
	return p.say(ctx, data)
}

// signatures is more than a signed message has beside its data.
const signatures = 1 << 10

func tooLarge(have, limit int) error {
	return &failure{why: fmt.Sprintf("what our backend has to say is too much for one message, %d bytes of %d: give each operator fewer seats", have, limit)}
}

// blame makes a failure of what the backend says of others.
func blame(culprits []signer.Culprit) error {
	f := &failure{why: "our backend found"}
	for i, c := range culprits {
		if i > 0 {
			f.why += ";"
		}
		f.why += fmt.Sprintf(" seat %d of %v: %s", c.Seat, c.By, c.Detail)
		if !slices.Contains(f.culprits, c.By) {
			f.culprits = append(f.culprits, c.By)
		}
	}
	return f
}

// errNoHeight keeps a key from being generated: its backend would take the chain for shorter than it is, or for new, for ever.
var errNoHeight = errors.New("the chain's height is not known: wait until the node follows the chain, and create the wallet anew")

// ask asks the backend for a round until it answers. To ask again is safe: one question has one answer, whatever the height.
func (p *play) ask(ctx context.Context, round int, in [][]byte, deadline time.Time) (signer.RoundReply, error) {
	r := signer.GenerateRound{Session: p.row.Session, Round: round, In: in}
	if round == 1 {
		r.Open = &signer.Opening{Invitation: p.row.Invitation, Acceptances: p.row.Acceptances, Self: p.s.self}
	}
	var reply signer.RoundReply
	err := p.insist(ctx, deadline, func(ctx context.Context) error {
		if r.Open != nil {
			height, now := p.s.cfg.Height()
			if !now || height == 0 {
				return errNoHeight
			}
			r.Open.Height = height
		}
		var err error
		if r.Term, err = p.s.cfg.Term(ctx); err == nil {
			reply, err = p.backend.Generate(ctx, r)
		}
		return err
	})
	return reply, p.mine(ctx, err)
}

// mine makes a failure of an error of our own; nil and the node's end stay what they are.
func (p *play) mine(ctx context.Context, err error) error {
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{why: fmt.Sprintf("our backend did not answer within %v", p.s.cfg.RoundTime)}
	case errors.Is(err, errNoHeight):
		return &failure{why: err.Error()}
	case errors.Is(err, signer.ErrSplit):
		return &failure{why: "operators were told different commitments"} // who told them shows when both sides show theirs
	}
	return &failure{why: "our backend: " + err.Error()}
}

// insist calls f until it succeeds, the deadline passes, or it fails in a way that asking again does not mend.
func (p *play) insist(ctx context.Context, deadline time.Time, f func(ctx context.Context) error) error {
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := f(bounded)
		if err == nil || final(err) {
			return err
		}
		p.log.DebugContext(ctx, "Backend is asked again", "error", err)
		if pause.For(bounded, wait) != nil {
			return err
		}
	}
}

// final reports whether a backend's answer stays the same however often it is asked.
func final(err error) bool {
	var refused *signer.Refused
	for _, sentinel := range []error{
		signer.ErrConflict, signer.ErrSplit, signer.ErrSessionGone, signer.ErrUnknownSession, signer.ErrUnknownKey,
		signer.ErrFrozen, signer.ErrForbidden, signer.ErrMalformed,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return errors.As(err, &refused)
}

// generated writes down that our shares are there, with what we attest: before anybody can hear of it.
func (p *play) generated(ctx context.Context, key signer.KeyDetail) error {
	a, err := AttestationOf(p.inv, key)
	if err != nil {
		return &failure{why: err.Error()}
	}
	signed, err := SignAttestation(p.s.cfg.Key, a)
	if err != nil {
		return &failure{why: err.Error()}
	}
	p.row.Wallet, p.row.Attestations = key.Wallet, [][]byte{signed}
	return p.save(ctx, Attesting, "")
}
