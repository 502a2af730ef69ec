package store

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Codes of PostgreSQL that the driver acts on: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	sqlReadOnly   = "25006" // the transaction may only read: a standby, or a database set so
	sqlServerEnds = "57P"   // its shutdown, its crash, and that it cannot be connected to now
)

// yieldCodes are of transactions that the database gave up in favour of others: the same one may succeed a moment later.
// Distributed databases answer so where PostgreSQL would have waited for a lock.
var yieldCodes = []string{"40001", "40P01"}

func yielded(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && slices.Contains(yieldCodes, failure.Code)
}

// contended reports whether an error may come of another process that changes the schema at the same time: what is made
// is there by then, what is altered or removed is not any more.
func contended(err error) bool {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		return false
	}
	there := []string{"23505", "42P07", "42710", "42701", "42P01", "42703", "42704", "XX000"}
	return yielded(err) || slices.Contains(there, failure.Code)
}

// serverCodes names the failures that callers or operators act on by the beginning of their codes.
var serverCodes = []struct {
	code     string
	sentinel error
}{
	{sqlReadOnly, ErrNotWritable},
	{sqlServerEnds, ErrUnreachable},
	{"57014", ErrNoAnswer}, // ended by the server's own statement_timeout
	{"53100", ErrFull},
	{"53", ErrRefused},    // out of connections or memory
	{"28", ErrRefused},    // user or password
	{"3D", ErrRefused},    // no such database
	{"42501", ErrRefused}, // the user has no right to the tables
	{"XX001", ErrCorrupt},
	{"XX002", ErrCorrupt},
}

// serverSentinel finds what fits an error of a database server or of the way to it.
func serverSentinel(err error) (error, bool) {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		for _, known := range serverCodes {
			if strings.HasPrefix(failure.Code, known.code) {
				return known.sentinel, true
			}
		}
		return nil, false
	}
	var unconnected *pgconn.ConnectError
	if errors.As(err, &unconnected) {
		return ErrUnreachable, true
	}
	return nil, false
}

// oneLine is an error about several attempts, which the driver tells on a line each.
type oneLine struct{ error }

func (e oneLine) Error() string {
	return strings.Join(strings.FieldsFunc(e.error.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

func (e oneLine) Unwrap() error { return e.error }
