package placement

import (
	"maps"
	"slices"
	"time"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Status is one backend as this instance sees it.
type Status struct {
	Spec          // State is that of the configuration
	Word     Word // what counts: State is never empty; By is empty if the configuration says it
	Removed  bool // wallets are assigned to it, and the configuration does not list it any more
	Standing Standing
	Trouble  string // of the newest probe; empty if it went well
	Identity string
	Version  string
	Schemes  []string
	SeenAt   time.Time // of the newest answer; zero if there was none

	Feed       signer.FeedState // of its own way to leaders' messages, as it said last; empty before it said anything
	FeedDetail string
	FeedProofs int // that its mailbox and another one were told different things
	// FeedDoubted counts instances whose mailbox is not what they sign, and differences between two.
	FeedDoubted int

	Reported   int // keys, as it said last
	Capacity   int // 0 for no limit
	Wallets    int // that it serves by the records, without those that were put away
	Unsignable int // of them, that cannot be signed for now; lost ones too
	Pending    int // key generations under way
	Lost       int

	// SafeToShutDown: it gets no new wallets and has none left that anybody waits for.
	SafeToShutDown bool

	Findings     []Finding
	Calls        Calls
	Probes       uint64
	FailedProbes uint64
}

// Backends returns all backends in the configuration's order, then those that it does not list any more and that hold shares.
func (p *Pool) Backends() []Status {
	p.mu.RLock()
	defer p.mu.RUnlock()
	duplicates := p.duplicates()
	var all []Status
	for _, m := range p.members {
		s := Status{
			Spec: m.Spec, Word: p.known.word(m), Standing: m.standing, Identity: p.known.words[m.ID].Identity, Version: m.health.Version,
			SeenAt: m.seen, Feed: m.health.Feed, FeedDetail: m.health.FeedDetail, FeedProofs: m.health.FeedProofs, FeedDoubted: m.health.FeedDoubted, Reported: m.health.Keys, Capacity: m.health.Capacity, Calls: m.calls.read(), Probes: m.probes, FailedProbes: m.failed,
			Findings: slices.Clone(m.holds.findings),
		}
		if m.trouble != nil {
			s.Trouble = m.trouble.Error()
		}
		for _, scheme := range m.health.Schemes {
			s.Schemes = append(s.Schemes, string(scheme))
		}
		for _, f := range duplicates {
			if f.Backend == m.ID {
				s.Findings = append(s.Findings, f)
			}
		}
		all = append(all, p.count(s))
	}
	removed := map[string]bool{}
	for _, a := range p.known.assignments {
		if _, configured := p.byID[a.Backend]; !configured && a.State != Abandoned {
			removed[a.Backend] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(removed)) {
		s := Status{Spec: Spec{ID: id}, Word: p.known.words[id], Removed: true, Standing: Unknown, Identity: p.known.words[id].Identity}
		all = append(all, p.count(s))
	}
	return all
}

// count fills in what the records say of a backend.
func (p *Pool) count(s Status) Status {
	for _, a := range p.known.assignments {
		switch {
		case a.Backend != s.ID || a.Archived:
		case a.State == Pending:
			s.Pending++
		case a.State == Assigned:
			s.Wallets++
		case a.State == Lost:
			s.Lost++
		}
		if a.Backend == s.ID && !a.Archived && (a.State == Assigned || a.State == Lost) {
			if _, err := p.usableNow(a.Wallet); err != nil {
				s.Unsignable++
			}
		}
	}
	s.SafeToShutDown = !p.known.read.IsZero() && (s.Word.State == Retired || s.Word.State == Failed) && s.Wallets+s.Pending == 0
	return s
}

// Where returns the records of all wallets' shares, in the order of their sessions.
func (p *Pool) Where() []Assignment {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.SortedFunc(maps.Values(p.known.assignments), func(a, b Assignment) int { return bySession(a.Session, b.Session) })
}
