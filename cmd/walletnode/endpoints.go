package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func endpointsCommand() *cli.Command {
	return group(
		"endpoints", "the chain endpoints that the running node compares (ethereum.multi)",
		&cli.Command{
			Name: "list", Usage: "list the endpoints: which are used, and why others are not", Flags: []cli.Flag{jsonFlag()}, Action: listEndpoints,
			Description: "The marks beside a name: * serves reads and heads, p is the primary. VOTES says whether the endpoint holds the\n" +
				"agreed head and has a vote. P50 and P95 are of its last few hundred answers. SIBLINGS says how many of the operator's\n" +
				"other instances think otherwise of its status; --json has what each thinks.",
		},
		&cli.Command{Name: "history", Usage: "tell how an endpoint's status changed", ArgsUsage: "NAME", Flags: []cli.Flag{jsonFlag()}, Action: showEndpointHistory},
		&cli.Command{
			Name: "reload", Usage: "have the node read its configuration again and take over the endpoints in it", Flags: []cli.Flag{jsonFlag()}, Action: reloadEndpoints,
			Description: "The node reads the file that it was started with. If anything in it is wrong, nothing changes, every mistake is told,\n" +
				"and the exit code is 2. What else was changed in the file is named: it needs a restart.",
		},
		&cli.Command{
			Name: "cordon", Usage: "take an endpoint out of use, until uncordon or the node's end", ArgsUsage: "NAME", Flags: []cli.Flag{jsonFlag()}, Action: cordonEndpoint(true),
			Description: "It is still polled, and its vote group still counts among those that have to agree.",
		},
		&cli.Command{
			Name: "uncordon", Usage: "let an endpoint back into use", ArgsUsage: "NAME", Flags: []cli.Flag{jsonFlag()}, Action: cordonEndpoint(false),
		},
	)
}

func listEndpoints(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Endpoints(c.Context)
		if err != nil {
			return err
		}
		return writeEndpoints(c, list)
	})
}

func writeEndpoints(c *cli.Context, list view.Endpoints) error {
	if c.Bool("json") {
		return writeJSON(c.App.Writer, list)
	}
	agreed := "no block was agreed on yet"
	if a := list.Agreed; a != nil {
		agreed = fmt.Sprintf("block %d agreed at %s", a.Block, a.At)
	}
	if _, err := fmt.Fprintf(c.App.Writer, "%s: %d of %d vote groups agree, %d must; %s\n", list.Mode, list.Votes, list.Groups, list.Needed, agreed); err != nil {
		return err
	}
	rows := make([]table.Row, len(list.Endpoints))
	for i, e := range list.Endpoints {
		rows[i] = table.Row{
			marked(e), e.Group, e.Status, because(e), orDash(e.Since), cell(e.Height), e.Lag, latency(e.P50), latency(e.P95),
			fmt.Sprintf("%d/%d", e.Errors, e.Calls), yesNo(e.Votes), siblings(e), e.Address,
		}
	}
	return writeTable(c, table.Row{"name", "group", "status", "reason", "since", "height", "lag", "p50", "p95", "errors", "votes", "siblings", "address"}, rows)
}

// marked is an endpoint's name with what it is to the node.
func marked(e view.Endpoint) string {
	marks := ""
	if e.Serving {
		marks += "*"
	}
	if e.Primary {
		marks += "p"
	}
	if marks == "" {
		return e.Name
	}
	return e.Name + " " + marks
}

// siblings says how many of the other instances think otherwise of an endpoint.
func siblings(e view.Endpoint) string {
	switch others := e.Otherwise(); {
	case len(e.Siblings) == 0:
		return "-"
	case others == 0:
		return "agree"
	default:
		return fmt.Sprintf("%d of %d differ", others, len(e.Siblings))
	}
}

func because(e view.Endpoint) string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return fmt.Sprintf("%s (%s)", e.Reason, printable(e.Detail))
}

// latency rounds a time in seconds for people.
func latency(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return time.Duration(*seconds * float64(time.Second)).Round(100 * time.Microsecond).String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func showEndpointHistory(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		history, err := node.EndpointHistory(c.Context, c.Args().First())
		if err != nil {
			return err
		}
		return sheet{history, false, table.Row{"at", "status", "reason", "detail"}, rowsOf(history.Changes, func(change view.EndpointChange) table.Row {
			return table.Row{change.At, change.Status, change.Reason, orDash(printable(change.Detail))}
		})}.write(c)
	})
}

func reloadEndpoints(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return askingHere(c, func(node *api.Client) error {
		done, err := node.ReloadEndpoints(c.Context)
		if err != nil {
			return err
		}
		return show(c, done, writeReload)
	})
}

func writeReload(w io.Writer, done view.Reload) error {
	var out strings.Builder
	for _, part := range []struct {
		what string
		list []string
	}{{"added", done.Added}, {"removed", done.Removed}, {"changed", done.Changed}} {
		fmt.Fprintf(&out, "%-8s %s\n", part.what, orDash(strings.Join(part.list, ", ")))
	}
	for _, key := range done.Restart {
		fmt.Fprintf(&out, "%s was changed, and needs a restart\n", printable(key))
	}
	for _, warning := range done.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", printable(warning))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func cordonEndpoint(cordoned bool) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := arguments(c, 1, 1); err != nil {
			return err
		}
		return askingHere(c, func(node *api.Client) error {
			list, err := node.Cordon(c.Context, c.Args().First(), cordoned)
			if err != nil {
				return err
			}
			return writeEndpoints(c, list)
		})
	}
}

// endpointsCheck returns the check of readiness about many endpoints; nil for a node that has one alone.
func endpointsCheck(s view.Status) *view.Check {
	for _, check := range s.Checks {
		if check.Name == "chain_endpoints" && check.Current != view.OneEndpoint {
			return &check
		}
	}
	return nil
}
