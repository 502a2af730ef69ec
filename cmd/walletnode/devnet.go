package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// codeUnexpected is the exit code of a devnet whose nodes did not record what the scenario demands.
const codeUnexpected = 6

// devnetGrace is how long a devnet may take to stop all its nodes.
const devnetGrace = time.Minute

func devnetCommand() *cli.Command {
	return &cli.Command{
		Name:  "devnet",
		Usage: "run a whole network on this machine, with a chain of its own, and judge what it records",
		Description: "Every operator is a complete node with keys, store and log in a directory of its own. The scenarios:\n\n" +
			scenarioHelp() + "\nA node of your own takes part with --guest and its operator's address, which walletnode init tells: it holds seats of\n" +
			"one more wallet, which the scenario is not judged by. The devnet says how that node is started.\n" +
			"With --enclaves each operator has that many signers, each a process of its own, prepared as \"walletnode signer init\" does. The\n" +
			"nodes generate the wallets' keys with them over the network, threshold a bit more than half of the seats; each wallet is then\n" +
			"registered on the chain and funded, and every agreed action must end signed, by the same transaction on every node.\n" +
			"The first node that runs shows its dashboard, at an address that is printed.\n" +
			"The devnet's own nodes have no API: what they record is read from their stores (windows, faults, wallets), while status,\n" +
			"windows next and peers are questions for a guest.\n\n" +
			"With --instances the first operator runs that many instances, each a process of its own, on one PostgreSQL database, which is\n" +
			"made from the server programs installed here (Debian package postgresql) and removed at the end. They have dashboards and APIs,\n" +
			"which ask for a token; it is printed where they are. The other operators have one node each, as always. With --chaos N its\n" +
			"instances are struck at random in N windows: killed, stopped, cut off from the database or from their peers, the database restarted; one instance is spared each time. --seed says what strikes whom. The\n" +
			"last line tells how many payloads differed, windows were lost and honest operators were accused, all of which must be 0, and\n" +
			"how long the wallets of killed instances waited for another one. With --enclaves, too, the instances share their operator's\n" +
			"signers, are struck while signatures are made as well, and what was signed twice is counted.\n\nThe exit code is 0 if every node recorded what the scenario demands, and 6 if one did not.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "operators", Value: 5, Usage: "run `N` nodes, each of its own operator"},
			&cli.IntFlag{Name: "wallets", Value: 2, Usage: "make `N` wallets"},
			&cli.IntFlag{Name: "seats", Value: 10, Usage: "give each wallet `N` seats, spread unevenly over all operators"},
			&cli.DurationFlag{Name: "block-time", Value: defaultBlockTime, Usage: "make a block every `DURATION`; with --chaos the default is what a lease needs"},
			&cli.BoolFlag{Name: "fast-idle", Value: true, Usage: "make the blocks between two windows in a burst"},
			&cli.IntFlag{Name: "windows", Usage: "end after `N` windows; 0 runs until interrupted"},
			&cli.StringFlag{Name: "scenario", Value: "calm", Usage: "`NAME` of what happens"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`NUMBER` that seats are dealt by; keys are new each time"},
			&cli.IntFlag{Name: "enclaves", Usage: "give each operator `N` signers (1 to 4), which make the wallets' keys and sign what is agreed on; 0 leaves it unsigned"},
			&cli.StringFlag{Name: "scheme", Usage: "`SCHEME` that those sign with: frost (Taproot) or cmp (ECDSA, at most 5 seats; a key takes half a minute) (default: frost)"},
			&cli.IntFlag{Name: "instances", Usage: "give the first operator `N` instances that share a PostgreSQL database; with --chaos the default is 3"},
			&cli.DurationFlag{Name: "lease-ttl", Usage: "let the leases of those instances last `DURATION` (default: a node's, with --chaos 4s)"},
			&cli.IntFlag{Name: "chaos", Usage: "strike those instances at random, in `N` windows"},
			&cli.StringSliceFlag{Name: "guest", Usage: "let the operator with this `ADDRESS` take part with a node that you start (may be repeated)"},
			&cli.StringFlag{Name: "dir", Usage: "write everything to this empty or new `DIRECTORY` and leave it there; otherwise to one that is removed at the end"},
			&cli.BoolFlag{Name: "keep", Usage: "do not remove the directory at the end"},
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object per line"},
		},
		Action: devnetAction,
	}
}

func scenarioHelp() string {
	var b strings.Builder
	for _, s := range devnet.Scenarios() {
		fmt.Fprintf(&b, "%s: %s\n", s.Name, s.Happens)
	}
	return b.String()
}

func devnetAction(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if _, err := loggedConfig(c); err != nil { // for --log-level alone: what libraries have to say
		return err
	}
	guests, err := guestsOf(c)
	if err != nil {
		return err
	}
	switch {
	case c.IsSet("chaos") && c.Int("chaos") < 1:
		return usageErrorf("--chaos: %d windows are none", c.Int("chaos"))
	case c.IsSet("chaos") && c.IsSet("windows"):
		return usageErrorf("--chaos: it says how many windows there are, --windows cannot")
	}
	signals, deaf := stopSignals()
	defer deaf()
	return untilSignal(c.Context, signals, devnetGrace, c.App.ErrWriter, func(ctx context.Context) error {
		return playDevnet(ctx, devnetOf(c, guests), c.Bool("keep"))
	})
}

const (
	defaultBlockTime = 100 * time.Millisecond
	// chaosInstances and chaosLease are a chaos run's, unless others are asked for: somebody else to be struck beside the
	// one that is spared, and a window in half a minute.
	chaosInstances = 3
	chaosLease     = 4 * time.Second
	chaosPace      = 250 * time.Millisecond // of blocks; more if the lease needs more
)

// devnetOf reads the flags.
func devnetOf(c *cli.Context, guests []chain.Operator) devnet.Config {
	cfg := devnet.Config{
		Operators: c.Int("operators"),
		Wallets:   c.Int("wallets"),
		Seats:     c.Int("seats"),
		BlockTime: c.Duration("block-time"),
		FastIdle:  c.Bool("fast-idle"),
		Windows:   c.Int("windows"),
		Scenario:  c.String("scenario"),
		Seed:      c.Uint64("seed"),
		Guests:    guests,
		Enclaves:  c.Int("enclaves"),
		Scheme:    signer.Scheme(c.String("scheme")),
		Instances: c.Int("instances"),
		Lease:     c.Duration("lease-ttl"),
		Dir:       c.String("dir"),
		Screen:    devnetScreen(c),
	}
	if !c.IsSet("chaos") {
		return cfg
	}
	cfg.Chaos, cfg.Windows = true, c.Int("chaos")
	if !c.IsSet("instances") {
		cfg.Instances = chaosInstances
	}
	if !c.IsSet("lease-ttl") {
		cfg.Lease = chaosLease
	}
	if !c.IsSet("block-time") {
		cfg.BlockTime = max(chaosPace, devnet.ChaosBlockTime(cfg.Lease))
	}
	if !c.IsSet("wallets") {
		cfg.Wallets = cfg.Instances // one each, as a rule
	}
	if !c.IsSet("operators") {
		cfg.Operators = 3
	}
	return cfg
}

func guestsOf(c *cli.Context) ([]chain.Operator, error) {
	var guests []chain.Operator
	for _, text := range c.StringSlice("guest") {
		guest, err := chain.ParseOperator(text)
		if err != nil {
			return nil, usageErrorf("--guest: %w", err)
		}
		guests = append(guests, guest)
	}
	return guests, nil
}

func devnetScreen(c *cli.Context) devnet.Screen {
	switch {
	case c.Bool("json"):
		return devnet.JSONScreen(c.App.Writer, c.App.ErrWriter)
	case animated(c, c.App.Writer):
		return devnet.TerminalScreen(c.App.Writer)
	default:
		return devnet.PlainScreen(c.App.Writer)
	}
}

// playDevnet runs a devnet in its directory, or in one that is removed afterwards.
func playDevnet(ctx context.Context, cfg devnet.Config, keep bool) (err error) {
	if cfg.Dir == "" {
		if cfg.Dir, err = os.MkdirTemp("", "walletnode-devnet-"); err != nil {
			return err
		}
		if !keep {
			defer func() {
				var judged exitError
				if err != nil && !errors.As(err, &judged) {
					err = fmt.Errorf("%w (what is left of the devnet, logs among it, is in %s)", err, cfg.Dir)
					return
				}
				err = errors.Join(err, os.RemoveAll(cfg.Dir))
			}()
		}
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil { // nodes are told of it, and people elsewhere
		return err
	}
	if err := cfg.Validate(); err != nil {
		return exit(codeUsage, err)
	}
	sum, err := devnet.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if !sum.Expected {
		return exit(codeUnexpected, fmt.Errorf("devnet: scenario %s did not end as expected (%d differences)", sum.Scenario, len(sum.Differences)))
	}
	return nil
}
