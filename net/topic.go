package net

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Bounds of topics.
const (
	// MaxTopicMessage is the most that can be said in one message: the network's 1 MiB less what is around it.
	MaxTopicMessage = wire.MaxMessage - 4*frameMargin
	// maxTopicName bounds what peers can have us remember of each topic they announce.
	maxTopicName = 200
	// topicPrefix marks the topics that are no coordination channels; nodes of other makes ignore them.
	topicPrefix = "/walletnode/"
)

// ErrTopicFull says that an operator has said as much on a topic, or as much lately, as anybody would keep: forget
// what is over, or wait.
var ErrTopicFull = errors.New("topic holds no more of ours now")

// TopicConfig says what a topic is. All who open it must agree on everything but Repeat.
type TopicConfig struct {
	// Name begins with /walletnode/ and has at most 200 printable ASCII characters.
	Name string
	// Operators may speak; as long as the topic is open they are admitted as peers, whether or not they share a wallet
	// with us. If ours is not among them, we only listen.
	Operators []chain.Operator
	// MaxMessage is the most bytes of one message; at most MaxTopicMessage.
	MaxMessage int
	// PerOperator is how many distinct messages of one operator are known at a time. One is forgotten when Memory has passed
	// since it was repeated last. What is beyond takes the place of his oldest, or is ignored if it is older than that;
	// and he can say no more than twice as many in ten minutes. The bytes that wait for Next are bounded by 8 MiB for each
	// operator over all topics.
	PerOperator int
	// Repeat is the pause before what we have published is sent for the second time; it doubles up to four times as
	// much, and begins anew when somebody comes into reach. It is a second longer for each 4 KiB. Default 5 s; negative: nothing
	// is repeated.
	Repeat time.Duration
	// Memory is for how long a message is recognised after its last copy that was verified, and half of it for how long none is verified that
	// says nothing new to anybody. What is repeated for long is cheap for all with a memory of twice as long. Default and least: 10 minutes.
	Memory time.Duration
}

const (
	defaultRepeat = 5 * time.Second
	// maxRepeatPause must be less than half of saidMemory, so that what is repeated is not forgotten.
	maxRepeatPause = 2 * time.Minute
)

func (c TopicConfig) validate() error {
	var errs []error
	if !isTopicName(c.Name) {
		errs = append(errs, fmt.Errorf("name %q: it must begin with %s and have at most %d printable characters", c.Name, topicPrefix, maxTopicName))
	}
	if len(c.Operators) == 0 || slices.ContainsFunc(c.Operators, chain.Operator.IsZero) {
		errs = append(errs, errors.New("operators: there must be some, and none may be zero"))
	}
	if c.MaxMessage < 1 || c.MaxMessage > MaxTopicMessage {
		errs = append(errs, fmt.Errorf("message of %d bytes: the limit must be within 1 .. %d", c.MaxMessage, MaxTopicMessage))
	}
	if c.PerOperator < 1 {
		errs = append(errs, fmt.Errorf("%d messages for each operator: at least one is needed", c.PerOperator))
	}
	if c.Memory != 0 && c.Memory < saidMemory {
		errs = append(errs, fmt.Errorf("memory of %v: what is repeated would be forgotten; at least %v is needed", c.Memory, saidMemory))
	}
	if len(errs) > 0 {
		return fmt.Errorf("topic configuration: %w", errors.Join(errs...))
	}
	return nil
}

// memory is Memory, or its default.
func (c TopicConfig) memory() time.Duration { return max(c.Memory, saidMemory) }

// repeat returns the first pause and the longest one; zero if nothing is repeated.
func (c TopicConfig) repeat() (first, last time.Duration) {
	switch {
	case c.Repeat < 0:
		return 0, 0
	case c.Repeat == 0:
		return defaultRepeat, 4 * defaultRepeat
	default:
		return min(c.Repeat, maxRepeatPause), min(4*c.Repeat, maxRepeatPause)
	}
}

func isTopicName(name string) bool {
	unprintable := func(r rune) bool { return r <= ' ' || r > '~' }
	return len(name) <= maxTopicName && len(name) > len(topicPrefix) && strings.HasPrefix(name, topicPrefix) &&
		!strings.ContainsFunc(name, unprintable)
}

// Topic is what a group of operators say to each other beside coordination. Messages can be lost, repeated and
// reordered, by anybody; none can be forged. Like a wallet's Channel it has no goroutine of its own.
type Topic struct {
	line
	cfg   TopicConfig
	inbox *TopicInbox
}

// OpenTopic opens a topic: from now on its messages are validated, kept and relayed, and its operators are admitted. It
// fails with ErrJoined if a topic of that name is open.
func (h *Host) OpenTopic(cfg TopicConfig) (*Topic, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.Operators = slices.Clone(cfg.Operators)
	h.joining.Lock()
	defer h.joining.Unlock()
	t := &Topic{line: line{host: h, name: cfg.Name, about: slog.String("topic", cfg.Name)}, cfg: cfg, inbox: h.inboxes.ofTopic(cfg)}
	if err := h.table.openTopic(t, time.Now()); err != nil {
		return nil, err
	}
	if err := t.open(t.validate); err != nil {
		h.table.closeTopic(t, time.Now())
		return nil, err
	}
	h.admission.nudge()
	return t, nil
}

// Close ends what is repeated and whoever waits in Next, and forgets what was not taken; operators with whom we share
// nothing else are cut off. It may be called again.
func (t *Topic) Close() error {
	h := t.host
	h.joining.Lock()
	defer h.joining.Unlock()
	if !h.table.closeTopic(t, time.Now()) {
		return nil
	}
	t.inbox.Close()
	h.repeats.forgetAll(t)
	if err := t.close(); err != nil && !h.visits.ended() { // else pubsub has gone, and everything with it
		return fmt.Errorf("close topic: %w", err)
	}
	h.admission.nudge()
	return nil
}

// validate is the topic validator.
func (t *Topic) validate(_ context.Context, forwarder peer.ID, msg *pubsub.Message) pubsub.ValidationResult {
	return t.examine(forwarder, msg, t.inbox.Offer, "forwarded more than an operator may say on a topic")
}

// Publish says something, signed by the operator's key, and says it again and again until Forget or Close. It is heard
// here as well, as by everybody else. ErrTopicFull if that is more than anybody would keep.
func (t *Topic) Publish(ctx context.Context, data []byte) error {
	switch {
	case len(data) > t.cfg.MaxMessage:
		return fmt.Errorf("publish: %w: %d bytes are more than %d", wire.ErrTooLarge, len(data), t.cfg.MaxMessage)
	case !t.inbox.Holds(t.host.Operator()):
		return fmt.Errorf("publish: operator %v may not speak on %s", t.host.Operator(), t.cfg.Name)
	case !t.host.repeats.room(t, data):
		return fmt.Errorf("publish: %w: %d messages are repeated already", ErrTopicFull, t.cfg.PerOperator)
	}
	data = slices.Clone(data)
	reach := t.reach()
	if err := t.say(ctx, data); err != nil {
		return err
	}
	if first, _ := t.cfg.repeat(); first > 0 {
		t.host.repeats.keep(t, data, reach, time.Now())
	}
	return nil
}

// say sends a message once.
func (t *Topic) say(ctx context.Context, data []byte) error {
	err := t.topic.Publish(ctx, data)
	switch ignored := new(pubsub.ValidationError); {
	case err == nil:
		return nil
	case errors.Is(err, pubsub.ErrTopicClosed):
		return fmt.Errorf("publish: %w", ErrLeft)
	case errors.As(err, ignored):
		return fmt.Errorf("publish: %w", ErrTopicFull) // our own inbox is the only one to ask
	default:
		return fmt.Errorf("publish: %w", err)
	}
}

// Next returns what was said next, once, whoever said it; an error once ctx or the topic has ended (ErrLeft).
func (t *Topic) Next(ctx context.Context) (Said, error) { return t.inbox.Next(ctx) }

// Forget ends the repetition of something published here.
func (t *Topic) Forget(data []byte) { t.host.repeats.forget(t, data) }

func (t *Topic) needless(m *pb.Message, _ chain.Height) bool {
	return t.inbox.redundant(m.GetFrom(), m.GetData(), t.reach(), time.Now())
}
