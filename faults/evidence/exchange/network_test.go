package exchange_test

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire"
)

var errGone = errors.New("gone")

// hub is a network in memory. What was said on a topic and stands is heard by whoever opens it later.
type hub struct {
	mu    sync.Mutex
	ports []*port
	// deaf says which topics an instance hears nothing of.
	deaf func(p *port, topic string) bool
}

// port is one instance's place on it.
type port struct {
	hub     *hub
	key     *secp256k1.PrivateKey
	name    string
	service *exchange.Service
	topics  map[string]*forum
	// answer replaces what the service answers, if it is not nil.
	answer map[string]func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error)
	asked  int // questions answered
	said   []exchange.Said
	news   [][]byte // of what was said, that about proofs
	seqno  byte
}

func (h *hub) plug(name string, key *secp256k1.PrivateKey) *port {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &port{hub: h, name: name, key: key, topics: map[string]*forum{}}
	h.ports = append(h.ports, p)
	return p
}

func (h *hub) unplug(p *port) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ports = slices.DeleteFunc(h.ports, func(other *port) bool { return other == p })
}

// questions returns how many were put to it.
func (p *port) questions() int {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	return p.asked
}

func (p *port) operator() chain.Operator { return wire.PublicKeyOf(p.key).Operator() }

// forum is a topic that is open at one port.
type forum struct {
	port     *port
	what     exchange.Conversation
	queue    chan exchange.Said
	standing map[string]exchange.Said
	heard    map[string]bool
}

func (p *port) Open(what exchange.Conversation) (exchange.Topic, error) {
	f := &forum{port: p, what: what, queue: make(chan exchange.Said, 4096), standing: map[string]exchange.Said{}, heard: map[string]bool{}}
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.topics[what.Name] = f
	for _, other := range p.hub.ports {
		if there := other.topics[what.Name]; there != nil && other != p {
			for _, s := range there.standing {
				f.deliver(s)
			}
		}
	}
	return f, nil
}

// deliver is called with the hub's mutex held.
func (f *forum) deliver(s exchange.Said) {
	key := s.By.String() + string(s.Data)
	if f.heard[key] || !slices.Contains(f.what.Operators, s.By) || f.port.hub.deaf != nil && f.port.hub.deaf(f.port, f.what.Name) {
		return
	}
	f.heard[key] = true
	f.queue <- s
}

func (f *forum) Publish(_ context.Context, data []byte) error {
	if len(data) > f.what.MaxMessage {
		return errors.New("too large")
	}
	p := f.port
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.seqno++
	s := exchange.Said{By: p.operator(), Data: data, Signed: wire.SignPubsub(p.key, f.what.Name, data, []byte{0, 0, 0, 0, 0, 0, 0, p.seqno}).Bytes()}
	f.standing[string(data)] = s
	p.said = append(p.said, s)
	if f.what.Name == exchange.ProofsTopic {
		p.news = append(p.news, data)
	}
	p.hub.tell(f.what.Name, s)
	return nil
}

// tell is called with the mutex held.
func (h *hub) tell(topic string, s exchange.Said) {
	for _, other := range h.ports {
		if there := other.topics[topic]; there != nil {
			there.deliver(s)
		}
	}
}

// inject has everybody hear what somebody signed.
func (h *hub) inject(topic string, key *secp256k1.PrivateKey, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tell(topic, exchange.Said{
		By: wire.PublicKeyOf(key).Operator(), Data: data, Signed: wire.SignPubsub(key, topic, data, make([]byte, 8)).Bytes(),
	})
}

func (f *forum) Next(ctx context.Context) (exchange.Said, error) {
	select {
	case s := <-f.queue:
		return s, nil
	case <-ctx.Done():
		return exchange.Said{}, ctx.Err()
	}
}

func (f *forum) Forget(data []byte) {
	f.port.hub.mu.Lock()
	defer f.port.hub.mu.Unlock()
	delete(f.standing, string(data))
}

func (f *forum) Close() error {
	f.port.hub.mu.Lock()
	defer f.port.hub.mu.Unlock()
	delete(f.port.topics, f.what.Name)
	return nil
}

// lane is a line to a port.
type lane struct {
	by       chain.Operator
	to       *port
	protocol string
}

func (p *port) Inquire(_ context.Context, protocol string, of chain.Operator) (exchange.Line, error) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	for _, other := range p.hub.ports {
		if other.operator() == of {
			return lane{p.operator(), other, protocol}, nil
		}
	}
	return nil, errGone
}

func (l lane) Ask(ctx context.Context, request []byte) ([]byte, error) {
	l.to.hub.mu.Lock()
	l.to.asked++
	answer, service := l.to.answer[l.protocol], l.to.service
	l.to.hub.mu.Unlock()
	if answer != nil {
		return answer(ctx, l.by, request)
	}
	for _, q := range exchange.Inquiries(func() *exchange.Service { return service }) {
		if q.Protocol == l.protocol {
			data, err := q.Answer(ctx, l.by, request)
			if len(data) > q.MaxAnswer || len(request) > q.MaxRequest {
				return nil, errors.New("longer than agreed")
			}
			return data, err
		}
	}
	return nil, errGone
}

func (l lane) Close() {}
