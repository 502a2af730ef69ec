package cluster

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/walletnode/walletnode/internal/wholefile"
)

// Mark is a place in a database's history.
type Mark struct {
	Generation Generation // empty if nothing was seen yet
	// Position only grows within a generation, and passes what a commit has acknowledged; 0 where the database does not
	// tell one.
	Position uint64
}

// Watermark is how far this instance has seen the shared database get, in a small file of its own. If the database is at
// an earlier place than that, it has forgotten what it had acknowledged. It may be used from any goroutine; a nil one
// has seen nothing, and remembers nothing.
type Watermark struct {
	path string

	mu   sync.Mutex
	seen Mark

	disk    sync.Mutex // held while the file is written; what comes meanwhile is written at once by the next
	written Mark
}

// errWatermarkDamaged says that a watermark's file cannot be read. How far the database was seen to get is not known
// then: who removes the file says that it has forgotten nothing.
var errWatermarkDamaged = errors.New("the file that tells how far the database was seen is damaged")

// OpenWatermark reads an instance's watermark, or begins one that has seen nothing.
func OpenWatermark(path string) (*Watermark, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &Watermark{path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read watermark: %w", err)
	}
	m, err := parseMark(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Watermark{path: path, seen: m, written: m}, nil
}

// Seen returns the furthest place that the database was seen at.
func (w *Watermark) Seen() Mark {
	if w == nil {
		return Mark{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// Enter notes the place at which a session began, in whatever generation. It returns once that is on the disk.
func (w *Watermark) Enter(m Mark) error {
	return w.note(m, true)
}

// Note notes a later place in the generation of the session, and returns once it, or a later one, is on the disk. One of
// another generation is the late answer of a session that is over, and is left.
func (w *Watermark) Note(m Mark) error {
	return w.note(m, false)
}

func (w *Watermark) note(m Mark, enters bool) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	switch {
	case m.Generation == w.seen.Generation:
		w.seen.Position = max(w.seen.Position, m.Position)
	case enters:
		w.seen = m
	default:
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()
	return w.write(m)
}

// write puts the newest mark on the disk, unless that was done since m was noted.
func (w *Watermark) write(m Mark) error {
	w.disk.Lock()
	defer w.disk.Unlock()
	if m.Generation == w.written.Generation && m.Position <= w.written.Position {
		return nil
	}
	newest := w.Seen()
	if err := wholefile.Replace(w.path, []byte(newest.format())); err != nil {
		return fmt.Errorf("write watermark: %w", err)
	}
	w.written = newest
	return nil
}

// markMagic begins the file; its last digit is the version of the file's form.
const markMagic = "walletnode-database-seen-1"

// format returns the file's content: one line of magic, generation, position, and the CRC-32C of what stands before it.
func (m Mark) format() string {
	line := fmt.Sprintf("%s %s %d ", markMagic, strconv.Quote(string(m.Generation)), m.Position)
	return fmt.Sprintf("%s%08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// maxMark bounds a watermark's file in bytes: a generation is a short word.
const maxMark = 4096

func parseMark(content string) (Mark, error) {
	rest, ok := strings.CutPrefix(content, markMagic+" ")
	if !ok || len(content) > maxMark {
		return Mark{}, errWatermarkDamaged
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return Mark{}, errWatermarkDamaged
	}
	generation, err := strconv.Unquote(quoted)
	if err != nil {
		return Mark{}, errWatermarkDamaged
	}
	digits, _, _ := strings.Cut(strings.TrimPrefix(rest[len(quoted):], " "), " ")
	position, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return Mark{}, errWatermarkDamaged
	}
	m := Mark{Generation(generation), position}
	if m.format() != content { // its checksum, and that there is one way to write each mark
		return Mark{}, errWatermarkDamaged
	}
	return m, nil
}
