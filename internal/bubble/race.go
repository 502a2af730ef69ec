//go:build race

package bubble

const watched = true
