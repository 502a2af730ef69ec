//go:build unix && !solaris && !illumos && !aix

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// runLock is the claim of one running node on a store. The kernel releases it when the process ends, however it
// ends. It is a file of its own beside the database, so that readers need not care for it and SQLite's own
// locks are not disturbed.
type runLock struct{ file *os.File }

// lockFile takes the lock of the store at l without waiting; ErrLocked if another process has it.
func lockFile(l location) (runLock, error) {
	file, err := os.OpenFile(string(l)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return runLock{}, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close() //nolint:errcheck // only read
		return runLock{}, fmt.Errorf("%w%s", ErrLocked, holder(file))
	}
	if err != nil {
		file.Close() //nolint:errcheck,gosec // the first error counts
		return runLock{}, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	// The number is for the other process's message only: failing to write it loses nothing.
	_ = file.Truncate(0)
	_, _ = file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return runLock{file}, nil
}

// lockHolder reports whether a process has the lock, and which. A lock that is free is held, shared with others that
// look, for that moment.
func lockHolder(l location) (process string, held bool, err error) {
	file, err := os.Open(string(l) + ".lock")
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look at the lock: %w", err)
	}
	defer file.Close()                                                   //nolint:errcheck // only read
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return strings.TrimSpace(holder(file)), true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look at the lock: %w", err)
	}
	return "", false, nil
}

// holder names the process that wrote itself into the lock file.
func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 20)) // a process number has fewer digits
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " " + pid
	}
	return ""
}

// release gives the lock up. The file stays: removing it would let two processes lock two files of one name.
func (k runLock) release() error {
	if k.file == nil {
		return nil
	}
	return k.file.Close()
}
