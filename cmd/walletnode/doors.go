package main

import (
	"context"
	"errors"
	stdnet "net"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/remote"
)

// door is an address at which the API is asked, and whom it answers.
type door struct {
	address  string
	guard    api.Guard
	listener stdnet.Listener
}

// openDoors takes the API's addresses: the configured one, and where that asks for a token or speaks TLS also the socket in
// the data directory, so that commands on this machine need neither.
func openDoors(ctx context.Context, cfg config.Config) ([]door, error) {
	doors := []door{{address: remote.Local(cfg)}}
	if address := cfg.APIAddress(); address != remote.Local(cfg) {
		guard, err := remote.Guard(cfg)
		if err != nil {
			return nil, err
		}
		doors = append(doors, door{address: address, guard: guard})
	}
	for i, d := range doors {
		var err error
		if doors[i].listener, err = api.Listen(ctx, d.address, d.guard); err != nil {
			return nil, errors.Join(err, closeDoors(doors[:i]))
		}
	}
	return doors, nil
}

func closeDoors(doors []door) (err error) {
	for _, d := range doors {
		err = errors.Join(err, d.listener.Close())
	}
	return err
}

// askedAPI is the address of a command's node: the one named on the command line, or the one of this machine.
func askedAPI(c *cli.Context, cfg config.Config) string {
	if c.IsSet("api") {
		return cfg.APIAddress()
	}
	return remote.Local(cfg)
}
