package store

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/walletnode/walletnode/proposal/action"
)

// Errors that callers tell apart with errors.Is. Whatever Open returns, nothing that was in the store has been changed.
var (
	// ErrNotFound says that there is no store at the place named, or no such record in it.
	ErrNotFound = errors.New("not found")
	// ErrNotWritable says that the directory or file cannot be written.
	ErrNotWritable = errors.New("cannot be written")
	// ErrLocked says that another process has the store: a running node, or a tool that holds its database locked.
	ErrLocked = errors.New("in use by another process")
	// ErrCorrupt says that the file is no database, that it is damaged, or that a stored value cannot be read.
	ErrCorrupt = errors.New("corrupt")
	// ErrForeign says that the file is a database of something else.
	ErrForeign = errors.New("not a walletnode store")
	// ErrNewerSchema says that a later version of the node has written the store.
	ErrNewerSchema = errors.New("written by a newer version")
	// ErrWrongChain says that the store belongs to another chain.
	ErrWrongChain = errors.New("store of another chain")
	// ErrFull says that the disk has no room left.
	ErrFull = errors.New("disk is full")
	// ErrNetworkDisk says that a database file would lie on a network file system, which other machines write to too.
	ErrNetworkDisk = errors.New("SQLite needs a disk of this machine")
	// ErrElsewhere says that the store is in a database server, whose own tools do what was asked.
	ErrElsewhere = errors.New("the store is in a database server")
	// ErrUnreachable says that the database server cannot be reached.
	ErrUnreachable = errors.New("database cannot be reached")
	// ErrRefused says that the database server does not let us in: user, password, name of the database, rights or
	// limits.
	ErrRefused = errors.New("refused by the database")
	// ErrNoAnswer says that the database server has not answered in time.
	ErrNoAnswer = errors.New("no answer from the database")
	// errUnknownOutcome says that a connection broke while a transaction was being committed, and that the database did not come
	// back to tell whether it was. What is tried again is stored once in any case.
	errUnknownOutcome = errors.New("not known whether it was stored")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")

	// errStaleWindow says that a window is not later than the last one opened.
	errStaleWindow = errors.New("window is not later than the last one")
	// errFinished says that the action has its outcome already and must not run again.
	errFinished = action.ErrFinished
	// ErrOwed says that an instance may still have to compare its journal with a database that lost commits.
	ErrOwed = errors.New("the instance's journal has not been compared with the database yet")
	// errOtherRoster says that the wallet is known with another roster.
	errOtherRoster = errors.New("wallet is known with another roster")
)

// errOlderSchema says that the store has to be migrated first, which readers do not do.
var errOlderSchema = errors.New("not migrated to this version yet")

// sentinels names the database's own failures that callers or operators act on. The low byte of a code is its class.
var sentinels = map[int]error{
	sqlite3.SQLITE_BUSY:     ErrLocked,
	sqlite3.SQLITE_LOCKED:   ErrLocked,
	sqlite3.SQLITE_CORRUPT:  ErrCorrupt,
	sqlite3.SQLITE_NOTADB:   ErrCorrupt,
	sqlite3.SQLITE_FULL:     ErrFull,
	sqlite3.SQLITE_PERM:     ErrNotWritable,
	sqlite3.SQLITE_READONLY: ErrNotWritable,
	sqlite3.SQLITE_CANTOPEN: ErrNotWritable,
}

// classify adds the sentinel that fits a database error, if one does.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	sentinel, known := sentinelOf(err)
	if !known || errors.Is(err, sentinel) {
		return err
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

func sentinelOf(err error) (error, bool) {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		sentinel, known := sentinels[failure.Code()&0xff]
		return sentinel, known
	}
	return serverSentinel(err)
}

// wrap is classify with the action that failed.
func wrap(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", action, classify(err))
}
