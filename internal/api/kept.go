package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// staleHeader marks an answer that is not of now, because the database does not answer: how many seconds ago it was so.
const staleHeader = "Walletnode-Stale"

// Bounds of what is kept for a time without database. A page of a hundred windows has some 50 kB.
const (
	maxKept      = 64
	maxKeptBytes = 4 << 20
)

// memory has the last good answers to questions about what is recorded, by question. At its bounds it forgets the ones that
// were not asked for the longest time.
type memory struct {
	mu    sync.Mutex
	known []known // in the order in which they were last asked for
	bytes int
}

// known is the document that answered a question.
type known struct {
	question string
	document []byte
	at       time.Time // when it was asked
}

func (k known) size() int { return len(k.question) + len(k.document) }

// keep remembers an answer in place of the last one. One that is larger than all there is room for is not kept.
func (m *memory) keep(k known) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.take(k.question)
	if k.size() > maxKeptBytes {
		return
	}
	m.put(k)
	for len(m.known) > maxKept || m.bytes > maxKeptBytes {
		m.take(m.known[0].question)
	}
}

// recall returns the last answer; false if there was none, or it was forgotten.
func (m *memory) recall(question string) (known, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.take(question)
	if ok {
		m.put(k)
	}
	return k, ok
}

func (m *memory) put(k known) {
	m.known = append(m.known, k)
	m.bytes += k.size()
}

func (m *memory) take(question string) (k known, ok bool) {
	i := slices.IndexFunc(m.known, func(k known) bool { return k.question == question })
	if i < 0 {
		return known{}, false
	}
	k = m.known[i]
	m.known = slices.Delete(m.known, i, i+1)
	m.bytes -= k.size()
	return k, true
}

// lasting makes of a handler one that gives, while the database of many instances is away, the last good answer to the same
// question. A database of the node's own is never away, and nothing is kept of it.
func lasting(h handler) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request, q *query) (any, error) {
		if !s.Cluster.Instances().Shared {
			return h(s, w, r, q)
		}
		question, asked := r.URL.Path+"?"+r.URL.Query().Encode(), time.Now()
		doc, err := h(s, w, r, q)
		if err != nil {
			last, ok := s.memory.recall(question)
			if _, code := classify(err); code != codeStoreAway || !ok {
				return nil, err
			}
			markStale(w, max(time.Since(last.at), 1))
			return json.RawMessage(last.document), nil
		}
		if w.Header().Get(staleHeader) != "" {
			return doc, nil // from another memory
		}
		raw, err := marshal(doc)
		if err == nil {
			s.memory.keep(known{question, raw, asked})
		}
		return json.RawMessage(raw), err
	}
}

// markStale says how old an answer is that is not of now; 0 is of now.
func markStale(w http.ResponseWriter, age time.Duration) {
	if age > 0 {
		w.Header().Set(staleHeader, strconv.FormatInt(int64(age/time.Second), 10))
	}
}

// staleness reads what markStale has written; false for an answer that is of now.
func staleness(h http.Header) (age time.Duration, stale bool) {
	seconds, err := strconv.ParseInt(h.Get(staleHeader), 10, 32)
	return time.Duration(seconds) * time.Second, err == nil && seconds >= 0
}
