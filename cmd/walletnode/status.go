package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "tell how the running node fares",
		Description: "Whether it is ready and what is missing, the newest block, the window, who leads next, how the last window ended.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			return asking(c, func(node *api.Client) error {
				s, err := node.Status(c.Context)
				if err != nil {
					return err
				}
				return show(c, s, writeStatus)
			})
		},
	}
}

func writeStatus(w io.Writer, s view.Status) error {
	var out strings.Builder
	ready := "ready"
	if !s.Ready {
		ready = "not ready"
	}
	fmt.Fprintf(&out, "state     %s since %s, %s\n", s.State, s.Since, ready)
	for _, c := range s.Checks {
		if !c.OK {
			fmt.Fprintf(&out, "  %-9s %s (is: %s; must be: %s)\n", c.Name, printable(c.Reason), orDash(c.Current), c.Required)
		}
	}
	if chain := endpointsCheck(s); chain != nil && chain.OK {
		fmt.Fprintf(&out, "chain     %s\n", printable(chain.Current)) // reads may stand on less than decisions do
	}
	fmt.Fprintf(&out, "operator  %v\n", s.Operator)
	fmt.Fprintf(&out, "version   %s, up %s\n", s.Version, view.Span(s.Uptime))
	if h := s.Head; h != nil {
		stale := ""
		if h.Stale {
			stale = ", stale"
		}
		fmt.Fprintf(&out, "head      block %d, received %.0f s ago%s\n", h.Block, h.Age, stale)
	}
	if p := s.Window; p != nil {
		fmt.Fprintf(&out, "window    %d, %s; blocks left: %d\n", p.Window, p.Phase, p.Left)
	}
	if s.Next != nil {
		describeNext(&out, *s.Next)
	}
	fmt.Fprintf(&out, "peers     %d admitted, %d waiting, %d refused, %d gone\n", s.Peers.Admitted, s.Peers.Waiting, s.Peers.Refused, s.Peers.Disconnected)
	for _, row := range s.Last {
		fmt.Fprintf(&out, "last      window %d, wallet %s: %s\n", row.Window, cell(row.Wallet), cell(row.Reason))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// describeNext tells when the coming window begins and who leads it.
func describeNext(out *strings.Builder, n view.Next) {
	when := fmt.Sprintf("in %s, about %s", blocks(n.InBlocks), view.Span(n.InSeconds))
	fmt.Fprintf(out, "next      window %d %s\n", n.Window, when)
	if n.SeedIn > 0 {
		fmt.Fprintf(out, "          who leads is known from block %d on, in %s\n", n.SeedBlock, blocks(n.SeedIn))
	}
	for _, e := range n.Wallets {
		if e.Own {
			fmt.Fprintf(out, "          you lead wallet %v %s: %s\n", e.Wallet, when, strings.Join(e.Checklist, ", "))
			continue
		}
		fmt.Fprintf(out, "          %v leads wallet %v\n", e.Leader, e.Wallet)
	}
}

func blocks(n chain.Height) string {
	if n == 1 {
		return "1 block"
	}
	return fmt.Sprintf("%d blocks", n)
}

// readyPause is how often wait-ready asks.
const readyPause = 250 * time.Millisecond

func waitReadyCommand() *cli.Command {
	return &cli.Command{
		Name:  "wait-ready",
		Usage: "wait until the node can do its work",
		Description: "Tells on stderr what it waits for, and again when that changes. Exit code 0 once the node is ready, 3 if it is not in\n" +
			"time. There is no progress bar: after a stop, however long, a node fetches 256 headers at most, a matter of seconds.",
		Flags: []cli.Flag{&cli.DurationFlag{Name: "timeout", Value: time.Minute, Usage: "how `LONG` to wait, 0 for ever"}},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			if c.Duration("timeout") < 0 {
				return usageErrorf("--timeout: want 0 or more, have %v", c.Duration("timeout"))
			}
			return connecting(c, func(node *api.Client) error { return waitReady(c, node) })
		},
	}
}

func waitReady(c *cli.Context, node *api.Client) error {
	ctx := c.Context
	if limit := c.Duration("timeout"); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit) // a question under way ends with it
		defer cancel()
	}
	pause := time.NewTicker(readyPause)
	defer pause.Stop()
	told := ""
	for {
		missing, err := whatIsMissing(ctx, node)
		if err != nil {
			return err
		}
		if missing == "" {
			_, err := fmt.Fprintln(c.App.Writer, "ready")
			return err
		}
		if ctx.Err() != nil && told != "" {
			missing = told // the last question was cut off
		}
		if missing != told {
			fmt.Fprintln(c.App.ErrWriter, "walletnode: waiting:", missing) //nolint:errcheck // a hint
			told = missing
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			if c.Err() != nil {
				return c.Err()
			}
			return exit(codeNotReady, fmt.Errorf("not ready after %v: %s", c.Duration("timeout"), missing))
		}
	}
}

// whatIsMissing returns why the node is not ready, "" if it is. A node that does not answer yet is not ready either.
func whatIsMissing(ctx context.Context, node *api.Client) (string, error) {
	r, err := node.Readiness(ctx)
	if errors.Is(err, api.ErrUnreachable) {
		return err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	var reasons []string
	for _, check := range r.Failing() {
		reasons = append(reasons, check.Name+": "+printable(check.Reason))
	}
	return strings.Join(reasons, "; "), nil
}
