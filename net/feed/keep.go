package feed

import "slices"

// Then is what becomes of an epoch that was not verified with another subscriber when there are too many of them.
type Then uint8

// The choices. A subscriber that never compares takes Drop.
const (
	Drop     Then = 1 + iota // the oldest is forgotten
	Compress                 // the oldest is reduced to its heads: whether it differs can still be told, but not where
	Hold                     // no more is read until it is verified
)

// maxHeads is how many compressed epochs are kept: three years of windows of three hours.
const maxHeads = 1 << 13

// Policy is how a subscriber keeps epochs that it has not verified with another one.
type Policy struct {
	Keep int // whole epochs, at least 1
	Then Then
}

func (p Policy) check() error {
	if p.Keep < 1 || p.Then < Drop || p.Then > Hold {
		return malformed("keep at least one epoch, and then drop, compress or hold")
	}
	return nil
}

// Heads is what is left of a compressed epoch.
type Heads struct {
	Seal  Hash
	Lanes []Tally // what the mailbox got
}

// keep adds an epoch and makes room by the policy.
func (r *Reader) keep(k Kept) {
	r.kept = append(r.kept, k)
	whole := 0
	for i := len(r.kept) - 1; i >= 0; i-- {
		if r.kept[i].Heads != nil {
			continue
		}
		if whole++; whole <= r.policy.Keep {
			continue
		}
		switch r.policy.Then {
		case Drop:
			r.kept = slices.Delete(r.kept, i, i+1)
		case Compress:
			r.kept[i] = r.kept[i].compress(r.mailbox)
		case Hold: // an epoch that was late; the next seal is refused
		}
	}
	if n := len(r.kept) - r.policy.Keep - maxHeads; n > 0 {
		r.kept = slices.Delete(r.kept, 0, n)
	}
}

func (k Kept) compress(mailbox string) Kept {
	h := &Heads{Seal: k.Seal.Hash(), Lanes: k.tallies(mailbox)}
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

// Kept returns the epochs that are kept, ascending.
func (r *Reader) Kept() []Kept { return slices.Clone(r.kept) }

// Verified forgets the epochs up to one: they were the same as another subscriber's.
func (r *Reader) Verified(until Epoch) {
	r.kept = slices.DeleteFunc(r.kept, func(k Kept) bool { return k.Epoch <= until })
}
