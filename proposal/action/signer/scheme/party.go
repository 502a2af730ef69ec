package scheme

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"

	"github.com/walletnode/walletnode/chain"
)

// run is one seat's run of one of the library's protocols.
type run struct {
	self   chain.Seat
	others []chain.Seat // ascending
	rounds protocolRounds
	start  func() (*protocol.MultiHandler, error)

	handler *protocol.MultiHandler // nil before the first step
	own     protocol.Message       // the newest of its messages: those of the others in its round have the same head
	result  any
	over    bool
	// only are the seats whose messages are checked, and no round follows: what they say of the round before is not looked at.
	// Nil is the ordinary run, in which all others speak.
	only []chain.Seat
}

// newRun prepares the run of self among seats, which have been checked.
func newRun(self chain.Seat, seats []chain.Seat, rounds protocolRounds, session []byte, start protocol.StartFunc) *run {
	r := &run{self: self, rounds: rounds}
	for _, s := range seats {
		if s != self {
			r.others = append(r.others, s)
		}
	}
	// The library keeps the session's name, and may be called long after the caller has used its bytes for something else.
	session = bytes.Clone(session)
	r.start = func() (*protocol.MultiHandler, error) { return protocol.NewMultiHandler(start, session) }
	return r
}

// begin makes the seat's first messages.
func (r *run) begin() (Step, error) {
	if r.over || r.handler != nil {
		return Step{}, errOver
	}
	err := guard(func() (err error) {
		r.handler, err = r.start()
		return err
	})
	if err != nil {
		r.over = true
		return Step{}, fmt.Errorf("begin the session: %w", words(err))
	}
	return r.collect()
}

// round takes one round's messages of all others, and makes the seat's next.
func (r *run) round(in []Message) (Step, error) {
	if r.over || r.handler == nil {
		return Step{}, errOver
	}
	got, err := r.sort(in)
	if err != nil {
		r.over = true
		return Step{}, err
	}
	for i, m := range got {
		err := guard(func() error {
			r.handler.Accept(m)
			return nil
		})
		if err == nil {
			continue
		}
		r.over = true
		fault := &Fault{Err: words(err)}
		// With the last message the library goes on to the next round, whose failure could be anybody's.
		if i < len(got)-1 || r.only != nil {
			fault.Culprits = []chain.Seat{seatOf(m.From)}
		}
		return Step{}, fault
	}
	return r.collect()
}

// at is the library's round whose messages are awaited, 0 before the first step.
func (r *run) at() int { return int(r.own.RoundNumber) }

// slot is what one seat sent in a round.
type slot struct {
	broadcast, direct *protocol.Message
	bad               error // what is wrong with it; nil if nothing is
	differs           bool  // the seat heard something else in the round before than we did
}

// sort checks what can be checked without the library, and brings the messages into the order in which it shall see them.
func (r *run) sort(in []Message) ([]*protocol.Message, error) {
	slots, err := r.slots(in)
	if err != nil {
		return nil, err
	}
	return r.ordered(slots)
}

// slots puts each message where it belongs. An error is about who passed it on.
func (r *run) slots(in []Message) (map[chain.Seat]*slot, error) {
	slots := make(map[chain.Seat]*slot, len(r.others))
	for _, s := range r.others {
		slots[s] = &slot{}
	}
	for _, m := range in {
		s := slots[m.From]
		if s == nil {
			return nil, fmt.Errorf("a message from seat %d, which is none of the others in this session", m.From)
		}
		if m.To != 0 && m.To != r.self {
			return nil, fmt.Errorf("a message from seat %d for seat %d, not %d", m.From, m.To, r.self)
		}
		if err := r.put(s, m); err != nil {
			s.bad = err
		}
	}
	return slots, nil
}

// put decodes a message into its seat's slot. An error is what is wrong with the message.
func (r *run) put(s *slot, m Message) error {
	want := r.rounds[r.at()-firstRound]
	f, err := decode(m.Data, r.at(), r.own.SSID)
	if err == nil && f.direct != (m.To != 0) {
		err = errKind
	}
	if err != nil {
		return err
	}
	place, form := &s.broadcast, want.broadcast
	if f.direct {
		place, form = &s.direct, want.direct
	}
	switch {
	case form == nil || !form.has(f.body):
		return errForm
	case *place != nil:
		return errTwice
	}
	s.differs = s.differs || r.only == nil && !bytes.HasPrefix(r.own.BroadcastVerification, f.echo)
	msg := r.own
	msg.From, msg.To, msg.Broadcast, msg.Data = idOf(m.From), toOf(m.To), !f.direct, f.body
	*place = &msg
	return nil
}

// ordered returns what the seats sent in the order of the seats, or the fault of those whose messages are of no use.
func (r *run) ordered(slots map[chain.Seat]*slot) ([]*protocol.Message, error) {
	at := r.at()
	want := r.rounds[at-firstRound]
	var got []*protocol.Message
	broken, split := &Fault{}, &Fault{Err: errSplit}
	for _, seat := range r.others {
		if r.only != nil && !slices.Contains(r.only, seat) {
			continue
		}
		s := slots[seat]
		if s.bad == nil && (s.broadcast == nil || (want.direct != nil && s.direct == nil)) {
			s.bad = errMissing
		}
		switch {
		case s.bad != nil:
			broken.Culprits = append(broken.Culprits, seat)
			broken.Err = errors.Join(broken.Err, fmt.Errorf("seat %d's message of round %d: %w", seat, at-1, s.bad))
		case s.differs:
			split.Differ = append(split.Differ, seat)
		}
		got = append(got, s.broadcast)
		if s.direct != nil {
			got = append(got, s.direct)
		}
	}
	switch {
	case broken.Culprits != nil:
		return nil, broken
	case split.Differ != nil:
		return nil, split
	}
	return got, nil
}

// collect takes what the library has made. Its abort messages are left out: whoever passed one on would be blamed for it.
func (r *run) collect() (Step, error) {
	before := r.at()
	var step Step
	for m := range r.made() {
		if m.RoundNumber == 0 {
			continue
		}
		f := frame{round: int(m.RoundNumber), direct: !m.Broadcast, ssid: m.SSID, echo: m.BroadcastVerification, body: m.Data}
		out := Message{From: r.self, Data: f.encode()}
		if f.direct {
			out.To = seatOf(m.To)
		}
		step.Out = append(step.Out, out)
		r.own = *m
	}

	result, err := r.handler.Result()
	var named protocol.Error
	switch {
	case err == nil:
		r.result, r.over = result, true
		return Step{Done: true}, nil
	case errors.As(err, &named):
		r.over = true
		fault := &Fault{Err: words(named.Err)}
		for _, id := range named.Culprits {
			if id != idOf(r.self) { // its own name stands for what failed here
				fault.Culprits = append(fault.Culprits, seatOf(id))
			}
		}
		fault.Culprits = sorted(fault.Culprits)
		return Step{}, fault
	case r.only != nil:
		r.over = true
		return Step{}, errAlone
	case r.at() != max(before+1, firstRound) || r.at() >= firstRound+len(r.rounds):
		r.over = true
		return Step{}, &Fault{Err: errors.New("the library neither ended nor went on")}
	}
	return step, nil
}

// made yields what waits in the library's channel, which is long enough for a round and closed at the end.
func (r *run) made() func(yield func(*protocol.Message) bool) {
	return func(yield func(*protocol.Message) bool) {
		for {
			select {
			case m, open := <-r.handler.Listen():
				if !open || !yield(m) {
					return
				}
			default:
				return
			}
		}
	}
}

// errAlone says that what was heard was all right, and that no more is to come.
var errAlone = errors.New("the messages of the other seats are missing")

// guard turns a panic of the library into an error. It has no goroutines of its own as long as it is given no pool.
func guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the library panicked: %v", p)
		}
	}()
	return call()
}

// idOf returns the library's name of a seat: one byte, which is also the place where the polynomials are evaluated.
func idOf(seat chain.Seat) party.ID { return party.ID([]byte{byte(seat)}) }

func seatOf(id party.ID) chain.Seat {
	if len(id) != 1 {
		return 0
	}
	return chain.Seat(id[0])
}

func toOf(seat chain.Seat) party.ID {
	if seat == 0 {
		return ""
	}
	return idOf(seat)
}

func idsOf(seats []chain.Seat) []party.ID {
	ids := make([]party.ID, len(seats))
	for i, s := range seats {
		ids[i] = idOf(s)
	}
	return ids
}
