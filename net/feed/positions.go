package feed

import (
	"cmp"
	"slices"
)

// Position is how far a source was taken in.
type Position struct {
	Source string
	Number uint64
}

// PositionOf returns a source's number among positions, which ascend; 0 if it is not there.
func PositionOf(list []Position, source string) uint64 {
	i, ok := slices.BinarySearchFunc(list, source, func(p Position, s string) int { return cmp.Compare(p.Source, s) })
	if !ok {
		return 0
	}
	return list[i].Number
}

// checkPositions puts positions into order, each source once.
func checkPositions(list []Position) error {
	slices.SortFunc(list, func(a, b Position) int { return cmp.Compare(a.Source, b.Source) })
	for i, p := range list {
		if err := CheckName(p.Source); err != nil {
			return err
		}
		if i > 0 && list[i-1].Source == p.Source {
			return malformed("source %s has two positions", p.Source)
		}
	}
	return nil
}

func putPositions(b []byte, list []Position) []byte {
	b = putU32(b, uint32(len(list)))
	for _, p := range list {
		b = putU64(putName(b, p.Source), p.Number)
	}
	return b
}

func (r *reader) positions() []Position {
	var list []Position
	for range r.count(MaxSources, 1+1+8) {
		list = append(list, Position{Source: r.name(), Number: r.u64()})
		if n := len(list); n > 1 && list[n-2].Source >= list[n-1].Source {
			r.fail("positions that do not ascend")
		}
	}
	return list
}
