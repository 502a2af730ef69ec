package feed

import "crypto/sha256"

const (
	entryDomain = "walletnode/feed/entry/1\x00"
	linkDomain  = "walletnode/feed/link/1\x00"
	gapDomain   = "walletnode/feed/gap/1\x00"
)

// Entry is one place of a mailbox: a record, or the gap that closed the mailbox.
type Entry struct {
	Mailbox  string
	Number   Number
	Previous Hash // of the entry before it; zero before the first
	Shard    uint16
	Record   Record // zero where there is a gap
	Gap      *Gap
}

// Gap says that the mailbox was closed because it was full: from here on its records were not kept, until it opened again.
// It is signed when it is made.
type Gap struct {
	Outbox    Actor
	Epoch     Epoch
	First     Seq    // the first record that was not kept
	Unread    uint64 // entries that the subscriber had not acknowledged
	Signature Signature
}

func (e Entry) append(b []byte) []byte {
	b = putU64(putName(b, e.Mailbox), uint64(e.Number))
	b = putU16(append(b, e.Previous[:]...), e.Shard)
	if e.Gap == nil {
		return e.Record.append(append(b, 0))
	}
	b = e.Gap.body(append(b, 1))
	return append(b, e.Gap.Signature[:]...)
}

func (g Gap) body(b []byte) []byte {
	b = putActor(b, g.Outbox)
	return putU64(putU64(putU64(b, uint64(g.Epoch)), uint64(g.First)), g.Unread)
}

// Epoch is the epoch that the entry was made in.
func (e Entry) Epoch() Epoch {
	if e.Gap != nil {
		return e.Gap.Epoch
	}
	return e.Record.Epoch
}

// Hash names the entry and, by the link, all entries before it.
func (e Entry) Hash() Hash {
	if e.Gap != nil {
		return sha256.Sum256(e.append([]byte(entryDomain)))
	}
	return e.Link(e.Record.Hash())
}

// Link is the hash of an entry that is no gap, for who has the hash of its record.
func (e Entry) Link(record Hash) Hash {
	var space [160]byte
	b := putU64(putName(append(space[:0], linkDomain...), e.Mailbox), uint64(e.Number))
	b = putU16(append(b, e.Previous[:]...), e.Shard)
	return sha256.Sum256(append(b, record[:]...))
}

// Encode writes the entry's one form.
func (e Entry) Encode() []byte { return e.AppendTo(make([]byte, 0, usualSize)) }

// AppendTo appends the entry's one form.
func (e Entry) AppendTo(b []byte) []byte { return e.append(append(b, entryDomain...)) }

// DecodeEntry accepts what Encode writes. Errors are ErrMalformed.
func DecodeEntry(data []byte) (Entry, error) {
	r := reader{rest: data}
	e := r.entry()
	return e, r.end("entry")
}

func (r *reader) entry() Entry {
	r.header(entryDomain)
	e := Entry{Mailbox: r.name(), Number: Number(r.u64()), Previous: r.hash(), Shard: r.u16()}
	if e.Number == 0 || e.Shard >= MaxShards {
		r.fail("entries are counted from 1, and shards end before %d", MaxShards)
	}
	if !r.boolean() {
		e.Record = r.record()
		return e
	}
	e.Gap = &Gap{
		Outbox: r.actor(), Epoch: Epoch(r.u64()), First: Seq(r.u64()), Unread: r.u64(),
		Signature: r.signature(),
	}
	return e
}

// gapText is what is signed of a gap: what it says, and where it stands.
func (e Entry) gapText() []byte {
	b := putU64(putName([]byte(gapDomain), e.Mailbox), uint64(e.Number))
	return e.Gap.body(append(b, e.Previous[:]...))
}

// SignGap signs the entry's gap in the place that it has.
func (e *Entry) SignGap(s Signer) { e.Gap.Signature = s.sign(e.gapText()) }

// VerifyGap refuses a gap that its outbox did not sign for this place.
func (e Entry) VerifyGap(keys Keyring) error {
	return keys.verify(e.Gap.Outbox, e.gapText(), e.Gap.Signature, since(e.Gap.Epoch))
}
