package signing

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// again is how often what was published is said again.
const again = 3 * time.Second

var errClosed = errors.New("the topic is closed")

// hub is a wallet's topic in memory: it loses messages when told to, and says each thing again until it is forgotten.
type hub struct {
	name string

	mu    sync.Mutex
	lines []*line
	lose  func(from, to chain.Operator) bool // nil loses nothing
	seqno uint64
}

// line is one operator's end of the topic.
type line struct {
	hub *hub
	op  chain.Operator
	key *secp256k1.PrivateKey
	// tamper makes of what is published what really leaves; nil leaves it as it is.
	tamper func(content any) []any

	queue  []signer.Said // guarded by the hub's mutex, as all that follows
	wake   chan struct{}
	heard  map[string]bool // by author and data
	repeat [][]byte
	closed chan struct{}
	over   bool
}

func (h *hub) open(op chain.Operator, key *secp256k1.PrivateKey, tamper func(any) []any) *line {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &line{hub: h, op: op, key: key, tamper: tamper, wake: make(chan struct{}), heard: map[string]bool{}, closed: make(chan struct{})}
	h.lines = append(h.lines, l)
	go l.repeating()
	return l
}

func (l *line) repeating() {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.hub.mu.Lock()
			for _, data := range l.repeat {
				l.hub.carry(l, data)
			}
			l.hub.mu.Unlock()
		case <-l.closed:
			return
		}
	}
}

// carry delivers a message to everybody who has not heard it, unless it is lost. The mutex is held.
func (h *hub) carry(from *line, data []byte) {
	var said signer.Said // signed anew each time it is said, but only if somebody hears it
	for _, to := range h.lines {
		name := string(from.op[:]) + string(data)
		if to.heard[name] || to != from && h.lose != nil && h.lose(from.op, to.op) {
			continue
		}
		if said.Signed == nil {
			h.seqno++
			seqno := binary.BigEndian.AppendUint64(nil, h.seqno)
			said = signer.Said{By: from.op, Data: data, Signed: wire.SignPubsub(from.key, h.name, data, seqno).Bytes()}
		}
		to.heard[name] = true
		to.queue = append(to.queue, said)
		close(to.wake)
		to.wake = make(chan struct{})
	}
}

func (l *line) Publish(_ context.Context, data []byte) error {
	out := [][]byte{data}
	if l.tamper != nil {
		content, err := decode(data)
		if err != nil {
			return err
		}
		out = nil
		for _, c := range l.tamper(content) {
			out = append(out, encode(c))
		}
	}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.over {
		return errClosed
	}
	for _, data := range out {
		l.repeat = append(l.repeat, data)
		l.hub.carry(l, data)
	}
	return nil
}

func (l *line) Next(ctx context.Context) (signer.Said, error) {
	for {
		l.hub.mu.Lock()
		if len(l.queue) > 0 {
			said := l.queue[0]
			l.queue = l.queue[1:]
			l.hub.mu.Unlock()
			return said, nil
		}
		wake := l.wake
		l.hub.mu.Unlock()
		select {
		case <-wake:
		case <-l.closed:
			return signer.Said{}, errClosed
		case <-ctx.Done():
			return signer.Said{}, ctx.Err()
		}
	}
}

func (l *line) Forget(data []byte) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.repeat = slices.DeleteFunc(l.repeat, func(d []byte) bool { return slices.Equal(d, data) })
}

func (l *line) Close() error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if l.over {
		return errClosed
	}
	l.over = true
	close(l.closed)
	l.hub.lines = slices.DeleteFunc(l.hub.lines, func(o *line) bool { return o == l })
	return nil
}
