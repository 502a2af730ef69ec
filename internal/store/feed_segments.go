package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Facts, records and entries are stored as segments: one row for what is written at once, since a row costs ten times what its bytes
// do. A segment is read as a whole, so it is bounded.
const (
	segmentItems = 256
	segmentBytes = 1 << 20 // of payloads, unless one alone is longer; no more than a server takes in a moment
)

// segments cuts a list into what fits a segment each.
func segments[T any](list []T, size func(*T) int) (all [][]T) {
	begun, bytes := 0, 0
	for i := range list {
		own := size(&list[i])
		if i > begun && (i-begun == segmentItems || bytes+own > segmentBytes) {
			all, begun, bytes = append(all, list[begun:i]), i, 0
		}
		bytes += own
	}
	if begun < len(list) {
		all = append(all, list[begun:])
	}
	return all
}

// continued is a list with what follows it.
func continued[T any](list, more []T) []T {
	if list == nil {
		return more
	}
	return append(list, more...)
}

// page cuts a list to a limit, and to a page's bytes unless the first one alone is longer.
func page[T any](list []T, limit int, size func(*T) int) []T {
	bytes := 0
	for i := range list {
		if bytes += size(&list[i]); i == limit || i > 0 && bytes > pipeline.MaxPage {
			return list[:i]
		}
	}
	return list
}

// span is a range of numbers, both ends included; the zero value is empty.
type span struct{ first, last natural }

func (s span) empty() bool { return s.last == 0 }

// run chooses the segments that a page from a number on is in. The query has the key's values, the number and a limit as its arguments,
// and returns first and last number, how many there are, and the payloads' bytes of segments, ascending. With whole it ends where numbers are
// left out.
func (r Reader) run(ctx context.Context, whole bool, from natural, limit int, query string, key ...any) (s span, err error) {
	type piece struct {
		span
		count natural // as many as there are numbers, or fewer
		size  int64   // bytes
	}
	rows, err := r.db.QueryContext(ctx, query, append(key, from, limit)...)
	pieces, err := collect(rows, err, func(row scanner) (p piece, err error) { return p, row.Scan(&p.first, &p.last, &p.count, &p.size) })
	items, bytes := natural(0), int64(0)
	for i, p := range pieces {
		if p.first > p.last {
			return span{}, fmt.Errorf("%w: numbers %d to %d", ErrCorrupt, p.first, p.last)
		}
		if i > 0 && (items >= natural(limit) || bytes > pipeline.MaxPage || whole && p.first != s.last+1) {
			break
		}
		if i == 0 {
			s.first = p.first
		}
		s.last = p.last
		if skipped := max(from, p.first) - p.first; p.count > skipped { // so many at least come after them
			items += p.count - skipped
		}
		bytes += p.size
	}
	return s, err
}

// In a segment each value stands behind its length, four bytes big-endian.

var errSegment = errors.New("the segment is not one that was written here")

func frame(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...) //nolint:gosec // a segment is far shorter than 4 GiB
}

// framed writes the length of the value that ends b, for which noLength was put before it.
func framed(b []byte, from int) []byte {
	binary.BigEndian.PutUint32(b[from:], uint32(len(b)-from-len(noLength))) //nolint:gosec // as above
	return b
}

var noLength [4]byte

func unframe(b []byte) (v, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errSegment
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if b = b[4:]; n > uint64(len(b)) {
		return nil, nil, errSegment
	}
	return b[:n:n], b[n:], nil
}

// unframeAll reads a segment of framed values, each with read.
func unframeAll[T any](b []byte, read func([]byte) (T, error)) (list []T, err error) {
	list = make([]T, 0, min(len(b)/leastSize+1, segmentItems))
	for len(b) > 0 {
		var raw []byte
		if raw, b, err = unframe(b); err != nil {
			return nil, err
		}
		v, err := read(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// A record or an entry takes about usualSize in a segment, and hardly ever less than leastSize. Bytes.
const usualSize, leastSize = 256, 128

func encodeRecords(list []pipeline.Accepted) (records, payloads, witnesses []byte) {
	size := 0
	for i := range list {
		size += len(list[i].Payload)
	}
	records, payloads = make([]byte, 0, usualSize*len(list)), make([]byte, 0, size+4*len(list))
	items, by := make([]feed.Item, len(list)), make([]*feed.Witness, len(list))
	for i := range list {
		at := len(records)
		records = framed(list[i].Record.AppendTo(append(records, noLength[:]...)), at)
		payloads = frame(payloads, list[i].Payload)
		items[i], by[i] = list[i].Record.Item, list[i].Witness
	}
	return records, payloads, feed.EncodeWitnesses(items, by)
}

// decodeRecords reads the records of a segment. Their numbers ascend from its first to its last; those between that were collected are
// left out.
func decodeRecords(at span, stored []byte) ([]feed.Record, error) {
	list, err := unframeAll(stored, feed.DecodeRecord)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if i > 0 && list[i].Seq <= list[i-1].Seq {
			return nil, fmt.Errorf("record %d after %d: %w", list[i].Seq, list[i-1].Seq, errSegment)
		}
	}
	if len(list) == 0 || natural(list[0].Seq) != at.first || natural(list[len(list)-1].Seq) != at.last {
		return nil, errSegment
	}
	return list, nil
}

// decodeAccepted reads a segment's records with their payloads and what their origins signed.
func decodeAccepted(at span, records, payloads, witnesses []byte) ([]pipeline.Accepted, error) {
	list, err := decodeRecords(at, records)
	if err != nil {
		return nil, err
	}
	raw, err := unframeAll(payloads, func(b []byte) ([]byte, error) { return b, nil })
	if err == nil && len(raw) != len(list) {
		err = errSegment
	}
	if err != nil {
		return nil, err
	}
	full, items := make([]pipeline.Accepted, len(list)), make([]feed.Item, len(list))
	for i := range list {
		items[i] = list[i].Item
	}
	by, err := feed.DecodeWitnesses(items, witnesses)
	if err != nil {
		return nil, err
	}
	for i := range list {
		full[i] = pipeline.Accepted{Record: list[i], Payload: raw[i], Witness: by[i]}
	}
	return full, nil
}

// encodeEntries returns entries and, apart, the numbers of their records.
func encodeEntries(list []feed.Entry) (seqs, entries []byte) {
	seqs, entries = make([]byte, 0, 8*len(list)), make([]byte, 0, usualSize*len(list))
	for i := range list {
		at := len(entries)
		seqs, entries = binary.BigEndian.AppendUint64(seqs, uint64(list[i].Record.Seq)), framed(list[i].AppendTo(append(entries, noLength[:]...)), at)
	}
	return seqs, entries
}

// decodeEntries reads the entries of a segment, whose numbers leave none out.
func decodeEntries(mailbox string, at span, stored []byte) ([]feed.Entry, error) {
	list, err := unframeAll(stored, feed.DecodeEntry)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if natural(list[i].Number) != at.first+natural(i) || list[i].Mailbox != mailbox {
			return nil, fmt.Errorf("entry %d of %s: %w", list[i].Number, list[i].Mailbox, errSegment)
		}
	}
	if len(list) == 0 || natural(list[len(list)-1].Number) != at.last {
		return nil, errSegment
	}
	return list, nil
}

// decodeSeqs reads the numbers of the records that entries of a segment hold, 0 for a gap.
func decodeSeqs(stored []byte) ([]feed.Seq, error) {
	if len(stored)%8 != 0 {
		return nil, errSegment
	}
	list := make([]feed.Seq, len(stored)/8)
	for i := range list {
		list[i] = feed.Seq(binary.BigEndian.Uint64(stored[8*i:]))
	}
	return list, nil
}

// A segment's facts have one signature, which stands with the first of them. That of several is marked by a byte before it: programs of schema
// version 7 have one with each fact, and refuse it. Segments that those wrote are read as well.
const manyMark = 1

func encodeFacts(list []Fact, signature []byte) (b []byte) {
	size := 0
	for i := range list {
		size += len(list[i].Payload)
	}
	if len(list) > 1 && len(signature) > 0 {
		signature = append([]byte{manyMark}, signature...)
	}
	b = make([]byte, 0, size+64*len(list)+len(signature))
	for i := range list {
		f := &list[i]
		b = binary.BigEndian.AppendUint64(b, uint64(f.Window))
		b = append(append(b, f.Wallet[:]...), byte(f.Kind))
		b = frame(frame(b, signature), f.Payload)
		signature = nil
	}
	return b
}

// decodeFacts reads the facts of a segment.
func decodeFacts(origin string, at span, b []byte) (list []Fact, err error) {
	const fixedSize = 8 + len(chain.WalletID{}) + 1
	var many []byte
	list = make([]Fact, 0, min(at.last-at.first+1, segmentItems))
	for number := at.first; len(b) > 0; number++ {
		f := Fact{Origin: origin, Number: uint64(number)}
		if len(b) < fixedSize {
			return nil, errSegment
		}
		f.Window, f.Kind = chain.Height(binary.BigEndian.Uint64(b)), feed.Kind(b[fixedSize-1])
		copy(f.Wallet[:], b[8:])
		var signature []byte
		if signature, b, err = unframe(b[fixedSize:]); err != nil {
			return nil, err
		}
		if f.Payload, b, err = unframe(b); err != nil {
			return nil, err
		}
		switch {
		case !f.Kind.Valid() || many != nil && len(signature) > 0:
			return nil, errSegment
		case len(signature) == len(feed.Signature{}):
			f.Witness = &feed.Witness{Origin: feed.Origin{Source: origin, Number: f.Number}, Count: 1, Signature: feed.Signature(signature)}
		case number == at.first && len(signature) == 1+len(feed.Signature{}) && signature[0] == manyMark:
			many = signature[1:]
		case len(signature) > 0:
			return nil, errSegment
		}
		list = append(list, f)
	}
	if len(list) == 0 || natural(list[len(list)-1].Number) != at.last || many != nil && (len(list) == 1 || len(list) > feed.MaxTogether) {
		return nil, errSegment
	}
	if many != nil {
		for i, w := range feed.Witnesses(items(list), feed.Signature(many)) {
			list[i].Witness = w
		}
	}
	return list, nil
}
