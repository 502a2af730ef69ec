package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet"
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
			"The devnet's own nodes have no API: what they record is read from their stores (windows, faults, wallets), while status,\n" +
			"windows next and peers are questions for a guest.\n\nThe exit code is 0 if every node recorded what the scenario demands, and 6 if one did not.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "operators", Value: 5, Usage: "run `N` nodes, each of its own operator"},
			&cli.IntFlag{Name: "wallets", Value: 2, Usage: "make `N` wallets"},
			&cli.IntFlag{Name: "seats", Value: 10, Usage: "give each wallet `N` seats, spread unevenly over all operators"},
			&cli.DurationFlag{Name: "block-time", Value: 100 * time.Millisecond, Usage: "make a block every `DURATION`"},
			&cli.BoolFlag{Name: "fast-idle", Value: true, Usage: "make the blocks between two windows in a burst"},
			&cli.IntFlag{Name: "windows", Usage: "end after `N` windows; 0 runs until interrupted"},
			&cli.StringFlag{Name: "scenario", Value: "calm", Usage: "`NAME` of what happens"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`NUMBER` that keys and seats are made from"},
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
	cfg, err := readConfig(c) // for --log-level alone: what libraries have to say
	if err != nil {
		return err
	}
	if err := setupLogging(c, cfg); err != nil {
		return exit(codeUsage, err)
	}
	guests, err := guestsOf(c)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return untilSignal(c.Context, signals, devnetGrace, c.App.ErrWriter, func(ctx context.Context) error {
		return playDevnet(ctx, devnet.Config{
			Operators: c.Int("operators"),
			Wallets:   c.Int("wallets"),
			Seats:     c.Int("seats"),
			BlockTime: c.Duration("block-time"),
			FastIdle:  c.Bool("fast-idle"),
			Windows:   c.Int("windows"),
			Scenario:  c.String("scenario"),
			Seed:      c.Uint64("seed"),
			Guests:    guests,
			Dir:       c.String("dir"),
			Screen:    devnetScreen(c),
		}, c.Bool("keep"))
	})
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
			defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
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
