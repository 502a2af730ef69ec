package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/check"
	"github.com/walletnode/walletnode/internal/config"
)

// checkUsages say what each area of "check" tries.
var checkUsages = map[string]string{
	check.Config: "the configuration, and the keys it names: they open and nobody else may read them",
	check.Chain:  "the chain's endpoint: it answers, serves the right chain, its head is fresh, the contracts are there; with several, how each stands and whether they agree",
	check.Clock:  "this machine's clock, against the endpoint's and the chain's newest block",
	check.Store:  "the store: sound, of this version and chain, its directory writable, room on the disk",
	check.Ports:  "the addresses to listen on: free, or taken by the running node",
	check.Peers:  "the configured peers: they answer and prove their operators (not while the node runs)",

	check.Instances: "the operator's other instances: they answer, their list is signed with the operator's key, clocks and versions agree",
}

func checkCommand() *cli.Command {
	command := func(name, usage string, areas ...string) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "strict", Usage: "end with exit code 6 for a WARN too"},
				passwordFlag(), jsonFlag(),
			},
			Action: func(c *cli.Context) error { return checkAreas(c, areas) },
		}
	}
	g := group("check", "try what the node needs, and say what to do about what is missing",
		command("all", "everything, in this order", check.Areas()...))
	g.Description = "Every check ends as PASS, WARN, FAIL or SKIP. With a FAIL the exit code is 6. Nothing is changed; the node may run."
	for _, area := range check.Areas() {
		g.Subcommands = append(g.Subcommands, command(area, checkUsages[area], area))
	}
	return g
}

// checked is one check.
type checked struct {
	Area         string  `json:"area"`
	Name         string  `json:"name"`
	Status       string  `json:"status"`       // PASS, WARN, FAIL or SKIP
	Milliseconds float64 `json:"milliseconds"` // how long the check took
	Detail       string  `json:"detail"`
	Hint         string  `json:"hint"` // what to do; empty if there is nothing to do
}

func checkAreas(c *cli.Context, areas []string) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	in := check.Input{}
	in.Config, in.Invalid = config.Load(configFile(c), os.Environ(), givenOverrides(c))
	if in.Invalid != nil {
		var err error
		in.Config, err = config.Read(configFile(c), os.Environ(), givenOverrides(c))
		in.Unread = err != nil
	}
	in.Password = func() (string, error) { return openingPassword(c, in.Config, in.Config.Operator.KeyFile) }
	results := check.Run(c.Context, in, areas...)
	if err := c.Err(); err != nil {
		return err
	}
	failed := check.Failed(results, c.Bool("strict"))
	if err := writeChecks(c, results, !failed); err != nil {
		return err
	}
	if failed {
		return exit(codeFailed, nil)
	}
	return nil
}

func writeChecks(c *cli.Context, results []check.Result, ok bool) error {
	list := make([]checked, len(results))
	for i, r := range results {
		list[i] = checked{r.Area, r.Name, string(r.Status), float64(r.Took.Microseconds()) / 1000, r.Detail, r.Hint}
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, struct {
			OK     bool      `json:"ok"`
			Checks []checked `json:"checks"`
		}{ok, list})
	}
	rows := make([]table.Row, len(list))
	for i, r := range list {
		rows[i] = table.Row{r.Status, r.Area, printable(r.Name), fmt.Sprintf("%.0f", r.Milliseconds), printable(r.Detail)}
	}
	if err := writeTable(c, table.Row{"result", "area", "check", "ms", "found"}, rows); err != nil {
		return err
	}
	return writeHints(c.App.Writer, list)
}

// writeHints lists what to do under the table, where a line may be as long as it must.
func writeHints(w io.Writer, list []checked) error {
	var out strings.Builder
	for i, r := range list {
		again := i > 0 && list[i-1].Name == r.Name && list[i-1].Hint == r.Hint
		if r.Hint != "" && !again {
			fmt.Fprintf(&out, "  %s %s: %s\n", r.Area, printable(r.Name), r.Hint)
		}
	}
	if out.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\nwhat to do:\n"+out.String())
	return err
}
