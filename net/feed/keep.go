package feed

import (
	"fmt"
	"slices"
)

// Then is what becomes of an epoch that was not verified with another subscriber when there are too many of them.
type Then uint8

// The choices. A subscriber that never compares takes Drop.
const (
	Drop     Then = 1 + iota // the oldest is forgotten
	Compress                 // the oldest is reduced to its heads: whether it differs can still be told, but not where
	Hold                     // no more is read until one of them is verified
)

// String returns the choice's name.
func (t Then) String() string {
	switch t {
	case Drop:
		return "drop"
	case Compress:
		return "compress"
	case Hold:
		return "hold"
	}
	return fmt.Sprintf("choice %d", uint8(t))
}

// ParseThen reads a choice's name.
func ParseThen(s string) (Then, error) {
	for t := Drop; t <= Hold; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, malformed("want drop, compress or hold, have %.40q", s)
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (t Then) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts what ParseThen does.
func (t *Then) UnmarshalText(text []byte) (err error) {
	*t, err = ParseThen(string(text))
	return err
}

// MaxKeep is the most epochs that are kept whole: what an export and a trail hold.
const MaxKeep = 4096

// maxHeads is how many compressed epochs are kept: three years of windows of three hours.
const maxHeads = 1 << 13

// Policy is how a subscriber keeps epochs that it has not verified with another one.
type Policy struct {
	Keep int // whole epochs, 1 to MaxKeep
	Then Then
}

func (p Policy) check() error {
	if p.Keep < 1 || p.Keep > MaxKeep || p.Then < Drop || p.Then > Hold {
		return malformed("keep 1 to %d epochs, and then drop, compress or hold", MaxKeep)
	}
	return nil
}

// Heads is what is left of a compressed epoch.
type Heads struct {
	Seal  Hash
	Wants Hash    // what the mailbox gets; zero where it is not known
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
		switch {
		case r.policy.Then == Compress:
			r.kept[i] = r.kept[i].compress(r.mailbox)
		case r.policy.Then == Drop, r.kept[i].Epoch < r.unverified:
			r.kept = slices.Delete(r.kept, i, i+1)
		default: // held, and late; the next seal is refused
		}
	}
	if n := len(r.kept) - r.policy.Keep - maxHeads; n > 0 {
		r.kept = slices.Delete(r.kept, 0, n)
	}
}

// held is whether so many epochs are not verified that no more may be read.
func (r *Reader) held() bool {
	n := 0
	for _, k := range r.kept {
		if k.Epoch >= r.unverified {
			n++
		}
	}
	return r.policy.Then == Hold && n >= r.policy.Keep
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

// Kept returns the epochs that are kept, ascending.
func (r *Reader) Kept() []Kept { return slices.Clone(r.kept) }

// Restore gives a new reader the epochs that an earlier one kept, ascending, as far as the policy keeps them.
func (r *Reader) Restore(kept []Kept) {
	for _, k := range kept {
		r.keep(k)
	}
}

// Verified says that the epochs up to one are the same as other subscribers'. They are kept for those who have not compared yet, and
// make room where the policy is to hold.
func (r *Reader) Verified(until Epoch) { r.unverified = max(r.unverified, until+1) }

// Unverified is the first epoch that is not verified, whether it is there already or not. It is of one instance.
func (r *Reader) Unverified() Epoch { return r.unverified }
