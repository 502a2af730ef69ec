//go:build !unix || solaris || illumos || aix

package vault

import (
	"fmt"
	"runtime"
)

// dirLock cannot be had here, and without it two processes could sign with one vault's shares.
type dirLock struct{}

func lockDir(string) (dirLock, error) {
	return dirLock{}, fmt.Errorf("lock the vault: not supported on %s", runtime.GOOS)
}

func (dirLock) release() error { return nil }
