package walletnode_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What README says of the node names what shows it: tests, which requirements_test.go looks for, scenarios and measurements.
func TestEveryClaimOfTheREADMENamesWhatShowsIt(t *testing.T) {
	readme, scenarios, benchmarks := text(t, "README.md"), text(t, "docs/scenarios.md"), text(t, "docs/benchmarks.md")
	_, section, found := strings.Cut(readme, "\n## What it does, and what shows it\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile(`(?m)^\| ([^|]{2,}) \| ([^|]{2,}) \|$`)
	test, name, number := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`"), regexp.MustCompile("`([a-z-]+)`"), regexp.MustCompile(`[0-9]+`)
	claims := row.FindAllStringSubmatch(section, -1)
	require.GreaterOrEqual(t, len(claims), 10)
	require.Len(t, claims, strings.Count(section, "\n| ")-1, "a row has another form") // but the head
	played, measured := 0, 0
	for _, claim := range claims {
		require.Regexp(t, test, claim[2], "%s: no test shows it", claim[1])
		for part := range strings.SplitSeq(claim[2], "; ") {
			switch what, _, _ := strings.Cut(part, " "); what {
			case "scenario", "scenarios":
				for _, m := range name.FindAllStringSubmatch(part, -1) {
					require.Contains(t, scenarios, "\n| `"+m[1]+"` |", "%s: there is no scenario %s", claim[1], m[1])
					played++
				}
			case "benchmark", "benchmarks":
				for _, n := range number.FindAllString(part, -1) {
					require.Contains(t, benchmarks, "\n## "+n+". ", "%s: there is no section %s of measurements", claim[1], n)
					measured++
				}
			default:
				require.Regexp(t, test, part, claim[1])
			}
		}
	}
	require.Greater(t, played, 10)
	require.Greater(t, measured, 5)
}

// A page that leads to another one, or shows a picture, finds it.
func TestWhatDocumentsLeadToExists(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
	links := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "docs/runbooks/*.md", "deploy/*.md"} {
		pages, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, page := range pages {
			for _, m := range link.FindAllStringSubmatch(text(t, page), -1) {
				_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
				require.NoError(t, err, "%s leads to %s", page, m[1])
				links++
			}
		}
	}
	require.Greater(t, links, 200)
}

// text is a file of the tree.
func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path) //nolint:gosec // our own
	require.NoError(t, err)
	return string(b)
}
