//go:build race

package rpcfault

// raceFactor is how much slower than otherwise the tests poll under the race detector: so much that answers come between two
// polls on a machine that other tests keep busy.
const raceFactor = 6
