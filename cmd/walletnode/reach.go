package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/remote"
)

// reachable returns a client of the node of this machine or, if none answers, of any instance that cluster.bootstrap leads to. A
// node that is named on the command line is the only one asked.
func reachable(c *cli.Context, cfg config.Config) (*api.Client, error) {
	node, err := answering(c, askedAPI(c, cfg))
	if err == nil {
		node.Stale = saysStale(c)
	}
	if err == nil || !errors.Is(err, api.ErrUnreachable) || len(cfg.Cluster.Bootstrap) == 0 || c.IsSet("api") || c.Err() != nil {
		return node, err
	}
	instances, remoteErr := remote.Any(cfg)
	if remoteErr != nil {
		return nil, errors.Join(err, remoteErr)
	}
	fmt.Fprintf(c.App.ErrWriter, "walletnode: %v; asking another instance (cluster.bootstrap)\n", err) //nolint:errcheck // a hint
	instances.Stale = saysStale(c)
	return instances, nil
}

// saysStale tells beside a command's answer that it is an old one, once, however many questions the command asks.
func saysStale(c *cli.Context) func(time.Duration) {
	var once sync.Once
	return func(age time.Duration) {
		once.Do(func() {
			fmt.Fprintf(c.App.ErrWriter, "walletnode: as of %v ago: the database does not answer\n", age) //nolint:errcheck // a hint
		})
	}
}

// following is asking for what goes on when one instance stops, or only one can answer: whatever runs here, the instances of
// cluster.bootstrap are asked if there are any.
func following(c *cli.Context, ask func(*api.Client) error) error {
	cfg, err := onlineConfig(c)
	if err != nil {
		return err
	}
	if len(cfg.Cluster.Bootstrap) == 0 || c.IsSet("api") {
		return askingHere(c, ask)
	}
	instances, err := remote.Any(cfg)
	if err != nil {
		return err
	}
	defer instances.Close()
	return ask(instances)
}
