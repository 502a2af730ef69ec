package exchange

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/compare"
)

const (
	// ProofsTopic is where operators tell which proofs they have.
	ProofsTopic = "/walletnode/proofs/1"
	// CompareProtocol is how operators ask each other to open a head.
	CompareProtocol = "/walletnode/compare/1"
	// ProofProtocol is how they ask for a proof by its ID (32 bytes).
	ProofProtocol = "/walletnode/proof/1"

	// maxHead holds the data of a head: two hashes and a few numbers.
	maxHead = 256
	// repeatPause is the pause before what was said is said again; it grows to two minutes.
	repeatPause = 30 * time.Second
	// headMemory has each head verified, and relayed, once more after a quarter of an hour, for those whom no copy of the first ones
	// reached: twice in the 40 minutes for which heads are repeated. With the network's default it would be seven times, a hundred heads each.
	headMemory = 30 * time.Minute
)

// Said is one message of a topic.
type Said struct {
	By     chain.Operator
	Data   []byte
	Signed []byte // the signed pubsub message
}

// Conversation is what a topic is opened with.
type Conversation struct {
	Name      string
	Operators []chain.Operator // who may speak, ourselves included
	// MaxMessage is the most bytes of a message, PerOperator how many of one operator are known at a time, and Repeat the first
	// pause after which what was published is sent again.
	MaxMessage, PerOperator int
	Repeat                  time.Duration
	// Memory is for how long what was said is recognised after its last copy that was verified; 0 for the network's default.
	Memory time.Duration
}

// Topic is what some operators say to each other.
type Topic interface {
	// Publish says something again and again until Forget or Close. It is heard here as well.
	Publish(ctx context.Context, data []byte) error
	// Next returns what was said next; an error once ctx or the topic has ended.
	Next(ctx context.Context) (Said, error)
	Forget(data []byte)
	Close() error
}

// Line is a stream on which an operator is asked.
type Line interface {
	// Ask puts a question and returns the answer, or gives up with ctx.
	Ask(ctx context.Context, request []byte) ([]byte, error)
	Close()
}

// Network is how operators are reached.
type Network interface {
	Open(c Conversation) (Topic, error)
	// Inquire opens a line to an instance of an operator, under one of Inquiries.
	Inquire(ctx context.Context, protocol string, of chain.Operator) (Line, error)
}

// Inquiry is what this operator answers.
type Inquiry struct {
	Protocol              string
	MaxRequest, MaxAnswer int // bytes
	// Answer answers an operator whose name the connection has shown; the text of an error is for it, too.
	Answer func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error)
}

// Inquiries are what others may ask of a service, which may come later than the network: before, find returns nil.
func Inquiries(find func() *Service) []Inquiry {
	ready := func(answer func(*Service, context.Context, chain.Operator, []byte) ([]byte, error)) func(context.Context, chain.Operator, []byte) ([]byte, error) {
		return func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error) {
			s := find()
			if s == nil {
				return nil, errStarting
			}
			return answer(s, ctx, by, request)
		}
	}
	return []Inquiry{
		{CompareProtocol, compare.MaxRequest, compare.MaxAnswer, ready((*Service).answerComparison)},
		{ProofProtocol, idSize, maxProof, ready((*Service).answerProof)},
	}
}

// voice is a topic of all operators with whom wallets are shared. It is opened anew when they change, and what stands is said again.
type voice struct {
	network Network
	what    Conversation
	log     *slog.Logger

	// turn is had by one at a time, and with it what is below. It is no mutex, for it is kept while something is published, which may
	// wait: until then whoever else wants it can give up.
	turn     chan struct{}
	topic    Topic    // nil while it is not open
	standing [][]byte // what is repeated, at most maxStanding, the oldest first
}

// maxStanding bounds what is repeated: the newest head and some that were not sent in time.
const maxStanding = 4

func newVoice(network Network, what Conversation, log *slog.Logger) *voice {
	return &voice{network: network, what: what, log: log, turn: make(chan struct{}, 1)}
}

// begin waits for the turn, which done gives back. It reports false if ctx ended before.
func (v *voice) begin(ctx context.Context) bool {
	select {
	case v.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (v *voice) done() { <-v.turn }

// say says something from now on, and reports whether it was sent.
func (v *voice) say(ctx context.Context, data []byte) bool {
	if !v.begin(ctx) {
		return false
	}
	defer v.done()
	if !slices.ContainsFunc(v.standing, func(d []byte) bool { return string(d) == string(data) }) {
		if len(v.standing) >= maxStanding {
			v.forget(v.standing[0])
		}
		v.standing = append(v.standing, data)
	}
	return v.publish(ctx, data)
}

// publish is called in a turn.
func (v *voice) publish(ctx context.Context, data []byte) bool {
	if v.topic == nil {
		return false
	}
	if err := v.topic.Publish(ctx, data); err != nil {
		v.log.Warn("Could not tell other operators what was found", "topic", v.what.Name, "error", err)
		return false
	}
	return true
}

// hush ends the repetition of everything but some.
func (v *voice) hush(ctx context.Context, but ...[]byte) {
	if !v.begin(ctx) {
		return
	}
	defer v.done()
	for _, data := range slices.Clone(v.standing) {
		if !slices.ContainsFunc(but, func(d []byte) bool { return string(d) == string(data) }) {
			v.forget(data)
		}
	}
}

// forget is called in a turn.
func (v *voice) forget(data []byte) {
	v.standing = slices.DeleteFunc(v.standing, func(d []byte) bool { return string(d) == string(data) })
	if v.topic != nil {
		v.topic.Forget(data)
	}
}

// run keeps the topic open among the operators that others returns, and hears what is said, until ctx ends. Opened is called after
// each time that it was opened.
func (v *voice) run(ctx context.Context, others func() ([]chain.Operator, <-chan struct{}), hear func(context.Context, Said), opened func()) {
	for ctx.Err() == nil {
		operators, changed := others()
		if len(operators) < 2 { // nobody to talk to
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		what := v.what
		what.Operators = operators
		topic, err := v.network.Open(what)
		if err != nil {
			v.log.Error("Could not open the topic on which evidence is exchanged", "topic", what.Name, "error", err)
			_ = wait(ctx, retry) // an error says that ctx has ended
			continue
		}
		v.opened(ctx, topic)
		opened()
		v.listen(ctx, topic, changed, hear)
	}
}

// opened takes a topic into use and says again what stands.
func (v *voice) opened(ctx context.Context, topic Topic) {
	if !v.begin(ctx) {
		return // and so does listen, which closes it
	}
	defer v.done()
	v.topic = topic
	for _, data := range v.standing {
		v.publish(ctx, data)
	}
}

// listen hears a topic until its operators change or ctx ends, and closes it.
func (v *voice) listen(ctx context.Context, topic Topic, changed <-chan struct{}, hear func(context.Context, Said)) {
	until, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer stop()
		select {
		case <-changed:
		case <-until.Done():
		}
	})
	defer watching.Wait()
	defer stop()
	for {
		said, err := topic.Next(until)
		if err != nil {
			break
		}
		hear(ctx, said)
	}
	v.turn <- struct{}{} // not beside ctx: nobody may say anything on a closed topic, and who has the turn gives up with ctx
	v.topic = nil
	v.done()
	if err := topic.Close(); err != nil {
		v.log.Warn("Could not close the topic on which evidence is exchanged", "topic", v.what.Name, "error", err)
	}
	if ctx.Err() == nil && until.Err() == nil { // the network has ended first, and this context soon will
		_ = wait(ctx, retry)
	}
}
