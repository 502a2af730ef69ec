package net

import (
	"fmt"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// group is the operators of a wallet or of a topic.
type group interface {
	Operators() []chain.Operator // each once
	Holds(op chain.Operator) bool
}

// join adds a channel. Who waits to be recognised may be known now, and who was turned away as unknown may come back.
func (t *table) join(ch *Channel, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := ch.wallet.ID()
	if t.channels[id] != nil {
		return fmt.Errorf("%w: %v", ErrJoined, id)
	}
	t.channels[id] = ch
	t.topics.Store(wire.ChannelName(ch.wallet.Key()), ch)
	ch.sight.Subscribed = true
	t.enroll(ch.wallet, &ch.sight, now)
	t.tell(ch.wallet.Operators())
	return nil
}

// enroll adds the operators of one more wallet or topic, and counts those in sight. It returns those who were in none.
func (t *table) enroll(g group, sight *Sight, now time.Time) (admitted []chain.Operator) {
	for _, op := range g.Operators() {
		if t.members[op]++; t.members[op] == 1 {
			admitted = append(admitted, op)
		}
		if t.present[op] > 0 {
			sight.count(1, t.height())
		}
	}
	for _, e := range t.peers {
		if e.stranger {
			e.stranger, e.refusedUntil = false, time.Time{}
		}
	}
	t.settleAll(now)
	return admitted
}

// dismiss takes them away again, and returns those who are in nothing else: they lose their admission.
func (t *table) dismiss(g group, now time.Time) (gone []chain.Operator) {
	for _, op := range g.Operators() {
		if t.members[op]--; t.members[op] == 0 {
			delete(t.members, op)
			delete(t.meters, op)
			gone = append(gone, op)
		}
	}
	t.settleAll(now)
	return gone
}

// leave removes a channel; operators without another wallet here lose their admission.
func (t *table) leave(ch *Channel, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.channels[ch.wallet.ID()] != ch {
		return
	}
	delete(t.channels, ch.wallet.ID())
	t.topics.Delete(wire.ChannelName(ch.wallet.Key()))
	ch.sight = Sight{}
	t.dismiss(ch.wallet, now)
	t.tell(ch.wallet.Operators())
}

func (t *table) channel(id chain.WalletID) *Channel {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.channels[id]
}

// listener is who listens to a topic of the network: a wallet's channel, or a Topic.
type listener interface {
	// needless reports whether a message may be dropped before its signature is verified.
	needless(m *pb.Message, height chain.Height) bool
	// approached counts a neighbour that has come into this topic.
	approached()
}

// topic returns who listens to a topic, nil if nobody does; without the mutex.
func (t *table) topic(name string) listener {
	l, ok := t.topics.Load(name)
	if !ok {
		return nil
	}
	return l.(listener) //nolint:forcetypeassert // nothing else is stored
}

// openTopic adds a topic.
func (t *table) openTopic(topic *Topic, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[topic.cfg.Name] != nil {
		return fmt.Errorf("%w: %s", ErrJoined, topic.cfg.Name)
	}
	t.open[topic.cfg.Name] = topic
	t.topics.Store(topic.cfg.Name, topic)
	topic.sight.Subscribed = true
	t.tell(t.enroll(topic.inbox, &topic.sight, now))
	return nil
}

// closeTopic removes a topic; false if it is not open.
func (t *table) closeTopic(topic *Topic, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[topic.cfg.Name] != topic {
		return false
	}
	delete(t.open, topic.cfg.Name)
	t.topics.Delete(topic.cfg.Name)
	topic.sight = Sight{}
	t.tell(t.dismiss(topic.inbox, now))
	return true
}

// silenceTopics ends who waits for a message when the network ends.
func (t *table) silenceTopics() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, topic := range t.open {
		topic.inbox.Close()
	}
}
