package feed

import "fmt"

// Then is what becomes of an epoch that was not verified with another subscriber when there are too many of them.
type Then uint8

// The choices. A subscriber that never compares takes Drop.
const (
	Drop     Then = 1 + iota // the oldest is forgotten
	Compress                 // the oldest is reduced to its heads: whether it differs can still be told, but not where
	Hold                     // no more is read until one of them is verified
)

// String returns the choice's name.
func (t Then) String() string {
	switch t {
	case Drop:
		return "drop"
	case Compress:
		return "compress"
	case Hold:
		return "hold"
	}
	return fmt.Sprintf("choice %d", uint8(t))
}

// ParseThen reads a choice's name.
func ParseThen(s string) (Then, error) {
	for t := Drop; t <= Hold; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, malformed("want drop, compress or hold, have %.40q", s)
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (t Then) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts what ParseThen does.
func (t *Then) UnmarshalText(text []byte) (err error) {
	*t, err = ParseThen(string(text))
	return err
}

// Bounds of a Policy.
const (
	// MaxKeep is the most epochs that are kept whole: what an export and a trail hold.
	MaxKeep = 4096
	// maxHeads is how many compressed epochs are kept: three years of windows of three hours.
	maxHeads = 1 << 13
)

// Policy is how a subscriber keeps epochs that it has not verified with another one.
type Policy struct {
	Keep int // whole epochs, 1 to MaxKeep
	Then Then
}

func (p Policy) check() error {
	if p.Keep < 1 || p.Keep > MaxKeep || p.Then < Drop || p.Then > Hold {
		return malformed("keep 1 to %d epochs, and then drop, compress or hold", MaxKeep)
	}
	return nil
}
