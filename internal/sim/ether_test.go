package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// ether is a network in memory on which evidence is exchanged, with weather. What a message meets on its way follows from the seed,
// who says it to whom, and how often it was said before.
type ether struct {
	seed uint64

	mu      sync.Mutex
	loss    float64       // of each copy of a message, and of each question
	double  float64       // of each copy that arrives
	delay   time.Duration // of a copy or an answer, at most
	apart   func(a, b *witness) bool
	mute    string // a topic on which nobody is heard
	members []*witness
	count   uint64
}

// chance is the weather of one copy.
func (e *ether) chance(parts ...any) *rand.Rand {
	h := sha256.Sum256(fmt.Append(nil, append([]any{e.seed}, parts...)...))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])))
}

func (e *ether) set(loss, double float64, delay time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loss, e.double, e.delay = loss, double, delay
}

// split keeps some from hearing each other; nil lets all.
func (e *ether) split(apart func(a, b *witness) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apart = apart
}

// silence keeps everybody from hearing what is said on a topic.
func (e *ether) silence(topic string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mute = topic
}

func (e *ether) silent(topic string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mute == topic
}

// weather returns what one copy meets: after which delays it arrives, never if there are none.
func (e *ether) weather(from, to *witness, parts ...any) []time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if from == to {
		return []time.Duration{0}
	}
	if e.apart != nil && e.apart(from, to) {
		return nil
	}
	e.count++
	c := e.chance(append(parts, from.n, from.instance, to.n, to.instance, e.count)...)
	var arrives []time.Duration
	if c.Float64() < e.loss {
		return nil
	}
	for copies := 1; ; copies++ {
		d := time.Duration(0)
		if e.delay > 0 {
			d = time.Duration(c.Int64N(int64(e.delay)))
		}
		arrives = append(arrives, d)
		if copies == 2 || c.Float64() >= e.double {
			return arrives
		}
	}
}

// aerial is where a witness is on the ether, for one life of its service.
type aerial struct {
	*ether
	of *witness

	work sync.WaitGroup

	mu     sync.Mutex
	topics map[string]*frequencyOf
}

// frequencyOf is a topic that is open.
type frequencyOf struct {
	*aerial
	what   exchange.Conversation
	closed chan struct{}
	some   chan struct{} // a token: something was heard

	mu    sync.Mutex
	heard []exchange.Said
	known map[[32]byte]bool
	says  map[string]context.CancelFunc
}

func (a *aerial) Open(c exchange.Conversation) (exchange.Topic, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &frequencyOf{
		aerial: a, what: c, closed: make(chan struct{}), some: make(chan struct{}, 1), known: map[[32]byte]bool{}, says: map[string]context.CancelFunc{},
	}
	a.topics[c.Name] = t
	return t, nil
}

// Inquire reaches one of the operator's instances, if one is up and the weather lets it.
func (a *aerial) Inquire(ctx context.Context, protocol string, of chain.Operator) (exchange.Line, error) {
	for _, m := range a.everybody() {
		if m.op != of || m.service() == nil {
			continue
		}
		if arrives := a.weather(a.of, m, "inquire"); len(arrives) > 0 && pauseFor(ctx, arrives[0]) == nil {
			return &line{aerial: a, to: m, protocol: protocol}, nil
		}
	}
	return nil, net.ErrOutOfReach
}

func (e *ether) everybody() []*witness {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.members)
}

type line struct {
	*aerial
	to       *witness
	protocol string

	last   []byte // what was asked last
	broken bool   // a question had no answer
}

// Ask gets no answer where the weather has lost the question or the answer: the asker waits as long as it wants to.
func (l *line) Ask(ctx context.Context, request []byte) ([]byte, error) {
	answer, err := l.ask(ctx, request)
	l.last, l.broken = request, l.broken || err != nil
	return answer, err
}

func (l *line) ask(ctx context.Context, request []byte) ([]byte, error) {
	there, back := l.weather(l.of, l.to, "ask"), l.weather(l.to, l.of, "answer")
	if len(there) == 0 || len(back) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := pauseFor(ctx, there[0]); err != nil {
		return nil, err
	}
	s := l.to.service()
	for _, inquiry := range exchange.Inquiries(func() *exchange.Service { return s }) {
		if inquiry.Protocol != l.protocol {
			continue
		}
		if s == nil || len(request) > inquiry.MaxRequest {
			return nil, net.ErrDeclined
		}
		answer, err := inquiry.Answer(ctx, l.of.op, request)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", net.ErrDeclined, err)
		}
		if len(answer) > inquiry.MaxAnswer {
			return nil, fmt.Errorf("an answer of %d bytes, more than %d", len(answer), inquiry.MaxAnswer)
		}
		return answer, pauseFor(ctx, back[0])
	}
	return nil, net.ErrDeclined
}

// Close ends the line. A comparison that had all its questions answered was brought to its end.
func (l *line) Close() {
	if l.protocol == exchange.CompareProtocol && l.last != nil && !l.broken {
		l.of.h.compared(l.of, l.to, l.last)
	}
}

// Publish says something at once and again, after pauses that double up to two minutes.
func (t *frequencyOf) Publish(ctx context.Context, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	signed := wire.SignPubsub(secret(t.of.n), t.what.Name, data, make([]byte, 8)).Bytes()
	said := exchange.Said{By: t.of.op, Data: data, Signed: signed}
	t.mu.Lock()
	if t.says[string(data)] != nil {
		t.mu.Unlock()
		return nil
	}
	repeating, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.says[string(data)] = stop
	t.mu.Unlock()
	t.tell(said)
	t.work.Go(func() {
		defer stop()
		for pause := t.what.Repeat; pauseFor(repeating, pause) == nil; pause = min(2*pause, 2*time.Minute) {
			t.tell(said)
		}
	})
	return nil
}

// tell sends one copy to everybody.
func (t *frequencyOf) tell(said exchange.Said) {
	if t.silent(t.what.Name) {
		return
	}
	for _, m := range t.everybody() {
		for _, d := range t.weather(t.of, m, t.what.Name, said.Data) {
			if d == 0 {
				m.hear(t.what.Name, said)
				continue
			}
			t.work.Go(func() {
				select {
				case <-time.After(d):
					m.hear(t.what.Name, said)
				case <-t.closed: // a sender that is killed leaves nothing behind; what has left it is lost here, too
				}
			})
		}
	}
}

// hear gives what arrives to the topic, if it is open and the speaker is of it; what was heard is heard once.
func (t *frequencyOf) hear(said exchange.Said) {
	id := sha256.Sum256(append(said.By[:], said.Data...))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[id] || !slices.Contains(t.what.Operators, said.By) || len(said.Data) > t.what.MaxMessage {
		return
	}
	t.known[id] = true
	t.heard = append(t.heard, said)
	select {
	case t.some <- struct{}{}:
	default:
	}
}

func (t *frequencyOf) Next(ctx context.Context) (exchange.Said, error) {
	for {
		t.mu.Lock()
		if len(t.heard) > 0 {
			said := t.heard[0]
			t.heard = t.heard[1:]
			t.mu.Unlock()
			return said, nil
		}
		t.mu.Unlock()
		select {
		case <-t.some:
		case <-t.closed:
			return exchange.Said{}, context.Canceled
		case <-ctx.Done():
			return exchange.Said{}, ctx.Err()
		}
	}
}

func (t *frequencyOf) Forget(data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if stop := t.says[string(data)]; stop != nil {
		stop()
		delete(t.says, string(data))
	}
}

func (t *frequencyOf) Close() error {
	t.mu.Lock()
	for _, stop := range t.says {
		stop()
	}
	t.says = map[string]context.CancelFunc{}
	t.mu.Unlock()
	t.aerial.mu.Lock()
	defer t.aerial.mu.Unlock()
	if t.topics[t.what.Name] == t {
		delete(t.topics, t.what.Name)
	}
	close(t.closed)
	return nil
}

func pauseFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
