package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func createWalletCommand() *cli.Command {
	return &cli.Command{
		Name:  "create",
		Usage: "generate a new wallet's key together with other operators",
		Description: "Invites the operators of the seats, and accepts for this one. Each of the others has to accept with \"wallets accept\" before the\n" +
			"invitation expires; then the key is generated, and every operator signs what came of it. Nobody ever has the key.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "operators", Usage: "the `ADDRESSES` of all operators, this one among them, separated by commas"},
			&cli.StringSliceFlag{Name: "seats", Usage: "how many `SEATS` each of them holds, in the same order, as in 4,3,3"},
			&cli.IntFlag{Name: "threshold", Usage: "how many `SEATS` a signature takes: 2 at least, all at most"},
			&cli.StringFlag{Name: "scheme", Value: "frost", Usage: "`SCHEME` of the signatures: frost (Taproot) or cmp (ECDSA)"},
			waitFlag(), jsonFlag(),
		},
		Action: createWallet,
	}
}

func pendingCommand() *cli.Command {
	return &cli.Command{
		Name:  "pending",
		Usage: "list the key generations that wait for a decision or are under way",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "also those that are over"}, jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			return asking(c, func(node *api.Client) error {
				list, err := node.Keygens(c.Context)
				if err != nil {
					return err
				}
				return keygenSheet(shownKeygens(list, c.Bool("all"))).write(c)
			})
		},
	}
}

func acceptCommand() *cli.Command {
	return &cli.Command{
		Name:        "accept",
		Usage:       "take part in a key generation that this operator was invited to",
		ArgsUsage:   "SESSION",
		Description: "Look at who invites, the seats and the threshold first: \"wallets pending\" shows them. One of the signer backends is chosen\nfor the shares, and keeps them for ever.",
		Flags:       []cli.Flag{waitFlag(), jsonFlag()},
		Action:      deciding((*api.Client).AcceptKeygen),
	}
}

func declineCommand() *cli.Command {
	return &cli.Command{
		Name:      "decline",
		Usage:     "refuse an invitation, or end what was accepted and has not begun to generate",
		ArgsUsage: "SESSION",
		Flags:     []cli.Flag{jsonFlag()},
		Action:    deciding((*api.Client).DeclineKeygen),
	}
}

func waitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "wait", Usage: "wait until the wallet is there, and tell on stderr who is awaited; interrupting it ends the waiting alone"}
}

func createWallet(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	wish, err := walletWish(c)
	if err != nil {
		return exit(codeUsage, err)
	}
	return asking(c, func(node *api.Client) error {
		k, err := node.CreateWallet(c.Context, wish)
		if err != nil {
			return err
		}
		return told(c, node, k)
	})
}

// walletWish reads the flags of "wallets create". What they ask for as a whole is judged by the node.
func walletWish(c *cli.Context) (api.KeygenWish, error) {
	for _, name := range []string{"operators", "seats", "threshold"} {
		if !c.IsSet(name) {
			return api.KeygenWish{}, fmt.Errorf("--%s is missing: a wallet takes --operators, --seats and --threshold", name)
		}
	}
	wish := api.KeygenWish{Threshold: c.Int("threshold"), Scheme: c.String("scheme")}
	for _, text := range c.StringSlice("operators") {
		op, err := chain.ParseOperator(strings.TrimSpace(text))
		if err != nil {
			return wish, fmt.Errorf("--operators: %w", err)
		}
		wish.Operators = append(wish.Operators, op)
	}
	for _, text := range c.StringSlice("seats") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return wish, fmt.Errorf("--seats: %q is no number", text)
		}
		wish.Seats = append(wish.Seats, n)
	}
	return wish, nil
}

// deciding makes the action of a command that decides on a key generation.
func deciding(decide func(*api.Client, context.Context, string) (view.Keygen, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := arguments(c, 1, 1); err != nil {
			return err
		}
		return asking(c, func(node *api.Client) error {
			k, err := decide(node, c.Context, c.Args().First())
			if err != nil {
				return lost(err, "wallets pending --all")
			}
			return told(c, node, k)
		})
	}
}

// told shows a key generation: as it is, or with --wait as it ends.
func told(c *cli.Context, node *api.Client, k view.Keygen) error {
	if c.Bool("wait") {
		ctx, stop := untilStopped(c.Context)
		defer stop()
		var err error
		if k, err = awaitKeygen(ctx, c.App.ErrWriter, node, k); err != nil {
			return err
		}
	}
	write := func() error { return writeJSON(c.App.Writer, k) }
	if !c.Bool("json") {
		write = func() error {
			_, err := io.WriteString(c.App.Writer, describeKeygen(k))
			return err
		}
	}
	if err := write(); err != nil {
		return err
	}
	switch {
	case !c.Bool("wait") || k.State == "active":
		return nil
	case k.Over():
		return fmt.Errorf("the key generation is over (%s): %s", k.State, orDash(printable(k.Detail)))
	default:
		return errors.New("there is no wallet yet; the key generation goes on, and \"wallets pending\" shows it")
	}
}

// asked is how often a key generation is looked at by who waits for it: it takes seconds at least, and often people.
const asked = time.Second

// awaitKeygen returns a key generation once it is over, and writes what changes until then.
func awaitKeygen(ctx context.Context, progress io.Writer, node *api.Client, k view.Keygen) (view.Keygen, error) {
	tick := time.NewTicker(asked)
	defer tick.Stop()
	for last := ""; ; {
		if line := progressOf(k); line != last {
			fmt.Fprintln(progress, "walletnode: "+line) //nolint:errcheck // a hint
			last = line
		}
		if k.Over() {
			return k, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return k, nil // it goes on
		}
		now, err := node.Keygen(ctx, k.Session)
		switch {
		case err == nil:
			k = now
		case ctx.Err() == nil:
			return k, err
		}
	}
}

// progressOf says in one line where a key generation is.
func progressOf(k view.Keygen) string {
	line := k.State
	if k.Round > 0 {
		line += fmt.Sprintf(", round %d", k.Round)
	}
	if len(k.Awaited) > 0 {
		line += ", waits for " + addresses(k.Awaited)
	}
	if k.Detail != "" {
		line += ": " + printable(k.Detail)
	}
	return line
}

func addresses(operators []chain.Operator) string {
	list := make([]string, len(operators))
	for i, op := range operators {
		list[i] = op.String()
	}
	return strings.Join(list, ", ")
}

func describeKeygen(k view.Keygen) string {
	var out strings.Builder
	fmt.Fprintf(&out, "session %s\n  state      %s\n  scheme     %s, %d of %d seats sign\n  invited by %v, to be accepted until %s\n",
		k.Session, progressOf(k), k.Scheme, k.Threshold, k.Total(), k.By, k.Expires)
	if k.Wallet != nil {
		fmt.Fprintf(&out, "  wallet     %v\n", k.Wallet)
	}
	if k.Instance != "" {
		fmt.Fprintf(&out, "  instance   %s\n", k.Instance)
	}
	out.WriteString("  seats\n")
	for _, h := range k.Roster {
		fmt.Fprintf(&out, "    %3d      %v\n", h.Seats, h.Operator)
	}
	return out.String()
}

// shownKeygens leaves out what is over, unless all are wanted.
func shownKeygens(list view.Keygens, all bool) view.Keygens {
	shown := view.Keygens{Keygens: []view.Keygen{}}
	for _, k := range list.Keygens {
		if all || !k.Over() {
			shown.Keygens = append(shown.Keygens, k)
		}
	}
	return shown
}

func keygenSheet(list view.Keygens) sheet {
	header := table.Row{"session", "state", "scheme", "threshold", "our seats", "invited by", "expires", "detail"}
	return sheet{list, false, header, rowsOf(list.Keygens, func(k view.Keygen) table.Row {
		_, detail, _ := strings.Cut(progressOf(k), k.State)
		return table.Row{
			k.Session, k.State, k.Scheme, fmt.Sprintf("%d of %d", k.Threshold, k.Total()), len(k.Seats), k.By, k.Expires,
			orDash(strings.TrimLeft(detail, ",: ")),
		}
	})}
}
