package feed

// Kept is an epoch that a subscriber keeps: whole, or compressed to its heads.
type Kept struct {
	Epoch         Epoch
	Seal          *Seal
	Subscriptions *Subscriptions
	Entries       []Entry
	Witnesses     []*Witness // what the origins signed of the entries' items, nil where that is not known; none, or as many as entries
	Heads         *Heads     // of a compressed epoch, which has nothing else
}

// Add adds an entry, with what its item's origin signed; nil where that is not known.
func (k *Kept) Add(e Entry, w *Witness) {
	k.Entries = append(k.Entries, e)
	if w != nil && k.Witnesses == nil {
		k.Witnesses = make([]*Witness, len(k.Entries)-1, cap(k.Entries))
	}
	if k.Witnesses != nil {
		k.Witnesses = append(k.Witnesses, w)
	}
}

// witness is what the origin signed of entry i; nil if that is not known.
func (k Kept) witness(i int) *Witness {
	if k.Witnesses == nil {
		return nil
	}
	return k.Witnesses[i]
}

// items are those of the entries; of a gap none.
func (k Kept) items() []Item {
	list := make([]Item, len(k.Entries))
	for i := range k.Entries {
		list[i] = k.Entries[i].Record.Item
	}
	return list
}

// lane is what the mailbox got from one receiver in the epoch.
func (k Kept) lane(shard uint16) (records []Record, leaves []Hash) {
	for _, e := range k.Entries {
		if e.Gap == nil && e.Shard == shard {
			records, leaves = append(records, e.Record), append(leaves, e.Record.Hash())
		}
	}
	return records, leaves
}

// check compares what was delivered with what the stages committed to: the outbox, or where it is missing the receivers.
func (k Kept) check(mailbox string, closed bool) (Blame, bool) {
	if k.Seal.stage(Outbox) == 0 || k.Seal.blamed(k.Seal.Actor, False) {
		return Blame{}, false // the audit blames the sequencer for it
	}
	outbox := k.Seal.keeper(mailbox)
	for _, e := range k.Entries {
		closed = closed || e.Gap != nil
	}
	for shard := range uint16(MaxShards) {
		label := Label{Way: ByLane, Name: mailbox, Shard: shard}
		said, ok := k.Seal.CommitmentOf(outbox)
		if !ok {
			said, ok = k.Seal.CommitmentOf(Actor{Instance: outbox.Instance, Stage: Receiver, Index: shard})
			ok = ok && find(said.In, label) == find(said.Out, label) // a receiver that is to blame itself says nothing of the outbox
		}
		want := find(said.Out, label)
		_, leaves := k.lane(shard)
		got := uint64(len(leaves))
		if ok && (got > want.Count || got == want.Count && RootOf(leaves) != want.Root || got < want.Count && !closed) {
			return Blame{Actor: outbox, Reason: Delivery, Label: label}, true
		}
	}
	return Blame{}, false
}

// missing is whether an outbox that keeps one of the mailboxes did not commit: then nothing is signed that a piece could be shown of.
func (k Kept) missing(mailboxes ...string) bool {
	for _, m := range mailboxes {
		if _, ok := k.Seal.HeadOf(m); !ok {
			return true
		}
	}
	return false
}

// cut is whether the mailbox was closed by a gap in this epoch or before: it holds less than was committed to, and says so.
func (k Kept) cut(mailbox string) bool {
	head, _ := k.Seal.HeadOf(mailbox)
	return head.Closed
}

// Heads is what is left of a compressed epoch.
type Heads struct {
	Seal  Hash
	Wants Hash    // what the mailbox gets; zero where it is not known
	Lanes []Tally // what the mailbox got
}

func (k Kept) compress(mailbox string) Kept {
	h := &Heads{Seal: k.Seal.Hash(), Wants: k.Subscriptions.wants(mailbox), Lanes: k.tallies(mailbox)}
	return Kept{Epoch: k.Epoch, Heads: h}
}

func (k Kept) tallies(mailbox string) (list []Tally) {
	for shard := range uint16(MaxShards) {
		if _, leaves := k.lane(shard); len(leaves) > 0 {
			list = append(list, Tally{Label: Label{Way: ByLane, Name: mailbox, Shard: shard}, Count: uint64(len(leaves)), Root: RootOf(leaves)})
		}
	}
	return list
}
