package net

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
)

// admission is how peers are met: entered when they connect, told for whom we speak and heard for whom they do, and disconnected when the
// table wants them gone. What is known of them is the table's; here one loop, run, begins all work, and who has made some wakes it.
type admission struct {
	host    host.Host
	table   *table
	mandate *mandate
	timeout time.Duration // of one exchange, whichever side began it
	met     func()        // called with each new connection, by libp2p's goroutines; it returns at once
	wake    chan struct{} // to the loop; of capacity 1, so that one nudge is never lost
	log     *slog.Logger
}

// maxExchanges is how many exchanges we run at once; peers beyond wait their turn.
const maxExchanges = 16

// maxNap bounds how long the admission loop sleeps: bans for floods end at heights, which wake nobody.
const maxNap = 30 * time.Second

// chores are what the table wants done.
type chores struct {
	cut  []peer.ID // to be disconnected
	tell []peer.ID // to run an exchange with
	next time.Time // when to look again
}

// sweep finds what is due: deadlines that have passed, proofs that have run out, peers to be told something.
func (t *table) sweep(now time.Time) chores {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := chores{next: now.Add(maxNap)}
	soon := func(at time.Time) {
		if at.After(now) && at.Before(c.next) {
			c.next = at
		}
	}
	soon(t.liftBans(now))
	for id, e := range t.peers {
		if !e.connected {
			continue
		}
		t.bar(e, now)
		t.settle(e, now)
		if !e.deadline.IsZero() && !now.Before(e.deadline) {
			e.stranger = true
			why, counter := t.strangeness(e, now)
			if !e.cut { // else it is on its way out already
				*counter++
			}
			e.refuse(now, strangerPause, why)
		}
		if e.cut {
			c.cut = append(c.cut, id)
			continue
		}
		if e.dialogue.waits() {
			if !now.Before(e.dialogue.next) {
				c.tell = append(c.tell, id)
			}
			soon(e.dialogue.next)
		}
		soon(e.deadline)
		soon(e.proofUntil)
	}
	return c
}

// joinFailures returns the counters' values now.
func (t *table) joinFailures() JoinFailures {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures
}

// strangeness says why a peer is cut off at its deadline, and where that is counted.
func (t *table) strangeness(e *entry, now time.Time) (why string, counter *uint64) {
	why, counter = "proved no operator in time", &t.failures.Unproven
	switch op := e.proven(now); {
	case t.members[op] > 0:
		counter = &t.failures.Instances
		why = fmt.Sprintf("operator %v has %d instances here already", op, maxInstances)
	case !op.IsZero():
		counter = &t.failures.Seatless
		why = fmt.Sprintf("operator %v holds no seat of our wallets", op)
	}
	if e.lastErr != "" && e.lastErrAt.After(e.since) {
		why += ": " + e.lastErr
	}
	return why, counter
}

// begin claims the one exchange that we run with a peer at a time.
func (t *table) begin(id peer.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	return e != nil && e.connected && e.dialogue.begin()
}

// end gives it back. A failure is tried again.
func (t *table) end(id peer.ID, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil {
		return
	}
	e.dialogue.end(now, err)
	if err != nil {
		t.failures.Exchange++
		e.fail(now, err.Error())
		e.dialogue.untold = e.connected
	}
}

// serve claims the one exchange that a peer may run with us at a time, at a bounded rate.
func (t *table) serve(id peer.ID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	return e != nil && e.connected && !e.cut && e.dialogue.serve(now)
}

func (t *table) served(id peer.ID, err error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil {
		e.dialogue.theirs = false
		if err != nil && e.connected && !e.cut { // why it was cut off is what people want to know, not that its stream then broke
			e.fail(now, err.Error())
		}
	}
}

// run is the loop: it disconnects who is to be cut off, begins exchanges and renews our delegation.
// It alone begins work; notifications only wake it.
func (a *admission) run(ctx context.Context) error {
	var exchanges errgroup.Group
	exchanges.SetLimit(maxExchanges)
	defer func() { _ = exchanges.Wait() }() // none returns an error
	for {
		now := time.Now()
		if renewed := a.mandate.renew(now); renewed {
			a.table.tellAll()
		}
		c := a.table.sweep(now)
		for _, id := range c.cut {
			a.cut(ctx, id)
		}
		for _, id := range c.tell {
			if !a.table.begin(id) {
				continue
			}
			exchange := func() error {
				a.table.end(id, a.exchange(ctx, id), time.Now())
				a.nudge()
				return nil
			}
			if !exchanges.TryGo(exchange) {
				a.table.end(id, nil, now)
				a.table.retell(id)
			}
		}
		nap := time.NewTimer(time.Until(c.next))
		select {
		case <-a.wake:
		case <-nap.C:
		case <-ctx.Done():
			nap.Stop()
			return nil
		}
		nap.Stop()
	}
}

// retell puts a peer back in the queue for an exchange.
func (t *table) retell(id peer.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil {
		e.dialogue.untold = e.connected
	}
}

// nudge wakes the admission loop; it never blocks.
func (a *admission) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// cut disconnects a peer. Its streams, pubsub's included, end with it. Why is told once: a refused peer that keeps
// calling does not fill the log.
func (a *admission) cut(ctx context.Context, id peer.ID) {
	level := slog.LevelDebug
	why, news := a.table.why(id)
	if news {
		level = slog.LevelWarn
	}
	a.log.Log(ctx, level, "Peer cut off", "peer", id, "why", why)
	if err := a.host.Network().ClosePeer(id); err != nil {
		a.table.failed(id, fmt.Errorf("disconnect: %w", err), time.Now())
	}
}

// why returns why a peer is cut off, and whether that has happened since it last connected.
func (t *table) why(id peer.ID) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil {
		return "", false
	}
	return e.lastErr, e.lastErrAt.After(e.since)
}

// refuse cuts a peer off that sends more than it may.
func (t *table) refuse(id peer.ID, why string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil {
		e.stranger = false
		e.refuse(now, floodPause, why)
		t.settle(e, now)
	}
}

// meter returns a peer's meter; false if it is not connected.
func (t *table) meter(id peer.ID) (meter, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil || !e.connected {
		return meter{}, false
	}
	return e.meter, true
}

// notifiee hears of connections from libp2p. Its methods return at once.
type notifiee struct{ a *admission }

// Connected enters the peer, or turns it away if there is no room.
func (n notifiee) Connected(_ network.Network, c network.Conn) {
	outbound := c.Stat().Direction == network.DirOutbound
	if !n.a.table.connected(c.RemotePeer(), c.RemoteMultiaddr().String(), outbound, time.Now()) {
		_ = c.Close() // it is turned away, and whether it hears of it is its concern
		return
	}
	n.a.nudge()
	n.a.met()
}

// meet returns the meter of a connected peer. A peer's first stream can overtake the notification of its connection;
// it is entered then, for what it says first (its subscriptions) it does not repeat.
func (a *admission) meet(id peer.ID) (meter, bool) {
	if m, ok := a.table.meter(id); ok {
		return m, true
	}
	for _, c := range a.host.Network().ConnsToPeer(id) {
		notifiee{a}.Connected(a.host.Network(), c)
	}
	return a.table.meter(id)
}

// Disconnected notes that the peer has gone.
func (n notifiee) Disconnected(nw network.Network, c network.Conn) {
	id := c.RemotePeer()
	connected := func() bool { return nw.Connectedness(id) == network.Connected }
	n.a.table.disconnected(id, connected, time.Now())
	n.a.nudge()
}

// Listen is of no interest.
func (notifiee) Listen(network.Network, ma.Multiaddr) {}

// ListenClose is of no interest.
func (notifiee) ListenClose(network.Network, ma.Multiaddr) {}

// Peers returns what is known of every peer, connected or not; at most 1024.
func (h *Host) Peers() []PeerInfo {
	now := time.Now()
	all := h.table.infos(now)
	for i := range all {
		all[i].Relaying = h.traffic.relays.of(all[i].ID, now)
	}
	return all
}
