package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// fileName is the database's name within a data directory.
const fileName = "walletnode.db"

// location is where an embedded store lives: the absolute path of its database file.
type location string

// parseLocation reads "sqlite:PATH", or the path of a directory that holds (or is to hold) the database.
func parseLocation(dsn string) (location, error) {
	path, isFile := strings.CutPrefix(dsn, "sqlite:")
	switch {
	case path == "":
		return "", errors.New("store location is empty")
	case !isFile && strings.Contains(dsn, "://"):
		return "", fmt.Errorf("store location %q: want postgres:// and a database, or sqlite: and a path", redact(dsn))
	case !isFile:
		path = filepath.Join(path, fileName)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("resolve store location: %w", err)
	}
	return location(absolute), nil
}

// redact keeps a database URL's password out of messages, and leaves its parameters out.
func redact(dsn string) string {
	parsed, err := url.Parse(dsn)
	if err != nil {
		return "(unreadable)"
	}
	parsed.RawQuery, parsed.Fragment = "", "" // a password can stand in either
	return parsed.Redacted()
}

// exists reports whether the database file is there. It looks at the name only: opening and closing the file
// would drop the locks that this process's own SQLite connections hold on it (POSIX locks belong to the process).
func (l location) exists(context.Context) (bool, error) {
	info, err := os.Stat(string(l))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrNotWritable, err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: %s is not a file", ErrNotWritable, l)
	}
	return true, nil
}

func (l location) directory() string { return filepath.Dir(string(l)) }

// prepare makes the directory, readable by its owner alone: what operators said is nobody else's business.
func (l location) prepare() error {
	if err := os.MkdirAll(l.directory(), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// busyTimeout is how long, in milliseconds, a connection waits for another process's transaction (an import, a
// backup): those take milliseconds, so who waits this long waits for something stuck.
const busyTimeout = "5000"

// readOnly is the connection string for reading: mode=ro never creates a database and never writes to one.
func (l location) readOnly() string {
	return l.uri(url.Values{"mode": {"ro"}, "_busy_timeout": {busyTimeout}, "_query_only": {"1"}})
}

// readWrite is the connection string for writing. synchronous=FULL makes each commit reach the disk before it is
// reported, so that not even a power cut takes back what was recorded; transactions take the write lock at their
// beginning, so that none fails half-way because another came first.
func (l location) readWrite() string {
	return l.uri(url.Values{
		"mode": {"rwc"}, "_busy_timeout": {busyTimeout}, "_txlock": {"immediate"},
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_foreign_keys": {"1"},
	})
}

func (l location) uri(query url.Values) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(string(l)), RawQuery: query.Encode()}).String()
}

// Directory returns where an embedded store lives; ErrElsewhere if the store is a database server's.
func Directory(dsn string) (string, error) {
	if Shared(dsn) {
		return "", fmt.Errorf("store %s: %w", redact(dsn), ErrElsewhere)
	}
	at, err := parseLocation(dsn)
	if err != nil {
		return "", err
	}
	return at.directory(), nil
}
