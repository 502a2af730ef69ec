package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// memory is an exchange.Log of one operator that forgets nothing but what a test takes away. Its instances share it.
type memory struct {
	chain   uint64
	self    chain.Operator
	wallets []chain.Wallet
	leader  chain.Operator // of every window

	mu      sync.Mutex
	version uint64
	own     []evidence.Head
	made    map[chain.Height]uint64 // the version of each
	sent    map[chain.Height]bool
	entries map[exchange.Slot]exchange.Attested
	heard   map[exchange.Slot][]evidence.Statement
	others  []evidence.Head
	known   map[chain.Operator]heads.Known
	quotes  []evidence.Quote
	proofs  []exchange.StoredProof
	lost    []evidence.Head
	refuse  func() error // of writes, if it is not nil
	read    int          // how often all was read
}

func newMemory(chainID uint64, self, leader chain.Operator, wallets ...chain.Wallet) *memory {
	return &memory{
		chain: chainID, self: self, leader: leader, wallets: wallets, sent: map[chain.Height]bool{}, made: map[chain.Height]uint64{}, entries: map[exchange.Slot]exchange.Attested{},
		heard: map[exchange.Slot][]evidence.Statement{}, known: map[chain.Operator]heads.Known{},
	}
}

// hear has a statement heard in its window.
func (m *memory) hear(s evidence.Statement) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := exchange.Slot{Wallet: s.Wallet, Window: s.Window}
	m.heard[slot] = append(m.heard[slot], s)
	m.proveTwice(slot)
}

// proveTwice is called with the mutex held.
func (m *memory) proveTwice(slot exchange.Slot) {
	for i, a := range m.heard[slot] {
		for _, b := range m.heard[slot][i+1:] {
			if p, err := evidence.Prove(m.chain, a, b); err == nil {
				m.saveProof(p, chain.Operator{}, slot.Window)
			}
		}
	}
}

func (m *memory) Recall(context.Context) error { return nil }

func (m *memory) Version(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}

func (m *memory) Since(_ context.Context, window chain.Height, version uint64) (exchange.State, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.made[window] != version {
		return exchange.State{}, false, nil
	}
	st := m.state()
	st.Entries = slices.DeleteFunc(st.Entries, func(e exchange.Attested) bool { return e.Window <= window && (e.Filled == 0 || e.Filled < window) })
	return st, true, nil
}

func (m *memory) State(context.Context) (exchange.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read++
	return m.state(), nil
}

func (m *memory) state() exchange.State {
	st := exchange.State{Wallets: m.wallets, Version: m.version}
	if n := len(m.own); n > 0 {
		st.Head = m.own[n-1]
		st.Made = m.made[st.Head.Window]
		if n > 1 {
			st.Before = m.own[n-2]
		}
	}
	for _, e := range m.entries {
		if e.Window+evidence.Span*900 > st.Head.Window {
			st.Entries = append(st.Entries, e)
		}
	}
	return st
}

func (m *memory) Draft(_ context.Context, window chain.Height) (exchange.Draft, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := exchange.Draft{Window: window, Wallets: m.wallets, Version: m.version}
	for _, w := range m.wallets {
		e := evidence.Entry{Wallet: w.ID(), Window: window, Leader: m.leader}
		for _, s := range m.heard[exchange.Slot{Wallet: w.ID(), Window: window}] {
			switch {
			case s.Operator != m.leader:
			case e.Status == evidence.None:
				e.Status, e.Sender, e.Statement = evidence.Said, s.Operator, s.Digest
			case e.Statement != s.Digest:
				e.Status, e.Statement = evidence.Twice, [32]byte{}
			}
		}
		d.New = append(d.New, e)
	}
	slices.SortFunc(d.New, func(a, b evidence.Entry) int { return bytes.Compare(a.Wallet[:], b.Wallet[:]) })
	return d, nil
}

func (m *memory) Attest(_ context.Context, d exchange.Draft, h evidence.Head) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.refuse != nil:
		return 0, m.refuse()
	case m.state().Head.Window >= h.Window:
		return 0, exchange.ErrAttested
	case d.Version != m.version:
		return 0, exchange.ErrStale
	case slices.ContainsFunc(m.lost, func(l evidence.Head) bool { return l.Window >= h.Window }):
		return 0, exchange.ErrDoubtful
	}
	m.version++
	m.own = append(m.own, h)
	m.made[h.Window] = m.version
	for _, e := range d.New {
		m.entries[exchange.Slot{Wallet: e.Wallet, Window: e.Window}] = exchange.Attested{Entry: e}
	}
	return m.version, nil
}

func (m *memory) Unsent(context.Context) ([]evidence.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.own), func(h evidence.Head) bool { return m.sent[h.Window] }), nil
}

func (m *memory) Sent(_ context.Context, window chain.Height) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[window] = true
	return nil
}

func (m *memory) Lost(_ context.Context, h evidence.Head) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(slices.Concat(m.own, m.lost), func(o evidence.Head) bool { return o.ID() == h.ID() }) {
		return false, nil
	}
	m.lost = append(m.lost, h)
	return true, nil
}

func (m *memory) SaveHeads(_ context.Context, list []evidence.Head) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range list {
		m.saveHead(h)
	}
	return nil
}

func (m *memory) saveHead(h evidence.Head) {
	if !slices.ContainsFunc(m.others, func(o evidence.Head) bool { return o.Operator == h.Operator && o.Window == h.Window }) {
		m.others = append(m.others, h)
	}
}

func (m *memory) HeadsFrom(_ context.Context, window chain.Height) ([]evidence.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.others), func(h evidence.Head) bool { return h.Window < window }), nil
}

func (m *memory) Statements(_ context.Context, wallet chain.WalletID, window chain.Height) (all [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.heard[exchange.Slot{Wallet: wallet, Window: window}] {
		all = append(all, s.Signed())
	}
	return all[:min(len(all), 2)], nil
}

func (m *memory) Own(context.Context, chain.WalletID, chain.Height) ([]byte, bool, error) {
	return nil, false, nil
}

func (m *memory) Fill(_ context.Context, s evidence.Statement, _ chain.Height) (evidence.Entry, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slot := exchange.Slot{Wallet: s.Wallet, Window: s.Window}
	e, attested := m.entries[slot]
	if !attested || e.Status != evidence.None {
		return evidence.Entry{}, false, nil
	}
	m.heard[slot] = append(m.heard[slot], s)
	m.version++
	e.Filled = m.state().Head.Window
	e.Status, e.Sender, e.Statement = evidence.Late, s.Operator, s.Digest
	m.entries[slot] = e
	return e.Entry, true, nil
}

func (m *memory) Explain(_ context.Context, peer chain.Operator, known heads.Known, _ []exchange.Slot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[peer] == nil {
		m.known[peer] = heads.Known{}
	}
	for wallet, list := range known {
		for _, i := range list {
			kept := slices.DeleteFunc(m.known[peer][wallet], func(o heads.Instead) bool { return o.Window == i.Window })
			m.known[peer][wallet] = append(kept, i)
		}
	}
	return nil
}

func (m *memory) Known(_ context.Context, peer chain.Operator, _ chain.Height) (heads.Known, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.known[peer]), nil
}

func (m *memory) SaveQuotes(_ context.Context, quotes []evidence.Quote) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quotes = append(m.quotes, quotes...)
	return nil
}

func (m *memory) Quotes(_ context.Context, of chain.Operator, about []evidence.Entry) ([]evidence.Quote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.quotes), func(q evidence.Quote) bool {
		return q.Operator != of || !slices.ContainsFunc(about, func(e evidence.Entry) bool { return e.Wallet == q.Wallet && e.Window == q.Window })
	}), nil
}

func (m *memory) SaveProof(_ context.Context, p evidence.Proof, from chain.Operator, at chain.Height) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return "", false, m.refuse()
	}
	id, first := m.saveProof(p, from, at)
	return id, first, nil
}

func (m *memory) saveProof(p evidence.Proof, from chain.Operator, at chain.Height) (string, bool) {
	for _, o := range m.proofs {
		if o.Kind == p.Kind && o.Slot == p.Slot() {
			return o.ID, false
		}
	}
	m.proofs = append(m.proofs, exchange.StoredProof{ID: p.ID(), Kind: p.Kind, Slot: p.Slot(), Encoded: p.Encode(), From: from, At: at})
	return p.ID(), true
}

func (m *memory) Proof(_ context.Context, id string) (exchange.StoredProof, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.proofs {
		if p.ID == id {
			return p, nil
		}
	}
	return exchange.StoredProof{}, exchange.ErrUnknown
}

func (m *memory) Proofs(context.Context, exchange.ProofFilter) ([]exchange.StoredProof, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.proofs), nil
}

func (m *memory) Holds(ctx context.Context, id string, operator chain.Operator) (bool, error) {
	if _, err := m.Proof(ctx, id); errors.Is(err, exchange.ErrUnknown) {
		return false, nil
	}
	return true, m.change(id, func(p *exchange.StoredProof) {
		if !slices.Contains(p.Holders, operator) {
			p.Holders = append(slices.Clone(p.Holders), operator)
		}
	})
}

func (m *memory) Told(_ context.Context, id string) error {
	return m.change(id, func(p *exchange.StoredProof) { p.Told = true })
}

func (m *memory) change(id string, what func(*exchange.StoredProof)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.proofs {
		if m.proofs[i].ID == id {
			what(&m.proofs[i])
		}
	}
	return nil
}

func (m *memory) Untold(_ context.Context, window chain.Height, rarely uint64, limit int) ([]exchange.StoredProof, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(m.proofs), func(p exchange.StoredProof) bool { return p.Told || !exchange.Due(p.At, window, rarely) })
	return left[:min(limit, len(left))], nil
}

// kept returns the proofs.
func (m *memory) kept() []exchange.StoredProof {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.proofs)
}

// heads returns what was attested.
func (m *memory) attested() []evidence.Head {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.own)
}

// entry returns what is attested of a slot now.
func (m *memory) entry(wallet chain.WalletID, window chain.Height) evidence.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[exchange.Slot{Wallet: wallet, Window: window}].Entry
}
