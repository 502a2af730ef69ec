package feed

import "slices"

// numbers is what a half has of a source in a series.
type numbers struct{ first, last uint64 }

// series is where an item stands among those that its source told without a gap: where one ends nobody knows.
func (t taken) series() Origin { return Origin{t.Source, seriesOf(t.Number)} }

func (h *half) numbers() map[Origin]numbers {
	has := map[Origin]numbers{}
	for _, t := range h.got { // ascending
		n, there := has[t.series()]
		if !there {
			n.first = t.Number
		}
		n.last = t.Number
		has[t.series()] = n
	}
	return has
}

// covered returns the last epoch such that all which goes to the other one lies within the numbers that it has, nothing differs or cannot
// be told, and the other one, which shows as much, has nothing that should have come before the epoch's end: epochs are windows, the same everywhere.
func (h *half) covered(other *half, parts map[Epoch]bool, kept []Export) (until Epoch, found bool) {
	var newest *shown // with epochs: what was compared is of one
	for _, of := range other.shown {
		if len(of.Epochs) > 0 {
			newest = of
		}
	}
	wants, has := newest.Epochs[len(newest.Epochs)-1].Subscriptions, other.numbers()
	outside := map[Epoch]bool{}
	for _, t := range h.got {
		if n := has[t.series()]; (t.Number < n.first || t.Number > n.last) && wants.Gets(newest.Mailbox, t.item.Wallet, t.item.Kind) {
			outside[t.epoch] = true
		}
	}
	limit := min(newest.Epochs[len(newest.Epochs)-1].Epoch, h.withheld(other, kept))
	own := h.shown[0]
	for _, k := range own.Epochs {
		if k.Epoch > limit || outside[k.Epoch] || parts[k.Epoch] || own.untold[k.Epoch] {
			break
		}
		until, found = k.Epoch, true
	}
	return until, found
}

// withheld is the first epoch in which the other one got something that goes to the mailbox and lies beyond all that the mailbox has of its
// source: at a boundary it may come an epoch later, and not later than that. So what the other one got in the epoch before the first one shown counts,
// too, where it is kept how the mailbox went on then.
func (h *half) withheld(other *half, kept []Export) Epoch {
	own, has, first := h.shown[0], h.last(kept), ^Epoch(0)
	begins := own.Epochs[0].Epoch
	for _, t := range other.got {
		n, some := has[t.Source]
		switch {
		case some && t.Number <= n, t.epoch >= first, t.epoch+1 < begins, t.epoch < begins && (!some || !own.wentOn(kept)), !own.misses(t):
		default:
			first = t.epoch
		}
	}
	return first
}

// last is the last number of each source that the mailbox got, in what is shown and in all that is kept.
func (h *half) last(kept []Export) map[string]uint64 {
	has := map[string]uint64{}
	for _, t := range h.got {
		has[t.Source] = max(has[t.Source], t.Number)
	}
	for _, x := range kept {
		for _, k := range x.Epochs {
			for i := range k.Entries {
				if item, known := k.told(i); known {
					has[item.Source] = max(has[item.Source], item.Number)
				}
			}
		}
	}
	return has
}

// wentOn is whether the two epochs before the first one shown are kept, and nothing was cut off in them.
func (s *shown) wentOn(kept []Export) bool {
	begins := s.Epochs[0].Epoch
	for _, x := range slices.Backward(kept) {
		n := slices.IndexFunc(x.Epochs, func(k Kept) bool { return k.Epoch == begins })
		if n < 0 || x.Instance != s.Instance {
			continue
		}
		return n > 1 && x.Epochs[n-2].Epoch+2 == begins && !slices.ContainsFunc(x.Epochs[n-2:n], func(k Kept) bool {
			return k.missing(s.Mailbox) || k.cut(s.Mailbox) || slices.ContainsFunc(k.Entries, func(e Entry) bool { return e.Gap != nil })
		})
	}
	return false
}

// misses is whether an item that another mailbox got in an epoch goes to this one about then, by all that is shown, and could not be cut off.
func (s *shown) misses(t taken) bool {
	for e := t.epoch - min(t.epoch, 1); e <= t.epoch+1; e++ {
		if e < s.Epochs[0].Epoch || e > s.Epochs[len(s.Epochs)-1].Epoch {
			continue
		}
		if s.cut[e] || !s.kept(e).Subscriptions.Gets(s.Mailbox, t.item.Wallet, t.item.Kind) {
			return false
		}
	}
	return true
}
