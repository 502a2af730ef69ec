package feed

import (
	"cmp"
	"math/bits"
	"slices"
)

const witnessesDomain = "walletnode/feed/witnesses/1\x00"

// EncodeWitnesses writes the witnesses of a list of items, as they stand in their records, nil for those that have none: those of one
// signature in a row share it, and of their tree only what cannot be computed from the items is written. Nil if none has one.
func EncodeWitnesses(items []Item, list []*Witness) []byte {
	var b []byte
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && follows(list[to-1], list[to]) {
			to++
		}
		if b == nil && list[from] == nil && to == len(list) {
			return nil
		}
		if b == nil {
			b = append(make([]byte, 0, len(witnessesDomain)+256+2*len(list)), witnessesDomain...)
		}
		b = putU32(b, uint32(to-from))
		b = appendGroup(b, list[from:to])
		from = to
	}
	return b
}

// follows is whether a witness is written with the one before it.
func follows(before, w *Witness) bool {
	if before == nil || w == nil {
		return before == w
	}
	return before.same(*w) && before.Index < w.Index
}

func appendGroup(b []byte, list []*Witness) []byte {
	w := list[0]
	if w == nil {
		return append(b, 0)
	}
	b = putU64(putName(append(b, 1), w.Origin.Source), w.first())
	b = append(putU32(b, w.Count), w.Signature[:]...)
	for _, w := range list {
		b = putU16(b, uint16(w.Index))
	}
	return appendOthers(b, list, 0, w.Count, 0)
}

// appendOthers writes the roots of the largest parts of a tree that have no leaf in a list, from left to right: the part of the tree that begins with
// leaf lo has count leaves and lies so deep.
func appendOthers(b []byte, list []*Witness, lo, count uint32, depth int) []byte {
	if count == 1 {
		return b
	}
	half := uint32(split(uint64(count)))
	at := indexed(list, lo+half)
	for _, side := range []struct {
		list      []*Witness
		lo, count uint32
	}{{list[:at], lo, half}, {list[at:], lo + half, count - half}} {
		if len(side.list) == 0 {
			other := list[0].Path[len(list[0].Path)-1-depth]
			b = append(b, other[:]...)
		} else {
			b = appendOthers(b, side.list, side.lo, side.count, depth+1)
		}
	}
	return b
}

// indexed is the place of the first witness that is not before an index.
func indexed(list []*Witness, index uint32) int {
	at, _ := slices.BinarySearchFunc(list, index, func(w *Witness, i uint32) int { return cmp.Compare(w.Index, i) })
	return at
}

// DecodeWitnesses accepts what EncodeWitnesses writes of these items. Errors are ErrMalformed. It verifies no signature, nor that what an
// echo repeats is what it says.
func DecodeWitnesses(items []Item, data []byte) ([]*Witness, error) {
	list := make([]*Witness, len(items))
	if len(data) == 0 {
		return list, nil
	}
	r := reader{rest: data}
	r.header(witnessesDomain)
	some := false
	for from := 0; from < len(items) && r.err == nil; {
		n := int(r.u32())
		if r.err == nil && (n == 0 || n > len(items)-from) {
			r.fail("%d witnesses where %d items are left", n, len(items)-from)
		}
		if r.err != nil {
			break
		}
		if r.boolean() {
			r.group(items[from:from+n], list[from:from+n])
			some = true
		}
		if r.err == nil && from > 0 && follows(list[from-1], list[from]) {
			r.fail("what is of one signature stands apart")
		}
		from += n
	}
	if r.err == nil && !some {
		r.fail("no item has a witness")
	}
	if err := r.end("witnesses"); err != nil {
		return nil, err
	}
	return list, nil
}

// group reads the witnesses of one signature.
func (r *reader) group(items []Item, list []*Witness) {
	source, first, count, by := r.name(), r.u64(), r.u32(), r.signature()
	all := make([]Witness, len(items))
	for i := range all {
		w := &all[i]
		w.Index, w.Count, w.Signature = uint32(r.u16()), count, by
		w.Origin = Origin{source, first + uint64(w.Index)}
		list[i] = w
		if r.err != nil {
			return
		}
		if first == 0 || w.Origin.Number < first || count == 0 || count > MaxTogether || w.Index >= count || IsEcho(source) ||
			i > 0 && w.Index <= all[i-1].Index {
			r.fail("%d of %d of a signature, from number %d of %s on", w.Index, count, first, source)
			return
		}
		if told := w.told(items[i]); told.Source != source || told.Number != w.Origin.Number {
			r.fail("number %d of %s for %d of %s", w.Origin.Number, source, told.Number, told.Source)
			return
		}
	}
	joinPaths(items, list, r)
}

// joinPaths gives witnesses of one signature, whose indices ascend, their paths. Where leaves are missing, others has what stands for them.
func joinPaths(items []Item, list []*Witness, others *reader) {
	count := list[0].Count
	depth := bits.Len32(count - 1)
	space := make([]Hash, len(list)*depth)
	leaves := make([]Hash, len(list))
	for i, w := range list {
		w.Path = space[i*depth : i*depth : (i+1)*depth]
		leaves[i] = w.told(items[i]).Hash()
	}
	joinPath(list, leaves, 0, count, others)
	for _, w := range list {
		if len(w.Path) == 0 {
			w.Path = nil
		}
	}
}

// joinPath returns the root of the part of the tree that begins with leaf lo and has count leaves.
func joinPath(list []*Witness, leaves []Hash, lo, count uint32, others *reader) Hash {
	if len(list) == 0 {
		return others.hash()
	}
	if count == 1 {
		return leaves[0]
	}
	half := uint32(split(uint64(count)))
	at := indexed(list, lo+half)
	left := joinPath(list[:at], leaves[:at], lo, half, others)
	right := joinPath(list[at:], leaves[at:], lo+half, count-half, others)
	for _, w := range list[:at] {
		w.Path = append(w.Path, right)
	}
	for _, w := range list[at:] {
		w.Path = append(w.Path, left)
	}
	return node(left, right)
}
