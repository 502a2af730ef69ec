package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a logger with another name says below error is silent, unless somebody names it.
func TestEveryLoggerOfTheNodeIsASubsystem(t *testing.T) {
	root := filepath.Join("..", "..")
	named := regexp.MustCompile(`\b[lL]ogger\("([^"]*)"\)|"logger", "([^"]*)"`)
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of this tree
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			found[m[1]+m[2]] = path
		}
		return err
	}))
	for _, room := range []string{"node", "cluster", "coordination"} {
		require.Contains(t, found, room, "the search finds what is there")
	}
	for name, path := range found {
		require.Contains(t, subsystems, name, "%s logs as %q", path, name)
	}
}
