package node

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/walletnode/walletnode/internal/cluster"
)

// sentLog is the instance's journal of what it sends: a cluster.Log that is opened anew after it broke, as on a disk that was
// full. It may be used from any goroutine.
type sentLog struct {
	path string
	log  *slog.Logger

	mu      sync.RWMutex // written by heal alone, so that entries can share a write
	journal *cluster.Journal
	err     error // why there is no journal
}

// openSentLog opens the journal. One that is damaged is refused: what was sent is not known.
func openSentLog(path string, log *slog.Logger) (*sentLog, error) {
	l := &sentLog{path: path, log: log}
	var err error
	l.journal, err = l.open()
	return l, err
}

func (l *sentLog) open() (*cluster.Journal, error) {
	journal, torn, err := cluster.OpenJournal(l.path)
	if err != nil {
		return nil, fmt.Errorf("open the journal of what is sent: %w", err)
	}
	if torn > 0 {
		l.log.Warn("Cut off the end of the journal, which a crash left unfinished; it was not sent", "bytes", torn)
	}
	return journal, nil
}

// Append implements cluster.Log.
func (l *sentLog) Append(e cluster.Entry) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.journal == nil {
		return l.err
	}
	return l.journal.Append(e)
}

// Entries implements cluster.Log.
func (l *sentLog) Entries() ([]cluster.Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.journal == nil {
		return nil, l.err
	}
	return l.journal.Entries()
}

// broken returns why nothing can be written down, and so nothing sent; nil if the journal is well.
func (l *sentLog) broken() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.journal == nil {
		return l.err
	}
	return l.journal.Err()
}

// heal opens a broken journal anew. What a failed write left of the file's end is cut off: it was never sent.
func (l *sentLog) heal() error {
	if l.broken() == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.journal != nil {
		if err := l.journal.Err(); err == nil {
			return nil // somebody was faster
		}
		_ = l.journal.Close() // it is broken: what else is wrong with it is no news
		l.journal = nil
	}
	l.journal, l.err = l.open()
	if l.err == nil {
		l.log.Info("The journal of what is sent can be written again")
	}
	return l.err
}

func (l *sentLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.journal == nil {
		return nil
	}
	err := l.journal.Close()
	l.journal, l.err = nil, errors.New("the journal is closed")
	return err
}
