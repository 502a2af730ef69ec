package net

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// invitationProtocol is how a node hands documents to whom it may share no wallet or topic with: within the time that a
// stranger has before he is cut off. The dialer opens a stream and writes up to maxOffered documents in frames of a uvarint
// length and that many bytes, one after the other: the listener answers each with one byte, of any value, once it has taken it.
const invitationProtocol protocol.ID = "/walletnode/invitation/1.0.0"

// MaxInvitation is the most bytes of one document.
const MaxInvitation = 64 << 10

// Bounds of what is offered and heard. A document costs whom it is told a signature check, so strangers' are few.
const (
	// maxInvitations are offered by one host at a time.
	maxInvitations = 64
	// maxOffered documents are heard of one peer in a row, however often it comes back; then one each offerPause.
	maxOffered = 8
	offerPause = time.Minute
	// strangeBurst documents in a row, then one a second, are heard of all peers together that are not admitted.
	strangeBurst = 64
	strangeRate  = 1
	// maxOfferings streams are opened at once; of those that peers open there is one each, with 64 KiB at a time.
	maxOfferings = 16
	// offerAgain is the pause after which a document is offered again to a peer that did not take it and is still there.
	offerAgain = 30 * time.Second
)

// errInvitations says that a host offers as many documents as it may.
var errInvitations = errors.New("too many invitations are offered already")

var errSpam = errors.New("peer offers more documents than it may")

// invitations is what a host offers, and how it hears what is offered to it: both sides of each stream. To whom it still has to offer, the
// table knows. Its loop is offer; its mutex guards the documents alone.
type invitations struct {
	host    host.Host
	table   *table
	timeout time.Duration // of one peer's stream, whichever side opened it
	log     *slog.Logger

	wake    chan struct{}                  // to the loop that offers; capacity 1
	hear    func(doc []byte, from peer.ID) // nil if nobody listens
	strange *rate.Limiter                  // of what strangers offer us

	mu   sync.Mutex
	docs []invitation // at most maxInvitations, the newest last
}

type invitation struct {
	id  [32]byte
	doc []byte
}

// handouts are the documents that we offer a peer, and that it offers us. They are part of the peer's entry, and guarded as that is.
type handouts struct {
	guest    *guest        // what it was offered; one for each connection
	inviting bool          // it offers us documents
	budget   *rate.Limiter // of those
}

func newHandouts() handouts {
	return handouts{budget: rate.NewLimiter(rate.Every(offerPause), maxOffered)}
}

// guest is what a connected peer was offered on this connection; guarded by the table's mutex.
type guest struct {
	has     map[[32]byte]struct{} // taken; of what is offered now
	again   time.Time             // not before
	offered bool                  // right now
}

func newInvitations(h host.Host, t *table, timeout time.Duration, hear func(doc []byte, from peer.ID), log *slog.Logger) *invitations {
	return &invitations{
		host: h, table: t, timeout: timeout, log: log,
		wake: make(chan struct{}, 1), hear: hear, strange: rate.NewLimiter(strangeRate, strangeBurst),
	}
}

// list returns what is offered.
func (v *invitations) list() []invitation {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.docs)
}

// Invite offers a document to every peer that is connected, admitted or not, and to each that will be, until Withdraw. To
// offer one twice changes nothing. errInvitations if too many are offered. Whoever takes it hears of it again when he comes
// back.
func (h *Host) Invite(doc []byte) error { return h.invitations.add(doc) }

func (v *invitations) add(doc []byte) error {
	if len(doc) == 0 || len(doc) > MaxInvitation {
		return fmt.Errorf("invite: a document has 1 .. %d bytes, not %d", MaxInvitation, len(doc))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	id := sha256.Sum256(doc)
	switch {
	case slices.ContainsFunc(v.docs, func(i invitation) bool { return i.id == id }):
		return nil
	case len(v.docs) >= maxInvitations:
		return fmt.Errorf("invite: %w", errInvitations)
	}
	v.docs = append(v.docs, invitation{id, slices.Clone(doc)})
	v.nudge()
	return nil
}

// Withdraw ends the offer of a document.
func (h *Host) Withdraw(doc []byte) { h.invitations.remove(doc) }

func (v *invitations) remove(doc []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := sha256.Sum256(doc)
	v.docs = slices.DeleteFunc(v.docs, func(i invitation) bool { return i.id == id })
}

func (v *invitations) nudge() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// offering is what one peer is to be offered.
type offering struct {
	to    peer.ID
	guest *guest
	docs  []invitation
}

// toOffer picks peers to whom something of docs is to be offered, and claims them; next is when to look again, zero if
// nobody waits.
func (t *table) toOffer(docs []invitation, now time.Time) (all []offering, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.peers {
		if !e.connected || e.cut || e.handouts.guest.offered {
			continue
		}
		guest := e.handouts.guest
		wanted := guest.wants(docs)
		switch {
		case len(wanted) == 0:
		case now.Before(guest.again):
			if next.IsZero() || guest.again.Before(next) {
				next = guest.again
			}
		default:
			guest.offered = true
			all = append(all, offering{id, guest, wanted})
		}
	}
	return all, next
}

// wants returns what was not taken yet, at most maxOffered documents, the newest first.
func (g *guest) wants(docs []invitation) (wanted []invitation) {
	for _, d := range slices.Backward(docs) {
		if _, taken := g.has[d.id]; !taken && len(wanted) < maxOffered {
			wanted = append(wanted, d)
		}
	}
	return wanted
}

// offered notes how many of the documents of an offer were taken, of all that are offered now.
func (t *table) offered(o offering, taken int, docs []invitation, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := o.guest
	g.offered = false
	if taken < len(o.docs) {
		g.again = now.Add(offerAgain)
	}
	for _, d := range o.docs[:taken] {
		g.has[d.id] = struct{}{}
	}
	maps.DeleteFunc(g.has, func(id [32]byte, _ struct{}) bool {
		return !slices.ContainsFunc(docs, func(d invitation) bool { return d.id == id })
	})
}

// offer is the loop that hands documents over.
func (v *invitations) offer(ctx context.Context) error {
	var offers errgroup.Group
	offers.SetLimit(maxOfferings)
	defer func() { _ = offers.Wait() }() // none returns an error
	for {
		all, next := v.table.toOffer(v.list(), time.Now())
		for _, o := range all {
			offers.Go(func() error { // at the limit it waits for one to end; each ends with its timeout
				taken, err := v.hand(ctx, o)
				if err != nil {
					v.log.Debug("Invitation not taken", "peer", o.to, "error", err)
				}
				v.table.offered(o, taken, v.list(), time.Now())
				v.nudge()
				return nil
			})
		}
		var nap <-chan time.Time
		if !next.IsZero() {
			nap = time.After(time.Until(next))
		}
		select {
		case <-v.wake:
		case <-nap:
		case <-ctx.Done():
			return nil
		}
	}
}

// hand offers documents to one peer, and returns how many it has taken.
func (v *invitations) hand(ctx context.Context, o offering) (taken int, err error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	s, err := v.host.NewStream(network.WithNoDial(ctx, "invitation"), o.to, invitationProtocol)
	if err != nil {
		return 0, fmt.Errorf("open invitation stream: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	for _, d := range o.docs {
		err := writeFrame(s, d.doc)
		if err == nil {
			_, err = io.ReadFull(s, make([]byte, 1))
		}
		if err != nil {
			_ = s.Reset()
			return taken, errors.Join(fmt.Errorf("offer document: %w", err), ctx.Err())
		}
		taken++
	}
	// The listener ends its side last. Until then it would refuse another stream of ours.
	_ = s.CloseWrite()
	_, _ = s.Read(make([]byte, 1))
	_ = s.Close()
	return taken, nil
}

// invited is the listener's side, in a goroutine of the stream's own, of which there is at most one per peer: a second stream is
// reset.
func (v *invitations) invited(ctx context.Context, s network.Stream) {
	id := s.Conn().RemotePeer()
	if !v.table.hearInvitations(id, v.strange, time.Now()) {
		_ = s.Reset()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	may := func() bool { return v.table.mayInvite(id, v.strange, time.Now()) }
	err := readInvitations(bufio.NewReader(s), may, func(doc []byte) error {
		if hear := v.hear; hear != nil {
			hear(doc, id)
		}
		_, err := s.Write([]byte{1})
		return err
	})
	v.table.heardInvitations(id)
	if err != nil {
		v.log.Debug("Invitations not read", "peer", id, "error", err)
		_ = s.Reset()
		return
	}
	_ = s.Close() // the dialer may have gone by now
}

// readInvitations reads the documents of one stream and takes each at once. Before each but the first it asks whether
// another one may be heard.
func readInvitations(r *bufio.Reader, may func() bool, take func(doc []byte) error) error {
	for n := 0; ; n++ {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		if n == maxOffered || n > 0 && !may() {
			return errSpam
		}
		doc, err := readFrame(r, MaxInvitation)
		if err != nil {
			return err
		}
		if len(doc) == 0 {
			return errors.New("read invitation: it is empty")
		}
		if err := take(doc); err != nil {
			return fmt.Errorf("take invitation: %w", err)
		}
	}
}

// hearInvitations claims the one stream of documents that a peer may open at a time, and counts its first document.
func (t *table) hearInvitations(id peer.ID, strange *rate.Limiter, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil || e.handouts.inviting || !e.mayInvite(strange, now) {
		return false
	}
	e.handouts.inviting = true
	return true
}

func (t *table) heardInvitations(id peer.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil {
		e.handouts.inviting = false
	}
}

// mayInvite reports whether another document of a peer may be heard, and counts it.
func (t *table) mayInvite(id peer.ID, strange *rate.Limiter, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	return e != nil && e.mayInvite(strange, now)
}

// mayInvite counts one document. Strangers have a budget together, too.
func (e *entry) mayInvite(strange *rate.Limiter, now time.Time) bool {
	return e.connected && !e.cut && e.handouts.budget.AllowN(now, 1) && (e.admitted || strange.AllowN(now, 1))
}
