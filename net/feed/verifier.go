package feed

import (
	"fmt"
	"math/bits"
)

// Verifier verifies witnesses one after the other. Of a signature that is for many it keeps what it has verified, until another one comes: then
// each further witness costs one hash or two. Keys may be replaced by more of them. It belongs to one goroutine.
type Verifier struct {
	Keys Keyring

	last  Witness  // by its signature; Count is 0 if there is none
	known [][]Hash // parts of its tree that are verified, zero for others: by level, and by the place among those of that level
}

// part is one of a tree: that of count leaves from one on.
type part struct{ lo, count uint32 }

// halves cuts a part in two.
func (p part) halves() (left, right part) {
	n := uint32(split(uint64(p.count)))
	return part{p.lo, n}, part{p.lo + n, p.count - n}
}

// Verify is Keyring.VerifyWitness.
func (v *Verifier) Verify(item Item, w Witness) error {
	if err := w.check(); err != nil {
		return err
	}
	told := w.told(item)
	if told.Source != w.Origin.Source || told.Number != w.Origin.Number {
		return fmt.Errorf("number %d of %s, for %d of %s: %w", w.Origin.Number, w.Origin.Source, told.Number, told.Source, ErrSignature)
	}
	leaf := told.Hash()
	if v.last.Count > 0 && v.last.same(w) && v.joins(leaf, w) {
		return nil
	}
	root, ok := rootBy(leaf, uint64(w.Index), uint64(w.Count), w.Path)
	if !ok {
		return malformed("a path of %d hashes for %d of %d", len(w.Path), w.Index, w.Count)
	}
	if err := v.Keys.verify(Actor{Instance: told.Source}, together(root, w.Count), w.Signature, numbered(w.Origin.Number)); err != nil {
		return err
	}
	if w.Count > 1 {
		v.begin(w, root)
		v.joins(leaf, w)
	}
	return nil
}

// begin forgets what is known, and knows a root.
func (v *Verifier) begin(w Witness, root Hash) {
	v.last = w
	levels := bits.Len32(w.Count-1) + 1
	for len(v.known) < levels {
		v.known = append(v.known, nil)
	}
	for k := range v.known[:levels] {
		n := int(w.Count>>k) + 1
		if cap(v.known[k]) < n {
			v.known[k] = make([]Hash, n)
		}
		v.known[k] = v.known[k][:n]
		clear(v.known[k])
	}
	*v.at(part{0, w.Count}) = root
}

// at is where a part's hash is kept. No two parts of a tree have the same place.
func (v *Verifier) at(p part) *Hash {
	k := bits.Len32(p.count - 1)
	return &v.known[k][p.lo>>k]
}

// joins is whether a leaf's path leads to a part that is known, and goes on as that one's does. Then all of it is known.
func (v *Verifier) joins(leaf Hash, w Witness) bool {
	var space [maxTogetherPath + 1]struct { // of the parts that the leaf is in, from the root down, and of the other half of each one's whole
		part, other part
		hash        Hash
	}
	way := space[:len(w.Path)+1]
	way[0].part = part{0, w.Count}
	for i := 1; i < len(way); i++ {
		left, right := way[i-1].part.halves()
		if w.Index < right.lo {
			way[i].part, way[i].other = left, right
		} else {
			way[i].part, way[i].other = right, left
		}
	}
	at := len(way) - 1 // the known part
	for way[at].hash = leaf; *v.at(way[at].part) == (Hash{}); at-- {
		side := w.Path[len(way)-1-at]
		if way[at].part.lo < way[at].other.lo {
			way[at-1].hash = node(way[at].hash, side)
		} else {
			way[at-1].hash = node(side, way[at].hash)
		}
	}
	if *v.at(way[at].part) != way[at].hash {
		return false
	}
	for i := at; i > 0; i-- {
		if *v.at(way[i].other) != w.Path[len(way)-1-i] {
			return false
		}
	}
	for i := at + 1; i < len(way); i++ {
		*v.at(way[i].part), *v.at(way[i].other) = way[i].hash, w.Path[len(way)-1-i]
	}
	return true
}
