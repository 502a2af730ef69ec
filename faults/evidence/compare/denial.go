package compare

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/walletnode/walletnode/faults/evidence"
)

// takeDenied returns the slots of some quotes that the peer's head denies. What it attests is what was expected of it but for
// what was found to differ, so this is known when the walk is over.
func (s *Session) takeDenied() []slot {
	if !s.weighed && !s.cut {
		s.weighed = true
		s.weighQuotes()
	}
	n := min(len(s.denied), MaxOpenings)
	s.opens, s.denied = s.denied[:n], s.denied[n:]
	var slots []slot
	for _, q := range s.opens {
		slots = append(slots, slot{q.Wallet, q.Window})
	}
	return slots
}

// weighQuotes notes which quotes the peer's head denies.
func (s *Session) weighQuotes() {
	if s.cfg.Quotes == nil {
		return
	}
	silent := s.silent()
	if len(silent) == 0 {
		return
	}
	entries := make(map[slot]evidence.Entry, len(silent))
	for _, e := range silent {
		entries[slot{e.Wallet, e.Window}] = e
	}
	for _, q := range s.cfg.Quotes(silent) {
		e, ok := entries[slot{q.Wallet, q.Window}]
		if ok && q.Operator == s.cfg.Peer && (!q.Leading || e.Leader == q.Operator) && len(s.denied) < MaxFindings {
			s.denied = append(s.denied, q)
		}
	}
}

// silent returns the entries of the peer that say that nothing was heard, ascending by wallet and window.
func (s *Session) silent() []evidence.Entry {
	differs := make(map[slot]bool, len(s.found))
	var silent []evidence.Entry
	for _, f := range s.found {
		if of := (slot{f.Wallet, f.Window}); !differs[of] {
			differs[of] = true
			if f.Theirs != nil && f.Theirs.Status == evidence.None {
				silent = append(silent, *f.Theirs)
			}
		}
	}
	for _, e := range s.expect.Silent() {
		if !differs[slot{e.Wallet, e.Window}] {
			silent = append(silent, e)
		}
	}
	slices.SortFunc(silent, func(a, b evidence.Entry) int {
		return cmp.Or(bytes.Compare(a.Wallet[:], b.Wallet[:]), cmp.Compare(a.Window, b.Window))
	})
	return silent
}

// takeOpenings checks the openings that were asked for, and proves with them.
func (s *Session) takeOpenings(got []evidence.Opening) error {
	if len(got) != len(s.opens) {
		return refuse("%d openings where %d were asked for", len(got), len(s.opens))
	}
	for i, o := range got {
		q := s.opens[i]
		if err := o.Under(s.head); err != nil {
			return refuse("%w", err)
		}
		p, err := evidence.ProveDenial(s.head, o, q)
		if err != nil {
			return refuse("an opening of what was not asked for: %w", err)
		}
		mine, attested := s.cfg.Ledger.Entry(q.Wallet, q.Window)
		f := Finding{Kind: Denied, Wallet: q.Wallet, Window: q.Window, Theirs: &o.Entry, Proof: &p}
		if attested {
			f.Mine = &mine
		}
		s.found = append(s.found, f)
	}
	s.opens = nil
	return nil
}
