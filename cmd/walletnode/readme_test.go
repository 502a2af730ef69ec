package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// quoted finds commands where documents show them: alone on an indented line, or between backquotes.
var quoted = regexp.MustCompile("(?m)^ {4,}(?:go run \\./cmd/)?walletnode ((?:[^#\n])*)|`walletnode ([^`\n]+)`")

// shown is a command in a document. One within a sentence may be named without its arguments.
type shown struct {
	words    []string
	sentence bool
}

// commandsIn returns each command that a document shows.
func commandsIn(t *testing.T, path string) (list []shown) {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // our own
	require.NoError(t, err)
	for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
		list = append(list, shown{strings.Fields(m[1] + m[2]), m[2] != ""})
	}
	return list
}

// stepsOf returns the lines that a section of the guide tells to type, without their comments.
func stepsOf(t *testing.T, section string) (steps []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/guide.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "\n## "+section+"\n")
	require.True(t, found, "the guide has no section %q", section)
	body, _, _ := strings.Cut(after, "\n## ")
	for line := range strings.Lines(body) {
		if step, typed := strings.CutPrefix(line, "    "); typed {
			step, _, _ = strings.Cut(step, " #")
			steps = append(steps, strings.TrimSpace(step))
		}
	}
	return steps
}

// What a document shows can be typed: its commands exist and take the flags they are shown with.
func TestDocumentsShowOnlyCommandsThatExist(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	runbooks, err := filepath.Glob("../../docs/runbooks/*.md")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(commandsIn(t, "../../README.md")), 8, "README's commands are found")
	require.GreaterOrEqual(t, len(commandsIn(t, "../../docs/guide.md")), 50, "the guide's commands are found")
	for _, path := range slices.Concat([]string{"../../README.md", "../../CHANGELOG.md"}, documents, runbooks) {
		if filepath.Base(path) == "cli.md" {
			continue // made from the commands
		}
		for _, it := range commandsIn(t, path) {
			require.NoError(t, it.exists(), "%s: walletnode %s", path, strings.Join(it.words, " "))
		}
	}
	for _, line := range []string{"windows wobble", "windows list --wobble", "status x", "windows show", "windows show 900 901"} {
		require.Error(t, shown{words: strings.Fields(line)}.exists(), line)
	}
	require.NoError(t, shown{words: []string{"windows", "show"}, sentence: true}.exists())
	require.Error(t, shown{words: []string{"windows", "wobble"}, sentence: true}.exists())
}

// exists tries a command as far as that has no effect: its words, its flags and the number of its arguments.
func (s shown) exists() error {
	app := newApp(strings.NewReader(""), new(strings.Builder), new(strings.Builder))
	disarm(app.Commands, s.sentence)
	args, err := arrange(app, append([]string{"walletnode"}, s.words...))
	if err != nil {
		return err
	}
	return app.Run(args)
}

// disarm makes commands check what they were given and do no more.
func disarm(commands []*cli.Command, sentence bool) {
	for _, c := range commands {
		if len(c.Subcommands) > 0 {
			disarm(c.Subcommands, sentence)
			c.Action = func(c *cli.Context) error { return arguments(c, 0, 0) } // a group that is only named
			continue
		}
		usage := strings.Fields(c.ArgsUsage)
		least := len(slices.DeleteFunc(slices.Clone(usage), func(word string) bool { return strings.HasPrefix(word, "[") }))
		if sentence {
			least = 0
		}
		most := len(usage)
		if strings.Contains(c.ArgsUsage, "...") {
			most = -1
		}
		c.Action = func(c *cli.Context) error { return arguments(c, least, most) }
	}
}

// Who reads nothing but the README knows that this is not for real funds.
func TestTheREADMEWarnsOfRealFunds(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	words := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		"**Unaudited: no real funds.**", "The threshold library is alpha, and nobody has audited it or this program. **No real funds before that.**",
		"today's tBTC bridge knows ECDSA wallets only",
	} {
		require.Contains(t, words, want)
	}
}
