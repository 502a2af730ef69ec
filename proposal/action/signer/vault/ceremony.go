package vault

import (
	"cmp"
	"crypto/hpke"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// party is one own seat's part in a session.
type party interface {
	Begin() (scheme.Step, error)
	Round(in []scheme.Message) (scheme.Step, error)
}

// ceremony is one open session: a party for each own seat, with secrets that are nowhere else. Its mutex is held for a round
// at a time.
type ceremony struct {
	id   signer.SessionID
	used time.Time // Vault.mu guards it

	mu   sync.Mutex
	gone bool // it is not in Vault.live any more
	*parts
}

// parts are what a session that was begun has.
type parts struct {
	opening *opening       // of a key generation
	wallet  chain.WalletID // or the placeholder
	window  chain.Height   // 0 of a key generation
	topic   string
	self    chain.Operator
	holders map[chain.Seat]chain.Operator // of all seats that take part
	sealTo  map[chain.Operator]hpke.PublicKey
	key     hpke.PrivateKey

	opened []signer.Opened // the pairs of which one is a culprit, the first one with each operator that dealt

	parties map[chain.Seat]party // of the own seats
	rounds  int                  // answered
	first   []scheme.Message     // by the others' seats in the first round of a key generation
	said    []scheme.Message     // by the own seats in the last of them
}

type kind bool

const (
	generating kind = false
	signing    kind = true
)

// others returns the other operators that take part, in order.
func (p *parts) others() []chain.Operator {
	var others []chain.Operator
	for _, op := range p.holders {
		if op != p.self && !slices.Contains(others, op) {
			others = append(others, op)
		}
	}
	slices.SortFunc(others, func(a, b chain.Operator) int { return cmp.Compare(string(a[:]), string(b[:])) })
	return others
}

// seats returns the own seats in ascending order.
func (p *parts) seats() []chain.Seat { return slices.Sorted(maps.Keys(p.parties)) }

// answer is what a round comes to: a reply, or why the session ends without one.
type answer struct {
	Reply  signer.RoundReply `json:"reply"`
	Split  string            `json:"split,omitempty"`  // operators were told different things
	Failed string            `json:"failed,omitempty"` // nobody is known to have broken it
}

// over reports whether the session ends with the answer.
func (a answer) over() bool {
	return a.Reply.Done != nil || len(a.Reply.Culprits) > 0 || a.Split != "" || a.Failed != ""
}

// result returns the answer as a backend's methods do.
func (a answer) result() (signer.RoundReply, error) {
	switch {
	case a.Split != "":
		return signer.RoundReply{}, fmt.Errorf("%w: %s", signer.ErrSplit, a.Split)
	case a.Failed != "":
		return signer.RoundReply{}, fmt.Errorf("%w: it failed: %s", signer.ErrSessionGone, a.Failed)
	default:
		return a.Reply, nil
	}
}

// begin makes the first round's bundle.
func (p *parts) begin(id signer.SessionID) (answer, error) {
	var said []scheme.Message
	for _, seat := range p.seats() {
		step, err := p.parties[seat].Begin()
		if err != nil {
			return answer{}, fmt.Errorf("begin the session for seat %d: %w", seat, err)
		}
		said = append(said, step.Out...)
	}
	return p.say(id, said), nil
}

// advance takes what the others said in the last round. done reports that all own seats have a result.
func (p *parts) advance(id signer.SessionID, all []heard) (a answer, done bool) {
	in, culprits := p.open(id, all)
	if len(culprits) > 0 {
		return p.accuse(id, all, in, culprits), false
	}
	if p.opening != nil && p.rounds == 1 {
		p.first = in
	}
	var said []scheme.Message
	var before party
	for _, seat := range p.seats() {
		follow(p.parties[seat], before)
		before = p.parties[seat]
		step, err := p.parties[seat].Round(messagesFor(seat, in, p.said))
		if err != nil {
			return p.blame(id, seat, all, in, err), false
		}
		said = append(said, step.Out...)
		done = step.Done
	}
	if done {
		return answer{}, true
	}
	return p.say(id, said), false
}

// follow spares a seat what another one of this backend has worked out in the round before it; before is nil for the first one.
func follow(one, before party) {
	switch one := one.(type) {
	case *scheme.Keygen:
		if before, ok := before.(*scheme.Keygen); ok {
			one.After(before)
		}
	case *scheme.Signing:
		if before, ok := before.(*scheme.Signing); ok {
			one.After(before)
		}
	}
}

// messagesFor picks what a seat is told: by the other operators' seats, and by the own ones.
func messagesFor(seat chain.Seat, others, own []scheme.Message) []scheme.Message {
	var in []scheme.Message
	for _, list := range [][]scheme.Message{others, own} {
		for _, m := range list {
			if m.From != seat && (m.To == 0 || m.To == seat) {
				in = append(in, m)
			}
		}
	}
	return in
}

// say makes a bundle of what the own seats say. What is for another operator's seats is sealed to that operator's backend.
func (p *parts) say(id signer.SessionID, said []scheme.Message) answer {
	slices.SortFunc(said, func(a, b scheme.Message) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	var toAll []scheme.Message
	toOne := make(map[chain.Operator][]scheme.Message)
	for _, m := range said {
		holder := p.holders[m.To]
		switch {
		case m.To == 0:
			toAll = append(toAll, m)
		case holder != p.self:
			toOne[holder] = append(toOne[holder], m)
		}
	}
	out := []signer.Parcel{{Data: encodeParcel(toAll)}}
	for _, op := range p.others() {
		if len(toOne[op]) == 0 {
			continue
		}
		data, err := sealParcel(p.sealTo[op], sealInfo(id, p.rounds+1, p.self, op), toOne[op])
		if err != nil {
			return answer{Failed: err.Error()}
		}
		out = append(out, signer.Parcel{To: op, Data: data})
	}
	p.rounds++
	p.said = said
	return answer{Reply: signer.RoundReply{Out: out}}
}

// open reads the bundles of the other operators. Who signed what no backend makes is a culprit: nobody else can have made it.
func (p *parts) open(id signer.SessionID, all []heard) (in []scheme.Message, culprits []signer.Culprit) {
	for _, h := range all {
		messages, err := p.openOne(id, h)
		if err != nil {
			culprits = append(culprits, *err)
			continue
		}
		in = append(in, messages...)
	}
	return in, culprits
}

func (p *parts) openOne(id signer.SessionID, h heard) ([]scheme.Message, *signer.Culprit) {
	if h.bad != nil {
		return nil, p.culprit(p.firstSeat(h.by), fmt.Sprintf("its bundle of round %d: %v", p.rounds, h.bad))
	}
	messages, err := decodeParcel(h.toAll)
	if err != nil {
		return nil, p.culprit(p.firstSeat(h.by), fmt.Sprintf("its bundle of round %d: %v", p.rounds, err))
	}
	for _, m := range messages {
		if p.holders[m.From] != h.by || m.To != 0 {
			return nil, p.culprit(p.firstSeat(h.by), fmt.Sprintf("its bundle of round %d speaks for seat %d, to seat %d", p.rounds, m.From, m.To))
		}
	}
	if h.toSelf == nil {
		return messages, nil
	}
	sealed, err := p.unseal(id, h)
	if err != nil {
		return nil, p.pair(p.firstSeat(h.by), p.firstSeat(p.self), err.Error())
	}
	return append(messages, sealed...), nil
}

// unseal opens what an operator has sealed for this backend. What is wrong with it nobody else can see.
func (p *parts) unseal(id signer.SessionID, h heard) ([]scheme.Message, error) {
	if len(h.toSelf) == 0 || h.toSelf[0] != sealedVersion {
		return nil, errors.New("what is sealed for the receiver is of an unknown version")
	}
	plain, err := unseal(p.key, sealInfo(id, p.rounds, h.by, p.self), h.toSelf[1:])
	if err != nil {
		return nil, errors.New("what is sealed for the receiver does not open")
	}
	messages, err := decodeParcel(plain)
	if err != nil {
		return nil, fmt.Errorf("what is sealed for the receiver: %w", err)
	}
	for _, m := range messages {
		if p.holders[m.From] != h.by || p.parties[m.To] == nil {
			return nil, fmt.Errorf("what is sealed for the receiver speaks for seat %d, to seat %d", m.From, m.To)
		}
	}
	return messages, nil
}

// blame makes an answer of a scheme's error about what a seat was told.
func (p *parts) blame(id signer.SessionID, seat chain.Seat, all []heard, in []scheme.Message, err error) answer {
	var fault *scheme.Fault
	if !errors.As(err, &fault) {
		return answer{Failed: fmt.Sprintf("seat %d in round %d: %v", seat, p.rounds+1, err)}
	}
	if len(fault.Differ) > 0 {
		return answer{Split: fmt.Sprintf("in round %d: %v", p.rounds, fault)}
	}
	var culprits []signer.Culprit
	for _, c := range fault.Culprits {
		if p.holders[c] == p.self {
			continue // what an own seat did wrong names nobody else
		}
		culprits = append(culprits, *p.between(c, seat, all, in, fault.Err))
	}
	if len(culprits) == 0 {
		return answer{Failed: fmt.Sprintf("seat %d in round %d: %v", seat, p.rounds+1, err)}
	}
	return p.accuse(id, all, in, culprits)
}

// between names a seat for what it told an own one: as one of a pair, where nobody else can see that.
func (p *parts) between(from, to chain.Seat, all []heard, in []scheme.Message, why error) *signer.Culprit {
	said := func(to chain.Seat) bool {
		return slices.ContainsFunc(in, func(m scheme.Message) bool { return m.From == from && m.To == to })
	}
	if said(0) && (said(to) || p.dealt(all, from)) { // else everybody can see what is missing
		return p.pair(from, to, why.Error())
	}
	return p.culprit(from, why.Error())
}

// dealt reports whether a seat's operator has sealed something for this backend in a round in which seats deal: nobody else sees
// what is missing in it.
func (p *parts) dealt(all []heard, from chain.Seat) bool {
	return slices.ContainsFunc(p.said, func(m scheme.Message) bool { return m.To != 0 }) &&
		slices.ContainsFunc(all, func(h heard) bool { return h.by == p.holders[from] && h.toSelf != nil })
}

func (p *parts) culprit(seat chain.Seat, detail string) *signer.Culprit {
	return &signer.Culprit{Seat: seat, By: p.holders[seat], Detail: signer.Printable(detail)}
}

// pair names the sender of a sealed message that was bad. Nobody else has seen it: for everybody else it is one of the two,
// until it is opened.
func (p *parts) pair(from, to chain.Seat, detail string) *signer.Culprit {
	// All that an operator dealt is looked at where one of its pairs is opened.
	if !slices.ContainsFunc(p.opened, func(o signer.Opened) bool { return p.holders[o.Dealer] == p.holders[from] }) {
		p.opened = append(p.opened, signer.Opened{Dealer: from, Receiver: to, Round: p.rounds})
	}
	return p.culprit(from, fmt.Sprintf("one of the pair of seat %d (dealer) and seat %d (receiver), until what was sealed is opened: %s",
		from, to, detail))
}

// firstSeat returns an operator's lowest seat in the session.
func (p *parts) firstSeat(op chain.Operator) chain.Seat {
	for _, seat := range slices.Sorted(maps.Keys(p.holders)) {
		if p.holders[seat] == op {
			return seat
		}
	}
	return 0
}
