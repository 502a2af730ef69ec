package net

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Pace of what all topics together repeat. A neighbour bears 200 messages a second of an operator's instances.
const (
	repeatTick = time.Second
	// repeatsPerTick are sent at most, the longest due first; more wait for the next tick.
	repeatsPerTick = 32
	// repeatBytes is for how many bytes of a message its first pause is a second longer: neighbours send each other what is
	// repeated as often as what is new, and in a key generation of a hundred seats that is most of what is sent at all.
	repeatBytes = 4 << 10
)

// repeats is what topics say again, so that late comers and those behind lossy links hear it. One loop serves all topics.
type repeats struct {
	added chan struct{} // capacity 1

	mu   sync.Mutex
	kept map[*Topic]map[[32]byte]*repeated // by the digest of the data; at most PerOperator for each topic
}

// repeated is one message.
type repeated struct {
	topic *Topic
	data  []byte
	sent  time.Time
	pause time.Duration
	reach uint64 // who could be reached when it was sent
}

// first returns the pause before a message is said again for the first time, or to somebody new.
func (m *repeated) first() time.Duration {
	first, _ := m.topic.cfg.repeat()
	return min(first+time.Duration(len(m.data)/repeatBytes)*time.Second, maxRepeatPause)
}

func newRepeats() *repeats {
	return &repeats{added: make(chan struct{}, 1), kept: make(map[*Topic]map[[32]byte]*repeated)}
}

// room reports whether a topic has room for a message, or repeats it already.
func (r *repeats) room(t *Topic, data []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.kept[t]
	return len(kept) < t.cfg.PerOperator || kept[sha256.Sum256(data)] != nil
}

// keep has a message repeated that was sent just now.
func (r *repeats) keep(t *Topic, data []byte, reach uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[t] == nil {
		r.kept[t] = make(map[[32]byte]*repeated)
	}
	m := &repeated{topic: t, data: data, sent: now, reach: reach}
	m.pause = m.first()
	r.kept[t][sha256.Sum256(data)] = m
	select {
	case r.added <- struct{}{}:
	default:
	}
}

func (r *repeats) forget(t *Topic, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.kept[t], sha256.Sum256(data)); len(r.kept[t]) == 0 {
		delete(r.kept, t)
	}
}

func (r *repeats) forgetAll(t *Topic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.kept, t)
}

// due picks what is to be sent now, and counts it as sent; idle if nothing is kept at all.
func (r *repeats) due(now time.Time) (batch []*repeated, idle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	type delayed struct {
		*repeated
		by time.Duration
	}
	var all []delayed
	for t, kept := range r.kept {
		reach := t.reach()
		for _, m := range kept {
			if m.reach != reach {
				m.pause = m.first()
			}
			if by := now.Sub(m.sent) - m.pause; by >= 0 {
				all = append(all, delayed{m, by})
			}
		}
	}
	slices.SortFunc(all, func(a, b delayed) int { return int(b.by - a.by) })
	for _, m := range all[:min(len(all), repeatsPerTick)] {
		_, last := m.topic.cfg.repeat()
		m.sent, m.pause, m.reach = now, max(m.first(), min(2*m.pause, last)), m.topic.reach()
		batch = append(batch, m.repeated)
	}
	return batch, len(r.kept) == 0
}

// run is the loop.
func (r *repeats) run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(repeatTick)
	defer tick.Stop()
	for {
		batch, idle := r.due(time.Now())
		for _, m := range batch {
			err := m.topic.say(ctx, m.data)
			switch {
			case err == nil || ctx.Err() != nil:
			case errors.Is(err, ErrLeft):
				r.forgetAll(m.topic) // it was published while the topic was being closed
			default:
				log.Warn("Message cannot be repeated", "topic", m.topic.cfg.Name, "error", err)
			}
		}
		next := tick.C
		if idle {
			next = nil // nothing is due before something is added
		}
		select {
		case <-next:
		case <-r.added:
		case <-ctx.Done():
			return nil
		}
	}
}
