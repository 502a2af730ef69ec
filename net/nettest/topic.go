package nettest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// Topic is a topic as one member sees it. It has the methods of *net.Topic, with the same promises.
type Topic struct {
	member *Member
	cfg    net.TopicConfig
	inbox  *net.TopicInbox

	sight net.Sight // guarded by the network's mutex

	mu     sync.Mutex
	kept   map[[32]byte]struct{} // what is repeated, by the digest of the data
	closed bool
}

// OpenTopic opens a topic; net.ErrJoined if it is open already.
func (m *Member) OpenTopic(cfg net.TopicConfig) (*Topic, error) {
	inbox, err := net.NewTopicInbox(cfg)
	if err != nil {
		return nil, err
	}
	n := m.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if m.topics[cfg.Name] != nil {
		return nil, fmt.Errorf("%w: %s", net.ErrJoined, cfg.Name)
	}
	t := &Topic{member: m, cfg: cfg, inbox: inbox, kept: make(map[[32]byte]struct{})}
	t.sight.Subscribed = true
	m.topics[cfg.Name] = t
	n.look()
	return t, nil
}

// Publish says something to all others, and says it again until Forget or Close: after the pause that was asked for, or 5 s,
// then after twice that, and so on up to four times as much.
func (t *Topic) Publish(ctx context.Context, data []byte) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("publish: %w", ctx.Err())
	case len(data) > t.cfg.MaxMessage:
		return fmt.Errorf("publish: %w: %d bytes are more than %d", wire.ErrTooLarge, len(data), t.cfg.MaxMessage)
	case !t.inbox.Holds(t.member.Operator()):
		return fmt.Errorf("publish: operator %v may not speak on %s", t.member.Operator(), t.cfg.Name)
	}
	digest := sha256.Sum256(data)
	t.mu.Lock()
	_, again := t.kept[digest]
	full, closed := !again && len(t.kept) >= t.cfg.PerOperator, t.closed
	t.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("publish: %w", net.ErrLeft)
	case full || !t.say(data):
		return fmt.Errorf("publish: %w", net.ErrTopicFull)
	}
	if again || t.cfg.Repeat < 0 {
		return nil
	}
	t.mu.Lock()
	t.kept[digest] = struct{}{}
	t.mu.Unlock()
	pause := t.cfg.Repeat
	if pause == 0 {
		pause = 5 * time.Second
	}
	t.repeat(slices.Clone(data), pause, 4*pause)
	return nil
}

// say sends a message once; false if the member's own inbox has no room for it.
func (t *Topic) say(data []byte) bool {
	m := t.member
	nth, luck := m.utter(t.cfg.Name, data)
	signed := wire.SignPubsub(m.key, t.cfg.Name, data, wireSeqno(m.index, nth))
	m.known(signed)
	r := t.inbox.Offer(arrivalOf(signed, true))
	if r.Verdict != net.VerdictAccept {
		return false
	}
	m.network.broadcast(packet{topic: t.cfg.Name, signed: signed.Bytes(), nth: nth, luck: luck}, m)
	return true
}

func (t *Topic) repeat(data []byte, pause, last time.Duration) {
	t.member.network.after(pause, func() {
		t.mu.Lock()
		_, kept := t.kept[sha256.Sum256(data)]
		t.mu.Unlock()
		if kept {
			t.say(data)
			t.repeat(data, min(2*pause, last), last)
		}
	})
}

func arrivalOf(m wire.PubsubMessage, own bool) net.Arrival {
	return net.Arrival{
		From: m.From(), Data: m.Data(), ID: m.ID(), Seqno: m.Seqno(), Size: len(m.SignedBytes()), Signed: m.Bytes,
		Time: time.Now(), Own: own,
	}
}

// Next returns what was said next, whoever said it.
func (t *Topic) Next(ctx context.Context) (net.Said, error) { return t.inbox.Next(ctx) }

// Forget ends the repetition of something.
func (t *Topic) Forget(data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, sha256.Sum256(data))
}

// Sight returns how much of the topic's group the member sees.
func (t *Topic) Sight() net.Sight {
	t.member.network.mu.Lock()
	defer t.member.network.mu.Unlock()
	return t.sight
}

// Close ends the topic for this member; it may be called again.
func (t *Topic) Close() error {
	t.mu.Lock()
	t.closed = true
	clear(t.kept)
	t.mu.Unlock()
	t.inbox.Close()
	n := t.member.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.member.topics[t.cfg.Name] == t {
		delete(t.member.topics, t.cfg.Name)
	}
	t.sight = net.Sight{}
	n.look()
	return nil
}

// look sees anew; the network calls it with its mutex held.
func (t *Topic) look(members []*Member) {
	t.member.see(&t.sight, members, func(m *Member) bool { return m.topics[t.cfg.Name] != nil && t.inbox.Holds(m.Operator()) })
}

// InjectTopic has the author of key say data on a topic to the given members, or to all without any. It returns the signed
// message. Weather and partitions do not concern it, the route does.
func (n *Network) InjectTopic(key *secp256k1.PrivateKey, topic string, data []byte, to ...*Member) []byte {
	n.mu.Lock()
	n.injected++
	seqno := wireSeqno(injector, n.injected)
	n.mu.Unlock()
	signed := wire.SignPubsub(key, topic, data, seqno).Bytes()
	n.InjectTopicSigned(topic, signed, to...)
	return signed
}

// InjectTopicSigned delivers a whole pubsub message, any bytes, on a topic.
func (n *Network) InjectTopicSigned(topic string, signed []byte, to ...*Member) {
	if len(to) == 0 {
		to = slices.Clone(n.allMembers())
	}
	for _, m := range to {
		n.deliver(packet{topic: topic, signed: signed, luck: wireHash(signed)}, nil, m)
	}
}
