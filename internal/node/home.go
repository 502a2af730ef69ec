package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/walletnode/walletnode/internal/cluster"
)

// Files in an instance's directory.
const (
	sentFile = "sent.journal" // what it proposes
	// headsFile is what it attests: a file of its own, for earlier versions take all that is in the other one for proposals.
	headsFile = "heads.journal"
	// feedFile is the last seal of its feed; beside it, with ".marks", the last entries.
	feedFile = "feed.journal"
	seenFile = "database.seen" // how far it saw the shared database get
	lockFile = "instance.lock" // that a process works there
)

// errDirectoryTaken says that another process works in this instance's directory.
var errDirectoryTaken = errors.New("another process uses the data directory")

// home is the directory of an instance among siblings: what it knows by itself if the database forgets.
type home struct {
	lock  *os.File
	sent  *sentLog
	heads *sentLog
	seen  *cluster.Watermark
}

// openHome claims a directory, which exists, and opens what is kept there. errDirectoryTaken if another process has it.
func openHome(dir string, log *slog.Logger) (*home, error) {
	lock, err := claimDirectory(dir)
	if err != nil {
		return nil, err
	}
	h := &home{lock: lock}
	if h.sent, err = openSentLog(filepath.Join(dir, sentFile), log); err != nil {
		return nil, errors.Join(err, h.close())
	}
	if h.heads, err = openSentLog(filepath.Join(dir, headsFile), log); err != nil {
		return nil, errors.Join(err, h.close())
	}
	if h.seen, err = cluster.OpenWatermark(filepath.Join(dir, seenFile)); err != nil {
		return nil, errors.Join(fmt.Errorf("read how far the database was seen: %w", err), h.close())
	}
	return h, nil
}

func (h *home) close() error {
	var errs []error
	for _, l := range []*sentLog{h.sent, h.heads} {
		if l != nil {
			errs = append(errs, l.close())
		}
	}
	return errors.Join(append(errs, h.lock.Close())...)
}
