package vault

import (
	"context"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// opening is what all operators have signed about a key generation.
type opening struct {
	keygen.Invitation
	self   chain.Operator
	height chain.Height
	sealTo map[chain.Operator]signer.PublicKey
	hash   signer.Digest // of all of this but the height, which goes on
}

// Generate implements signer.Backend. A key generation answers a round for one set of messages only, ErrConflict otherwise;
// ErrSplit if operators were told different things.
func (v *Vault) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	c, err := v.take(ctx, turn{generating, r.Session, r.Round, r.Term, r.Open != nil, len(r.In) > 0})
	if err != nil {
		return signer.RoundReply{}, err
	}
	defer v.leave(c)
	if r.Round == 1 {
		return v.beginKey(ctx, c, r)
	}
	return v.advanceKey(ctx, c, r)
}

// admitSession checks the term under which a session that there is may be continued, and keeps it if it is newer.
func (v *Vault) admitSession(ctx context.Context, id signer.SessionID, k kind, term signer.Term) error {
	var p progress
	err := v.ledger.read(ctx, func(tx *tx) (err error) {
		p, err = tx.session(id)
		return err
	})
	if errors.Is(err, signer.ErrUnknownSession) {
		return nil // what is written down for a new one is written with its beginning
	}
	if err != nil {
		return err
	}
	if k != p.kind() {
		return fmt.Errorf("%w: session %v is of another kind", signer.ErrConflict, id)
	}
	return v.admit(ctx, p.wallet, term)
}

var errOtherGeneration = fmt.Errorf("%w: a key generation answers a round once", signer.ErrConflict)

func (v *Vault) beginKey(ctx context.Context, c *ceremony, r signer.GenerateRound) (signer.RoundReply, error) {
	o, err := v.readOpening(r.Session, *r.Open)
	if err != nil {
		return signer.RoundReply{}, fmt.Errorf("%w: %w", signer.ErrMalformed, err)
	}
	if a, found, err := v.answered(ctx, r.Session, 1, o.hash, errOtherGeneration); err != nil || found {
		return reply(a, err)
	}
	p, err := v.generation(o)
	if err != nil {
		return signer.RoundReply{}, fmt.Errorf("%w: %w", signer.ErrMalformed, err)
	}
	a, err := p.begin(r.Session)
	if err != nil {
		return signer.RoundReply{}, err
	}
	err = v.ledger.write(ctx, func(tx *tx) error {
		if err := tx.room(v.cfg.Capacity); err != nil {
			return err
		}
		if err := tx.raiseTerm(p.wallet, r.Term); err != nil {
			return err
		}
		if err := tx.begun(r.Session, p.wallet, 0); err != nil {
			return err
		}
		return tx.keep(v.box, r.Session, 1, o.hash, a)
	})
	if err != nil {
		return signer.RoundReply{}, err
	}
	c.parts = p
	return a.result()
}

// room refuses a key for which there is no place.
func (t *tx) room(capacity int) error {
	var keys int
	if err := t.get(`SELECT COUNT(*) FROM keys`).into(&keys); err != nil {
		return err
	}
	if capacity > 0 && keys >= capacity {
		return fmt.Errorf("%w: it holds %d keys, and has room for %d", signer.ErrBusy, keys, capacity)
	}
	return nil
}

// readOpening checks all that operators have signed: the invitation, that the session is named after it, and one acceptance
// of each operator, of which the own one names this backend. Two operators may name one key: who has copied it cannot open what
// is for its own seats, and what is sealed to a seat opens as no other's, so it has harmed nobody but itself.
func (v *Vault) readOpening(session signer.SessionID, open signer.Opening) (opening, error) {
	inv, err := keygen.ReadInvitation(open.Invitation)
	if err != nil {
		return opening{}, err
	}
	if inv.Session() != session {
		return opening{}, fmt.Errorf("the invitation is to session %v, not %v", inv.Session(), session)
	}
	if open.Height == 0 || open.Height > math.MaxInt64/2 {
		return opening{}, fmt.Errorf("the chain has no height %d: the node does not know it", open.Height)
	}
	o := opening{Invitation: inv, self: open.Self, height: open.Height, sealTo: make(map[chain.Operator]signer.PublicKey)}
	for _, signed := range open.Acceptances {
		a, err := keygen.ReadAcceptance(signed)
		if err != nil {
			return opening{}, err
		}
		_, twice := o.sealTo[a.By]
		switch {
		case a.Session != session:
			return opening{}, fmt.Errorf("%v has accepted session %v, not %v", a.By, a.Session, session)
		case !slices.Contains(inv.Roster, a.By):
			return opening{}, fmt.Errorf("%v has accepted, and is not of the roster", a.By)
		case twice:
			return opening{}, fmt.Errorf("%v has accepted twice", a.By)
		}
		if err := checkSealTo(a.SealTo); err != nil {
			return opening{}, fmt.Errorf("the key of %v's backend: %w", a.By, err)
		}
		o.sealTo[a.By] = a.SealTo
	}
	for _, op := range inv.Operators() {
		if _, ok := o.sealTo[op]; !ok {
			return opening{}, fmt.Errorf("%v has not accepted", op)
		}
	}
	seal, err := v.sealingOf(session)
	if err != nil {
		return opening{}, err
	}
	if own, ok := o.sealTo[o.self]; !ok || own != seal.to {
		return opening{}, fmt.Errorf("%v has not accepted with this backend's key of the session, %v", o.self, seal.to)
	}
	o.hash = o.digest()
	return o, nil
}

// digest is of what the session's name does not cover: the backends' keys, and who asks.
func (o opening) digest() signer.Digest {
	h := sha256.New()
	h.Write([]byte("walletnode/vault/opening/1:")) // a hash's Write never fails
	h.Write(o.self[:])
	for _, op := range o.Operators() {
		key := o.sealTo[op]
		h.Write(key[:])
	}
	return signer.Digest(h.Sum(nil))
}

// generation makes the parties of a key generation.
func (v *Vault) generation(o opening) (*parts, error) {
	session := o.Session()
	seal, err := v.sealingOf(session)
	if err != nil {
		return nil, err
	}
	p := &parts{
		opening: &o, wallet: session.Placeholder(), topic: keygen.TopicOf(session), self: o.self, key: seal.key,
		holders: make(map[chain.Seat]chain.Operator), parties: make(map[chain.Seat]party),
	}
	seats := make([]chain.Seat, len(o.Roster))
	for i, op := range o.Roster {
		seats[i] = chain.Seat(i + 1) //nolint:gosec // at most 255
		p.holders[seats[i]] = op
	}
	for _, seat := range o.SeatsOf(o.self) {
		k, err := scheme.NewKeygen(o.Scheme, session[:], seat, seats, o.Threshold)
		if err != nil {
			return nil, err
		}
		p.parties[seat] = k
	}
	p.sealTo, err = parseAllSealTo(o.sealTo)
	return p, err
}

func parseAllSealTo(keys map[chain.Operator]signer.PublicKey) (map[chain.Operator]hpke.PublicKey, error) {
	parsed := make(map[chain.Operator]hpke.PublicKey, len(keys))
	for op, raw := range keys {
		key, err := parseSealTo(raw)
		if err != nil {
			return nil, fmt.Errorf("the key of %v's backend: %w", op, err)
		}
		parsed[op] = key
	}
	return parsed, nil
}

func (v *Vault) advanceKey(ctx context.Context, c *ceremony, r signer.GenerateRound) (signer.RoundReply, error) {
	all, request, a, found, err := v.resume(ctx, c, r.Round, r.In, errOtherGeneration)
	if err != nil || found {
		return reply(a, err)
	}
	p := c.parts
	c.parts = nil // whatever happens now, no party is asked twice for one round
	a, done := p.advance(r.Session, all)
	var made key
	var secret keySecret
	if done {
		if made, secret, err = v.generated(p); err != nil {
			a.Failed = err.Error()
		} else {
			detail := made.full()
			a.Reply.Done = &signer.Outcome{Key: &detail}
		}
	}
	return v.settle(ctx, c, p, r.Round, request, a, func(tx *tx) error {
		if _, err := tx.checkTerm(p.wallet, r.Term); err != nil || a.Reply.Done == nil {
			return err
		}
		return tx.insertKey(v.box, made, secret)
	})
}

// generated puts together what the own seats have got, once all agree.
func (v *Vault) generated(p *parts) (key, keySecret, error) {
	seal, err := v.sealingOf(p.opening.Session())
	if err != nil {
		return key{}, keySecret{}, err
	}
	secret := keySecret{Shares: make(map[chain.Seat][]byte), Seal: seal.raw}
	var k key
	for _, seat := range p.seats() {
		share, err := p.parties[seat].(*scheme.Keygen).Share()
		if err != nil {
			return key{}, keySecret{}, err
		}
		if secret.Shares[seat], err = share.MarshalBinary(); err != nil {
			return key{}, keySecret{}, err
		}
		public := share.Key()
		if k.GroupKey != nil && string(k.GroupKey) != string(public[:]) {
			return key{}, keySecret{}, fmt.Errorf("seat %d has generated another key than the seats before", seat)
		}
		k.GroupKey, k.Wallet = public[:], public.Hash()
		k.detail.Verification = share.Verification()
	}
	o := p.opening
	k.Session, k.Scheme, k.Threshold, k.SeatCount, k.Seats = o.Session(), o.Scheme, o.Threshold, len(o.Roster), p.seats()
	k.State = signer.KeyPending
	k.detail.Roster, k.detail.Self, k.detail.SealTo = o.Roster, o.self, o.sealTo
	k.anchor = anchor{o.height, v.cfg.Now()}
	return k, secret, nil
}

// resume finds out what a later round of a session is to be answered with: what was stored, or what the session's parties make
// of all that was heard.
func (v *Vault) resume(ctx context.Context, c *ceremony, round int, in [][]byte, other error) (
	all []heard, request signer.Digest, a answer, found bool, err error,
) {
	if request, err = requestOf(in); err != nil {
		return nil, request, a, false, err
	}
	if a, found, err = v.answered(ctx, c.id, round, request, other); err != nil || found {
		return nil, request, a, found, err
	}
	if c.parts == nil {
		return nil, request, a, false, fmt.Errorf("session %v: %w", c.id, signer.ErrSessionGone)
	}
	all, err = v.authors.listen(in, c.topic, c.id, round-1, c.self, c.others())
	return all, request, a, false, err
}

func reply(a answer, err error) (signer.RoundReply, error) {
	if err != nil {
		return signer.RoundReply{}, err
	}
	return a.result()
}

// settle stores what a round is answered with, in one transaction with what else it changes, before the answer leaves. Then the
// parties wait for the next round, if there is one.
func (v *Vault) settle(
	ctx context.Context, c *ceremony, p *parts, round int, request signer.Digest, a answer, change func(*tx) error,
) (signer.RoundReply, error) {
	err := v.ledger.write(ctx, func(tx *tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.keep(v.box, c.id, round, request, a)
	})
	if err != nil {
		return signer.RoundReply{}, err
	}
	if !a.over() {
		c.parts = p
	}
	return a.result()
}
