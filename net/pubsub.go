package net

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Queues of pubsub, all 32 by default: when 1000 wallets open a window at one block, 1000 messages come at once, and
// what finds a queue full is dropped.
const (
	validateQueue = 4096 // the reference client's
	outboundQueue = 1024 // per peer; a slot is a pointer
)

// seenTTL is for how long pubsub itself recognises a message, as in the reference client. A replay that comes later
// is recognised by the slot table.
const seenTTL = 5 * time.Minute

// traffic is what goes through pubsub: it is told of by pubsub's loop and workers, several at once, drops what is needless, and has
// those pay who bring it. Each of its parts has a mutex of its own but spurned, which belongs to pubsub's main loop.
type traffic struct {
	host      host.Host
	operator  *secp256k1.PrivateKey
	table     *table
	admission *admission
	height    func() chain.Height
	log       *slog.Logger
	pubsub    *pubsub.PubSub

	counters counters
	flights  flights
	relays   relays
	spurned  spurned
}

// newPubSub starts GossipSub on the host. It ends with ctx.
//
// Every message is signed, and every message of others is verified, as under StrictSign: what comes unsigned the sieve
// takes out before pubsub looks at it. The policy is LaxNoSign, under which pubsub verifies whatever is signed and signs
// nothing: our validator signs, last. Pubsub would read our own key out of its peer ID for each publication, and verify
// what it has signed a moment ago, which more than doubles what each of a leader's eight copies costs.
//
// GossipSub serves /floodsub/1.0.0 peers too: they are sent everything, as FloodSub would. Own messages go to every
// subscribed peer, not only to the mesh (flood publishing): they are few and small, and a mesh full of silent peers
// could otherwise swallow a leader's proposal.
//
// Peer scoring is off: its counters per topic and peer are made for public networks, where anyone may join, and with
// a thousand rarely used topics its delivery quotas would punish silence. Here only known operators are admitted, and
// the meters below do what its penalties would: who forwards rejected messages or floods pays, and is cut off.
func (t *traffic) newPubSub(ctx context.Context, author peer.ID) (*pubsub.PubSub, error) {
	return pubsub.NewGossipSub(ctx, pubsubHost{t.host},
		pubsub.WithMessageAuthor(author),
		pubsub.WithMessageSignaturePolicy(pubsub.LaxNoSign), // as strict as StrictSign, see above
		pubsub.WithMessageIdFn(func(m *pb.Message) string { id := t.flights.id(m); return string(id[:]) }),
		pubsub.WithGossipSubParams(gossip()),
		pubsub.WithMaxMessageSize(wire.MaxMessage),
		pubsub.WithValidateQueueSize(validateQueue),
		pubsub.WithPeerOutboundQueueSize(outboundQueue),
		pubsub.WithSeenMessagesTTL(seenTTL),
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerFilter(func(id peer.ID, _ string) bool { return t.table.admits(id) }),
		pubsub.WithSubscriptionFilter(topicFilter{t.table}),
		pubsub.WithBlacklist(blacklist{t.table}),
		pubsub.WithAppSpecificRpcInspector(t.inspectRPC),
		pubsub.WithRawTracer(tracer{t}),
	)
}

// gossip is GossipSub without its one promise about messages that nobody has verified: on sight of a longer message a
// node tells its neighbours not to send that one any more. Whoever forges the signature of a message that is on its way
// would keep the real one from us.
//
// And its meshes are smaller, two or three neighbours where six are usual (docs/decisions/025). Who speaks sends to all that it knows in any
// case, so that most of what is relayed in a mesh comes to those who have it, and relaying is half of what an operator's
// node does for a signature. Whom neither the speaker nor the mesh reaches is told by the lazy gossip of a second later (Dlazy is as usual),
// and what matters is said again.
func gossip() pubsub.GossipSubParams {
	params := pubsub.DefaultGossipSubParams()
	params.IDontWantMessageThreshold = wire.MaxMessage + 1
	params.D, params.Dlo, params.Dhi, params.Dscore, params.Dout = 2, 2, 3, 1, 0 // without scores the last two pick nobody
	return params
}

// Errors that drop an RPC.
var (
	errExceeded = errors.New("peer exceeds its limits")
	errGone     = errors.New("peer's connection has ended") // while its RPC waited in pubsub's queue; nobody is to blame
)

// inspectRPC stands before everything that pubsub does with an RPC, signature verification above all. It runs in
// pubsub's main loop and must not block. Who is not admitted is heard only about its subscriptions: they come once,
// before it can be admitted, and would be missed afterwards.
func (t *traffic) inspectRPC(from peer.ID, rpc *pubsub.RPC) error {
	m, connected := t.admission.meet(from)
	if !connected {
		return errGone
	}
	if w := m.weigh(time.Now(), 1+len(rpc.GetPublish()), proto.Size(&rpc.RPC)); w != withinLimits {
		t.counters.droppedRPCs.Add(1)
		t.bear(from, w, "sent more than it may")
		return errExceeded
	}
	if !t.table.admits(from) {
		rpc.Publish = nil
	}
	rpc.Publish = t.sieve(from, rpc.Publish)
	t.spurned.sift(rpc.GetControl(), time.Now())
	return nil
}

// bear cuts a peer off if it went beyond all bearing.
func (t *traffic) bear(id peer.ID, w weighed, why string) {
	if w == beyondBearing {
		t.table.refuse(id, why, time.Now())
		t.counters.cutOff.Add(1)
		t.admission.nudge()
	}
}

// charge makes a forwarder pay for a worthless message.
func (t *traffic) charge(forwarder peer.ID, why string) {
	if m, ok := t.table.meter(forwarder); ok {
		t.bear(forwarder, m.charge(time.Now()), why)
	}
}

// silence bans the author of a flood.
func (t *traffic) silence(author peer.ID, r Ruling) {
	if known := t.table.ban(author, r.Author, r.Until, time.Now()); known {
		return
	}
	if r.Author == t.table.self {
		t.log.Error("Our own key floods a wallet's channel: somebody else has it, or an instance is broken", "operator", r.Author)
	} else {
		t.log.Warn("Operator floods a wallet's channel and is cut off", "operator", r.Author, "window", r.Window, "until", r.Until)
	}
	t.admission.nudge()
}

// tracer hears of the messages that pubsub itself rejects: those with a bad signature never reach our validator.
type tracer struct{ traffic *traffic }

// RejectMessage charges the forwarder of what every honest node rejects.
func (t tracer) RejectMessage(msg *pubsub.Message, reason string) {
	t.traffic.flights.leave(msg.Message)
	switch reason {
	case pubsub.RejectInvalidSignature, pubsub.RejectMissingSignature, pubsub.RejectValidationFailed:
		t.traffic.counters.rejected.Add(1)
		t.traffic.charge(msg.ReceivedFrom, "forwarded rejected messages: "+reason)
	case pubsub.RejectValidationQueueFull:
		t.traffic.counters.queueFull.Add(1)
	case pubsub.RejectBlacklstedPeer, pubsub.RejectBlacklistedSource:
		t.traffic.counters.banned.Add(1)
	}
}

// ValidateMessage hears that a message's signature is good; from here on pubsub recognises it.
func (t tracer) ValidateMessage(msg *pubsub.Message) { t.traffic.flights.leave(msg.Message) }

// DuplicateMessage hears of a message that pubsub has recognised.
func (t tracer) DuplicateMessage(msg *pubsub.Message) { t.traffic.flights.leave(msg.Message) }

// Graft hears that a neighbour has joined the mesh of a topic: it is sent what we relay from now on.
func (t tracer) Graft(id peer.ID, topic string) {
	t.traffic.relays.graft(id, topic, time.Now())
	if c := t.traffic.table.topic(topic); c != nil {
		c.approached()
	}
}

// DropRPC hears that a neighbour was not sent something.
func (t tracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	if len(rpc.GetPublish()) > 0 {
		t.traffic.table.reached.Add(1)
	}
}

// Prune hears that a neighbour has left the mesh of a topic.
func (t tracer) Prune(id peer.ID, topic string) { t.traffic.relays.prune(id, topic) }

// OnClosedOutboundStream hears that a neighbour has gone.
func (t tracer) OnClosedOutboundStream(id peer.ID) { t.traffic.relays.gone(id) }

// Leave hears that a topic was closed here.
func (t tracer) Leave(topic string) { t.traffic.relays.leave(topic) }

// The rest of pubsub's tracing is of no interest.
func (tracer) OnNewOutboundStream(peer.ID, protocol.ID) {}
func (tracer) Join(string)                              {}
func (tracer) DeliverMessage(*pubsub.Message)           {}
func (tracer) ThrottlePeer(peer.ID)                     {}
func (tracer) RecvRPC(*pubsub.RPC)                      {}
func (tracer) SendRPC(*pubsub.RPC, peer.ID)             {}
func (tracer) UndeliverableMessage(msg *pubsub.Message) {}

// maxTopics is how many coordination channels of one peer are remembered, and how many topics of our own beside them: twice
// the wallets a node is built for. What it announces beyond is ignored.
const maxTopics = 2000

// topicLength is the length of every coordination channel's name: a 65-byte key in hex between prefix and suffix.
const topicLength = len("tbtc-") + 130 + len("-coordination")

// topicFilter bounds what peers can make pubsub remember: only names of coordination channels and of topics of our own, and
// so many of each per connected peer. Those that we have not joined are remembered too, for we may join them later, and
// subscriptions are told only once.
type topicFilter struct{ table *table }

// CanSubscribe reports whether a topic has the form of a coordination channel's name, or of a topic of our own.
func (topicFilter) CanSubscribe(topic string) bool {
	coordination := len(topic) == topicLength && strings.HasPrefix(topic, "tbtc-") && strings.HasSuffix(topic, "-coordination")
	return coordination || isTopicName(topic)
}

// FilterIncomingSubscriptions keeps the announcements that are remembered.
func (f topicFilter) FilterIncomingSubscriptions(from peer.ID, subs []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	e := f.table.peers[from]
	if e == nil || !e.connected {
		return nil, nil
	}
	if e.topics == nil {
		e.topics, e.ownTopics = make(map[string]struct{}), make(map[string]struct{})
	}
	return pubsub.FilterSubscriptions(subs, func(topic string) bool {
		announced := e.topics
		if isTopicName(topic) {
			announced = e.ownTopics
		}
		_, known := announced[topic]
		if !f.CanSubscribe(topic) || !known && len(announced) >= maxTopics {
			return false
		}
		announced[topic] = struct{}{}
		if c := f.table.topic(topic); c != nil {
			c.approached()
		}
		return true
	}), nil
}
