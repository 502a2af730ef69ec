package feed

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

const commitmentDomain = "walletnode/feed/commitment/1\x00"

// Way tells the kinds of streams that are counted apart.
type Way uint8

// The ways, in the order in which they stand in a commitment.
const (
	BySource Way = 1 + iota // one source's items, in its own order: hashes of items
	ByShard                 // one receiver's records, in the order of their numbers
	ByLane                  // one receiver's records for one mailbox
	wayEnd
)

// Label names a stream.
type Label struct {
	Way   Way
	Name  string // the source or the mailbox; none of a shard
	Shard uint16 // 0 of a source
}

func (l Label) compare(o Label) int {
	return cmp.Or(cmp.Compare(l.Way, o.Way), cmp.Compare(l.Name, o.Name), cmp.Compare(l.Shard, o.Shard))
}

// Tally is what passed in one stream in one epoch: how many, and the root of their hashes. Nothing has no tally.
type Tally struct {
	Label Label
	Count uint64
	Root  Hash
}

// SortTallies puts tallies into the order of a commitment.
func SortTallies(t []Tally) {
	slices.SortFunc(t, func(a, b Tally) int { return a.Label.compare(b.Label) })
}

// Head is where a mailbox ends with an epoch.
type Head struct {
	Mailbox string
	Number  Number // of the last entry; 0 of an empty mailbox
	Chain   Hash   // of the last entry
	Closed  bool   // since a gap: what the tallies count after it was not kept
}

// Commitment is what one stage says of one epoch, signed: what came in and what went out. What it must have carried through
// unchanged stands on both sides: the inbox each source's items, the router each shard's records, receivers and outboxes each lane.
// A stage whose two sides differ accepts the blame by its own signature.
type Commitment struct {
	Actor     Actor
	Epoch     Epoch
	In, Out   []Tally
	Heads     []Head // of an outbox: its mailboxes, ascending by name
	Signature Signature
}

// OutboxOf is which of count outboxes keeps a mailbox.
func OutboxOf(mailbox string, count int) int {
	h := fnv.New32a()
	h.Write([]byte(mailbox))
	return int(h.Sum32() % uint32(count))
}

// ShardOf is which of count receivers has a wallet's records.
func ShardOf(w chain.WalletID, count int) int {
	return int(binary.BigEndian.Uint64(w[:8]) % uint64(count))
}

func putTallies(b []byte, list []Tally) []byte {
	b = putU32(b, uint32(len(list)))
	for _, t := range list {
		b = append(b, byte(t.Label.Way), byte(len(t.Label.Name)))
		b = putU16(append(b, t.Label.Name...), t.Label.Shard)
		b = append(putU64(b, t.Count), t.Root[:]...)
	}
	return b
}

func (r *reader) tallies() []Tally {
	list := make([]Tally, r.count(maxTallies, 1+1+2+8+32))
	for i := range list {
		t := &list[i]
		if t.Label.Way = Way(r.u8()); t.Label.Way == ByShard {
			if r.u8() != 0 {
				r.fail("a shard has no name")
			}
		} else {
			t.Label.Name = r.name()
		}
		t.Label.Shard, t.Count, t.Root = r.u16(), r.u64(), r.hash()
		switch {
		case r.err != nil:
			return nil
		case t.Label.Way == 0 || t.Label.Way >= wayEnd || t.Label.Shard >= MaxShards || t.Count == 0:
			r.fail("tally of nothing")
		case i > 0 && list[i-1].Label.compare(t.Label) >= 0:
			r.fail("tallies that do not ascend")
		}
	}
	return list
}

// InRoot sums up what came in.
func (c Commitment) InRoot() Hash {
	return sha256.Sum256(putTallies([]byte("walletnode/feed/in/1\x00"), c.In))
}

// OutRoot sums up what went out, and where the mailboxes end.
func (c Commitment) OutRoot() Hash {
	return sha256.Sum256(putHeads(putTallies([]byte("walletnode/feed/out/1\x00"), c.Out), c.Heads))
}

func putHeads(b []byte, heads []Head) []byte {
	b = putU32(b, uint32(len(heads)))
	for _, h := range heads {
		b = append(putU64(putName(b, h.Mailbox), uint64(h.Number)), h.Chain[:]...)
		b = append(b, yes(h.Closed))
	}
	return b
}

func yes(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func (r *reader) heads() []Head {
	list := make([]Head, r.count(MaxMailboxes, 2+8+32+1))
	for i := range list {
		list[i] = Head{Mailbox: r.name(), Number: Number(r.u64()), Chain: r.hash(), Closed: r.boolean()}
		if i > 0 && list[i-1].Mailbox >= list[i].Mailbox {
			r.fail("mailboxes that do not ascend")
		}
	}
	return list
}

// text is what is signed: the epoch root.
func (c Commitment) text() []byte {
	in, out := c.InRoot(), c.OutRoot()
	b := putU64(putActor([]byte(commitmentDomain), c.Actor), uint64(c.Epoch))
	return append(append(b, in[:]...), out[:]...)
}

// Sign signs the epoch root.
func (c *Commitment) Sign(s Signer) { c.Signature = s.sign(c.text()) }

// Verify refuses a commitment that its actor's instance did not sign.
func (c Commitment) Verify(keys Keyring) error {
	return keys.verify(c.Actor, c.text(), c.Signature, since(c.Epoch+1))
}

func (c Commitment) append(b []byte) []byte {
	b = putTallies(putActor(b, c.Actor), c.In)
	return append(putHeads(putTallies(b, c.Out), c.Heads), c.Signature[:]...)
}

func (r *reader) commitment(e Epoch) Commitment {
	return Commitment{
		Actor: r.actor(), Epoch: e, In: r.tallies(), Out: r.tallies(),
		Heads: r.heads(), Signature: r.signature(),
	}
}

// find returns the tally of a stream; nothing has count 0.
func find(list []Tally, label Label) Tally {
	i, ok := slices.BinarySearchFunc(list, label, func(t Tally, l Label) int { return t.Label.compare(l) })
	if !ok {
		return Tally{Label: label, Root: emptyRoot}
	}
	return list[i]
}

// of returns the tallies of one way.
func of(list []Tally, way Way) []Tally {
	from, _ := slices.BinarySearchFunc(list, way, func(t Tally, w Way) int { return cmp.Compare(t.Label.Way, w) })
	to, _ := slices.BinarySearchFunc(list, way+1, func(t Tally, w Way) int { return cmp.Compare(t.Label.Way, w) })
	return list[from:to]
}
