//go:build race

package rpcfault

// raceFactor is how much slower than otherwise the tests poll under the race detector.
const raceFactor = 2
