//go:build !linux && !darwin

package store

// FreeBytes does not know.
func FreeBytes(string) (uint64, bool) { return 0, false }
