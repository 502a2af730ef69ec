package walletnode_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table has a row for each module that go.mod requires directly and for no other, and whoever is named in it imports the module.
func TestEveryDependencyIsToldWithWhoUsesIt(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var direct []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+(.*)$`).FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(m[2], "// indirect") {
			direct = append(direct, m[1])
		}
	}
	require.Greater(t, len(direct), 20)

	page, err := os.ReadFile("docs/dependencies.md")
	require.NoError(t, err)
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\|([^|]*)\\|").FindAllStringSubmatch(string(page), -1) {
		told = append(told, row[1])
		rooms := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1)
		require.NotEmpty(t, rooms, row[1])
		for _, room := range rooms {
			require.True(t, importsModule(t, room[1], row[1], direct), "%s does not import %s", room[1], row[1])
		}
	}
	require.ElementsMatch(t, direct, told)
}

// importsModule reports whether a file of a folder, be it a test, imports a package of a module. Of modules of which one's path begins
// with another's, a package is the longest one's.
func importsModule(t *testing.T, dir, module string, modules []string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, dir)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, one := range parsed.Imports {
			path, err := strconv.Unquote(one.Path.Value)
			require.NoError(t, err)
			of := ""
			for _, m := range modules {
				if (path == m || strings.HasPrefix(path, m+"/")) && len(m) > len(of) {
					of = m
				}
			}
			if of == module {
				return true
			}
		}
	}
	return false
}
