package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// source is where commands read what is recorded: the running node (api.Client), or its store (view.Records).
type source = api.Records

// reading gives a command the source it reads from, for as long as it runs: the running node, another
// instance, or with --offline, or if none answers or it only starts, the store, which is there whether or not a node runs. rows is how many rows a list is to have; the node
// gives so many at most at once, and longer lists (0: whole ones) come from the store.
func reading(c *cli.Context, rows int, read func(source) error) error {
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	if !c.Bool("offline") && rows > 0 && rows <= api.MaxRows {
		client, err := reachable(c, cfg)
		if err == nil {
			defer client.Close()
			if err = read(client); !errors.Is(err, api.ErrStarting) && !errors.Is(err, api.ErrUnreachable) {
				return err
			}
		}
		if c.Err() != nil {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "walletnode: %v; reading its store instead (--offline does so at once)\n", err) //nolint:errcheck // a hint
	}
	return inStore(c, cfg, func(r *store.Reader) error { return read(recordsOf(r)) })
}

// inStore reads from the node's store, whether the node runs or not.
func inStore(c *cli.Context, cfg config.Config, read func(*store.Reader) error) error {
	r, err := store.OpenReader(c.Context, cfg.StoreDSN())
	if err != nil {
		return err
	}
	return errors.Join(read(r), r.Close())
}

func recordsOf(r *store.Reader) source { return view.Records{Store: *r} }

// answering returns a client of a node that answers.
func answering(c *cli.Context, address string) (*api.Client, error) {
	client, err := api.NewClient(address)
	if err != nil {
		return nil, err
	}
	if err := client.Healthy(c.Context); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// asking gives a command the running node, or another instance if none answers on this machine. A node that hangs is told at
// once, and not only when the command's own question has waited for its answer.
func asking(c *cli.Context, ask func(*api.Client) error) error {
	cfg, err := onlineConfig(c)
	if err != nil {
		return err
	}
	node, err := reachable(c, cfg)
	if err != nil {
		return err
	}
	defer node.Close()
	return ask(node)
}

// askingHere is asking for what concerns the node of this machine alone: another instance would be changed by mistake.
func askingHere(c *cli.Context, ask func(*api.Client) error) error {
	return connecting(c, func(node *api.Client) error {
		if err := node.Healthy(c.Context); err != nil {
			return err
		}
		return ask(node)
	})
}

// connecting is askingHere for a command that goes on while no node answers.
func connecting(c *cli.Context, ask func(*api.Client) error) error {
	cfg, err := onlineConfig(c)
	if err != nil {
		return err
	}
	node, err := api.NewClient(askedAPI(c, cfg))
	if err != nil {
		return err
	}
	defer node.Close()
	return ask(node)
}

// onlineConfig is readConfig for a command that only a running node can answer.
func onlineConfig(c *cli.Context) (config.Config, error) {
	if c.Bool("offline") {
		return config.Config{}, usageErrorf("%s asks the running node: it cannot be used with --offline", commandPath(c))
	}
	return readConfig(c)
}

// one is the number of rows of a command that shows a single document.
const one = 1
