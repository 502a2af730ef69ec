package net

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Said is one message of a topic.
type Said struct {
	By   chain.Operator
	Data []byte
	// Signed is a pubsub message in which By said it, s low, no key. An operator who repeats himself signs anew each time, and
	// nodes may have heard different copies: compare By and Data, never this.
	Signed []byte
}

// What is remembered of one message.
const (
	// saidMemory is for how long a message is recognised after its last verified copy, at least: longer than any pause between two
	// repetitions of it (maxRepeatPause), with half of it to spare.
	saidMemory = 10 * time.Minute
	// copyPause lies between two copies that are relayed once the first maxCopies have been: whoever comes late may still be
	// reached by somebody's relaying alone.
	copyPause = 30 * time.Second
	// saidCost is what a remembered message counts for in the ledger beside its bytes.
	saidCost = 256
)

// TopicInbox decides rule R6 for one topic and keeps what is accepted, in the order of arrival, until it is taken. Its
// methods may be called from any number of goroutines.
type TopicInbox struct {
	cfg       TopicConfig
	operators map[chain.Operator]struct{}
	held      *ledger // what lies in topics' inboxes
	relayed   *ledger // what was relayed, in topics and channels
	authors   *authors

	mu      sync.Mutex
	voices  map[chain.Operator]*voice
	queue   []*utterance  // not taken yet; bounded by the voices
	arrived chan struct{} // made when somebody waits
	closed  bool
}

// voice is one operator's: at most PerOperator utterances, each counted in the ledger.
type voice struct {
	said   map[[32]byte]*utterance // by the digest of the data
	newest uint64                  // the highest sequence number heard
	fresh  *rate.Limiter           // of messages above it
}

// utterance is one thing said.
type utterance struct {
	digest [32]byte
	seqno  uint64    // pubsub's, of the newest copy
	heard  time.Time // when a copy was verified last
	copies int       // relayed
	copied time.Time // when the last of them was
	reach  uint64    // who could be reached then
	said   Said      // without Signed once it was taken
}

// size is what of an utterance waits to be taken.
func (u *utterance) size() int { return len(u.said.Data) + len(u.said.Signed) }

// NewTopicInbox makes the inbox of one topic, with budgets of its own.
func NewTopicInbox(cfg TopicConfig) (*TopicInbox, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return newTopicInbox(cfg, newLedger(maxHeld), newLedger(maxHeld), new(authors)), nil
}

func newTopicInbox(cfg TopicConfig, held, relayed *ledger, authors *authors) *TopicInbox {
	b := &TopicInbox{
		cfg: cfg, operators: make(map[chain.Operator]struct{}), held: held, relayed: relayed, authors: authors,
		voices: make(map[chain.Operator]*voice),
	}
	for _, op := range cfg.Operators {
		b.operators[op] = struct{}{}
	}
	return b
}

// Holds reports whether an operator may speak.
func (b *TopicInbox) Holds(op chain.Operator) bool {
	_, ok := b.operators[op]
	return ok
}

// Operators returns who may speak.
func (b *TopicInbox) Operators() []chain.Operator { return slices.Collect(maps.Keys(b.operators)) }

// Offer rules on a message, whose signature has been verified, and keeps it if it says something new. Our own are kept
// as well.
func (b *TopicInbox) Offer(a Arrival) Ruling {
	author, ok := b.authors.known(a.From)
	if !ok {
		var err error
		if author, err = wire.ParseAuthor(a.From); err != nil {
			return Ruling{Cause: CauseNonMember}
		}
	}
	r := Ruling{Author: author.Operator}
	if !b.Holds(author.Operator) {
		return r.ignore(CauseNonMember, BlameNone)
	}
	if !ok {
		b.authors.remember(a.From, author)
	}
	if len(a.Data) > b.cfg.MaxMessage || a.Size > b.cfg.MaxMessage+frameMargin {
		return r.reject(CauseTooLarge)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return r.ignore(CauseStale, BlameNone)
	}
	v := b.voices[author.Operator]
	if v == nil {
		refill := rate.Limit(float64(b.cfg.PerOperator) / saidMemory.Seconds())
		v = &voice{said: make(map[[32]byte]*utterance), fresh: rate.NewLimiter(refill, b.cfg.PerOperator)}
		b.voices[author.Operator] = v
	}
	digest := sha256.Sum256(a.Data)
	if u := v.said[digest]; u != nil {
		return b.again(u, a, r)
	}
	return b.first(v, digest, a, r)
}

// again rules on a copy of what is known.
func (b *TopicInbox) again(u *utterance, a Arrival, r Ruling) Ruling {
	u.heard, u.seqno = a.Time, max(u.seqno, seqnoOf(a))
	switch {
	case a.Own:
		return r.accept(CauseOwn)
	case u.copies >= maxCopies && a.Time.Sub(u.copied) < copyPause:
		return r.ignore(CauseSpent, BlameNone)
	case !b.relayed.relay(r.Author, a.Size, a.Time):
		u.reach = unreached
		return r.ignore(CauseUnrelayed, BlameNone)
	}
	u.copies, u.copied, u.reach = u.copies+1, a.Time, a.Reach
	return r.accept(CauseCopy)
}

// first rules on what was not said before, or not for long.
//
// Nothing in a message tells a new one from an old one that somebody replays, except that an instance counts what it says
// upwards, from the time at which it was started. So what is above all that was heard of an operator has a budget, and
// takes the place of his lowest; the rest has only the places that are free. Whoever replays old messages cannot crowd out
// new ones.
func (b *TopicInbox) first(v *voice, digest [32]byte, a Arrival, r Ruling) Ruling {
	blame := BlameForwarder // he relayed it, so he had room for it: that happens, but seldom
	if a.Own {
		blame = BlameNone
	}
	b.forget(v, r.Author, a.Time)
	seqno := seqnoOf(a)
	full := len(v.said) >= b.cfg.PerOperator
	switch {
	case seqno > v.newest:
		if !v.fresh.AllowN(a.Time, 1) {
			return r.ignore(CauseExcess, blame)
		}
	case full:
		return r.ignore(CauseExcess, blame)
	}
	signed, err := wire.Normalize(a.Signed())
	if err != nil { // cannot be: the signature has been verified
		return r.ignore(CauseMalformed, BlameNone)
	}
	if full {
		b.evict(v, r.Author)
	}
	u := &utterance{
		digest: digest, seqno: seqno, heard: a.Time, copied: a.Time, reach: a.Reach,
		said: Said{By: r.Author, Data: slices.Clone(a.Data), Signed: signed},
	}
	if !b.held.hold(r.Author, saidCost+u.size()) {
		return r.ignore(CauseFull, BlameNone)
	}
	v.newest = max(v.newest, seqno)
	v.said[digest] = u
	b.queue = append(b.queue, u)
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
	if a.Own {
		return r.accept(CauseOwn)
	}
	r = r.accept(CauseNew)
	if !b.relayed.relay(r.Author, a.Size, a.Time) {
		u.reach = unreached
		r.Verdict = VerdictKeep
	}
	return r
}

// forget drops what nobody repeats any more, once it was taken.
func (b *TopicInbox) forget(v *voice, by chain.Operator, now time.Time) {
	for digest, u := range v.said {
		if u.said.Signed == nil && now.Sub(u.heard) >= b.cfg.memory() {
			delete(v.said, digest)
			b.held.release(by, saidCost)
		}
	}
}

// evict drops an operator's oldest utterance, taken or not.
func (b *TopicInbox) evict(v *voice, by chain.Operator) {
	var oldest *utterance
	for _, u := range v.said {
		if oldest == nil || u.seqno < oldest.seqno {
			oldest = u
		}
	}
	delete(v.said, oldest.digest)
	b.held.release(by, saidCost+oldest.size())
	b.queue = slices.DeleteFunc(b.queue, func(u *utterance) bool { return u == oldest })
}

// redundant is what Inbox.redundant is, with the same care: an unverified claim changes nothing here.
func (b *TopicInbox) redundant(from, data []byte, reach uint64, now time.Time) bool {
	author, ok := b.authors.known(from)
	if !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.voices[author.Operator]
	if v == nil || len(v.said) == 0 {
		return false
	}
	u := v.said[sha256.Sum256(data)]
	if u == nil || now.Sub(u.heard) >= b.cfg.memory()/2 { // let it be verified once more, or it would be forgotten while it is repeated
		return false
	}
	return u.reach == reach || u.copies >= maxCopies && now.Sub(u.copied) < copyPause
}

// Next removes and returns the message that arrived first; it waits for one until ctx or the topic ends.
func (b *TopicInbox) Next(ctx context.Context) (Said, error) {
	for {
		said, arrived, err := b.take()
		if arrived == nil {
			return said, err
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Said{}, fmt.Errorf("wait for a message: %w", ctx.Err())
		}
	}
}

// take returns a message, what to wait for, or that the topic is closed.
func (b *TopicInbox) take() (Said, <-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Said{}, nil, errClosed
	}
	if len(b.queue) == 0 {
		if b.arrived == nil {
			b.arrived = make(chan struct{})
		}
		return Said{}, b.arrived, nil
	}
	u := b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	said := u.said
	b.held.release(said.By, u.size())
	u.said = Said{}
	return said, nil, nil
}

var errClosed = fmt.Errorf("wait for a message: %w", ErrLeft)

// Close drops everything and ends who waits; it may be called again.
func (b *TopicInbox) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	for by, v := range b.voices {
		for _, u := range v.said {
			b.held.release(by, saidCost+u.size())
		}
	}
	b.voices, b.queue = nil, nil
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
}

// seqnoOf reads pubsub's sequence number; 0 for what is none.
func seqnoOf(a Arrival) uint64 {
	if len(a.Seqno) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(a.Seqno)
}
