package vault

import (
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// maxSearched bounds how often shares are looked at once more when a key generation has failed: once for each culprit and own seat.
// Each time takes about a second of a processor with 100 seats, and a node waits a minute for the answer.
const maxSearched = 16

// accuse ends a session with culprits. Of a key generation they are all who dealt what the own seats cannot use: the first one
// that a seat finds keeps it from looking further, and whoever cheats beside somebody else shall not go unnamed for it.
func (p *parts) accuse(id signer.SessionID, all []heard, in []scheme.Message, culprits []signer.Culprit) answer {
	if p.opening != nil && p.opening.Scheme == signer.FROST && p.rounds == scheme.DealtIn(signer.FROST) {
		culprits = p.search(id, all, in, culprits)
	}
	return answer{Reply: p.reveal(signer.RoundReply{Culprits: culprits})}
}

// search adds those who dealt badly beside the culprits that are known: one of each operator.
func (p *parts) search(id signer.SessionID, all []heard, in []scheme.Message, culprits []signer.Culprit) []signer.Culprit {
	searched := 0
	for _, seat := range p.seats() {
		for searched < maxSearched {
			searched++
			d := p.dealtTo(id, seat, in, culprits)
			var fault *scheme.Fault
			if len(d.Dealers) == 0 || !errors.As(d.Check(), &fault) {
				break
			}
			for _, c := range fault.Culprits {
				culprits = append(culprits, *p.between(c, seat, all, in, fault.Err))
			}
		}
	}
	return culprits
}

// dealtTo is what an own seat got from all operators but those that are culprits.
func (p *parts) dealtTo(id signer.SessionID, seat chain.Seat, in []scheme.Message, culprits []signer.Culprit) scheme.Dealt {
	d := scheme.Dealt{Session: id[:], Threshold: p.opening.Threshold, Receiver: seat}
	for i, op := range p.opening.Roster {
		from := chain.Seat(i + 1) //nolint:gosec // at most MaxSeats
		d.Seats = append(d.Seats, from)
		if op != p.self && !slices.ContainsFunc(culprits, func(c signer.Culprit) bool { return c.By == op }) {
			d.Dealers = append(d.Dealers, from)
		}
	}
	other := func(m scheme.Message) bool { return !slices.Contains(d.Dealers, m.From) }
	d.First = slices.DeleteFunc(slices.Clone(p.first), other)
	d.Second = slices.DeleteFunc(heardOf(in, seat), other)
	return d
}

// reveal adds the session's key to a reply that ends a key generation with a pair. With it everybody opens what all others have
// sealed for this backend in this session, and nothing else: the seats' shares of a key that this backend will never have, for
// the reply is written down, with the session's end, before it leaves. Without this operator's attestation nobody's backend
// puts the key to use.
func (p *parts) reveal(r signer.RoundReply) signer.RoundReply {
	if p.opening == nil || len(p.opened) == 0 {
		return r // the key of a wallet's signatures stays where it is
	}
	raw, err := p.key.Bytes()
	if err != nil || len(raw) != len(signer.Digest{}) {
		return r // the pairs stay some
	}
	for _, opened := range p.opened {
		opened.Key = signer.Digest(raw)
		r.Openings = append(r.Openings, opened)
	}
	return r
}

// listener stands for a seat that only listens.
type listener struct{ party }

// Judge implements keygen.Judge: it opens what a dealer sealed for a receiver, and looks at it as the receiver's backend did.
func Judge(d keygen.Dispute) (keygen.Verdict, error) {
	session := d.Invitation.Session()
	p, err := disputed(d)
	if err == nil {
		err = d.Fits()
	}
	if err != nil {
		return keygen.Undecided, err
	}
	dealer := p.holders[d.Dealer]
	var verified authors
	said := make([][]scheme.Message, len(d.Dealt)+1)
	for i, signed := range d.Dealt {
		p.rounds = i + 1
		h, err := verified.readHeard(signed, keygen.TopicOf(session), session, p.rounds, p.self)
		if err == nil && h.by != dealer {
			err = fmt.Errorf("it is by %v, not %v", h.by, dealer)
		}
		if err != nil {
			return keygen.Undecided, fmt.Errorf("the dealer's message of round %d: %w", p.rounds, err)
		}
		messages, culprit := p.openOne(session, h)
		if culprit != nil {
			return keygen.DealerBroke, errors.New(culprit.Detail)
		}
		said[p.rounds] = messages
	}
	var sealed []chain.Seat // in order
	for _, m := range said[d.Round] {
		if m.To == d.Receiver {
			sealed = append(sealed, m.From)
		}
	}
	dealtIn := scheme.DealtIn(d.Invitation.Scheme)
	switch {
	case d.Round != dealtIn && len(sealed) > 0:
		return keygen.DealerBroke, fmt.Errorf("it sealed a message in round %d, where there is none", d.Round)
	case d.Round != dealtIn:
		return keygen.ReceiverLied, fmt.Errorf("nothing was sealed for it in round %d", d.Round)
	case !slices.Equal(sealed, d.Invitation.SeatsOf(dealer)):
		return keygen.DealerBroke, fmt.Errorf("it sealed shares of its seats %v for it", sealed)
	case d.Invitation.Scheme != signer.FROST:
		return keygen.Undecided, fmt.Errorf("%w: what is sealed opens, and in it is what the receiver's own secrets open (%s)",
			scheme.ErrUndecidable, d.Invitation.Scheme)
	}
	return judgeShare(d, p, said)
}

// disputed makes the receiver's side of a dispute.
func disputed(d keygen.Dispute) (*parts, error) {
	inv, roster := d.Invitation, d.Invitation.Roster
	if err := inv.Check(); err != nil {
		return nil, err
	}
	if n := len(roster); d.Dealer < 1 || d.Receiver < 1 || int(d.Dealer) > n || int(d.Receiver) > n || roster[d.Dealer-1] == roster[d.Receiver-1] {
		return nil, fmt.Errorf("%w: seats %d and %d of %d are no pair", signer.ErrMalformed, d.Dealer, d.Receiver, n)
	}
	if d.Round < 1 || d.Round > maxRounds || len(d.Dealt) != d.Round {
		return nil, fmt.Errorf("%w: %d messages of %d rounds", signer.ErrMalformed, len(d.Dealt), d.Round)
	}
	key, _, err := parseSealKey(d.Key[:])
	if err != nil {
		return nil, fmt.Errorf("%w: the receiver's key: %w", signer.ErrMalformed, err)
	}
	p := &parts{self: roster[d.Receiver-1], key: key, holders: make(map[chain.Seat]chain.Operator), parties: make(map[chain.Seat]party)}
	for i, op := range roster {
		seat := chain.Seat(i + 1) //nolint:gosec // at most MaxSeats
		p.holders[seat] = op
		if op == p.self {
			p.parties[seat] = listener{}
		}
	}
	return p, nil
}

// judgeShare looks at what was opened.
func judgeShare(d keygen.Dispute, p *parts, said [][]scheme.Message) (keygen.Verdict, error) {
	session := d.Invitation.Session()
	dealt := scheme.Dealt{
		Session: session[:], Threshold: d.Invitation.Threshold, Dealers: d.Invitation.SeatsOf(p.holders[d.Dealer]), Receiver: d.Receiver,
		First: said[1], Second: heardOf(said[2], d.Receiver),
	}
	for i := range d.Invitation.Roster {
		dealt.Seats = append(dealt.Seats, chain.Seat(i+1)) //nolint:gosec // at most MaxSeats
	}
	var fault *scheme.Fault
	switch err := dealt.Check(); {
	case err == nil:
		return keygen.ReceiverLied, nil
	case errors.As(err, &fault):
		return keygen.DealerBroke, fault
	default:
		return keygen.Undecided, err
	}
}

// heardOf picks what is for a seat, or for everybody.
func heardOf(said []scheme.Message, seat chain.Seat) []scheme.Message {
	return slices.DeleteFunc(slices.Clone(said), func(m scheme.Message) bool { return m.To != 0 && m.To != seat })
}
