//go:build !unix || solaris || illumos || aix

package node

import (
	"fmt"
	"os"
	"runtime"
)

// claimDirectory cannot be had here: without flock two instances could write one journal, so none may.
func claimDirectory(string) (*os.File, error) {
	return nil, fmt.Errorf("claim the data directory: not supported on %s", runtime.GOOS)
}
