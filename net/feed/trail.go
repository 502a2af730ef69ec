package feed

import (
	"crypto/sha256"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

const (
	trailDomain   = "walletnode/feed/trail/2\x00"
	outlineDomain = "walletnode/feed/outline/1\x00"
	wantsDomain   = "walletnode/feed/wants/1\x00"
	// MaxTrail is the most bytes of a trail that is read.
	MaxTrail = 1024 + (maxHeads+MaxKeep)*(8+3*32) + MaxKeep*40
)

// Mark is where a subscriber stands after an epoch, as far as another one must stand there, too.
type Mark struct {
	Epoch  Epoch
	Digest Hash // of all shared records up to here, and of the seals
}

// Outline is what can be told of an epoch that one of two subscribers has compressed to its heads.
type Outline struct {
	Epoch Epoch
	Seal  Hash
	Wants Hash // of what the mailbox gets: where two mailboxes want the same, they got the same. Zero: not known any more
	Lanes Hash // of what it got
}

// Trail is what a subscriber tells another one: 40 bytes for each epoch that both keep whole, and 104 for one that either does not.
type Trail struct {
	Instance string
	Mailbox  string
	Outlines []Outline // ascending by epoch
	Marks    []Mark    // ascending by epoch; each sums up those before it in the list
}

// TrailOf makes the trail of one instance's epochs for the subscriber of another mailbox who keeps epochs whole beginning with one.
func TrailOf(instance, mailbox string, kept []Kept, other string, whole Epoch) Trail {
	t := Trail{Instance: instance, Mailbox: mailbox}
	x := Export{Instance: instance, Mailbox: mailbox}
	for _, k := range kept {
		if k.Heads != nil || k.Epoch < whole {
			t.Outlines = append(t.Outlines, k.outline(mailbox))
		} else {
			x.Epochs = append(x.Epochs, k)
		}
	}
	t.Marks = x.marks(other)
	return t
}

// outline sums up an epoch by its heads.
func (k Kept) outline(mailbox string) Outline {
	if k.Heads == nil {
		k = k.compress(mailbox)
	}
	b := []byte(outlineDomain)
	for _, t := range k.Heads.Lanes { // without the mailbox's name
		b = append(putU64(putU16(b, t.Label.Shard), t.Count), t.Root[:]...)
	}
	return Outline{Epoch: k.Epoch, Seal: k.Heads.Seal, Wants: k.Heads.Wants, Lanes: sha256.Sum256(b)}
}

// wants names what a mailbox gets. Of one that was arriving, or was not there, it is zero: nothing can be said of it by heads.
func (s *Subscriptions) wants(mailbox string) (h Hash) {
	i, there := s.Find(mailbox)
	if !there || s.list[i].Arriving || len(s.list[i].After) > 0 {
		return h
	}
	b := putU32([]byte(wantsDomain), uint32(len(s.list[i].Wallets)))
	for _, w := range s.list[i].Wallets {
		b = append(b, w[:]...)
	}
	for _, k := range s.list[i].Kinds {
		b = append(b, byte(k))
	}
	return sha256.Sum256(b)
}

// marks sums up what another mailbox of the same instance must have, too: all wallets', or that of some. Two trails agree where
// they begin with the same epoch and all is the same.
func (x Export) marks(other string, wallets ...chain.WalletID) []Mark {
	var marks []Mark
	var digest Hash
	for _, k := range x.Epochs {
		seal := k.Seal.Hash()
		b := append(append([]byte("walletnode/feed/trail/1\x00"), digest[:]...), seal[:]...)
		for _, p := range k.shared(x.Mailbox, other, wallets...) {
			b = append(putU64(b, uint64(p.seq)), p.hash[:]...)
		}
		for _, s := range k.strays(x.Mailbox, other) { // of an honest instance none
			if len(wallets) == 0 || slices.Contains(wallets, s.wallet) {
				b = append(putU64(b, uint64(s.seq)), s.hash[:]...)
			}
		}
		digest = sha256.Sum256(b)
		marks = append(marks, Mark{Epoch: k.Epoch, Digest: digest})
	}
	return marks
}

// partsAt walks two trails back from their ends to the first epoch in which they differ. False: they agree.
func partsAt(a, b []Mark) (Epoch, bool) {
	n := min(len(a), len(b))
	for n > 0 && a[n-1] != b[n-1] {
		n--
	}
	if n == len(a) || n == len(b) {
		return 0, false
	}
	return a[n].Epoch, true
}

// Match is what another subscriber's trail comes to beside the epochs that one keeps.
type Match struct {
	Same    []Epoch // that agree, ascending; none after the first difference
	Untold  []Epoch // with one seal, of which more cannot be told: two mailboxes that want different things, and heads alone
	Differs bool
	At      Epoch // the first that differs
	Heads   bool  // it differs by heads: nothing is left to prove it by
}

// Follow holds another subscriber's trail against the epochs that one keeps of the same instance.
func (t Trail) Follow(mailbox string, kept []Kept) (m Match) {
	own := make(map[Epoch]Kept, len(kept))
	for _, k := range kept {
		own[k.Epoch] = k
	}
	for _, theirs := range t.Outlines {
		k, both := own[theirs.Epoch]
		if !both {
			continue
		}
		ours := k.outline(mailbox)
		alike := ours.Wants == theirs.Wants && ours.Wants != (Hash{})
		switch {
		case ours.Seal != theirs.Seal, alike && ours.Lanes != theirs.Lanes:
			m.Differs, m.At, m.Heads = true, theirs.Epoch, true
			return m
		case alike:
			m.Same = append(m.Same, theirs.Epoch)
		default:
			m.Untold = append(m.Untold, theirs.Epoch)
		}
	}
	x := Export{Mailbox: mailbox}
	for _, mark := range t.Marks { // up to the first that is not whole here
		k, both := own[mark.Epoch]
		if !both || k.Heads != nil {
			break
		}
		x.Epochs = append(x.Epochs, k)
	}
	marks := x.marks(t.Mailbox)
	at, parts := partsAt(marks, t.Marks)
	m.Differs, m.At = parts, at
	for _, mark := range marks {
		if parts && mark.Epoch == at {
			break
		}
		m.Same = append(m.Same, mark.Epoch)
	}
	return m
}

// Encode writes the trail's one form.
func (t Trail) Encode() []byte {
	b := putU32(putName(putName([]byte(trailDomain), t.Instance), t.Mailbox), uint32(len(t.Outlines)))
	for _, o := range t.Outlines {
		b = append(append(append(putU64(b, uint64(o.Epoch)), o.Seal[:]...), o.Wants[:]...), o.Lanes[:]...)
	}
	b = putU32(b, uint32(len(t.Marks)))
	for _, m := range t.Marks {
		b = append(putU64(b, uint64(m.Epoch)), m.Digest[:]...)
	}
	return b
}

// DecodeTrail accepts what Encode writes. Errors are ErrMalformed.
func DecodeTrail(data []byte) (Trail, error) {
	if len(data) > MaxTrail {
		return Trail{}, malformed("a trail of %d bytes where at most %d belong", len(data), MaxTrail)
	}
	r := reader{rest: data}
	r.header(trailDomain)
	t := Trail{Instance: r.name(), Mailbox: r.name()}
	var epochs []Epoch
	for range r.count(maxHeads+MaxKeep, 8+3*32) {
		o := Outline{Epoch: Epoch(r.u64()), Seal: r.hash(), Wants: r.hash(), Lanes: r.hash()}
		t.Outlines, epochs = append(t.Outlines, o), append(epochs, o.Epoch)
	}
	for range r.count(MaxKeep, 8+32) {
		m := Mark{Epoch: Epoch(r.u64()), Digest: r.hash()}
		t.Marks, epochs = append(t.Marks, m), append(epochs, m.Epoch)
	}
	if !slices.IsSorted(epochs) || len(slices.Compact(epochs)) != len(t.Outlines)+len(t.Marks) {
		r.fail("epochs that do not ascend")
	}
	return t, r.end("trail")
}
