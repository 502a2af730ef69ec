//go:build unix && !solaris && !illumos && !aix

package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dirLock is one process's claim of a vault's directory. The kernel gives it back when the process ends, however it ends.
type dirLock struct{ file *os.File }

// lockDir takes the lock without waiting; ErrLocked if another process has it.
func lockDir(dir string) (dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return dirLock{}, fmt.Errorf("lock the vault: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return dirLock{}, errors.Join(fmt.Errorf("lock %s: %w", dir, err), file.Close())
	}
	return dirLock{file}, nil
}

// release gives the lock up. The file stays: without it two processes could lock two files of one name.
func (l dirLock) release() error { return l.file.Close() }
