package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func nextCommand() *cli.Command {
	return &cli.Command{
		Name:        "next",
		Usage:       "tell when the next window begins and who leads it",
		Description: "Who leads is decided by the block 32 blocks before the window, and told as soon as it exists.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			return asking(c, func(node *api.Client) error {
				next, err := node.Next(c.Context)
				if err != nil {
					return err
				}
				var out strings.Builder
				describeNext(&out, next)
				return say(c, next, "%s", out.String())
			})
		},
	}
}

func watchCommand() *cli.Command {
	return &cli.Command{
		Name:        "watch",
		Usage:       "tell of each window as it opens and as it ends, until interrupted",
		Description: "With --json, one JSON object per line. With cluster.bootstrap it goes on through another instance when one stops.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			ctx, stop := untilStopped(c.Context)
			defer stop()
			show := func(e view.Event) error { return writeEvent(c.App.Writer, e) }
			if c.Bool("json") {
				lines := jsonLines(c.App.Writer)
				show = func(e view.Event) error { return lines.Encode(e) }
			}
			return following(c, func(node *api.Client) error { return node.Watch(ctx, show) })
		},
	}
}

// writeEvent tells an event in a line.
func writeEvent(w io.Writer, e view.Event) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s window %s", e.Time, block(e.Window))
	if e.Wallet != nil {
		fmt.Fprintf(&out, " wallet %v", e.Wallet)
	}
	switch e.Event {
	case view.EventOpened:
		fmt.Fprintf(&out, ": opened at block %s", block(e.OpenedAt))
	case view.EventResult:
		fmt.Fprintf(&out, ": %s, %s, leader %s, %s", cell(e.Reason), cell(e.Role), cell(e.Leader), cell(e.Action))
	case view.EventAmendment:
		out.WriteString(": learned afterwards")
	case view.EventGap:
		out.Reset()
		fmt.Fprintf(&out, "%s another instance goes on", e.Time)
	case view.EventDropped:
		out.Reset()
		fmt.Fprintf(&out, "%s dropped: too slow to follow, windows list has the rest", e.Time)
	}
	if e.Detail != "" {
		fmt.Fprintf(&out, " (%s)", printable(e.Detail))
	}
	for _, f := range e.Faults {
		fmt.Fprintf(&out, "; fault %s of %v, %s", f.Kind, f.Culprit, f.Verdict())
	}
	if e.Revoked {
		out.WriteString("; the action is revoked")
	}
	_, err := io.WriteString(w, out.String()+"\n")
	return err
}
