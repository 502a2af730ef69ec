// Package remote says how the instances that a configuration tells of are reached, by commands and checks, and who may ask one.
package remote

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/socks"
	"github.com/walletnode/walletnode/net/client"
)

// Local is where the node of this machine is asked: the configured address or, where that asks for a token or speaks TLS, the
// socket in the data directory, which the node then takes as well.
func Local(cfg config.Config) (address string) {
	if cfg.API.TokenFile != "" || cfg.API.TLSCertFile != "" {
		cfg.API.Listen = ""
	}
	return cfg.APIAddress()
}

// Any returns a client of the operator's instances, wherever they are.
func Any(cfg config.Config) (*api.Client, error) {
	how, err := From(cfg)
	if err != nil {
		return nil, err
	}
	instances, err := client.New(how)
	if err != nil {
		return nil, err
	}
	return api.NewRemote(instances), nil
}

// From makes of a configuration how its operator's instances are reached: with the token, the proxy and the bootstrap list
// that all instances have alike. Their directory must be signed with the configured key, whose address stands in its file; without
// a key the first valid one decides.
func From(cfg config.Config) (how client.Config, err error) {
	how.Bootstrap = cfg.Cluster.Bootstrap
	if how.Token, err = cfg.APIToken(); err != nil {
		return how, err
	}
	if cfg.Operator.KeyFile != "" {
		file, err := keys.Inspect(cfg.Operator.KeyFile)
		if err != nil {
			return how, err
		}
		how.Operator = file.Address
	}
	if how.Dial, err = socks.Dialer(cfg.Network.Proxy); err != nil {
		return how, err
	}
	how.TLS, err = trusted(cfg.API.TLSCertFile)
	return how, err
}

// trusted is the system's roots and this instance's own certificate, which siblings may share; nil without one.
func trusted(certificate string) (*tls.Config, error) {
	if certificate == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(certificate) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read certificate of the API: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate of the API: %s holds none", certificate)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
