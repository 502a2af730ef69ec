//go:build race

package scheme

func init() { underRace = true }
