package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

func instancesCommand() *cli.Command {
	return group("instances", "the operator's instances on one shared database",
		&cli.Command{Name: "list", Usage: "list the instances: their wallets, leases and health", Flags: []cli.Flag{jsonFlag()}, Action: listInstances},
		&cli.Command{Name: "show", Usage: "show all that is known of one instance", ArgsUsage: "ID", Flags: []cli.Flag{jsonFlag()}, Action: showInstance},
		&cli.Command{
			Name: "drain", Usage: "have an instance give its wallets to the others, and take none", ArgsUsage: "ID",
			Description: "It goes on running, and stays drained over restarts until undrain.",
			Flags:       []cli.Flag{jsonFlag()}, Action: wishOf(shared.Drain),
		},
		&cli.Command{
			Name: "undrain", Usage: "take back drain or resign: the instance may have wallets again", ArgsUsage: "ID",
			Flags: []cli.Flag{jsonFlag()}, Action: wishOf(shared.None),
		},
		&cli.Command{
			Name: "resign", Usage: "have an instance give its wallets to the others, and end", ArgsUsage: "ID",
			Description: "One that is dead is removed from the list, with all that it was asked for. If it is started again, it is an instance like any other.",
			Flags:       []cli.Flag{jsonFlag()}, Action: wishOf(shared.Resign),
		},
	)
}

func listInstances(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Instances(c.Context)
		if err != nil {
			return err
		}
		warnStale(c.App.ErrWriter, list)
		return instanceSheet(list).write(c)
	})
}

// warnStale says beside the list what the list alone would hide.
func warnStale(w io.Writer, list view.Instances) {
	if list.Stale {
		fmt.Fprintf(w, "walletnode: this was so %s ago; the database does not answer\n", milliseconds(list.AgeMS)) //nolint:errcheck // a hint
	}
	if list.Unowned > 0 {
		fmt.Fprintf(w, "walletnode: wallets that nobody serves: %d\n", list.Unowned) //nolint:errcheck // a hint
	}
}

func instanceSheet(list view.Instances) sheet {
	header := table.Row{"instance", "state", "wallets", "lease", "version", "wish", "urls", "detail"}
	return sheet{list, false, header, rowsOf(list.Instances, func(i view.Instance) table.Row {
		return table.Row{
			markedSelf(i), i.State, len(i.Wallets), lease(list, i), orDash(i.Version), orDash(i.Wish), orDash(strings.Join(i.URLs, " ")),
			orDash(printable(i.Detail)),
		}
	})}
}

// lease is what is left of an instance's lease. The only instance on a database of its own needs none.
func lease(list view.Instances, i view.Instance) string {
	if !list.Shared {
		return orDash("")
	}
	return milliseconds(i.LeaseMS)
}

// markedSelf is an instance's name, with a star at the one that answers. The only instance on a database of its own has none.
func markedSelf(i view.Instance) string {
	if i.Self {
		return orDash(i.ID) + " *"
	}
	return i.ID
}

// milliseconds writes a time for people.
func milliseconds(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}

func showInstance(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		i, err := node.Instance(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "instances list")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, i)
		}
		_, err = io.WriteString(c.App.Writer, describeInstance(i))
		return err
	})
}

func describeInstance(i view.Instance) string {
	var out strings.Builder
	fmt.Fprintf(&out, "instance %s\n  state    %s\n", markedSelf(i), i.State)
	if i.Detail != "" {
		fmt.Fprintf(&out, "  detail   %s\n", printable(i.Detail))
	}
	fmt.Fprintf(&out, "  version  %s\n  session  %s, for %s\n  lease    %s left\n  urls     %s\n  standby  %s\n  wish     %s\n",
		orDash(i.Version), orDash(i.Boot), view.Span(i.AgeS), milliseconds(i.LeaseMS), orDash(strings.Join(i.URLs, ", ")), yesNo(i.Standby), orDash(i.Wish))
	if i.Barred > 0 {
		fmt.Fprintf(&out, "  barred   through window %d: it gave wallets away because it was ill\n", i.Barred)
	}
	fmt.Fprintf(&out, "  wallets  %d\n", len(i.Wallets))
	for _, id := range i.Wallets {
		fmt.Fprintf(&out, "    %v\n", id)
	}
	return out.String()
}

// wishOf returns the action that asks an instance for something.
func wishOf(d shared.Desire) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := arguments(c, 1, 1); err != nil {
			return err
		}
		return asking(c, func(node *api.Client) error {
			wish, err := node.Wish(c.Context, c.Args().First(), d)
			if err != nil {
				return lost(err, "instances list")
			}
			if c.Bool("json") {
				return writeJSON(c.App.Writer, wish)
			}
			if wish.Removed {
				_, err = fmt.Fprintf(c.App.Writer, "%s was dead and is removed\n", wish.Instance)
				return err
			}
			said := map[shared.Desire]string{
				shared.Drain:  "gives its wallets to the others (walletnode instances list shows when it has)",
				shared.Resign: "gives its wallets to the others and ends",
				shared.None:   "may have wallets again",
			}[d]
			_, err = fmt.Fprintf(c.App.Writer, "%s %s\n", wish.Instance, said)
			return err
		})
	}
}
