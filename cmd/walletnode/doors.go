package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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
		guard, err := guardOf(cfg)
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

// guardOf is who may ask at the configured address.
func guardOf(cfg config.Config) (api.Guard, error) {
	token, err := cfg.APIToken()
	if err != nil {
		return api.Guard{}, err
	}
	guard := api.Guard{Token: token, URLs: cfg.Cluster.URLs}
	for _, s := range cfg.Feed.Subscribers {
		word, err := cfg.SubscriberToken(s)
		if err != nil {
			return api.Guard{}, err
		}
		by := api.Subscriber{Name: s.Name, Token: word, Mailboxes: s.Mailboxes}
		for _, right := range s.May {
			by.May = append(by.May, api.Right(right))
		}
		guard.Subscribers = append(guard.Subscribers, by)
	}
	if cfg.API.TLSCertFile != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.API.TLSCertFile, cfg.API.TLSKeyFile)
		if err != nil {
			return api.Guard{}, fmt.Errorf("read certificate of the API: %w", err)
		}
		guard.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return guard, nil
}

// askedAPI is the address of a command's node: the one named on the command line, or the one of this machine.
func askedAPI(c *cli.Context, cfg config.Config) string {
	if c.IsSet("api") {
		return cfg.APIAddress()
	}
	return remote.Local(cfg)
}
