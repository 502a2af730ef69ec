//go:build race

package vault

func init() { underRace = true }
