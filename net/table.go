package net

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
)

// table knows the peers, the wallets and the topics and decides who is admitted: operators of our wallets and topics, our
// own siblings and configured peers. It does no I/O; what it wants done, sweep says.
type table struct {
	self    chain.Operator
	params  [32]byte
	limits  Limits
	timeout time.Duration
	height  func() chain.Height
	protect func(peer.ID, bool) // keeps admitted peers from being trimmed; called with the mutex held

	// allowed holds the admitted peers once more, to be read for every message without the mutex, topics the joined channels
	// and open topics by their names (each a listener), bans the list in force, which is replaced under the mutex, and keys those of members.
	allowed atomic.Pointer[map[peer.ID]struct{}]
	topics  sync.Map
	// reached counts what brings peers into reach of our relaying in all channels: we admit them, they admit us, or they
	// missed something that we could not send.
	reached atomic.Uint64
	bans    atomic.Pointer[banList]
	keys    *authors

	mu        sync.Mutex
	peers     map[peer.ID]*entry
	channels  map[chain.WalletID]*Channel
	open      map[string]*Topic
	members   map[chain.Operator]int   // in how many of our wallets and topics each operator is
	present   map[chain.Operator]int   // connected, admitted instances of other operators
	places    map[chain.Operator]int   // taken by admitted instances; at most maxInstances of an operator
	meters    map[chain.Operator]meter // of those operators
	cutoffs   cutoffs
	failures  JoinFailures
	inquirers inquirers
}

func newTable(self chain.Operator, cfg Config, height func() chain.Height, protect func(peer.ID, bool)) *table {
	t := &table{
		self: self, params: cfg.Params, limits: cfg.Limits, timeout: cfg.ProofTimeout, height: height, protect: protect,
		peers:     make(map[peer.ID]*entry),
		channels:  make(map[chain.WalletID]*Channel),
		open:      make(map[string]*Topic),
		members:   map[chain.Operator]int{self: 1}, // siblings are always known
		present:   make(map[chain.Operator]int),
		places:    make(map[chain.Operator]int),
		meters:    make(map[chain.Operator]meter),
		cutoffs:   newCutoffs(),
		keys:      new(authors),
		inquirers: newInquirers(),
	}
	t.bans.Store(newBanList())
	t.allowed.Store(new(map[peer.ID]struct{}))
	return t
}

// addStatic enters a configured peer; it is never forgotten.
func (t *table) addStatic(id peer.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := newEntry(id, t.limits)
	e.static = true
	t.peers[id] = e
}

// connected enters a connection; to enter one twice changes nothing. False says that there is no room for the peer.
func (t *table) connected(id peer.ID, addr string, outbound bool, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil {
		e = newEntry(id, t.limits)
		if !t.room() && t.members[e.own] == 0 { // of members known by their own peer IDs there are only so many
			t.failures.Full++
			return false
		}
		t.peers[id] = e
	}
	if !e.connected {
		if !e.static && !t.mayPlace(e, e.proven(now)) {
			t.seat(now)
		}
		e.connected, e.since, e.gone, e.addrs = true, now, make(chan struct{}), nil
		e.deadline = now.Add(t.timeout)
		e.handouts.guest = &guest{has: make(map[[32]byte]struct{})}
	}
	if !slices.Contains(e.addrs, addr) {
		// The dialer begins the exchange. If both dialed, both do; the exchanges are equal, so no harm is done.
		e.dialogue.untold = e.dialogue.untold || outbound
		if len(e.addrs) < 8 { // a peer has one or two connections; more are not listed
			e.addrs = append(e.addrs, addr)
		}
	}
	e.seen = now
	e.cut = e.cut || now.Before(e.refusedUntil)
	t.bar(e, now)
	t.settle(e, now)
	return true
}

// seat makes room for one more peer that has to wait: who has waited longest is cut off, though not refused.
func (t *table) seat(now time.Time) {
	waiting := 0
	var oldest *entry
	for _, e := range t.peers {
		if !e.connected || e.admitted || e.cut {
			continue
		}
		waiting++
		if oldest == nil || e.since.Before(oldest.since) {
			oldest = e
		}
	}
	if waiting >= maxWaiting {
		oldest.fail(now, "made room for a newcomer before it had proved an operator we know")
		oldest.cut = true
	}
}

// room makes room for one more peer to be remembered.
func (t *table) room() bool {
	if len(t.peers) < maxPeers {
		return true
	}
	var oldest *entry
	for _, e := range t.peers {
		if !e.connected && !e.static && (oldest == nil || e.seen.Before(oldest.seen)) {
			oldest = e
		}
	}
	if oldest != nil {
		delete(t.peers, oldest.id)
	}
	return oldest != nil
}

// disconnected notes the end of a connection, unless there is another one by now.
func (t *table) disconnected(id peer.ID, stillConnected func() bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil || !e.connected || stillConnected() {
		return
	}
	close(e.gone)
	e.connected, e.cut, e.dialogue.untold, e.seen, e.deadline = false, false, false, now, time.Time{}
	e.topics, e.ownTopics = nil, nil // pubsub forgets them too
	t.settle(e, now)
}

// settle decides anew whether a peer is admitted, and keeps the counts that follow from it.
func (t *table) settle(e *entry, now time.Time) {
	operator := e.proven(now)
	e.meter = t.meterOf(e, operator)
	admitted := e.connected && !e.cut && t.keptAway(e, now) == "" && (e.static || t.mayPlace(e, operator))
	t.place(e, operator, admitted && !e.static)
	counted := operator
	if !admitted || operator == t.self {
		counted = chain.Operator{}
	}
	if counted != e.counted {
		t.count(e.counted, -1)
		t.count(counted, +1)
		e.counted = counted
	}
	switch {
	case admitted:
		e.deadline = time.Time{}
	case e.connected && e.deadline.IsZero(): // it was admitted until now
		e.deadline = now.Add(t.timeout)
	}
	if admitted != e.admitted {
		e.admitted = admitted
		if admitted {
			t.reached.Add(1)
		}
		t.protect(e.id, admitted)
		t.publish()
	}
}

// mayPlace reports whether the operator has a place for the peer among its admitted instances, or the peer has it.
func (t *table) mayPlace(e *entry, operator chain.Operator) bool {
	return t.members[operator] > 0 && (e.place == operator || t.places[operator] < maxInstances)
}

// place gives the peer one of the operator's places, or takes back which it had.
func (t *table) place(e *entry, operator chain.Operator, takes bool) {
	if !takes {
		operator = chain.Operator{}
	}
	if operator == e.place {
		return
	}
	if t.places[e.place]--; t.places[e.place] <= 0 {
		delete(t.places, e.place)
	}
	if !operator.IsZero() {
		t.places[operator]++
	}
	e.place = operator
}

// meterOf returns what a peer draws on.
func (t *table) meterOf(e *entry, operator chain.Operator) meter {
	if t.members[operator] == 0 {
		return e.alone
	}
	m, ok := t.meters[operator]
	if !ok {
		limits := t.limits
		if operator == t.self {
			limits = limits.times(maxInstances / busyInstances)
		}
		m = newMeter(limits)
		t.meters[operator] = m
	}
	return m
}

func (t *table) settleAll(now time.Time) {
	for _, e := range t.peers {
		t.settle(e, now)
	}
}

// count notes that an operator has one connected instance more or less, and what that changes for its wallets.
func (t *table) count(op chain.Operator, by int) {
	if op.IsZero() {
		return
	}
	before := t.present[op]
	t.present[op] += by
	if t.present[op] == 0 {
		delete(t.present, op)
	}
	if before != 0 && before+by != 0 {
		return
	}
	for _, ch := range t.channels {
		if ch.wallet.Holds(op) {
			ch.sight.count(by, t.height())
		}
	}
	for _, topic := range t.open {
		if topic.inbox.Holds(op) {
			topic.sight.count(by, t.height())
		}
	}
}

func (t *table) publish() {
	allowed := make(map[peer.ID]struct{})
	for id, e := range t.peers {
		if e.admitted {
			allowed[id] = struct{}{}
		}
	}
	t.allowed.Store(&allowed)
}

// admits reports whether a peer is admitted now; without the mutex.
func (t *table) admits(id peer.ID) bool {
	_, ok := (*t.allowed.Load())[id]
	return ok
}

// proved enters a verified delegation.
func (t *table) proved(id peer.ID, op chain.Operator, until, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil || !e.connected {
		return
	}
	if op != e.operator {
		e.terms = nil // it speaks for somebody else now
	}
	e.operator, e.proofUntil = op, until
	t.bar(e, now)
	t.settle(e, now)
}

// gone returns a channel that is closed when the peer's connection ends; nil if it has none.
func (t *table) gone(id peer.ID) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil && e.connected {
		return e.gone
	}
	return nil
}

// failed notes what went wrong with a peer.
func (t *table) failed(id peer.ID, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil {
		e.fail(now, err.Error())
	}
}

// infos returns what is known of all peers, in no order.
func (t *table) infos(now time.Time) []PeerInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]PeerInfo, 0, len(t.peers))
	for _, e := range t.peers {
		info := e.info(now, t.params)
		if why := t.keptAway(e, now); why != "" && !e.admitted {
			info.State, info.LastError = PeerRefused, why
		}
		info.Addrs = slices.Clone(info.Addrs)
		all = append(all, info)
	}
	return all
}
