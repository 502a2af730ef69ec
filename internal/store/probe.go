package store

import (
	"context"
	"database/sql"
)

// Probe begins and ends a transaction that writes nothing: nil says that the store can be written to, as far as that
// shows without wearing the disk.
func (s *Store) Probe(ctx context.Context) error {
	return s.writes.do(ctx, "try the store", func(context.Context, *sql.Tx) error { return nil })
}

// Directory returns where an embedded store lives.
func Directory(dsn string) (string, error) {
	at, err := parseLocation(dsn)
	if err != nil {
		return "", err
	}
	return at.directory(), nil
}
