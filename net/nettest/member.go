package nettest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// Member is one instance on the network, the counterpart of net.Host.
type Member struct {
	network *Network
	index   int
	key     *secp256k1.PrivateKey
	public  wire.PublicKey
	op      chain.Operator // whose key it is
	height  func() chain.Height

	// Guarded by the network's mutex.
	group      int
	late       time.Duration
	sent       int
	said       map[uint64]int // how often, by the hash of it
	channels   map[chain.WalletID]*Channel
	topics     map[string]*Topic
	mismatched map[chain.Operator]bool

	invitations map[[32]byte]*invitation // by the digest of the document
	invited     func(doc []byte, from peer.ID)
	inquiries   []net.Inquiry

	mu     sync.Mutex
	seen   map[[32]byte]bool // messages heard, by what was signed, as the node's pubsub knows them
	banned map[chain.Operator]chain.Height
	spoken func(net.Message)
	bans   map[chain.Operator]net.Ban
}

// Operator returns the operator that the member speaks for.
func (m *Member) Operator() chain.Operator { return m.op }

// see counts the other operators in reach that share something, and since when there are any; the network calls it with its
// mutex held.
func (m *Member) see(sight *net.Sight, members []*Member, shares func(*Member) bool) {
	inReach := make(map[chain.Operator]bool)
	for _, other := range members {
		if op := other.Operator(); other.group == m.group && op != m.op && shares(other) && !m.Banned(op) {
			inReach[op] = true
		}
	}
	switch {
	case len(inReach) == 0:
		sight.Since = 0
	case sight.Operators == 0:
		sight.Since = m.height()
	}
	sight.Operators = len(inReach)
}

// Late delays whatever the member sends or relays from now on by d, beyond the weather's delay.
func (m *Member) Late(d time.Duration) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.late = d
}

// SetMismatched has the member believe that an operator runs with other parameters.
func (m *Member) SetMismatched(op chain.Operator, differs bool) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.mismatched[op] = differs
}

// OnSpoken has hear told of what is said with the member's key by anybody else, as net.Deps.Spoken is.
func (m *Member) OnSpoken(hear func(net.Message)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoken = hear
}

func (m *Member) tell(said net.Message) {
	m.mu.Lock()
	hear := m.spoken
	m.mu.Unlock()
	if hear != nil {
		hear(said)
	}
}

// SetBans replaces the list of bans, as net.Host.SetBans does. Members have no peer IDs, so only operators are banned.
func (m *Member) SetBans(list []net.Ban) error {
	bans := make(map[chain.Operator]net.Ban)
	var errs []error
	for _, b := range list {
		if b.Operator == m.Operator() {
			errs = append(errs, fmt.Errorf("%w: %v is our own operator", net.ErrBan, b.Operator))
			continue
		}
		bans[b.Operator] = b
	}
	m.mu.Lock()
	m.bans = bans
	m.mu.Unlock()
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.network.look()
	return errors.Join(errs...)
}

// Banned reports whether an operator is on the list of bans now.
func (m *Member) Banned(op chain.Operator) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, listed := m.bans[op]
	return listed && (b.Until.IsZero() || time.Now().Before(b.Until))
}

// Join joins a wallet's channel; net.ErrJoined if it is joined already.
func (m *Member) Join(wallet chain.Wallet) (*Channel, error) {
	n := m.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if m.channels[wallet.ID()] != nil {
		return nil, fmt.Errorf("%w: %v", net.ErrJoined, wallet.ID())
	}
	c := &Channel{member: m, wallet: wallet, inbox: net.NewInbox(wallet, n.schedule, n.inspect, net.Ear{Operator: m.Operator(), Hear: m.tell})}
	c.sight.Subscribed = true
	m.channels[wallet.ID()] = c
	n.look()
	return c, nil
}

// Leave leaves a wallet's channel; net.ErrLeft if it is not joined.
func (m *Member) Leave(wallet chain.WalletID) error {
	n := m.network
	n.mu.Lock()
	defer n.mu.Unlock()
	c := m.channels[wallet]
	if c == nil {
		return fmt.Errorf("%w: %v", net.ErrLeft, wallet)
	}
	delete(m.channels, wallet)
	c.sight.Subscribed, c.sight.Operators = false, 0
	n.look()
	return nil
}

func (m *Member) channel(wallet chain.WalletID) *Channel {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	return m.channels[wallet]
}

// hear rules on a message; false if it is not for the member, was heard before, or its author is banned.
func (m *Member) hear(wallet chain.WalletID, msg wire.PubsubMessage, author chain.Operator) (net.Ruling, bool) {
	c := m.channel(wallet)
	height := m.height()
	if c == nil || m.Banned(author) || m.known(msg) || m.isBanned(author, height) {
		return net.Ruling{}, false
	}
	r := c.inbox.Offer(net.Arrival{
		From: msg.From(), Data: msg.Data(), ID: msg.ID(), Size: len(msg.SignedBytes()), Signed: msg.Bytes,
		Height: height, Time: time.Now(),
	})
	if r.Blame == net.BlameAuthor {
		m.ban(author, r.Until)
	}
	return r, true
}

// hearTopic is hear for a topic.
func (m *Member) hearTopic(name string, msg wire.PubsubMessage, author chain.Operator) (net.Ruling, bool) {
	m.network.mu.Lock()
	t := m.topics[name]
	m.network.mu.Unlock()
	if t == nil || msg.Topic() != name || m.Banned(author) || m.known(msg) || m.isBanned(author, m.height()) {
		return net.Ruling{}, false
	}
	return t.inbox.Offer(arrivalOf(msg, false)), true
}

// known reports whether a message was heard before, and remembers it.
func (m *Member) known(msg wire.PubsubMessage) bool {
	id := msg.ID()
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.seen[id]
	m.seen[id] = true
	return before
}

func (m *Member) isBanned(author chain.Operator, height chain.Height) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return author != m.Operator() && height < m.banned[author]
}

func (m *Member) ban(author chain.Operator, until chain.Height) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.banned[author] = until
}

// injector is the index under which injected messages are numbered; no member has it.
const injector = math.MaxUint16

// wireSeqno is the pubsub sequence number of the nth message of the member with an index: instances of one operator
// never share one.
func wireSeqno(index, nth int) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(index+1)<<40|uint64(nth)) //nolint:gosec // both are small
}

// utter counts what the member says: the place in its sequence, and what chance has for it.
func (m *Member) utter(where string, data []byte) (nth int, luck uint64) {
	h := wireHash([]byte(where), data)
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.sent++
	m.said[h]++
	return m.sent, wireHash(binary.BigEndian.AppendUint64(nil, h), binary.BigEndian.AppendUint64(nil, uint64(m.said[h]))) //nolint:gosec // positive
}

func wireHash(data ...[]byte) uint64 {
	h := fnv.New64a()
	for _, part := range data {
		h.Write(part) // a hash's Write never fails
	}
	return h.Sum64()
}
