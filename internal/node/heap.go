package node

import (
	"os"
	"runtime/debug"
)

// heapGrowth is by how much of what lives in it the heap may grow between two collections, in percent. Go's own choice is 100. Little
// lives in a node's, some tens of MiB, and what passes through it are messages: with 30 MiB alive it grows to 150.
const heapGrowth = 400

// CollectSeldom has this process collect its garbage seldom, unless the environment says how often (GOGC, GOMEMLIMIT). Collecting was a
// tenth of what nodes do for a signature.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
