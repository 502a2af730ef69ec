package scheme

import (
	"bytes"
	"encoding/binary"
)

// A shape is the form of a CBOR item: it consumes one item from the front and reports whether the item has it. The library's
// messages have one encoding each. Whatever has another form was not made by it, and never reaches its decoder.
type shape func(r *reader) bool

type reader struct{ rest []byte }

// The major types of CBOR (RFC 8949, section 3.1) that the library's messages consist of.
const (
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
)

const (
	cborFalse = 0xf4
	cborTrue  = 0xf5
	tagBigInt = 2
)

// has reports whether data is one item of the shape, and nothing else.
func (s shape) has(data []byte) bool {
	r := reader{data}
	return s(&r) && len(r.rest) == 0
}

// head reads an item's head in its shortest form, for lengths below 65536.
func (r *reader) head(major byte) (int, bool) {
	if len(r.rest) == 0 || r.rest[0]>>5 != major {
		return 0, false
	}
	n := int(r.rest[0] & 31)
	r.rest = r.rest[1:]
	switch {
	case n < 24:
		return n, true
	case n == 24 && len(r.rest) >= 1:
		n, r.rest = int(r.rest[0]), r.rest[1:]
		return n, n >= 24
	case n == 25 && len(r.rest) >= 2:
		n, r.rest = int(binary.BigEndian.Uint16(r.rest)), r.rest[2:]
		return n, n >= 256
	default:
		return 0, false
	}
}

// take reads a byte string of least to most bytes.
func (r *reader) take(least, most int) ([]byte, bool) {
	n, ok := r.head(majorBytes)
	if !ok || n < least || n > most || n > len(r.rest) {
		return nil, false
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, true
}

// field is an entry of a map.
type field struct {
	name  string
	value shape
}

// record is a map with exactly these entries in this order.
func record(fields ...field) shape {
	return func(r *reader) bool {
		if n, ok := r.head(majorMap); !ok || n != len(fields) {
			return false
		}
		for _, f := range fields {
			n, ok := r.head(majorText)
			if !ok || n != len(f.name) || n > len(r.rest) || string(r.rest[:n]) != f.name {
				return false
			}
			r.rest = r.rest[n:]
			if !f.value(r) {
				return false
			}
		}
		return true
	}
}

// list is an array of n items.
func list(n int, item shape) shape {
	return func(r *reader) bool {
		if got, ok := r.head(majorArray); !ok || got != n {
			return false
		}
		for range n {
			if !item(r) {
				return false
			}
		}
		return true
	}
}

// octets is a byte string of n bytes.
func octets(n int) shape { return octetsWithin(n, n) }

// octetsWithin is a byte string of least to most bytes.
func octetsWithin(least, most int) shape {
	return func(r *reader) bool {
		_, ok := r.take(least, most)
		return ok
	}
}

// wrapped is a byte string that consists of a prefix and an item.
func wrapped(prefix []byte, item shape) shape {
	return func(r *reader) bool {
		b, ok := r.take(len(prefix), 1<<16)
		return ok && bytes.HasPrefix(b, prefix) && item.has(b[len(prefix):])
	}
}

// bignum is a positive number of up to n bytes without leading zeros, and too long for an ordinary integer.
func bignum(n int) shape {
	return func(r *reader) bool {
		if tag, ok := r.head(majorTag); !ok || tag != tagBigInt {
			return false
		}
		b, ok := r.take(9, n)
		return ok && b[0] != 0
	}
}

// scalar is a number modulo the order of the curve. The library refuses one that is not below the order.
var scalar = octets(32)

// point is a point of the curve, compressed. The library would take any first byte but 3 for 2; it refuses what is not on the
// curve, and the identity has no encoding.
func point(r *reader) bool {
	b, ok := r.take(33, 33)
	return ok && (b[0] == 2 || b[0] == 3)
}

// flag is true or false.
func flag(r *reader) bool { return fixed(cborTrue)(r) || fixed(cborFalse)(r) }

// fixed is an item of one given byte.
func fixed(b byte) shape {
	return func(r *reader) bool {
		if len(r.rest) == 0 || r.rest[0] != b {
			return false
		}
		r.rest = r.rest[1:]
		return true
	}
}

// commitments are those to a polynomial with n coefficients, the first of which is not zero: the number of coefficients in
// four bytes, by which the library allocates, and then the coefficients themselves.
func commitments(n int) shape {
	return wrapped(binary.BigEndian.AppendUint32(nil, uint32(n)), record( //nolint:gosec // 255 at most
		field{"IsConstant", fixed(cborFalse)},
		field{"Coefficients", list(n, point)},
	))
}
