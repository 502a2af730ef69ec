package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// Entry is one line of a journal: what this instance is about to say for a (wallet, window).
type Entry struct {
	Wallet     chain.WalletID
	Window     chain.Height
	Holder     Holder
	Generation Generation
	Epoch      Epoch
	// Digest is that of Own: two entries say the same if it is equal.
	Digest [32]byte
	// Own is what is sent, kept so that a successor can send it again if the database forgot it.
	Own coordination.OwnProposal
}

// Digest tells proposals apart: SHA-256 of what is proposed. The envelope around it does not count.
func Digest(own coordination.OwnProposal) [32]byte { return sha256.Sum256(own.Payload) }

// newEntry is the entry for a claim's proposal, under the fence that it is sent with.
func newEntry(f Fence, window chain.Height, own coordination.OwnProposal) Entry {
	return Entry{
		Wallet: f.Wallet, Window: window, Holder: f.Holder, Generation: f.Generation, Epoch: f.Epoch,
		Digest: Digest(own), Own: own,
	}
}

// maxEntry bounds a record's body in bytes: both halves of a proposal are far below the largest message of the network.
const maxEntry = 1 << 20

// entryVersion is the first byte of a body. A reader refuses versions that it does not know.
const entryVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errTorn    = errors.New("record is torn")
	errDamaged = errors.New("record is damaged")
)

// appendRecord appends an entry's record: the body's length (4 bytes, big endian), its CRC-32C (4 bytes), the body.
func appendRecord(dst []byte, e Entry) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, 8)...)
	dst = append(dst, entryVersion)
	dst = append(dst, e.Wallet[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Window))
	dst = append(dst, e.Holder.Boot[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Epoch))
	dst = append(dst, e.Digest[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Own.SentAt))
	dst = binary.BigEndian.AppendUint64(dst, uint64(unixNano(e.Own.SentTime)))
	for _, field := range [][]byte{[]byte(e.Holder.Instance), []byte(e.Generation), e.Own.Payload, e.Own.Envelope} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(field)))
		dst = append(dst, field...)
	}
	body := dst[start+8:]
	if len(body) > maxEntry {
		return nil, fmt.Errorf("journal entry of %d bytes exceeds %d", len(body), maxEntry)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(body)))
	binary.BigEndian.PutUint32(dst[start+4:], crc32.Checksum(body, castagnoli))
	return dst, nil
}

// unixNano keeps the zero time apart from 1970: zero nanoseconds stand for it.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// readRecord reads the record that b begins with and returns its length in bytes. A record that could be the last one, cut
// off by a crash, is errTorn; io.EOF if b is empty. Anything else that is wrong is errDamaged.
func readRecord(b []byte) (Entry, int, error) {
	if len(b) == 0 {
		return Entry{}, 0, io.EOF
	}
	if len(b) < 8 || allZero(b) { // a file system may have made room for a record and never have filled it
		return Entry{}, 0, errTorn
	}
	size := binary.BigEndian.Uint32(b)
	if size > maxEntry {
		return Entry{}, 0, errDamaged
	}
	if len(b) < 8+int(size) {
		return Entry{}, 0, errTorn
	}
	body := b[8 : 8+size]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		if len(b) == 8+int(size) {
			return Entry{}, 0, errTorn
		}
		return Entry{}, 0, errDamaged
	}
	e, err := decodeBody(body)
	return e, 8 + int(size), err
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// decodeBody reads a body whose checksum was right: what is wrong with it was written so.
func decodeBody(body []byte) (Entry, error) {
	r := reader{rest: body}
	version := r.take(1)
	if len(version) == 1 && version[0] != entryVersion {
		return Entry{}, fmt.Errorf("%w: version %d is not known", errDamaged, version[0])
	}
	var e Entry
	copy(e.Wallet[:], r.take(20))
	e.Window = chain.Height(r.uint64())
	copy(e.Holder.Boot[:], r.take(16))
	e.Epoch = Epoch(r.uint64())
	copy(e.Digest[:], r.take(32))
	e.Own.SentAt = chain.Height(r.uint64())
	if ns := int64(r.uint64()); ns != 0 {
		e.Own.SentTime = time.Unix(0, ns)
	}
	e.Holder.Instance = InstanceID(r.field())
	e.Generation = Generation(r.field())
	e.Own.Payload = bytes.Clone(r.field())
	e.Own.Envelope = bytes.Clone(r.field())
	if r.short || len(r.rest) > 0 {
		return Entry{}, fmt.Errorf("%w: its fields do not fill it", errDamaged)
	}
	if e.Digest != Digest(e.Own) {
		return Entry{}, fmt.Errorf("%w: digest and payload differ", errDamaged)
	}
	return e, nil
}

// reader takes fields off the front; once one is missing, all that follow are empty.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n > len(r.rest) {
		r.short = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) field() []byte {
	b := r.take(4)
	if b == nil {
		return nil
	}
	n := binary.BigEndian.Uint32(b)
	if n > maxEntry {
		r.short = true
		return nil
	}
	return r.take(int(n))
}
