//go:build linux || darwin

package store

import "syscall"

// FreeBytes returns how many bytes this process may still write to the file system that holds dir; false if the system
// does not tell.
func FreeBytes(dir string) (uint64, bool) {
	var stat syscall.Statfs_t
	if syscall.Statfs(dir, &stat) != nil {
		return 0, false
	}
	return stat.Bavail * uint64(stat.Bsize), true
}
