package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wholefile"
)

// journalMagic begins every journal; its last digit is the version of the file's form.
const journalMagic = "walletnode-sent-1\n"

// The bounds of a journal.
const (
	// keepBlocks is how far behind the newest window entries are kept: 56 windows of 900 blocks, a week. A database that
	// forgot more is not one that lost its newest commits.
	keepBlocks chain.Height = 56 * 900
	// rewriteAt is the size in bytes at which old entries are dropped; after that, at twice what was left.
	rewriteAt = 16 << 20
)

// ErrJournalDamaged says that a journal has an unreadable record that no crash explains. What was sent is not known from
// there on, so nothing is sent until an operator has looked.
var ErrJournalDamaged = errors.New("journal is damaged")

// Journal is this instance's own file of what it was about to send: written, and on the disk, before the first byte leaves.
// It is what remains if the database forgets. It may be used from any goroutine.
type Journal struct {
	path string

	mu      sync.Mutex
	file    *os.File
	size    int64
	rewrite int64 // size at which old entries are dropped
	newest  chain.Height
	waiting *batch // what the next write takes along; nil if nobody waits
	writing bool
	broken  error // a failed write leaves the file's end unknown: nothing is written any more
}

// batch is what several callers write with one sync.
type batch struct {
	records []byte
	newest  chain.Height
	done    chan struct{}
	err     error
}

// OpenJournal opens or makes the journal of one instance. A record that a crash cut off is removed: torn tells its length
// in bytes. Any other record that cannot be read is ErrJournalDamaged.
func OpenJournal(path string) (j *Journal, torn int64, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(content) < len(journalMagic) && journalMagic[:len(content)] == string(content) {
		content = []byte(journalMagic)
		if err := wholefile.Replace(path, content); err != nil {
			return nil, 0, fmt.Errorf("make journal: %w", err)
		}
	} else if err != nil {
		return nil, 0, fmt.Errorf("read journal: %w", err)
	}
	entries, good, err := parseJournal(content)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open journal: %w", err)
	}
	j = &Journal{path: path, file: file, size: int64(good), rewrite: max(rewriteAt, 2*int64(good))}
	for _, e := range entries {
		j.newest = max(j.newest, e.Window)
	}
	if torn = int64(len(content) - good); torn > 0 {
		if err := errors.Join(file.Truncate(j.size), file.Sync()); err != nil {
			return nil, 0, errors.Join(fmt.Errorf("cut torn journal: %w", err), file.Close())
		}
	}
	return j, torn, nil
}

// parseJournal reads all entries and returns the length of the part that is whole.
func parseJournal(content []byte) (entries []Entry, good int, err error) {
	if !bytes.HasPrefix(content, []byte(journalMagic)) {
		return nil, 0, fmt.Errorf("%w: it does not begin as one", ErrJournalDamaged)
	}
	good = len(journalMagic)
	for {
		e, n, err := readRecord(content[good:])
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, errTorn):
			return entries, good, nil
		case err != nil:
			return nil, 0, fmt.Errorf("%w: at byte %d: %w", ErrJournalDamaged, good, err)
		}
		entries, good = append(entries, e), good+n
	}
}

// Append returns once the entry is on the disk. Callers that come while another's entry is written share the next sync:
// a thousand wallets cost a few. After a failed write every Append fails.
func (j *Journal) Append(e Entry) error {
	record, err := appendRecord(nil, e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	if j.waiting == nil {
		j.waiting = &batch{done: make(chan struct{})}
	}
	mine := j.waiting
	mine.records = append(mine.records, record...)
	mine.newest = max(mine.newest, e.Window)
	if j.writing {
		j.mu.Unlock()
		<-mine.done // whoever writes takes it along; a write is bounded by the disk alone
		return mine.err
	}
	j.writing = true
	for j.waiting != nil {
		next := j.waiting
		j.waiting = nil
		j.mu.Unlock()
		next.err = j.write(next)
		close(next.done)
		j.mu.Lock()
	}
	j.writing = false
	j.mu.Unlock()
	return mine.err
}

// Err returns why nothing can be appended any more; nil as long as the journal is well. Opening the file anew heals it: what a
// failed write left of its end is cut off then, and was never sent.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// write puts a batch on the disk. Only one goroutine at a time is here.
func (j *Journal) write(b *batch) error {
	if j.broken != nil {
		return j.broken
	}
	_, err := j.file.Write(b.records)
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		j.size += int64(len(b.records))
		j.newest = max(j.newest, b.newest)
		if j.size >= j.rewrite {
			err = j.dropOld()
		}
	}
	if err != nil {
		j.mu.Lock()
		j.broken = fmt.Errorf("write journal: %w", err)
		j.mu.Unlock()
	}
	return j.broken
}

// dropOld rewrites the file without the entries that are too old to matter, beside it and then in its place.
func (j *Journal) dropOld() error {
	entries, err := j.read()
	if err != nil {
		return err
	}
	content := []byte(journalMagic)
	for _, e := range entries {
		if e.Window+keepBlocks < j.newest {
			continue
		}
		if content, err = appendRecord(content, e); err != nil {
			return err
		}
	}
	if err := wholefile.Replace(j.path, content); err != nil {
		return err
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	old := j.file
	j.file, j.size, j.rewrite = file, int64(len(content)), max(rewriteAt, 2*int64(len(content)))
	return old.Close()
}

// Entries reads what was written, oldest first. It is read anew each time: it is asked for once a session.
func (j *Journal) Entries() ([]Entry, error) {
	entries, err := j.read()
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return entries, nil
}

func (j *Journal) read() ([]Entry, error) {
	content, err := os.ReadFile(j.path)
	if err != nil {
		return nil, err
	}
	entries, _, err := parseJournal(content) // what is being appended right now may look torn, and is not yet sent
	return entries, err
}

// Close closes the file. Nothing may be appended any more.
func (j *Journal) Close() error { return j.file.Close() }
