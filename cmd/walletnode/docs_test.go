package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write the generated documents instead of comparing them")

func TestDocsCLIIsGeneratedFromTheCommands(t *testing.T) {
	app := newApp(nil, nil, nil)
	var doc strings.Builder
	fmt.Fprintf(&doc, "# Command line\n\nThis page is generated from the commands: `go test ./cmd/walletnode -run DocsCLI -update`.\n\n"+
		"%s Every command has `--help`.\n\n", app.Description)
	doc.WriteString("Data goes to stdout, logs and errors to stderr. `--json` writes one document, or one line for each event of a command that\n" +
		"goes on; names are snake_case. The protocol's own JSON keeps the names of its test vectors (`walletPublicKeyHash`): what stands\n" +
		"under `message` and `proposal`, manifests, and what `message` and `explain` read and write.\n\n" +
		"Precedence: a flag wins over its environment variable (`WALLETNODE_` and the key, as in `WALLETNODE_ETHEREUM_URL`), that over\n" +
		"the configuration file, and that over the default. Secrets are never flags.\n\n")
	documentExitCodes(t, &doc)
	doc.WriteString("## Flags of the program\n\n")
	documentFlags(&doc, app.Flags)
	documentCommands(&doc, "walletnode", app.Commands)

	const path = "../../docs/cli.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(doc.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, doc.String(), string(have), "run the command that the page names")
}

// exitCodes are the constants of exit.go with the comments beside them.
var exitCodes = regexp.MustCompile(`(?m)^\tcode\w+ += (\d+) +// (.+)$`)

func documentExitCodes(t *testing.T, doc *strings.Builder) {
	source, err := os.ReadFile("exit.go")
	require.NoError(t, err)
	found := exitCodes.FindAllStringSubmatch(string(source), -1)
	require.Len(t, found, 9, "every code has its meaning beside it")
	doc.WriteString("## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, m := range found {
		fmt.Fprintf(doc, "| %s | %s |\n", m[1], m[2])
	}
	doc.WriteByte('\n')
}

func documentCommands(doc *strings.Builder, parent string, commands []*cli.Command) {
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		path := parent + " " + c.Name
		level := strings.Count(path, " ") + 1
		fmt.Fprintf(doc, "%s %s\n\n%s.\n\n", strings.Repeat("#", level), path, upperFirst(c.Usage))
		if len(c.Subcommands) == 0 {
			usage := path
			if len(c.Flags) > 0 {
				usage += " [flags]"
			}
			fmt.Fprintf(doc, "    %s\n\n", strings.TrimSpace(usage+" "+c.ArgsUsage))
		}
		if c.Description != "" {
			fmt.Fprintf(doc, "%s\n\n", c.Description)
		}
		if len(c.Flags) > 0 {
			documentFlags(doc, c.Flags)
		}
		documentCommands(doc, path, c.Subcommands)
	}
}

func documentFlags(doc *strings.Builder, flags []cli.Flag) {
	doc.WriteString("| flag | default | meaning |\n|---|---|---|\n")
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := "", documented.GetUsage()
		if documented.TakesValue() {
			value = " VALUE"
			if m := placeholder.FindStringSubmatch(usage); m != nil {
				value = " " + m[1]
			}
		}
		var spelt []string
		for _, name := range f.Names() {
			spelt = append(spelt, "`"+hyphens(name)+name+value+"`")
		}
		byDefault := ""
		if text := documented.GetValue(); documented.TakesValue() && text != "" && text != `""` {
			byDefault = "`" + text + "`"
		}
		if on, is := f.(*cli.BoolFlag); is && on.Value {
			byDefault = "`true`" // the library tells the default of a flag that takes a value only
		}
		usage = placeholder.ReplaceAllString(usage, "$1")
		for _, variable := range documented.GetEnvVars() {
			usage += " (or the variable `" + variable + "`)"
		}
		fmt.Fprintf(doc, "| %s | %s | %s |\n", strings.Join(spelt, ", "), byDefault, strings.ReplaceAll(usage, "|", `\|`))
	}
	doc.WriteByte('\n')
}

func TestDocsTellEveryDefaultThatHelpTells(t *testing.T) {
	var doc strings.Builder
	documentFlags(&doc, []cli.Flag{
		&cli.BoolFlag{Name: "on", Value: true, Usage: "a"}, &cli.BoolFlag{Name: "off", Usage: "b"}, &cli.IntFlag{Name: "number", Value: 5, Usage: "c"},
	})
	for _, row := range []string{"| `--on` | `true` | a |", "| `--off` |  | b |", "| `--number VALUE` | `5` | c |"} {
		require.Contains(t, doc.String(), row+"\n")
	}
	require.Contains(t, succeed(t, "", "devnet", "--help"), "(default: true)")
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Help and docs are the only manual most people read.
func TestEveryCommandAndFlagSaysWhatItDoes(t *testing.T) {
	for _, s := range grammar() {
		for _, c := range append(s.subs, s.flags...) {
			require.NotEmpty(t, c.about, "%s %v", s.path, c.names)
			require.False(t, strings.HasSuffix(c.about, "."), "%s %v: usage ends without a full stop", s.path, c.names)
		}
	}
}
