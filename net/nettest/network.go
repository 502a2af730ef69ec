// Package nettest is an in-memory network of wallet channels, topics and invitations for tests. Messages are really sealed and signed, and
// receivers rule on them with the node's own net.Inbox and net.TopicInbox; only the transport is replaced, by one whose weather the test
// makes: loss, duplicates, delay, reordering, partitions, senders with two faces.
//
// It is made for testing/synctest: delays are virtual time. All chance comes from the seed, from what is said and
// from how often its sender has said it, so that equal tests see equal weather, whatever the order in which goroutines run.
package nettest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// Weather is what happens to each message on each link.
type Weather struct {
	Loss      float64       // probability that it is lost
	Duplicate float64       // probability that it arrives twice, each after a delay of its own
	MinDelay  time.Duration // delays are even between MinDelay and MaxDelay; if they differ, messages overtake
	MaxDelay  time.Duration // each other. Without delay, Publish returns when everybody has the message.
	// NoRelay keeps members from passing on what they accept. With relaying, a message is lost to a member only
	// if it is lost on every path, and what a two-faced sender says to one reaches all, as on a real network.
	NoRelay bool
}

// Delivery is one message on one link, for a Route to decide on.
type Delivery struct {
	From, To *Member        // who sends or relays it, to whom; From is nil for what was injected
	Wallet   chain.WalletID // zero on a topic
	Topic    string         // empty on a wallet's channel
	Author   chain.Operator // who signed it
	Data     []byte         // the envelope, or what was said on the topic
	Nth      int            // the how-manieth message of its sender on the network, from 1
}

// Network connects members. Its methods may be called from any number of goroutines.
type Network struct {
	seed     uint64
	schedule net.Schedule
	inspect  net.Inspector

	mu       sync.Mutex
	members  []*Member
	added    int // how many there ever were
	weather  Weather
	route    func(Delivery) bool
	injected int
	timers   map[*time.Timer]struct{} // messages on their way
	rulings  []Ruled
	closed   bool
}

// Ruled is one ruling of one member, for tests that look behind the scenes.
type Ruled struct {
	By chain.Operator
	net.Ruling
}

// New makes a network with calm weather. Inspect is the decoder that nodes would be given; a zero schedule is 900/100.
func New(seed uint64, schedule net.Schedule, inspect net.Inspector) *Network {
	if schedule == (net.Schedule{}) {
		schedule = net.Schedule{Frequency: 900, Duration: 100}
	}
	return &Network{seed: seed, schedule: schedule, inspect: inspect, timers: make(map[*time.Timer]struct{})}
}

// Add connects an instance of the operator of key; several may have one key. Height is its own clock: what arrives at
// this member is stamped with it.
func (n *Network) Add(key *secp256k1.PrivateKey, height func() chain.Height) *Member {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := &Member{
		network: n, index: n.added, key: key, public: wire.PublicKeyOf(key), op: wire.PublicKeyOf(key).Operator(), height: height,
		said: make(map[uint64]int), channels: make(map[chain.WalletID]*Channel), mismatched: make(map[chain.Operator]bool),
		banned: make(map[chain.Operator]chain.Height), seen: make(map[[32]byte]bool),
		topics: make(map[string]*Topic), invitations: make(map[[32]byte]*invitation),
	}
	n.members = append(n.members, m)
	n.added++
	return m
}

// Remove takes a member off the network, as one whose process has ended: nobody hears it, and it hears nobody.
func (n *Network) Remove(m *Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members = slices.DeleteFunc(slices.Clone(n.members), func(other *Member) bool { return other == m })
	for _, t := range m.topics {
		t.mu.Lock()
		clear(t.kept) // nothing is said again
		t.mu.Unlock()
	}
	clear(m.channels)
	clear(m.topics)
	n.look()
}

// SetWeather changes the weather for messages sent from now on.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// SetRoute lets a function decide which deliveries take place, before the weather has its say; nil lets all. A
// two-faced sender is a route that looks at Author, Data and To; unless it looks at every link, relays undo it.
func (n *Network) SetRoute(route func(Delivery) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.route = route
}

// Partition splits the network: members hear only members of their own group. Those in no group are alone.
func (n *Network) Partition(groups ...[]*Member) {
	n.mu.Lock()
	for i, m := range n.members {
		m.group = -1 - i
	}
	for g, members := range groups {
		for _, m := range members {
			m.group = g
		}
	}
	n.look()
	n.mu.Unlock()
	n.invite()
}

// Heal ends a partition. What was lost in it stays lost.
func (n *Network) Heal() { n.Partition(slices.Clone(n.allMembers())) }

func (n *Network) allMembers() []*Member {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.members
}

// Rulings returns every ruling so far.
func (n *Network) Rulings() []Ruled {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.rulings)
}

// Close loses what is on its way; nothing is delivered any more.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for t := range n.timers {
		t.Stop()
	}
	clear(n.timers)
}

// Inject has the author of key say data, any bytes, on a wallet's channel to the given members, or to all without
// any. It returns the signed message. Weather and partitions do not concern it, the route does.
func (n *Network) Inject(key *secp256k1.PrivateKey, wallet chain.Wallet, data []byte, to ...*Member) []byte {
	n.mu.Lock()
	n.injected++
	seqno := wireSeqno(injector, n.injected)
	n.mu.Unlock()
	signed := wire.SignPubsub(key, wire.ChannelName(wallet.Key()), data, seqno).Bytes()
	n.InjectSigned(wallet.ID(), signed, to...)
	return signed
}

// InjectSigned delivers a whole pubsub message, any bytes: mis-signed, malformed, or one that was heard before.
func (n *Network) InjectSigned(wallet chain.WalletID, signed []byte, to ...*Member) {
	if len(to) == 0 {
		to = slices.Clone(n.allMembers())
	}
	for _, m := range to {
		n.deliver(packet{wallet: wallet, signed: signed, luck: wireHash(signed)}, nil, m)
	}
}

// packet is one message on its way.
type packet struct {
	wallet chain.WalletID
	topic  string // empty on a wallet's channel
	signed []byte
	nth    int
	luck   uint64 // what chance has for it
}

// broadcast sends a packet from a member to all whom it reaches.
func (n *Network) broadcast(p packet, from *Member) {
	for _, to := range slices.Clone(n.allMembers()) {
		if to != from {
			n.send(p, from, to)
		}
	}
}

// send puts a packet on one link: partition and weather decide when, how often and whether it arrives.
func (n *Network) send(p packet, from, to *Member) {
	n.mu.Lock()
	if n.closed || from.group != to.group {
		n.mu.Unlock()
		return
	}
	w, extra := n.weather, from.late
	n.mu.Unlock()
	chance := n.chance(p, from, to)
	copies := 1
	if chance.Float64() < w.Loss {
		copies = 0
	} else if chance.Float64() < w.Duplicate {
		copies = 2
	}
	for range copies {
		delay := w.MinDelay + extra
		if w.MaxDelay > w.MinDelay {
			delay += time.Duration(chance.Int64N(int64(w.MaxDelay-w.MinDelay) + 1))
		}
		if delay == 0 {
			n.deliver(p, from, to)
			continue
		}
		// No two links deliver in the same nanosecond: which of two timers fires first is not determined.
		n.after(delay+time.Duration(from.index*1000+to.index), func() { n.deliver(p, from, to) })
	}
}

// chance is the source of chance for one packet on one link.
func (n *Network) chance(p packet, from, to *Member) *rand.Rand {
	return rand.New(rand.NewPCG(n.seed^p.luck, uint64(from.index)<<32|uint64(to.index))) //nolint:gosec // indices are small, and weather needs no secrets
}

func (n *Network) after(delay time.Duration, f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(delay, func() {
		n.mu.Lock()
		delete(n.timers, t)
		n.mu.Unlock()
		f()
	})
	n.timers[t] = struct{}{}
}

// deliver hands a packet to a member, as the real validator does: signature first, then the inbox.
func (n *Network) deliver(p packet, from, to *Member) {
	m, err := wire.ParsePubsub(p.signed)
	if err != nil {
		return
	}
	author, err := m.Verify()
	n.mu.Lock()
	route, relay, closed := n.route, !n.weather.NoRelay, n.closed
	n.mu.Unlock()
	if closed || route != nil && !route(Delivery{From: from, To: to, Wallet: p.wallet, Topic: p.topic, Author: author.Operator(), Data: m.Data(), Nth: p.nth}) {
		return
	}
	if err != nil {
		n.record(to, net.Ruling{Verdict: net.VerdictReject, Blame: net.BlameForwarder, Cause: net.CauseMalformed})
		return
	}
	var r net.Ruling
	var heard bool
	if p.topic != "" {
		r, heard = to.hearTopic(p.topic, m, author.Operator())
	} else {
		r, heard = to.hear(p.wallet, m, author.Operator())
	}
	if !heard {
		return
	}
	n.record(to, r)
	if r.Verdict == net.VerdictAccept && relay {
		n.broadcast(p, to)
	}
}

func (n *Network) record(by *Member, r net.Ruling) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rulings = append(n.rulings, Ruled{by.Operator(), r})
}

// look recounts what every channel sees after the network has changed.
func (n *Network) look() {
	for _, m := range n.members {
		for _, c := range m.channels {
			c.look(n.members)
		}
		for _, t := range m.topics {
			t.look(n.members)
		}
	}
}
