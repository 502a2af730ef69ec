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
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(named), 40)

	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
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
	for _, m := range named {
		require.True(t, exists[m[1]], "docs/requirements.md names %s, which does not exist", m[1])
	}
	for n := 1; n <= 10; n++ {
		require.Regexp(t, fmt.Sprintf(`(?m)^\| R%d `, n), string(page), "rule R%d has no row", n)
	}
}
