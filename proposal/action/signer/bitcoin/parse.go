package bitcoin

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

const (
	// MaxTransaction is the longest transaction that is read, in bytes: what nodes relay weighs no more than 400 000.
	MaxTransaction = 400_000
	// maxValue is more than any output can have: 21 million bitcoin.
	maxValue = 21_000_000 * 100_000_000
)

// The fewest bytes that a part of a transaction takes: they bound what a count can make us allocate.
const (
	minInput  = 32 + 4 + 1 + 4
	minOutput = 8 + 1
	minItem   = 1
)

var errCut = errors.New("it ends too early")

// Parse reads one transaction, with or without signatures, and nothing after it. Each has one form that is accepted: lengths
// take as few bytes as they can, there is an input and an output, no outpoint twice, values are money.
//
// The library's own decoder is not given what others wrote: it allocates by counts that the sender claims, and a script's
// claimed length can make it panic.
func Parse(raw []byte) (*wire.MsgTx, error) {
	if len(raw) > MaxTransaction {
		return nil, fmt.Errorf("transaction: %d bytes are more than %d", len(raw), MaxTransaction)
	}
	r := &reader{rest: raw}
	tx := r.transaction()
	if r.err == nil && len(r.rest) > 0 {
		r.fail(fmt.Errorf("%d bytes follow it", len(r.rest)))
	}
	if r.err == nil {
		r.fail(sound(tx))
	}
	if r.err != nil {
		return nil, fmt.Errorf("transaction: %w", r.err)
	}
	return tx, nil
}

// ParseUnsigned is Parse for a transaction that nobody has signed.
func ParseUnsigned(raw []byte) (*wire.MsgTx, error) {
	tx, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	for i, in := range tx.TxIn {
		if len(in.SignatureScript) > 0 || len(in.Witness) > 0 {
			return nil, fmt.Errorf("transaction: input %d is signed already", i)
		}
	}
	return tx, nil
}

// txID returns a transaction's name as it is shown to people: its hash, turned round, in hex.
func txID(tx *wire.MsgTx) string { return tx.TxID() }

func sound(tx *wire.MsgTx) error {
	spent := make(map[wire.OutPoint]bool, len(tx.TxIn))
	for _, in := range tx.TxIn {
		if spent[in.PreviousOutPoint] {
			return fmt.Errorf("it spends %v twice", in.PreviousOutPoint)
		}
		spent[in.PreviousOutPoint] = true
	}
	var total int64
	for i, out := range tx.TxOut {
		if out.Value < 0 || out.Value > maxValue-total {
			return fmt.Errorf("output %d makes more than all bitcoin", i)
		}
		total += out.Value
	}
	return nil
}

// reader takes a transaction apart from the left. After an error everything that it reads is empty.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) transaction() *wire.MsgTx {
	tx := &wire.MsgTx{Version: int32(r.uint32())} //nolint:gosec // four bytes, as they are
	signed := len(r.rest) > 1 && r.rest[0] == 0   // BIP-144: no inputs mark a transaction with witnesses
	if signed {
		if r.rest[1] != wire.WitnessFlag {
			r.fail(errors.New("it has no inputs"))
		}
		r.bytes(2)
	}
	for range r.count(minInput) {
		tx.TxIn = append(tx.TxIn, r.input())
	}
	for range r.count(minOutput) {
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: int64(r.uint64()), PkScript: r.bytes(r.count(1))}) //nolint:gosec // checked by sound
	}
	if r.err == nil && (len(tx.TxIn) == 0 || len(tx.TxOut) == 0) {
		r.fail(errors.New("it has no inputs, or no outputs"))
	}
	if signed {
		r.witnesses(tx)
	}
	tx.LockTime = r.uint32()
	return tx
}

func (r *reader) input() *wire.TxIn {
	in := new(wire.TxIn)
	copy(in.PreviousOutPoint.Hash[:], r.bytes(chainhash.HashSize))
	in.PreviousOutPoint.Index = r.uint32()
	in.SignatureScript = r.bytes(r.count(1))
	in.Sequence = r.uint32()
	return in
}

func (r *reader) witnesses(tx *wire.MsgTx) {
	items := 0
	for _, in := range tx.TxIn {
		for range r.count(minItem) {
			in.Witness = append(in.Witness, r.bytes(r.count(1)))
			items++
		}
	}
	if items == 0 {
		r.fail(errors.New("it has witnesses without content")) // a second form of one transaction
	}
}

// count reads a number of parts that take at least size bytes each. There are no more than the rest has room for.
func (r *reader) count(size int) int {
	var n, least uint64
	switch lead := r.byte(); lead {
	case 0xfd:
		n, least = uint64(r.uint16()), 0xfd
	case 0xfe:
		n, least = uint64(r.uint32()), 0x1_0000
	case 0xff:
		n, least = r.uint64(), 0x1_0000_0000
	default:
		n = uint64(lead)
	}
	switch {
	case r.err != nil:
	case n < least:
		r.fail(errors.New("a length is written with more bytes than it takes"))
	case n > uint64(len(r.rest)/size): //nolint:gosec // not negative
		r.fail(errCut)
	default:
		return int(n) //nolint:gosec // at most the rest's length
	}
	return 0
}

// bytes returns a copy: what is parsed does not change with the buffer that it was read from. Nil for none.
func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail(errCut)
	}
	if r.err != nil || n == 0 {
		return nil
	}
	taken := append([]byte(nil), r.rest[:n]...)
	r.rest = r.rest[n:]
	return taken
}

// number returns n bytes, zeros after an error.
func (r *reader) number(n int) []byte {
	if taken := r.bytes(n); taken != nil {
		return taken
	}
	return make([]byte, n)
}

func (r *reader) byte() byte     { return r.number(1)[0] }
func (r *reader) uint16() uint16 { return binary.LittleEndian.Uint16(r.number(2)) }
func (r *reader) uint32() uint32 { return binary.LittleEndian.Uint32(r.number(4)) }
func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.number(8)) }
