package wire

import "google.golang.org/protobuf/encoding/protowire"

// Scan reads the fields of an encoded protobuf message one after the other, without copying, for as long as they are
// spelled as EncodeEnvelope and its like spell them: ascending, each number in its shortest form. It is the short way
// for what nearly everybody sends. Whatever it does not read to the end may still be a message: then ask the decoder.
//
// Tags are those of fields 1 to 15, one byte each: the field's number times 8, plus 2 for bytes. What a default value
// would be is the caller's to refuse, for proto2 and proto3 differ there.
type Scan struct {
	rest []byte
	bad  bool
}

// NewScan begins to read a message.
func NewScan(data []byte) Scan { return Scan{rest: data} }

// Number reads a number if the next field has the tag, which is for a varint; 0 if it has another.
func (s *Scan) Number(tag byte) uint64 {
	if !s.at(tag) {
		return 0
	}
	v := s.Varint()
	s.bad = s.bad || v == 0 // proto3 does not write a zero
	return v
}

// Bytes reads bytes, which may be none, if the next field has the tag; false if it has another. They are part of the
// message.
func (s *Scan) Bytes(tag byte) ([]byte, bool) {
	if !s.at(tag) {
		return nil, false
	}
	n := s.Varint()
	if s.bad || n > uint64(len(s.rest)) {
		s.bad = true
		return nil, false
	}
	field := s.rest[:n:n]
	s.rest = s.rest[n:]
	return field, true
}

// Varint reads a number without a tag, as packed lists have them.
func (s *Scan) Varint() uint64 {
	v, n := protowire.ConsumeVarint(s.rest)
	if n < 0 || n != protowire.SizeVarint(v) {
		s.bad = true
		return 0
	}
	s.rest = s.rest[n:]
	return v
}

// More reports whether something is left to read.
func (s *Scan) More() bool { return !s.bad && len(s.rest) > 0 }

// Done reports whether everything was read, and spelled as it should be.
func (s *Scan) Done() bool { return !s.bad && len(s.rest) == 0 }

// at takes a tag off if it is the next one.
func (s *Scan) at(tag byte) bool {
	if s.bad || len(s.rest) == 0 || s.rest[0] != tag {
		return false
	}
	s.rest = s.rest[1:]
	return true
}
