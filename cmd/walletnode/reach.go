package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/socks"
	"github.com/walletnode/walletnode/net/client"
)

// reachable returns a client of the node of this machine or, if none answers, of any instance that cluster.bootstrap leads to. A
// node that is named on the command line is the only one asked.
func reachable(c *cli.Context, cfg config.Config) (*api.Client, error) {
	node, err := answering(c, askedAPI(c, cfg))
	if err == nil || !errors.Is(err, api.ErrUnreachable) || len(cfg.Cluster.Bootstrap) == 0 || c.IsSet("api") || c.Err() != nil {
		return node, err
	}
	instances, remoteErr := anyInstance(cfg)
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
	instances, err := anyInstance(cfg)
	if err != nil {
		return err
	}
	defer instances.Close()
	return ask(instances)
}

// anyInstance returns a client of the operator's instances, wherever they are.
func anyInstance(cfg config.Config) (*api.Client, error) {
	reach, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	instances, err := client.New(reach)
	if err != nil {
		return nil, err
	}
	return api.NewRemote(instances), nil
}

// clientConfig is how the operator's instances are reached. Their list must be signed with the configured key, whose address
// stands in its file; without a key the first list decides.
func clientConfig(cfg config.Config) (client.Config, error) {
	reach := client.Config{Bootstrap: cfg.Cluster.Bootstrap}
	var err error
	if reach.Token, err = cfg.APIToken(); err != nil {
		return reach, err
	}
	if cfg.Operator.KeyFile != "" {
		file, err := keys.Inspect(cfg.Operator.KeyFile)
		if err != nil {
			return reach, err
		}
		reach.Operator = file.Address
	}
	if reach.Dial, err = socks.Dialer(cfg.Network.Proxy); err != nil {
		return reach, err
	}
	reach.TLS, err = trusted(cfg)
	return reach, err
}

// trusted is the system's roots and this instance's own certificate, which siblings may share.
func trusted(cfg config.Config) (*tls.Config, error) {
	if cfg.API.TLSCertFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(cfg.API.TLSCertFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate of the API: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate of the API: %s holds none", cfg.API.TLSCertFile)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
