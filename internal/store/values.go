package store

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// height is a chain.Height as a BIGINT. Heights above 2^63-1 exist on no chain; they are refused rather than stored as
// something else.
type height chain.Height

// Value implements driver.Valuer.
func (h height) Value() (driver.Value, error) {
	if uint64(h) > math.MaxInt64 {
		return nil, fmt.Errorf("height %d is out of range", uint64(h))
	}
	return int64(h), nil
}

// Scan implements sql.Scanner.
func (h *height) Scan(src any) error {
	n, ok := src.(int64)
	if !ok || n < 0 {
		return fmt.Errorf("%w: %v is no height", ErrCorrupt, src)
	}
	*h = height(n)
	return nil
}

// natural is a number that counts from 0, as a BIGINT.
type natural uint64

// Value implements driver.Valuer.
func (n natural) Value() (driver.Value, error) {
	if uint64(n) > math.MaxInt64 {
		return nil, fmt.Errorf("number %d is out of range", uint64(n))
	}
	return int64(n), nil
}

// Scan implements sql.Scanner.
func (n *natural) Scan(src any) error {
	v, ok := src.(int64)
	if !ok || v < 0 {
		return fmt.Errorf("%w: %v is no count", ErrCorrupt, src)
	}
	*n = natural(v)
	return nil
}

// fixed fills an array from a blob of the same length; an empty blob is the zero value.
type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(src any) error {
	blob, ok := src.([]byte)
	if !ok || len(blob) != len(f) && len(blob) != 0 {
		return fmt.Errorf("%w: want %d bytes, have %s", ErrCorrupt, len(f), describe(src))
	}
	clear(f)
	copy(f, blob)
	return nil
}

// describe tells what a column held without repeating it.
func describe(src any) string {
	if blob, ok := src.([]byte); ok {
		return fmt.Sprintf("%d", len(blob))
	}
	return fmt.Sprintf("%T", src)
}

// blob is a byte string that is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// instant is a time as nanoseconds of the Unix epoch (years 1678 to 2262); the zero time is 0.
type instant time.Time

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	t := time.Time(i)
	if t.IsZero() {
		return int64(0), nil
	}
	if year := t.Year(); year < 1970 || year > 2261 {
		return nil, fmt.Errorf("time %v is out of range", t)
	}
	return t.UnixNano(), nil
}

// Scan implements sql.Scanner.
func (i *instant) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%w: %T is no time", ErrCorrupt, src)
	}
	*i = instant{}
	if n != 0 {
		*i = instant(time.Unix(0, n).UTC())
	}
	return nil
}

// maxText bounds a stored text, in bytes: it is for people, and part of it can come from a contract's revert
// reason, which the contract's author chose.
const maxText = 2048

// text makes a string fit for any database: bounded, valid UTF-8, no NUL.
func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// micros is a moment as microseconds of the Unix epoch, which is what the tables that instances share have; the zero time
// is 0.
type micros time.Time

// Scan implements sql.Scanner.
func (m *micros) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%w: %T is no time", ErrCorrupt, src)
	}
	*m = micros{}
	if n != 0 {
		*m = micros(time.UnixMicro(n).UTC())
	}
	return nil
}

// sinceEpoch returns what is stored for a moment.
func sinceEpoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
