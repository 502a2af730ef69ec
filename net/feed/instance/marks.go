package instance

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
)

// A slot of the file of marks is one mailbox's: length and bytes of its name, number and hash of its last entry, and the beginning of the
// hash of all that.
const (
	slotSize  = 128
	numberAt  = 1 + feed.MaxName
	hashAt    = numberAt + 8
	sumAt     = hashAt + len(feed.Hash{})
	sumLength = 8
	maxSlots  = 1 << 12
)

// mark is the last entry of a mailbox that may have been told.
type mark struct {
	number feed.Number
	head   feed.Hash
}

// marks are the instance's own file of the last entry of each mailbox, written when the database has it and before it is shown. It is not
// forced to the disk: what a machine forgets when its power fails is a mark, and that shows nothing that did not happen. A process that
// dies forgets none.
type marks struct {
	path string // none: nothing is kept

	mu    sync.Mutex
	file  *os.File // nil until it is begun
	slots map[string]int64
}

// read returns what an earlier process has marked. A slot that was torn says nothing.
func (m *marks) read() (map[string]mark, error) {
	if m.path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(m.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the feed's marks: %w", err)
	}
	return parseMarks(content), nil
}

func parseMarks(content []byte) map[string]mark {
	found := map[string]mark{}
	for ; len(content) >= slotSize && len(found) < maxSlots; content = content[slotSize:] {
		slot := content[:slotSize]
		sum := sha256.Sum256(slot[:sumAt])
		n := int(slot[0])
		if n > feed.MaxName || !bytes.Equal(slot[sumAt:sumAt+sumLength], sum[:sumLength]) || feed.CheckName(string(slot[1:1+n])) != nil {
			continue
		}
		found[string(slot[1:1+n])] = mark{feed.Number(binary.BigEndian.Uint64(slot[numberAt:])), feed.Hash(slot[hashAt:sumAt])}
	}
	return found
}

func slotOf(mailbox string, k mark) []byte {
	slot := make([]byte, slotSize)
	slot[0] = byte(len(mailbox))
	copy(slot[1:], mailbox)
	binary.BigEndian.PutUint64(slot[numberAt:], uint64(k.number))
	copy(slot[hashAt:], k.head[:])
	sum := sha256.Sum256(slot[:sumAt])
	copy(slot[sumAt:], sum[:sumLength])
	return slot
}

// begin puts these marks in the place of all that there were.
func (m *marks) begin(all map[string]mark) error {
	if m.path == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.end(); err != nil {
		return err
	}
	var content []byte
	slots := map[string]int64{}
	for mailbox, k := range all {
		slots[mailbox] = int64(len(content))
		content = append(content, slotOf(mailbox, k)...)
	}
	if err := wholefile.Replace(m.path, content); err != nil {
		return fmt.Errorf("write the feed's marks: %w", err)
	}
	file, err := os.OpenFile(m.path, os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the feed's marks: %w", err)
	}
	m.file, m.slots = file, slots
	return nil
}

// set marks the last entry of a mailbox.
func (m *marks) set(mailbox string, k mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	at, known := m.slots[mailbox]
	if !known {
		at = int64(len(m.slots)) * slotSize
		m.slots[mailbox] = at
	}
	if _, err := m.file.WriteAt(slotOf(mailbox, k), at); err != nil {
		return fmt.Errorf("write the feed's marks: %w", err)
	}
	return nil
}

// close ends it until it is begun again.
func (m *marks) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.end()
}

func (m *marks) end() error {
	if m.file == nil {
		return nil
	}
	file := m.file
	m.file = nil
	return file.Close()
}
