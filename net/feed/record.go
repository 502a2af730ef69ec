package feed

import (
	"crypto/sha256"

	"github.com/walletnode/walletnode/chain"
)

const (
	itemDomain   = "walletnode/feed/item/1\x00"
	recordDomain = "walletnode/feed/record/1\x00"
	// numberedDomain is short, so that what is hashed of a record takes two blocks of SHA-256.
	numberedDomain = "feed/numbered/1\x00"
)

// Item is what a source hands over, without the payload's bytes. The source numbers its items itself, before the inbox sees them.
type Item struct {
	Source  string // who made it: the node's part, or another instance
	Number  uint64 // of the source, counted from 1; without gaps within a series
	Wallet  chain.WalletID
	Kind    Kind
	Size    uint32 // of the payload, bytes
	Payload Hash   // SHA-256 of the payload
}

// NewItem describes a payload.
func NewItem(source string, number uint64, wallet chain.WalletID, kind Kind, payload []byte) Item {
	return Item{
		Source: source, Number: number, Wallet: wallet, Kind: kind,
		Size: uint32(len(payload)), Payload: sha256.Sum256(payload),
	}
}

// Check refuses an item that no source may make.
func (i Item) Check() error {
	if err := CheckName(i.Source); err != nil {
		return err
	}
	switch {
	case i.Number == 0:
		return malformed("a source counts its items from 1")
	case !i.Kind.Valid():
		return malformed("there is no %v", i.Kind)
	case i.Size > MaxPayload:
		return malformed("a payload of %d bytes where at most %d belong", i.Size, MaxPayload)
	}
	return nil
}

// Holds is whether the payload is the item's.
func (i Item) Holds(payload []byte) bool {
	return uint32(len(payload)) == i.Size && sha256.Sum256(payload) == i.Payload
}

func (i Item) append(b []byte) []byte {
	b = putU64(putName(b, i.Source), i.Number)
	b = append(append(b, i.Wallet[:]...), byte(i.Kind))
	return append(putU32(b, i.Size), i.Payload[:]...)
}

func (r *reader) item() (i Item) {
	i.Source, i.Number = r.name(), r.u64()
	copy(i.Wallet[:], r.take(len(i.Wallet)))
	i.Kind, i.Size, i.Payload = Kind(r.u8()), r.u32(), r.hash()
	if r.err == nil {
		r.err = i.Check()
	}
	return i
}

// Hash names the item.
func (i Item) Hash() Hash {
	var space [128]byte
	return sha256.Sum256(i.append(append(space[:0], itemDomain...)))
}

// Record is an item with what the inbox gave it.
type Record struct {
	Seq        Seq
	Epoch      Epoch
	Recipients Hash // of the mailboxes it goes to, by the epoch's subscriptions
	Item       Item
}

// recordSize is the least a record takes, with a name of one character.
const recordSize = 8 + 8 + 32 + 2 + 8 + 20 + 1 + 4 + 32

func (rec Record) append(b []byte) []byte {
	b = putU64(putU64(b, uint64(rec.Seq)), uint64(rec.Epoch))
	return rec.Item.append(append(b, rec.Recipients[:]...))
}

func (r *reader) record() Record {
	rec := Record{Seq: Seq(r.u64()), Epoch: Epoch(r.u64()), Recipients: r.hash(), Item: r.item()}
	if rec.Seq == 0 {
		r.fail("records are counted from 1")
	}
	return rec
}

// usualSize is about what a record or an entry takes, bytes.
const usualSize = 256

// Encode writes the record's one form.
func (rec Record) Encode() []byte { return rec.AppendTo(make([]byte, 0, usualSize)) }

// AppendTo appends the record's one form.
func (rec Record) AppendTo(b []byte) []byte { return rec.append(append(b, recordDomain...)) }

// DecodeRecord accepts what Encode writes. Errors are ErrMalformed.
func DecodeRecord(data []byte) (Record, error) {
	r := reader{rest: data}
	r.header(recordDomain)
	rec := r.record()
	return rec, r.end("record")
}

// Hash names the record: all its fields, the payload by its own hash.
func (rec Record) Hash() Hash { return rec.Over(rec.Item.Hash()) }

// Over is the record's hash for who has that of its item.
func (rec Record) Over(item Hash) Hash {
	var space [128]byte
	b := putU64(putU64(append(space[:0], numberedDomain...), uint64(rec.Seq)), uint64(rec.Epoch))
	return sha256.Sum256(append(append(b, rec.Recipients[:]...), item[:]...))
}
