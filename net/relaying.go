package net

import (
	"encoding/binary"
	"sync"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Relaying is what a peer did with what others said, since this process started. Who relays signs nothing: none of it is more than
// a suspicion, to be held against what other neighbours did, and it is told to nobody else.
type Relaying struct {
	// Forwarded is how many messages it passed on to us, Missing how many it did not although it was our neighbour in the topic's
	// mesh. Honest neighbours miss many, those that we were the first to send them; one that forwards none drops them.
	Forwarded, Missing uint64
	Late               uint64 // copies that came lateCopy or more after the first one
	Reordered          uint64 // messages that came after younger ones of the same author
}

const (
	// maxPassages messages are followed, a few times what 1000 wallets say at one block. At it the oldest is judged early.
	maxPassages = 8192
	// judgement is how long after its first copy a message is followed: pubsub's gossip about it is over after seconds.
	judgement = time.Minute
	// lateCopy is more than a mesh and its gossip take.
	lateCopy = 30 * time.Second
	// reorderGap is by how much two messages must have been apart here: what was said at one moment may overtake each other.
	reorderGap = 2 * time.Second
	// maxStreams pairs of neighbour and author are remembered; at it all are forgotten.
	maxStreams = 8192
)

// relays follows messages on their way through our neighbours. The zero value follows none yet. Safe for concurrent use.
type relays struct {
	mu       sync.Mutex
	passages map[number]*passage
	order    []number // of the passages, the oldest first
	mesh     map[string]map[peer.ID]time.Time
	newest   map[stream]time.Time
	peers    map[peer.ID]*Relaying
}

// number names a message by its author and the count of the author's instance.
type number struct {
	author string
	seqno  uint64
}

// passage is one message that was verified and new.
type passage struct {
	topic string
	at    time.Time // when its first copy was accepted
	by    map[peer.ID]struct{}
}

// stream is what a neighbour forwards of one author.
type stream struct {
	neighbour peer.ID
	author    string
}

func numberOf(m *pb.Message) (number, bool) {
	if len(m.GetSeqno()) != 8 {
		return number{}, false
	}
	return number{string(m.GetFrom()), binary.BigEndian.Uint64(m.GetSeqno())}, true
}

// first notes a message that was verified and says something new, and who brought it.
func (r *relays) first(m *pb.Message, from peer.ID, now time.Time) {
	n, ok := numberOf(m)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judge(now)
	if r.passages[n] != nil {
		return
	}
	if r.passages == nil {
		r.passages = make(map[number]*passage)
	}
	if len(r.order) >= maxPassages {
		r.end(r.order[0])
	}
	p := &passage{topic: m.GetTopic(), at: now, by: make(map[peer.ID]struct{})}
	r.passages[n], r.order = p, append(r.order, n)
	r.forwarded(n, p, from, now)
}

// again notes a message that a neighbour sent, verified or not: who sends what it did not hear accuses itself alone.
func (r *relays) again(m *pb.Message, from peer.ID, now time.Time) {
	n, ok := numberOf(m)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.passages[n]; p != nil {
		r.forwarded(n, p, from, now)
	}
}

// forwarded enters a copy; with the mutex held, as what follows.
func (r *relays) forwarded(n number, p *passage, from peer.ID, now time.Time) {
	if _, known := p.by[from]; known {
		return
	}
	p.by[from] = struct{}{}
	of := r.account(from)
	of.Forwarded++
	if now.Sub(p.at) >= lateCopy {
		of.Late++
	}
	s := stream{from, n.author}
	switch newest := r.newest[s]; {
	case newest.Sub(p.at) >= reorderGap:
		of.Reordered++
	case p.at.After(newest):
		if r.newest == nil || len(r.newest) >= maxStreams {
			r.newest = make(map[stream]time.Time)
		}
		r.newest[s] = p.at
	}
}

// account returns what is known of a peer; of as many as the table of peers remembers.
func (r *relays) account(id peer.ID) *Relaying {
	of := r.peers[id]
	if of == nil {
		if r.peers == nil || len(r.peers) >= 2*maxPeers {
			r.peers = make(map[peer.ID]*Relaying)
		}
		of = new(Relaying)
		r.peers[id] = of
	}
	return of
}

// judge ends what has been followed long enough.
func (r *relays) judge(now time.Time) {
	for len(r.order) > 0 && now.Sub(r.passages[r.order[0]].at) >= judgement {
		r.end(r.order[0])
	}
}

// end judges the oldest passage: who was a neighbour all the while, and sent nothing.
func (r *relays) end(n number) {
	p := r.passages[n]
	for id, since := range r.mesh[p.topic] {
		if _, sent := p.by[id]; !sent && since.Before(p.at) {
			r.account(id).Missing++
		}
	}
	delete(r.passages, n)
	r.order = r.order[1:]
}

// graft notes that a peer is our neighbour in a topic's mesh, prune that it is so no more, gone that it is in none.
func (r *relays) graft(id peer.ID, topic string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mesh == nil {
		r.mesh = make(map[string]map[peer.ID]time.Time)
	}
	if r.mesh[topic] == nil {
		r.mesh[topic] = make(map[peer.ID]time.Time)
	}
	if _, known := r.mesh[topic][id]; !known {
		r.mesh[topic][id] = now
	}
}

func (r *relays) prune(id peer.ID, topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mesh[topic], id)
	if len(r.mesh[topic]) == 0 {
		delete(r.mesh, topic)
	}
}

func (r *relays) gone(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, neighbours := range r.mesh {
		delete(neighbours, id)
		if len(neighbours) == 0 {
			delete(r.mesh, topic)
		}
	}
}

// leave notes that a topic has been closed here.
func (r *relays) leave(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mesh, topic)
}

// of returns what is known of a peer now.
func (r *relays) of(id peer.ID, now time.Time) Relaying {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judge(now)
	if of := r.peers[id]; of != nil {
		return *of
	}
	return Relaying{}
}
