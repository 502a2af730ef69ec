package placement

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const (
	// pageSize is how many keys are asked for at once.
	pageSize = 500
	// maxKeys bounds what one backend can make us hold: a hundred times what an operator has wallets.
	maxKeys = 100_000
)

// Discrepancy is how a backend differs from what is written down of it.
type Discrepancy string

// The discrepancies.
const (
	Orphan     Discrepancy = "orphan"      // a key that nobody asked it to keep; it is listed, never deleted
	Missing    Discrepancy = "missing"     // a key that it should hold
	Duplicate  Discrepancy = "duplicate"   // two backends hold the wallet: neither is used
	Mismatch   Discrepancy = "mismatch"    // its key is not the wallet's
	RolledBack Discrepancy = "rolled_back" // it has forgotten signatures: an older copy of its files
)

// Discrepancies returns every one.
func Discrepancies() []Discrepancy {
	return []Discrepancy{Orphan, Missing, Duplicate, Mismatch, RolledBack}
}

// Finding is one discrepancy.
type Finding struct {
	Kind    Discrepancy
	Backend string
	Session signer.SessionID
	Wallet  chain.WalletID
	Detail  string
}

// refuses reports whether the wallet cannot be signed for because of it.
func (f Finding) refuses() bool { return f.Kind != Orphan }

// holdings is what a backend held when its keys were last listed.
type holdings struct {
	keys     map[chain.WalletID]signer.Key
	findings []Finding // but duplicates, which two backends make together
}

// reconcile compares what a backend holds with what is written down, and writes down what it was seen to hold.
func (p *Pool) reconcile(ctx context.Context, m *member) error {
	before, err := p.load(ctx) // first: a count that another instance writes meanwhile must not look like one that was forgotten
	if err != nil {
		return ours{err}
	}
	p.mu.Lock()
	m.signed = false
	p.mu.Unlock()
	keys, err := p.list(ctx, m)
	if err != nil {
		return err
	}
	after := before
	if unknown(keys, before) { // a key generation that has begun meanwhile is none of them
		if after, err = p.load(ctx); err != nil {
			return ours{err}
		}
	}
	findings, seen := judge(m.ID, keys, before, after)
	if len(seen) > 0 {
		if err := p.cfg.Log.Observe(ctx, seen); err != nil {
			return ours{err}
		}
		if _, err := p.load(ctx); err != nil {
			return ours{err}
		}
	}
	now := holdings{keys: make(map[chain.WalletID]signer.Key, len(keys)), findings: findings}
	for _, k := range keys {
		now.keys[k.Wallet] = k
	}
	p.noteHoldings(m, now)
	p.freeze(ctx, m, findings)
	return nil
}

func (p *Pool) noteHoldings(m *member, now holdings) {
	p.mu.Lock()
	was := m.holds
	m.holds, m.compared = now, time.Now()
	p.mu.Unlock()
	for _, f := range now.findings {
		if slices.Contains(was.findings, f) {
			continue
		}
		tell := p.cfg.Logger.Error
		if !f.refuses() {
			tell = p.cfg.Logger.Warn
		}
		tell("What a signer holds differs from what is written down", "signer", m.ID, "finding", string(f.Kind),
			"wallet", f.Wallet.String(), "session", f.Session.String(), "detail", f.Detail)
	}
}

// list asks a backend for all of its keys.
func (p *Pool) list(ctx context.Context, m *member) (all []signer.Key, err error) {
	var after *chain.WalletID
	for {
		page, err := p.page(ctx, m, after)
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			if after != nil && bytes.Compare(k.Wallet[:], after[:]) <= 0 {
				return nil, fmt.Errorf("it lists wallet %v after %v: keys must come in the order of their names", k.Wallet, *after)
			}
			after = &k.Wallet
		}
		if all = append(all, page...); len(all) > maxKeys {
			return nil, fmt.Errorf("it lists more than %d keys", maxKeys)
		}
		if len(page) < pageSize {
			return all, nil
		}
	}
}

func (p *Pool) page(ctx context.Context, m *member, after *chain.WalletID) ([]signer.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	began := time.Now()
	page, err := m.Backend.Keys(ctx, after, pageSize)
	m.calls.observe(time.Since(began), err)
	if err == nil && len(page) > pageSize {
		err = fmt.Errorf("it lists %d keys where %d were asked for", len(page), pageSize)
	}
	return page, err
}

func unknown(keys []signer.Key, r records) bool {
	return slices.ContainsFunc(keys, func(k signer.Key) bool { return r.assignments[k.Session] == (Assignment{}) })
}

// judge compares the keys of a backend with the records of before they were listed; after are those of after that. It returns
// what differs, and what is to be written down.
func judge(backend string, keys []signer.Key, before, after records) (findings []Finding, seen []Observed) {
	held := make(map[signer.SessionID]bool, len(keys))
	for _, k := range keys {
		held[k.Session] = true
		a, recorded := after.assignments[k.Session]
		find := func(kind Discrepancy, format string, args ...any) {
			findings = append(findings, Finding{kind, backend, k.Session, k.Wallet, fmt.Sprintf(format, args...)})
		}
		switch {
		case !recorded:
			find(Orphan, "no key generation of this operator made it")
			continue
		case a.Backend != backend && k.Exported():
			find(Orphan, "it was exported, and signer %s has it", a.Backend)
			continue
		case a.Backend != backend:
			find(Orphan, "it is signer %s that shall hold it", a.Backend)
			continue
		case a.State == Abandoned:
			find(Orphan, "its key generation failed")
			continue
		case a.State == Pending:
			continue
		}
		known, confirmed := before.assignments[k.Session]
		switch detail := differs(k, a); {
		case detail != "":
			find(Mismatch, "%s", detail)
			continue
		case confirmed && k.Signatures < known.Signatures:
			find(RolledBack, "it remembers %d signatures, and had made %d", k.Signatures, known.Signatures)
			continue
		}
		if k.Signatures > a.Signatures || a.State == Lost {
			seen = append(seen, Observed{Session: k.Session, Signatures: k.Signatures})
		}
	}
	for _, session := range slices.SortedFunc(maps.Keys(before.assignments), bySession) {
		a := before.assignments[session]
		if a.Backend != backend || held[session] || a.State != Assigned && a.State != Lost {
			continue
		}
		findings = append(findings, Finding{Missing, backend, session, a.Wallet, "it does not hold the key any more"})
		if a.State == Assigned {
			seen = append(seen, Observed{Session: session, Missing: true})
		}
	}
	return findings, seen
}

func bySession(a, b signer.SessionID) int { return bytes.Compare(a[:], b[:]) }

// differs says why a key is not the one that was recorded, nothing if it is.
func differs(k signer.Key, a Assignment) string {
	var key chain.PublicKey
	switch {
	case k.Wallet != a.Wallet:
		return fmt.Sprintf("its key is that of wallet %v", k.Wallet)
	case len(k.GroupKey) != len(key):
		return fmt.Sprintf("its group key has %d bytes, not %d", len(k.GroupKey), len(key))
	}
	if copy(key[:], k.GroupKey); key.Hash() != a.Wallet {
		return fmt.Sprintf("its group key is that of wallet %v", key.Hash())
	}
	return ""
}

// freeze has a backend freeze the keys whose signatures it has forgotten: it cannot tell what it must not sign again. Where
// the wallet is another instance's to serve, that one does it; none uses the key any more in any case.
func (p *Pool) freeze(ctx context.Context, m *member, findings []Finding) {
	failed := make(map[chain.WalletID]string)
	p.mu.Lock()
	before := m.unfrozen
	p.mu.Unlock()
	for _, f := range findings {
		if f.Kind != RolledBack {
			continue
		}
		p.mu.RLock()
		frozen := m.holds.keys[f.Wallet].State == signer.KeyFrozen
		p.mu.RUnlock()
		term, served := signer.Term{}, true
		if p.cfg.Term != nil {
			term, served = p.cfg.Term(f.Wallet)
		}
		if frozen || !served {
			continue
		}
		change := signer.StateChange{State: signer.KeyFrozen, Term: term, Why: string(RolledBack)}
		asking, cancel := context.WithTimeout(ctx, pageTime)
		err := m.Backend.SetState(asking, f.Wallet, change)
		cancel()
		if err == nil {
			continue
		}
		failed[f.Wallet] = err.Error()
		if before[f.Wallet] != failed[f.Wallet] { // it is tried each minute
			p.cfg.Logger.Error("Could not freeze a key whose signatures its signer has forgotten", "signer", m.ID, "wallet", f.Wallet.String(), "error", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.unfrozen = failed
}

// duplicates finds the wallets that several backends hold. One that has exported a key holds it in name only. The pool's lock is
// held.
func (p *Pool) duplicates() (found []Finding) {
	holders := make(map[chain.WalletID][]string)
	for _, m := range p.members {
		for wallet, k := range m.holds.keys {
			if !k.Exported() {
				holders[wallet] = append(holders[wallet], m.ID)
			}
		}
	}
	for wallet, ids := range holders {
		for i, id := range ids {
			if len(ids) > 1 {
				other := ids[(i+1)%len(ids)]
				found = append(found, Finding{Duplicate, id, p.byID[id].holds.keys[wallet].Session, wallet, "signer " + other + " holds it too"})
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(bytes.Compare(a.Wallet[:], b.Wallet[:]), cmp.Compare(a.Backend, b.Backend))
	})
	return found
}
