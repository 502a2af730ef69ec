package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/systemd"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:  "start",
		Usage: "run the node until it is interrupted",
		Description: "The first SIGINT or SIGTERM lets what is in flight end, for at most node.shutdown_grace; a window that is\n" +
			"still open is resumed by the next start. A second signal ends the node at once, with exit code 130. With\n" +
			"ethereum.multi, SIGHUP reads the configuration again and takes over its chain endpoints, as \"endpoints reload\" does.\n" +
			"Many instances of an operator may run on one PostgreSQL database. Another process that runs under the same name ends\n" +
			"the start, or the copy that finds it out, with exit code 75.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "instance-id", Usage: "the `NAME` of this instance among the operator's, instead of cluster.instance_id"},
			&cli.StringSliceFlag{Name: "cluster-url", Usage: "a `URL` at which others reach this instance's API (may be repeated, the preferred one first), instead of cluster.urls"},
			&cli.BoolFlag{Name: "standby", Usage: "keep this instance in reserve, instead of cluster.standby"},
		},
		Action: startAction,
	}
}

func startAction(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	if err := setupLogging(c, cfg); err != nil {
		return err
	}
	// Before anything is acquired, so that an impatient operator is heard.
	signals, deaf := stopSignals()
	defer deaf()
	hangups := make(chan os.Signal, 1) // one that waits stands for all that come meanwhile
	if cfg.Ethereum.Multi.Enabled {    // else there is nothing to reload, and the signal keeps its meaning
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	file, flags := configFile(c), givenOverrides(c)
	again := func() (config.Config, error) { return config.Load(file, os.Environ(), flags) }
	return untilSignal(c.Context, signals, cfg.Node.ShutdownGrace, c.App.ErrWriter, func(ctx context.Context) error { return runNode(ctx, cfg, again, hangups) })
}

// runNode runs the configured node until ctx ends, with what watches it and answers for it around it. again reads the
// configuration anew, at each of hangups.
func runNode(ctx context.Context, cfg config.Config, again func() (config.Config, error), hangups <-chan os.Signal) error {
	levels := newLevelBook() // before anything logs
	for _, w := range cfg.Warnings() {
		logger("node").Warn("The configuration is unwise", "state", w.State, "key", w.Key, "reason", w.Why)
	}
	notifier, err := systemd.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	defer notifier.Close() //nolint:errcheck // nothing is pending on a datagram socket
	assembly, err := node.FromConfig(cfg, os.Getenv(config.PasswordVariable), logger)
	if err != nil {
		return err
	}
	outlive, stop := context.WithCancel(context.WithoutCancel(ctx)) // for what surrounds the node: it has to be seen to drain
	defer stop()
	around, err := surround(outlive, cfg, assembly, notifier)
	if err != nil {
		return errors.Join(held(cfg), err)
	}
	defer func() {
		stop()
		around.wait()
	}()
	feed := new(api.Feed)
	node.CollectSeldom()
	n, err := node.New(ctx, assembly)
	if err != nil && ctx.Err() != nil {
		logger("node").Info("Told to stop before the node was put together", "at", err)
		return nil // an orderly stop: whatever was under way was broken off by it
	}
	if err != nil {
		return err
	}
	defer n.Close() //nolint:errcheck // Run has told; this is for when it was never called
	reloads := &reloader{read: again, takeOver: n.ReloadEndpoints, running: cfg}
	around.tell(outlive, n, feed, levels, reloads)
	logger("node").Info("Node started", "operator", assembly.Operator.Address, "peer_id", n.Host().ID(),
		"listening_on", n.Host().Addrs(), "data_dir", cfg.Node.DataDir, "api", cfg.APIAddress())

	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer end() // a node that resigns ends by itself
		return n.Run(ctx)
	})
	if feeds := n.Feeds(); feeds != nil {
		tail := &api.Tail{Feeds: feeds, Mailbox: n.LiveMailbox(), Feed: feed, Logger: logger("node")}
		g.Go(func() error { return tail.Run(ctx) })
	}
	g.Go(func() error {
		reloads.until(ctx, hangups)
		return nil
	})
	return g.Wait()
}

// held tells that another node has the configured store, which is why it has our addresses too; nil if none has it, or if
// that cannot be found out. A shared one says nothing about this machine's addresses.
func held(cfg config.Config) error {
	if cfg.Shared() {
		return nil
	}
	if process, running, err := store.Running(cfg.StoreDSN()); err == nil && running {
		return fmt.Errorf("open store: %w %s", store.ErrLocked, process)
	}
	return nil
}
