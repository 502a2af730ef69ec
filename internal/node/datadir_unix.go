//go:build unix && !solaris && !illumos && !aix

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// claimDirectory makes a data directory this process's own until the file is closed; the kernel gives it back when the process
// ends, however it does. errDirectoryTaken if another process has it: two that wrote one journal would each know half.
func claimDirectory(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim the data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if err == nil {
		return file, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w: %s", errDirectoryTaken, dir)
	} else {
		err = fmt.Errorf("claim the data directory: %w", err)
	}
	return nil, errors.Join(err, file.Close())
}
