package keygen

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// comparing is how long after a failure operators compare what they were told: an honest one shows its side within a round trip.
const comparing = time.Minute

// fail ends a key generation without a key: written down, told to the others, and cleared away. Then it is looked for a while
// whether somebody told operators different things.
func (p *play) fail(ctx context.Context, f *failure) error {
	had := p.row.State
	p.row.Proof = f.proof
	if err := p.save(ctx, Failed, f.why); err != nil {
		return err
	}
	p.note(Progress{})
	p.log.WarnContext(ctx, "Key generation failed", "why", f.why)
	p.discard(ctx, f.why)
	if had == Attesting || had == Failed {
		return nil // the others may have come further than we; nothing is ended for them
	}
	if err := p.complain(ctx, f); err != nil {
		return ctx.Err()
	}
	return p.compare(ctx, f)
}

// compare waits for the proof that somebody told operators different things, or dealt what cannot be used.
func (p *play) compare(ctx context.Context, f *failure) error {
	end := time.NewTimer(comparing)
	defer end.Stop()
	named := 0
	if len(f.proof) > 0 {
		named = len(f.culprits)
	}
	for late := false; ; {
		changed := p.heard.next()
		if proven := p.proven(ctx, late); proven != nil && len(proven.culprits) > named {
			named = len(proven.culprits)
			if err := p.name(ctx, proven); err != nil {
				return err
			}
		}
		if late {
			return nil
		}
		select {
		case <-changed:
		case <-end.C:
			late = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// name writes down who is proven to have broken it.
func (p *play) name(ctx context.Context, f *failure) error {
	p.row.Proof = f.proof
	p.log.WarnContext(ctx, "Key generation failed", "why", f.why)
	if err := p.save(ctx, Failed, f.why); err != nil {
		return err
	}
	p.showAcceptances(ctx)
	return nil
}

// complain tells the others that we have ended and why, with the hashes of the commitments that we used.
func (p *play) complain(ctx context.Context, f *failure) error {
	c := &pb.KeygenComplaint{Session: p.row.Session[:], Why: printable(f.why)}
	used := p.heard.commitments()
	for _, op := range p.inv.Operators() {
		if s, ok := used[op]; ok {
			c.Authors, c.Hashes = append(c.Authors, op[:]), append(c.Hashes, s.hash[:])
		}
	}
	for _, op := range f.culprits {
		c.Accused = append(c.Accused, op[:])
	}
	p.showAcceptances(ctx)
	for _, o := range p.opened {
		hashes, meant := p.heard.hashesBy(p.inv.Roster[o.Dealer-1], o.Round)
		opening := &pb.KeygenOpening{Dealer: uint32(o.Dealer), Receiver: uint32(o.Receiver), Round: uint32(o.Round), Key: bytes.Clone(o.Key[:])} //nolint:gosec // small
		for _, hash := range hashes {
			opening.Hashes = append(opening.Hashes, bytes.Clone(hash[:]))
		}
		c.Openings = append(c.Openings, opening)
		for _, signed := range meant { // before the complaint: who hears that, and was told something else, has both
			p.publish(ctx, &pb.KeygenComplaint{Session: p.row.Session[:], Messages: [][]byte{signed}})
		}
	}
	return p.say(ctx, encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: c}}))
}

// publish says once what is of use to others; that it cannot be said is no trouble of ours.
func (p *play) publish(ctx context.Context, c *pb.KeygenComplaint) {
	if err := p.topic.Publish(ctx, encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: c}})); err != nil {
		p.log.DebugContext(ctx, "Messages of others were not shown", "error", err)
	}
}

// showAcceptances publishes all that we have where somebody was told others: who has signed two is proven to have.
func (p *play) showAcceptances(ctx context.Context) {
	second := p.heard.secondAcceptances()
	if len(second) > 0 || len(p.heard.toldOthers()) > 0 {
		first, _ := p.heard.accepted()
		p.publish(ctx, &pb.KeygenComplaint{Session: p.row.Session[:], Acceptances: append(first, second...)})
	}
}

// show publishes the commitments of which somebody says that he was told others, and the acceptances of those who open with
// another key than they have accepted with.
func (p *play) show(ctx context.Context, shown, accepted map[chain.Operator]bool) {
	if !accepted[p.s.self] && len(p.heard.toldOthers()) > 0 {
		accepted[p.s.self] = true
		p.showAcceptances(ctx)
	}
	for op, signed := range p.heard.misfits() {
		if !accepted[op] {
			accepted[op] = true
			p.publish(ctx, &pb.KeygenComplaint{Session: p.row.Session[:], Acceptances: [][]byte{signed}})
		}
	}
	for op, s := range p.heard.differing() {
		if shown[op] || len(shown) == maxShown {
			continue
		}
		shown[op] = true
		p.publish(ctx, &pb.KeygenComplaint{Session: p.row.Session[:], Messages: [][]byte{s.signed}})
	}
}

// maxShown is how many commitments are shown in one session: one that differs is proof enough, and what others claim to have
// heard costs them nothing.
const maxShown = 4

// discard clears away what a failed key generation has left. What cannot be reached now holds shares of a key that nobody will
// ever confirm.
func (p *play) discard(ctx context.Context, why string) {
	cfg := p.s.cfg
	bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if backend, err := cfg.Placement.Chosen(bounded, p.row.Session); err == nil {
		err := backend.Abort(bounded, p.row.Session)
		if p.row.Wallet != (chain.WalletID{}) {
			err = errors.Join(err, p.freeze(bounded, backend, why))
		}
		if err != nil {
			p.log.WarnContext(ctx, "Backend still has what a failed key generation left", "error", err)
		}
	}
	if err := cfg.Placement.Abandon(bounded, p.row.Session); err != nil {
		p.log.WarnContext(ctx, "Assignment of a failed key generation stays", "error", err)
	}
}

// freeze makes sure that a key which not all have confirmed is not used by anybody who confirms it later.
func (p *play) freeze(ctx context.Context, backend signer.Backend, why string) error {
	term, err := p.s.cfg.Term(ctx)
	if err != nil {
		return err
	}
	return backend.SetState(ctx, p.row.Wallet, signer.StateChange{State: signer.KeyFrozen, Term: term, Why: why})
}
