package compare

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

// takeDenied returns the slots of some quotes that the peer's head denies. What it attests is what was expected of it but for
// what was found to differ, so this is known when the walk is over.
func (s *Session) takeDenied() []slot {
	if !s.weighed && !s.cut {
		s.weighed = true
		for _, q := range s.cfg.Quotes {
			e, ok := s.theirs(q.Wallet, q.Window)
			if ok && q.Operator == s.cfg.Peer && e.Status == evidence.None && (!q.Leading || e.Leader == q.Operator) && len(s.denied) < MaxFindings {
				s.denied = append(s.denied, q)
			}
		}
	}
	n := min(len(s.denied), MaxOpenings)
	s.opens, s.denied = s.denied[:n], s.denied[n:]
	var slots []slot
	for _, q := range s.opens {
		slots = append(slots, slot{q.Wallet, q.Window})
	}
	return slots
}

// theirs returns what the peer attests; false if nothing.
func (s *Session) theirs(wallet chain.WalletID, window chain.Height) (evidence.Entry, bool) {
	i := slices.IndexFunc(s.found, func(f Finding) bool { return f.Wallet == wallet && f.Window == window })
	if i < 0 {
		return s.expect.Entry(wallet, window)
	}
	if s.found[i].Theirs == nil {
		return evidence.Entry{}, false
	}
	return *s.found[i].Theirs, true
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
