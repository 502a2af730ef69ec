package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/remote"
)

// reachable returns a client of the node of this machine or, if none answers, of any instance that cluster.bootstrap leads to. A
// node that is named on the command line is the only one asked.
func reachable(c *cli.Context, cfg config.Config) (*api.Client, error) {
	node, err := answering(c, askedAPI(c, cfg))
	if err == nil || !errors.Is(err, api.ErrUnreachable) || len(cfg.Cluster.Bootstrap) == 0 || c.IsSet("api") || c.Err() != nil {
		return node, err
	}
	instances, remoteErr := remote.Any(cfg)
	if remoteErr != nil {
		return nil, errors.Join(err, remoteErr)
	}
	fmt.Fprintf(c.App.ErrWriter, "walletnode: %v; asking another instance (cluster.bootstrap)\n", err) //nolint:errcheck // a hint
	return instances, nil
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
