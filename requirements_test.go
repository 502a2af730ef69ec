package walletnode_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryTestNamedInTheRequirementsExists(t *testing.T) {
	page, err := os.ReadFile("docs/requirements.md")
	require.NoError(t, err)
	names := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)`")
	named := map[string][][]string{"docs/requirements.md": names.FindAllStringSubmatch(string(page), -1)}
	require.Greater(t, len(named["docs/requirements.md"]), 40)
	for _, other := range []string{"README.md", "docs/guide.md", "docs/feed-questions.md"} {
		text, err := os.ReadFile(other) //nolint:gosec // one of three
		require.NoError(t, err)
		named[other] = names.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, named[other], other)
	}

	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			exists[m[1]] = true
		}
		return err
	}))
	for page, matches := range named {
		for _, m := range matches {
			require.True(t, exists[m[1]], "%s names %s, which does not exist", page, m[1])
		}
	}
	for n := 1; n <= 10; n++ {
		require.Regexp(t, fmt.Sprintf(`(?m)^\| R%d `, n), string(page), "rule R%d has no row", n)
	}
}
