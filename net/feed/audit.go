package feed

import "slices"

// Audit says who is to blame by a seal that verifies: whom it blames itself, whose two sides differ, and which instance contradicts
// itself where neighbours do and no link saw which of them is wrong. It needs nothing but the seal, and takes time linear in it. A
// sequencer that sealed something else than what passed it is the only one to blame by that seal: what the others said is not in it.
func Audit(s Seal) []Blame {
	if s.blamed(s.Actor, False) {
		return []Blame{{Actor: s.Actor, Reason: False}}
	}
	a := audit{seal: s, blames: slices.Clone(s.Blames)}
	whole := s.Actor.Instance
	inbox := Actor{Instance: whole, Stage: Inbox}
	router := Actor{Instance: whole, Stage: Router}
	a.carried(inbox, BySource)
	a.carried(router, ByShard)
	a.link(inbox, router, ByShard, func(Label) bool { return true })
	receivers, outboxes := s.stage(Receiver), s.stage(Outbox)
	if receivers == 0 || outboxes == 0 { // there is one of each at least
		a.blames = append(a.blames, Blame{Actor: s.Actor, Reason: False})
	}
	if c, ok := s.CommitmentOf(router); ok {
		for _, t := range of(c.Out, ByShard) {
			if int(t.Label.Shard) >= receivers { // given to nobody
				a.blames = append(a.blames, Blame{Actor: s.Actor.whole(), Reason: Conflict, Label: t.Label})
			}
		}
	}
	for i := range receivers {
		receiver := Actor{Instance: whole, Stage: Receiver, Index: uint16(i)}
		a.carried(receiver, ByLane)
		a.link(router, receiver, ByShard, func(l Label) bool { return int(l.Shard) == i })
		for j := range outboxes {
			outbox := Actor{Instance: whole, Stage: Outbox, Index: uint16(j)}
			a.link(receiver, outbox, ByLane, func(l Label) bool { return int(l.Shard) == i && OutboxOf(l.Name, outboxes) == j })
		}
	}
	for j := range outboxes {
		a.carried(Actor{Instance: whole, Stage: Outbox, Index: uint16(j)}, ByLane)
	}
	a.counted(inbox)
	slices.SortFunc(a.blames, Blame.compare)
	return slices.CompactFunc(a.blames, func(x, y Blame) bool { return x.compare(y) == 0 })
}

type audit struct {
	seal   Seal
	blames []Blame
}

// carried blames an actor whose two sides differ, with the first stream in which they do.
func (a *audit) carried(who Actor, way Way) {
	c, ok := a.seal.CommitmentOf(who)
	if !ok {
		a.absent(who)
		return
	}
	if label, differ := difference(of(c.In, way), of(c.Out, way)); differ {
		a.blames = append(a.blames, Blame{Actor: who, Reason: Changed, Label: label})
	}
}

// absent: a stage that is neither there nor told to be missing was left out by who sealed.
func (a *audit) absent(who Actor) {
	if !a.seal.blamed(who, Missing) {
		a.blames = append(a.blames, Blame{Actor: a.seal.Actor, Reason: False})
	}
}

// link compares what one says it gave with what the next says it got.
func (a *audit) link(from, to Actor, way Way, which func(Label) bool) {
	gave, ok := a.seal.CommitmentOf(from)
	got, also := a.seal.CommitmentOf(to)
	if !ok || !also || a.seal.blamed(from, False) || a.seal.blamed(to, False) {
		return
	}
	if label, differ := difference(filter(of(gave.Out, way), which), filter(of(got.In, way), which)); differ {
		a.blames = append(a.blames, Blame{Actor: a.seal.Actor.whole(), Reason: Conflict, Label: label})
	}
}

// counted blames an inbox that gave out more or fewer numbers than records.
func (a *audit) counted(inbox Actor) {
	c, ok := a.seal.CommitmentOf(inbox)
	if !ok || a.seal.blamed(inbox, False) {
		return
	}
	sum := uint64(0)
	for _, t := range of(c.Out, ByShard) {
		sum += t.Count
	}
	if sum != a.seal.Count {
		a.blames = append(a.blames, Blame{Actor: inbox, Reason: Numbering})
	}
}

func filter(list []Tally, keep func(Label) bool) []Tally {
	var kept []Tally
	for _, t := range list {
		if keep(t.Label) {
			kept = append(kept, t)
		}
	}
	return kept
}

// difference returns the first stream that two sorted lists tell differently.
func difference(a, b []Tally) (Label, bool) {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].Label, true
		case i >= len(b):
			return a[i].Label, true
		case a[i] != b[i]:
			if a[i].Label.compare(b[i].Label) > 0 {
				return b[i].Label, true
			}
			return a[i].Label, true
		}
	}
	return Label{}, false
}
