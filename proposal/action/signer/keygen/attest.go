package keygen

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// attest says what we generated until all operators have said the same. Others may use the wallet as soon as they have heard
// everybody, which may be before we have: so we go on listening when somebody is absent, and even when somebody attests
// something else, until it has taken too long.
func (p *play) attest(ctx context.Context) error {
	own, err := p.sayOwn(ctx)
	if err != nil {
		return err
	}
	told := func() {}
	if !p.played {
		told = p.retelling(ctx)
	}
	defer told()
	start := time.Now()
	late := time.NewTimer(p.s.cfg.RoundTime)
	defer late.Stop()
	end := time.NewTimer(time.Until(p.inv.Expires.Add(giveUp)))
	defer end.Stop()
	compared := time.NewTimer(comparing)
	defer compared.Stop()
	compared.Stop()
	named, resolved := 0, false
	for {
		changed := p.heard.next()
		p.passOn(ctx)
		signed, other, absent := p.heard.attestations(own.Attestation)
		p.note(Progress{0, append(slices.Clone(other), absent...), start})
		if len(other)+len(absent) == 0 {
			told()
			return p.activate(ctx, signed)
		}
		failed, err := p.despair(ctx, own, other, absent)
		if err != nil {
			return err
		}
		if failed {
			compared.Reset(comparing)
		}
		if named, err = p.nameMore(ctx, resolved, named); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-compared.C:
			resolved = true
		case <-late.C:
			if err := p.call(ctx, other, absent); err != nil {
				return err
			}
		case <-end.C:
			return p.tooLate(ctx, absent)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sayOwn says what we attest, after what is stored of others' attestations, and asks everybody for theirs.
func (p *play) sayOwn(ctx context.Context) (attested, error) {
	own, err := p.own()
	if err != nil {
		return own, &failure{why: "what we attested: " + err.Error()}
	}
	p.heard.recall(p.row.Attestations)
	for _, data := range [][]byte{attestationMessage(own.signed), newCall()} {
		if err := p.say(ctx, data); err != nil {
			return own, err
		}
	}
	return own, nil
}

// nameMore names, once the session has failed, who is proved to have spoilt it, if these are more than were named before. It returns how
// many are named.
func (p *play) nameMore(ctx context.Context, resolved bool, named int) (int, error) {
	if p.row.State != Failed {
		return named, nil
	}
	f := p.proven(ctx, resolved)
	if f == nil || len(f.culprits) <= named {
		return named, nil
	}
	return len(f.culprits), p.name(ctx, f)
}

// tooLate ends an attestation that has taken too long.
func (p *play) tooLate(ctx context.Context, absent []chain.Operator) error {
	if p.row.State == Failed {
		p.discard(ctx, p.row.Detail)
		return nil
	}
	return &failure{why: names(absent) + " did not attest in time"}
}

// call has everybody asked again who attests something else or is absent: they may have attested to others alone, who use the
// wallet by now.
func (p *play) call(ctx context.Context, other, absent []chain.Operator) error {
	if err := p.say(ctx, newCall(append(other, absent...)...)); err != nil || p.row.State != Attesting {
		return err
	}
	return p.save(ctx, Attesting, names(absent)+" has not attested yet")
}

// despair writes down that the session has failed if there is no hope that all attest what we have, and reports whether it did.
func (p *play) despair(ctx context.Context, own attested, other, absent []chain.Operator) (failed bool, err error) {
	why := p.hopeless(own, other, absent)
	if why == "" || p.row.State != Attesting {
		return false, nil
	}
	if err := p.save(ctx, Failed, why); err != nil {
		return false, err
	}
	p.log.WarnContext(ctx, "Key generation failed", "why", why)
	return true, nil
}

// hopeless tells why it looks as if not all will attest what we have; empty if they may.
func (p *play) hopeless(own attested, other, absent []chain.Operator) string {
	if len(other) > 0 {
		p.row.Proof = append([][]byte{own.signed}, p.heard.attestationsOf(other[0])...)
		return names(other) + " attested another key than we"
	}
	if by, e, ok := p.heard.over(); ok && slices.Contains(absent, by) {
		return fmt.Sprintf("%v has ended it: %s%s", by, e.why, accusing(e.accused))
	}
	return ""
}

func attestationMessage(signed []byte) []byte {
	return encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Attestation{Attestation: signed}})
}

// own returns our own attestation, as it was written down.
func (p *play) own() (attested, error) {
	var points [][33]byte
	for _, signed := range p.row.Attestations {
		a, err := readAttestation(signed, points)
		if err != nil {
			return attested{}, err
		}
		points = a.Verification
		if a.By == p.s.self {
			return attested{a, signed}, nil
		}
	}
	return attested{}, fmt.Errorf("%w: it is not in the store", ErrDocument)
}

// activate puts the wallet to use: everything that is done here can be done again after a restart.
func (p *play) activate(ctx context.Context, all [][]byte) error {
	read, record, err := makeRecord(p.inv.Roster, all)
	if err != nil {
		return &failure{why: err.Error()}
	}
	wallet, err := read.Wallet()
	if err != nil {
		return &failure{why: err.Error()}
	}
	p.row.Attestations = all // first: after a restart nobody else may be there any more who could say them again
	if err := p.save(ctx, p.row.State, p.row.Detail); err != nil {
		return err
	}
	for _, data := range p.bundles { // all have their shares: nobody needs ours any more
		p.topic.Forget(data)
	}
	told := false
	for {
		err := p.use(ctx, record, wallet)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(p.inv.Expires.Add(giveUp)) {
			return &failure{why: "all operators have attested the wallet, but it cannot be put to use: " + err.Error()}
		}
		if !told {
			p.log.ErrorContext(ctx, "Wallet cannot be put to use yet", "wallet", wallet.ID(), "error", err)
			if err := p.save(ctx, p.row.State, "all have attested; it cannot be put to use yet: "+err.Error()); err != nil {
				return err
			}
			told = true
		}
		if err := pause.For(ctx, 5*time.Second); err != nil {
			return err
		}
	}
	p.row.Proof = nil
	if err := p.save(ctx, Active, ""); err != nil {
		return err
	}
	p.note(Progress{})
	p.log.InfoContext(ctx, "Wallet is active", "wallet", wallet.ID(), "seats", wallet.Seats(), "threshold", p.inv.Threshold, "scheme", p.inv.Scheme)
	return nil
}

// use tells backend, placement and registry, in this order: who takes part in a wallet can sign for it.
func (p *play) use(ctx context.Context, record []byte, wallet chain.Wallet) error {
	backend, err := p.s.cfg.Placement.Chosen(ctx, p.row.Session)
	if err != nil {
		return err
	}
	term, err := p.s.cfg.Term(ctx)
	if err != nil {
		return err
	}
	if err := backend.SetState(ctx, wallet.ID(), signer.StateChange{State: signer.KeyActive, Term: term, Record: record}); err != nil {
		return err
	}
	if err := p.s.cfg.Placement.Confirm(ctx, p.row.Session, wallet.ID()); err != nil {
		return err
	}
	return p.s.cfg.Registry.ImportWallet(ctx, wallet)
}

// passOn says the attestations that others miss and we have, each operator's once: whoever attests to some alone would have these
// use a wallet that the rest gives up.
func (p *play) passOn(ctx context.Context) {
	for op, all := range p.heard.missedByOthers() {
		if p.passedOn[op] || op == p.s.self {
			continue
		}
		p.passedOn[op] = true
		for _, signed := range all {
			if err := p.topic.Publish(ctx, attestationMessage(signed)); err != nil {
				p.log.DebugContext(ctx, "Attestation of another operator was not passed on", "by", op, "error", err)
			}
		}
	}
}

// calling is how often an attestation is said anew for those who call for it, however often they do.
const calling = 10 * time.Second

// How long a lingering node says its attestation again: at first, for those whose link failed for a moment, and after it was called.
const (
	toldAtFirst = time.Minute
	repeated    = 10 * time.Minute
)

// linger answers those who were away when all attested.
func (p *play) linger(ctx context.Context) error {
	own, err := p.own()
	if err != nil {
		return nil // the wallet is active, and there is nothing to tell
	}
	message := attestationMessage(own.signed)
	if err := p.topic.Publish(ctx, message); err != nil {
		p.log.DebugContext(ctx, "Attestation was not said", "error", err)
	}
	p.heard.recall(p.row.Attestations)
	p.heard.release()
	p.s.keep(p)
	defer p.s.leave(p)
	end := time.NewTimer(time.Until(p.row.Changed.Add(linger)))
	defer end.Stop()
	quiet := time.NewTimer(toldAtFirst)
	defer quiet.Stop()
	said := time.Now()
	for calls := p.heard.callsHeard(); ; {
		changed := p.heard.next()
		p.passOn(ctx)
		if n := p.heard.callsHeard(); n != calls {
			calls = n
			quiet.Reset(repeated)
			if time.Since(said) >= calling { // else it is repeated anyway
				said = time.Now()
				if err := p.topic.Publish(ctx, message); err != nil {
					p.log.DebugContext(ctx, "Attestation was not said", "error", err)
				}
			}
		}
		select {
		case <-changed:
		case <-quiet.C:
			p.topic.Forget(message)
		case <-p.enough:
			return nil
		case <-end.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
