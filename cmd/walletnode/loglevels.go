package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	golog "github.com/ipfs/go-log/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
)

// levelBook holds the levels of the log, changed while the node runs. It keeps its own account of them, because go-log's
// may not be read while it changes.
type levelBook struct {
	mu     sync.Mutex
	levels map[string]string
}

// newLevelBook takes over what setupLogging has set.
func newLevelBook() *levelBook {
	levels := golog.SubsystemLevelNames()
	delete(levels, golog.DefaultName)
	return &levelBook{levels: levels}
}

// Levels implements api.Log.
func (l *levelBook) Levels() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.levels)
}

// SetLevel implements api.Log.
func (l *levelBook) SetLevel(subsystem, level string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
		return fmt.Errorf("%w, have the level %q", api.ErrLogLevel, level)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	names := subsystems
	if subsystem != "" {
		names = []string{subsystem}
		if _, known := l.levels[subsystem]; !known {
			return fmt.Errorf("%w: subsystem %q", store.ErrNotFound, subsystem)
		}
	}
	for _, name := range names {
		if err := golog.SetLogLevel(name, level); err != nil {
			return fmt.Errorf("set the level of %s: %w", name, err)
		}
		l.levels[name] = level
	}
	return nil
}
