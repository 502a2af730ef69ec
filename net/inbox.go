package net

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// maxStatement is the most bytes of a signed message that is kept and relayed: 64 KiB, where the largest
// proposal the wallets' contracts can accept is about 2 KiB. A longer one is legal up to the network's 1 MiB, so it is
// ignored, not rejected, and counts as excess. What counts is what the author signed, for every copy and before anything
// is decoded: a MiB of small fields takes a tenth of a second and 90 MiB to decode.
const maxStatement = 64 << 10

// MaxEnvelope is the most bytes of an envelope that may be sent, so that with its frame it is no longer than
// maxStatement.
const MaxEnvelope = maxStatement - frameMargin

// Verdict is what happens to a message that arrived on a wallet's channel (rule R6).
type Verdict int

// The verdicts. Only what every honest node rejects is rejected.
const (
	VerdictIgnore Verdict = iota // neither delivered nor relayed
	VerdictAccept                // relayed; delivered if it says something new
	VerdictReject                // as ignored, and the peer that forwarded it is to blame
	VerdictKeep                  // delivered, but not relayed now: too much of its author's was
)

// Blame says who pays for a message that was not accepted.
type Blame int

// The possible culprits.
const (
	BlameNone      Blame = iota
	BlameForwarder       // it passed on what it could have seen to be worthless: something old, or malformed
	BlameAuthor          // so much that is of no use that the author is to be cut off
)

// Ruling is the inbox's answer to one arrival.
type Ruling struct {
	Verdict Verdict
	Blame   Blame
	Cause   Cause
	Author  chain.Operator // zero if the author's key could not be read
	Window  chain.Height   // zero if the payload could not be read
	Until   chain.Height   // with BlameAuthor: until when he is to be ignored
}

// Cause says why a ruling is what it is; the list is closed, so causes serve as metric labels.
type Cause string

// The causes.
const (
	CauseNew         Cause = "new"           // accepted, delivered
	CauseCopy        Cause = "copy"          // accepted, relayed only
	CauseOwn         Cause = "own"           // our own publication
	CauseNonMember   Cause = "non_member"    // the author holds no seat of the wallet
	CauseMalformed   Cause = "malformed"     // no envelope, or no operator's key in it
	CauseSender      Cause = "sender"        // the envelope names another sender than the author
	CauseTooLarge    Cause = "too_large"     // more than the network's 1 MiB
	CauseType        Cause = "type"          // not a coordination message
	CausePayload     Cause = "payload"       // the inspector could not decode it
	CauseOtherWallet Cause = "other_wallet"  // the payload names another wallet
	CauseNoWindow    Cause = "no_window"     // no window, or one that lies too far ahead
	CauseStale       Cause = "stale"         // the window is over
	CauseReplay      Cause = "replay"        // the very same message again
	CauseSpent       Cause = "copies_spent"  // the ninth copy
	CauseUnrelayed   Cause = "relay_budget"  // a copy, when too much of the author's was relayed
	CauseExcess      Cause = "excess"        // a third statement, a ninth envelope, or more than MaxStatement bytes
	CauseFlood       Cause = "flood"         // excess beyond measure
	CauseFull        Cause = "author_budget" // too much of the author's lies untaken
)

// Arrival is one signed message that came in on a wallet's channel. Its signature has been verified.
type Arrival struct {
	From   []byte        // pubsub author, a peer ID in bytes
	Data   []byte        // the envelope
	ID     [32]byte      // digest of what the author signed: equal for all spellings of signature and key
	Size   int           // bytes that the author signed
	Signed func() []byte // builds the whole signed message, anew each time; called only for what is kept
	Seqno  []byte        // pubsub's sequence number; only topics look at it
	Height chain.Height  // height known now
	Time   time.Time
	Own    bool // we publish it ourselves, just now
	// Reach counts up whenever somebody comes into reach of our relaying; it is read before the message is ruled on.
	Reach uint64
}

// Inbox decides rule R6 for one wallet's channel and keeps what is accepted, by window, until it is taken. There is
// neither a goroutine nor a lossy queue between the network and Take: a message has either been ruled on and is
// here, or it has not arrived. Its methods may be called from any number of goroutines.
type Inbox struct {
	wallet   chain.Wallet
	schedule Schedule
	inspect  Inspector
	held     *ledger
	authors  *authors
	ear      Ear

	mu        sync.Mutex
	slots     slots                      // made with the first message
	envelopes map[[32]byte]slotKey       // of the statements in slots: where each is
	chaff     chaff                      // of authors that send what says nothing
	period    chain.Height               // height / frequency when windows were last forgotten
	waiting   map[chain.Height][]Message // bounded by the slots: two per author and window
	arrived   chan struct{}              // made when somebody asks for it; nil in a quiet wallet
}

// NewInbox makes the inbox of one wallet, and has ear told of what arrives in it.
func NewInbox(wallet chain.Wallet, schedule Schedule, inspect Inspector, ear Ear) *Inbox {
	return newInbox(wallet, schedule, inspect, newLedger(maxHeld), new(authors), ear)
}

func newInbox(wallet chain.Wallet, schedule Schedule, inspect Inspector, held *ledger, authors *authors, ear Ear) *Inbox {
	return &Inbox{wallet: wallet, schedule: schedule, inspect: inspect, held: held, authors: authors, ear: ear}
}

// Offer rules on a message and keeps it if it says something new.
func (b *Inbox) Offer(a Arrival) Ruling {
	message, ruling := b.read(a)
	if ruling.Cause != "" && a.Own {
		return ruling.accept(CauseOwn)
	}
	if ruling.Cause != "" {
		return b.sweepings(a, ruling)
	}
	message, ruling = b.place(a, message, ruling)
	if b.ear.concerns(message, ruling) {
		b.ear.Hear(message) // not under the mutex: what it does is not ours to know
	}
	return ruling
}

// sweepings charges the author for what has no place in the table, if it is such that no honest author sends it again
// and again: a few may come from one who runs another version, or whose head is far from ours. What was forwarded
// wrongly, or too late, is not his doing.
func (b *Inbox) sweepings(a Arrival, r Ruling) Ruling {
	b.mu.Lock()
	defer b.mu.Unlock()
	what := envelopeID(a.From, a.Data)
	switch r.Cause {
	case CauseExcess:
		what = a.ID // what makes it too long may stand outside the envelope
	case CauseNoWindow:
		if a.Height == 0 {
			return r // we know of no window, so we cannot say that this is none
		}
	case CauseType, CausePayload, CauseOtherWallet:
	default:
		return r
	}
	if !b.chaff.flood(r.Author, what, a.Time) {
		return r
	}
	r.Until = b.schedule.banned(r.Window, a.Height)
	return r.ignore(CauseFlood, BlameAuthor)
}

// read does what needs no state: membership first, since it is cheapest and shuts out strangers, then the length, then
// the envelope in the network's order, then the payload. An empty cause means that the message has a place in the table.
func (b *Inbox) read(a Arrival) (Message, Ruling) {
	author, err := b.authors.read(a.From, b.wallet)
	if err != nil {
		return Message{}, Ruling{Cause: CauseNonMember}
	}
	r := Ruling{Author: author.Operator}
	if !b.wallet.Holds(r.Author) {
		return Message{}, r.ignore(CauseNonMember, BlameNone)
	}
	if a.Size > maxStatement && len(a.Data) <= wire.MaxMessage && !a.Own {
		return Message{}, r.ignore(CauseExcess, BlameNone)
	}
	envelope, err := author.DecodeEnvelope(a.Data)
	switch {
	case errors.Is(err, wire.ErrMessageType):
		return Message{}, r.ignore(CauseType, BlameNone)
	case errors.Is(err, wire.ErrSender):
		return Message{}, r.reject(CauseSender)
	case errors.Is(err, wire.ErrTooLarge):
		return Message{}, r.reject(CauseTooLarge)
	case err != nil:
		return Message{}, r.reject(CauseMalformed)
	}
	said, err := b.inspect(envelope.Payload)
	if err != nil {
		return Message{}, r.ignore(CausePayload, BlameNone)
	}
	r.Window = said.Window
	if said.Wallet != b.wallet.ID() {
		return Message{}, r.ignore(CauseOtherWallet, BlameNone)
	}
	switch b.schedule.age(said.Window, a.Height) {
	case ageForeign:
		return Message{}, r.ignore(CauseNoWindow, BlameNone)
	case agePast:
		return Message{}, r.ignore(CauseStale, BlameNone)
	case ageOld:
		return Message{}, r.ignore(CauseStale, BlameForwarder)
	case ageLive:
	}
	return Message{
		Slot:       said,
		Author:     r.Author,
		Payload:    envelope.Payload,
		ArrivedAt:  a.Height,
		ReceivedAt: a.Time,
	}, r
}

// place enters a readable message into the table, and into the inbox if it is new. It returns the message as it is kept.
func (b *Inbox) place(a Arrival, m Message, r Ruling) (Message, Ruling) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(a.Height, a.Time)
	key := slotKey{m.Window, m.Author}
	what := claim{digest: m.Digest, envelope: envelopeID(a.From, a.Data), copyOf: copyNumber(a.ID), reach: a.Reach}
	if a.Own {
		// Our own words coming back are known then; what we send is the executor's duty.
		if b.slots.offer(key, what) == slotFirst {
			b.know(what.envelope, key)
		}
		return m, r.accept(CauseOwn)
	}
	if is := b.slots.offer(key, what); is != slotFirst {
		return m, b.repeated(is, a, key, what, r)
	}
	m, r = b.deliver(a, m, r)
	if r.Verdict != VerdictAccept {
		return m, r
	}
	b.know(what.envelope, key)
	if !b.held.relay(m.Author, a.Size, a.Time) {
		b.slots.unsent(key, m.Digest)
		r.Verdict = VerdictKeep
	}
	return m, r
}

// repeated rules on a message that says nothing new.
func (b *Inbox) repeated(is outcome, a Arrival, key slotKey, what claim, r Ruling) Ruling {
	switch is {
	case slotReplay:
		return r.ignore(CauseReplay, BlameNone)
	case slotSpent:
		b.know(what.envelope, key)
		return r.ignore(CauseSpent, BlameNone)
	case slotExcess:
		return r.ignore(CauseExcess, BlameNone)
	case slotFlood:
		r.Until = b.schedule.banned(key.window, a.Height)
		return r.ignore(CauseFlood, BlameAuthor)
	case slotFirst, slotCopy:
	}
	b.know(what.envelope, key)
	if !b.held.relay(key.author, a.Size, a.Time) {
		b.slots.unsent(key, what.digest)
		return r.ignore(CauseUnrelayed, BlameNone)
	}
	return r.accept(CauseCopy)
}

// know enters the envelope of a statement that is in the table.
func (b *Inbox) know(envelope [32]byte, key slotKey) {
	if b.envelopes == nil {
		b.envelopes = make(map[[32]byte]slotKey)
	}
	b.envelopes[envelope] = key
}

// deliver keeps a new statement, or withdraws it from the table if there is no room, so that a later copy has its
// chance.
func (b *Inbox) deliver(a Arrival, m Message, r Ruling) (Message, Ruling) {
	key := slotKey{m.Window, m.Author}
	// The one form of a signed message (rule R2): which of its spellings came first on the network is no difference
	// between two nodes' records.
	signed, err := wire.Normalize(a.Signed())
	if err != nil { // cannot be: the signature has been verified
		b.slots.withdraw(key)
		return m, r.ignore(CauseMalformed, BlameNone)
	}
	m.Signed = signed
	if !b.held.hold(m.Author, len(m.Signed)+len(m.Payload)) {
		b.slots.withdraw(key)
		return m, r.ignore(CauseFull, BlameNone)
	}
	b.await(m.Window, append(b.waiting[m.Window], m))
	return m, r.accept(CauseNew)
}

// await replaces what waits for a window, and wakes who waits for something to arrive.
func (b *Inbox) await(window chain.Height, messages []Message) {
	if b.waiting == nil {
		b.waiting = make(map[chain.Height][]Message)
	}
	b.waiting[window] = messages
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
}

// turn drops what belongs to forgotten windows when the height has passed into another period; untaken messages of
// theirs are of no use to anyone.
func (b *Inbox) turn(height chain.Height, now time.Time) {
	period := height / b.schedule.Frequency
	if b.slots != nil && period == b.period {
		return
	}
	if b.slots == nil {
		b.slots = make(slots)
	}
	b.period = period
	gone := func(window chain.Height) bool { return b.schedule.forgotten(window, height) }
	b.slots.forget(gone)
	b.chaff.forget(now)
	maps.DeleteFunc(b.envelopes, func(_ [32]byte, key slotKey) bool { return gone(key.window) })
	for window := range b.waiting {
		if gone(window) {
			b.release(window)
		}
	}
}

// Take removes and returns every message that has arrived for a window, in the order of arrival. It never blocks;
// nil if there is none. What was taken stays known: a copy of it is not delivered again.
func (b *Inbox) Take(window chain.Height) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.release(window)
}

func (b *Inbox) release(window chain.Height) []Message {
	messages := b.waiting[window]
	delete(b.waiting, window)
	for _, m := range messages {
		b.held.release(m.Author, len(m.Signed)+len(m.Payload))
	}
	return messages
}

// Arrived returns a channel that is closed at the next delivery. Take it before calling Take, or a message in
// between goes unseen.
func (b *Inbox) Arrived() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.arrived == nil {
		b.arrived = make(chan struct{})
	}
	return b.arrived
}

func (r Ruling) accept(c Cause) Ruling {
	r.Verdict, r.Cause = VerdictAccept, c
	return r
}

func (r Ruling) ignore(c Cause, blame Blame) Ruling {
	r.Verdict, r.Cause, r.Blame = VerdictIgnore, c, blame
	return r
}

func (r Ruling) reject(c Cause) Ruling {
	r.Verdict, r.Cause, r.Blame = VerdictReject, c, BlameForwarder
	return r
}
