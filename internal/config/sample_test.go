package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const samplePath = "../../config.toml.sample"

func TestSampleIsAcceptedByTheStrictParserAndValid(t *testing.T) {
	t.Setenv("HOME", "/home/operator")
	c, err := Load(samplePath, nil, nil)
	require.NoError(t, err)
	require.Equal(t, "/home/operator/.walletnode", c.Node.DataDir)
	require.Equal(t, "sqlite:/home/operator/.walletnode/walletnode.db", c.StoreDSN())
	require.Equal(t, "unix:///home/operator/.walletnode/api.sock", c.APIAddress())
}

func TestSampleHasEveryKey(t *testing.T) {
	c, err := Read(samplePath, nil, nil)
	require.NoError(t, err)
	for _, key := range Keys() {
		require.Equal(t, FromFile, c.Origin(key).Source, "%s is not in the sample", key)
	}
}

// The comment above a key ends either in "Default: ..." or in "No default".
func TestSampleTellsTheDefaultOfEveryKey(t *testing.T) {
	raw, err := os.ReadFile(samplePath)
	require.NoError(t, err)
	var sample Config
	sample.origins = map[string]Origin{}
	tree, err := parseTOML(samplePath, raw)
	require.NoError(t, err)
	require.Empty(t, applyTOML(&sample, samplePath, raw, tree))

	def := Default()
	defaults := fields(&def)
	lines := strings.Split(string(raw), "\n")
	for i, f := range fields(&sample) {
		comment := commentAbove(lines, sample.Origin(f.key).Line)
		if strings.Contains(comment, "No default") {
			require.True(t, defaults[i].value.IsZero(), "%s has a default, and the sample says it has none", f.key)
			continue
		}
		require.Contains(t, comment, "Default: ", "%s: the sample names no default", f.key)
		require.Equal(t, defaults[i].value.Interface(), f.value.Interface(), "%s: the sample's value is not the default", f.key)
		if stated := regexp.MustCompile(`Default: ("[^"]*"|[0-9.]+|true|false|\[\])`).FindStringSubmatch(comment); stated != nil {
			line := lines[sample.Origin(f.key).Line-1]
			require.True(t, strings.HasSuffix(line, "= "+stated[1]), "%s: the comment says %s, the line is %q", f.key, stated[1], line)
		}
	}
}

// commentAbove returns the comment directly above a line (from 1), as one line of text.
func commentAbove(lines []string, line int) string {
	var comment []string
	for i := line - 2; i >= 0 && strings.HasPrefix(lines[i], "#"); i-- {
		comment = append([]string{strings.TrimPrefix(lines[i], "# ")}, comment...)
	}
	return strings.Join(comment, " ")
}
