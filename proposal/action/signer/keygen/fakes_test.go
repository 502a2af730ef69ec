package keygen_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// hub is a network in memory. Like the real one it repeats what was said until the topic is closed, so that who comes later
// hears it, and delivers one message once.
type hub struct {
	mu      sync.Mutex
	topics  map[string][]*topic
	docs    [][]byte
	invited map[chain.Operator]func(doc []byte)
	seqno   uint64
	// bend changes what one operator says to another; nil bytes are lost.
	bend func(from, to chain.Operator, data []byte) []byte
	// limit is the most bytes of one message; 0 for any number.
	limit int
}

func newHub() *hub {
	return &hub{topics: map[string][]*topic{}, invited: map[chain.Operator]func(doc []byte){}}
}

// topic is one operator's end of a topic.
type topic struct {
	hub   *hub
	name  string
	key   *secp256k1.PrivateKey
	said  [][]byte // and not forgotten
	heard map[signer.Digest]bool
	queue []signer.Said
	more  chan struct{} // capacity 1
	gone  chan struct{}
}

func (t *topic) operator() chain.Operator { return wire.PublicKeyOf(t.key).Operator() }

func (h *hub) open(name string, key *secp256k1.PrivateKey) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &topic{hub: h, name: name, key: key, heard: map[signer.Digest]bool{}, more: make(chan struct{}, 1), gone: make(chan struct{})}
	for _, other := range h.topics[name] {
		for _, data := range other.said {
			h.deliver(other, t, data)
		}
	}
	h.topics[name] = append(h.topics[name], t)
	return t
}

// deliver hands a message on; the hub's lock is held. A message that is repeated is signed anew, like on the real network.
func (h *hub) deliver(from, to *topic, data []byte) {
	if h.bend != nil && from != to {
		if data = h.bend(from.operator(), to.operator(), data); data == nil {
			return
		}
	}
	if id := sha256.Sum256(append(wire.PublicKeyOf(from.key).PeerID(), data...)); to.heard[id] {
		return
	} else {
		to.heard[id] = true
	}
	h.seqno++
	signed := wire.SignPubsub(from.key, to.name, data, binary.BigEndian.AppendUint64(nil, h.seqno))
	to.queue = append(to.queue, signer.Said{By: from.operator(), Data: data, Signed: signed.Bytes()})
	select {
	case to.more <- struct{}{}:
	default:
	}
}

func (t *topic) Publish(_ context.Context, data []byte) error {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	if t.hub.limit > 0 && len(data) > t.hub.limit {
		return fmt.Errorf("publish: %w: %d bytes are more than %d", wire.ErrTooLarge, len(data), t.hub.limit)
	}
	t.said = append(t.said, bytes.Clone(data))
	for _, to := range t.hub.topics[t.name] {
		t.hub.deliver(t, to, data)
	}
	return nil
}

func (t *topic) Next(ctx context.Context) (signer.Said, error) {
	for {
		t.hub.mu.Lock()
		if len(t.queue) > 0 {
			said := t.queue[0]
			t.queue = t.queue[1:]
			t.hub.mu.Unlock()
			return said, nil
		}
		t.hub.mu.Unlock()
		select {
		case <-t.more:
		case <-t.gone:
			return signer.Said{}, errors.New("topic is closed")
		case <-ctx.Done():
			return signer.Said{}, ctx.Err()
		}
	}
}

// repeated returns what is repeated now on all topics, of one kind.
func (h *hub) repeated(kind func(*pb.SignerMessage) bool) (all [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, open := range h.topics {
		for _, t := range open {
			for _, data := range t.said {
				if m := new(pb.SignerMessage); proto.Unmarshal(data, m) == nil && kind(m) {
					all = append(all, data)
				}
			}
		}
	}
	return all
}

func (t *topic) Forget(data []byte) {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	t.said = slices.DeleteFunc(t.said, func(d []byte) bool { return bytes.Equal(d, data) })
}

func (t *topic) Close() error {
	t.hub.mu.Lock()
	defer t.hub.mu.Unlock()
	t.hub.topics[t.name] = slices.DeleteFunc(t.hub.topics[t.name], func(u *topic) bool { return u == t })
	close(t.gone)
	return nil
}

// port is one operator's connection to the hub.
type port struct {
	hub *hub
	key *secp256k1.PrivateKey
}

func (p port) OpenTopic(name string, _ []chain.Operator) (keygen.Topic, error) {
	return p.hub.open(name, p.key), nil
}

func (p port) Invite(doc []byte) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.hub.docs = append(p.hub.docs, doc)
	for op, f := range p.hub.invited {
		if op != wire.PublicKeyOf(p.key).Operator() {
			f(doc)
		}
	}
}

func (p port) Withdraw(doc []byte) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	if i := slices.IndexFunc(p.hub.docs, func(d []byte) bool { return bytes.Equal(d, doc) }); i >= 0 {
		p.hub.docs = slices.Delete(p.hub.docs, i, i+1)
	}
}

// join has a node told of invitations, those that stand first.
func (h *hub) join(op chain.Operator, invited func(doc []byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.invited[op] = invited
	for _, doc := range h.docs {
		invited(doc)
	}
}

// memory is a log that outlives the services on it.
type memory struct {
	mu    sync.Mutex
	rows  map[signer.SessionID]keygen.Row
	order []signer.SessionID
	// dies is asked before each write: an error is what a process that is killed there has left.
	dies func(row keygen.Row) error
}

func newMemory() *memory { return &memory{rows: map[signer.SessionID]keygen.Row{}} }

func (m *memory) Keygens(ctx context.Context) ([]keygen.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []keygen.Row
	for _, id := range slices.Backward(m.order) {
		if row, ok := m.rows[id]; ok {
			row.Acceptances, row.Attestations, row.Proof = nil, nil, nil
			rows = append(rows, row)
		}
	}
	return rows, ctx.Err()
}

func (m *memory) Keygen(ctx context.Context, id signer.SessionID) (keygen.Row, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[id]
	return row, ok, ctx.Err()
}

func (m *memory) AddKeygen(ctx context.Context, row keygen.Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.rows[row.Session]; ok {
		return keygen.ErrOtherState
	}
	m.rows[row.Session], m.order = row, append(m.order, row.Session)
	return ctx.Err()
}

func (m *memory) SaveKeygen(ctx context.Context, row keygen.Row, from keygen.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.dies != nil {
		if err := m.dies(row); err != nil {
			return err
		}
	}
	had, ok := m.rows[row.Session]
	if !ok || had.State != from || had.Instance != "" && had.Instance != row.Instance {
		return keygen.ErrOtherState
	}
	row.Created = had.Created
	m.rows[row.Session] = row
	return nil
}

func (m *memory) AdoptKeygen(ctx context.Context, id signer.SessionID, from keygen.State, of, by string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[id]
	if !ok || row.State != from || row.Instance != of {
		return keygen.ErrOtherState
	}
	row.Instance = by
	m.rows[id] = row
	return ctx.Err()
}

func (m *memory) ForgetKeygen(ctx context.Context, id signer.SessionID, from keygen.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[id].State == from {
		delete(m.rows, id)
	}
	return ctx.Err()
}

// shelf is an operator's placement and registry: one backend, and what was decided.
type shelf struct {
	mu       sync.Mutex
	backend  signer.Backend
	sessions map[signer.SessionID]string
	wallets  []chain.Wallet
	dies     string // what fails, as if the process was killed before it
}

func (s *shelf) alive(step string) error {
	if s.dies == step {
		return errors.New("killed before " + step)
	}
	return nil
}

func (s *shelf) Choose(_ context.Context, id signer.SessionID, _ signer.Scheme) (signer.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[id] == "" {
		s.sessions[id] = "pending"
	}
	return s.backend, nil
}

func (s *shelf) Chosen(_ context.Context, id signer.SessionID) (signer.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[id] == "" {
		return nil, errors.New("no backend was chosen")
	}
	return s.backend, nil
}

func (s *shelf) Confirm(_ context.Context, id signer.SessionID, _ chain.WalletID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive("confirm"); err != nil {
		return err
	}
	s.sessions[id] = "active"
	return nil
}

func (s *shelf) Abandon(_ context.Context, id signer.SessionID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[id] != "" {
		s.sessions[id] = "abandoned"
	}
	return nil
}

func (s *shelf) ImportWallet(_ context.Context, w chain.Wallet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive("import"); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.wallets, func(known chain.Wallet) bool { return known.ID() == w.ID() }) {
		s.wallets = append(s.wallets, w)
	}
	return nil
}

func (s *shelf) assigned() map[signer.SessionID]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sessions)
}

func (s *shelf) imported() []chain.Wallet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wallets)
}
