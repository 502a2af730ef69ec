package net

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// line is a topic of pubsub as a host holds it: what a wallet's Channel and a Topic have in common. It has no goroutine and
// no queue of its own: the validator rules on each message inside pubsub's validation and puts it into the inbox, and the
// topic is held by a relay, not by a subscription. For pubsub that is the same (it announces the topic, joins its mesh,
// validates and forwards), except that nothing is copied into a subscription's buffer, which would need a reader and drops
// what finds it full.
type line struct {
	host   *Host
	name   string
	about  slog.Attr // names it in logs
	topic  *pubsub.Topic
	cancel pubsub.RelayCancelFunc

	sight   Sight         // guarded by the table's mutex
	reached atomic.Uint64 // counts neighbours that came into this topic
}

// open installs the validator first, so that no message of the topic passes unexamined.
func (l *line) open(validate pubsub.ValidatorEx) error {
	ps := l.host.traffic.pubsub
	if err := ps.RegisterTopicValidator(l.name, validate, pubsub.WithValidatorInline(true)); err != nil {
		return fmt.Errorf("register validator: %w", err)
	}
	topic, err := ps.Join(l.name)
	if err != nil {
		return errors.Join(fmt.Errorf("join topic: %w", err), ps.UnregisterTopicValidator(l.name))
	}
	cancel, err := topic.Relay()
	if err != nil {
		return errors.Join(fmt.Errorf("relay topic: %w", err), topic.Close(), ps.UnregisterTopicValidator(l.name))
	}
	l.topic, l.cancel = topic, cancel
	return nil
}

// close leaves the topic. Its validator goes last.
func (l *line) close() error {
	l.cancel()
	return errors.Join(l.topic.Close(), l.host.traffic.pubsub.UnregisterTopicValidator(l.name))
}

// examine has an inbox rule on a message, whose signature pubsub has verified, and tells pubsub what becomes of it. Pubsub's
// few workers call it at once. What a forwarder is charged with is said in worthless.
func (l *line) examine(forwarder peer.ID, msg *pubsub.Message, offer func(Arrival) Ruling, worthless string) pubsub.ValidationResult {
	t := l.host.traffic
	own := forwarder == t.host.ID() // only what we publish comes from ourselves
	if own {
		t.sign(msg)
	}
	r := offer(Arrival{
		From:   msg.Message.GetFrom(),
		Data:   msg.GetData(),
		ID:     identity(msg),
		Size:   signedSize(msg.Message),
		Signed: func() []byte { return encode(msg) },
		Seqno:  msg.GetSeqno(),
		Height: t.height(),
		Time:   time.Now(),
		Own:    own,
		Reach:  l.reach(),
	})
	t.counters.count(r)
	if r.Cause == CauseNew {
		t.relays.first(msg.Message, forwarder, time.Now())
	}
	switch {
	case r.Verdict == VerdictAccept:
		return pubsub.ValidationAccept
	case r.Verdict == VerdictKeep:
		return pubsub.ValidationIgnore
	case r.Verdict == VerdictReject:
		t.log.Debug("Message rejected", l.about, "cause", r.Cause, "forwarder", forwarder)
		return pubsub.ValidationReject // the tracer hears of it and charges the forwarder
	case r.Blame == BlameForwarder:
		t.charge(forwarder, worthless)
	case r.Blame == BlameAuthor:
		t.silence(msg.GetFrom(), r)
	}
	t.log.Debug("Message ignored", l.about, "cause", r.Cause, "author", r.Author)
	return pubsub.ValidationIgnore
}

// Sight returns how much of the group that speaks here we see now.
func (l *line) Sight() Sight {
	l.host.table.mu.Lock()
	defer l.host.table.mu.Unlock()
	return l.sight
}

// reach counts up whenever somebody comes into reach of what is relayed here, who may have missed what was relayed before.
func (l *line) reach() uint64 { return l.reached.Load() + l.host.table.reached.Load() }

func (l *line) approached() { l.reached.Add(1) }
