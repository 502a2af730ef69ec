package feed

import (
	"encoding/binary"
	"fmt"
)

// The canonical form of all values here: numbers big-endian in their full width, names after one byte of length, lists after
// four bytes of count. There is one form of each value, and a decoder accepts that one alone.

func putName(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
func putU16(b []byte, v uint16) []byte  { return binary.BigEndian.AppendUint16(b, v) }
func putU32(b []byte, v uint32) []byte  { return binary.BigEndian.AppendUint32(b, v) }
func putU64(b []byte, v uint64) []byte  { return binary.BigEndian.AppendUint64(b, v) }

func putBytes(b, v []byte) []byte { return append(putU32(b, uint32(len(v))), v...) }

func putActor(b []byte, a Actor) []byte {
	return putU16(append(putName(b, a.Instance), byte(a.Stage)), a.Index)
}

// reader takes values off the front of bytes. The first thing wrong is kept, and all that is read after it is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = malformed(format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.rest) {
		r.fail("it ends too early")
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) hash() (h Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *reader) boolean() bool {
	v := r.u8()
	if v > 1 {
		r.fail("%d is neither yes nor no", v)
	}
	return v == 1
}

func (r *reader) name() string {
	s := string(r.take(int(r.u8())))
	if r.err == nil {
		r.err = CheckName(s)
	}
	return s
}

func (r *reader) actor() Actor {
	a := Actor{Instance: r.name(), Stage: Stage(r.u8()), Index: r.u16()}
	count := 1
	switch a.Stage { // the audit's time grows with how many there are
	case Receiver:
		count = MaxShards
	case Outbox:
		count = MaxOutboxes
	}
	if a.Stage >= stageEnd || int(a.Index) >= count {
		r.fail("there is no %v %d", a.Stage, a.Index)
	}
	return a
}

// bytes reads at most limit bytes, copied.
func (r *reader) bytes(limit int) []byte {
	n := r.u32()
	if r.err == nil && int64(n) > int64(limit) {
		r.fail("%d bytes where at most %d belong", n, limit)
	}
	if r.err != nil {
		return nil
	}
	return append([]byte(nil), r.take(int(n))...)
}

// count reads the length of a list whose elements take at least size bytes each.
func (r *reader) count(limit, size int) int {
	n := r.u32()
	if r.err == nil && (int64(n) > int64(limit) || int64(n)*int64(size) > int64(len(r.rest))) {
		r.fail("a list of %d where at most %d belong", n, limit)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// header reads the text that tells what kind of value this is.
func (r *reader) header(domain string) {
	if b := r.take(len(domain)); r.err == nil && string(b) != domain {
		r.fail("it does not begin as it must")
	}
}

// end returns the first thing wrong; something left over is wrong.
func (r *reader) end(what string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes are left over", len(r.rest))
	}
	if r.err != nil {
		return fmt.Errorf("%s: %w", what, r.err)
	}
	return nil
}
