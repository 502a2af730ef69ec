//go:build !race

package bubble

// Watched is whether the race detector watches: for what it would make take too long.
const Watched = false
