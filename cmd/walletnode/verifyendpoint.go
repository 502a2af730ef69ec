package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/config"
)

// endpointFlag names an endpoint. Its URL often holds an access key, and the whole machine can read command lines: so
// there are two ways to name one without writing it there.
func endpointFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "endpoint",
		Usage: "read the seed block from this `NAME` of ethereum.multi, or JSON-RPC URL without an access key, instead of from ethereum.url; " +
			"a URL with one belongs into the configuration or " + config.VerifyEndpointVariable + ", since everybody on the machine can read command lines",
	}
}

// seedEndpoint returns the endpoint that a command reads from: the one of the flag, of the variable or of the
// configuration. An endpoint of ethereum.multi brings its headers, whether or not ethereum.multi is enabled.
func seedEndpoint(c *cli.Context, cfg config.Config) (ethereum.Config, error) {
	chosen := ethereum.Config{
		URL: cfg.Ethereum.URL, PollInterval: cfg.Ethereum.PollInterval, CallTimeout: cfg.Ethereum.CallTimeout, ChainID: cfg.Ethereum.ChainID,
		Proxy: cfg.Network.Proxy,
	}
	named := cmp.Or(c.String("endpoint"), os.Getenv(config.VerifyEndpointVariable))
	cfg.Ethereum.Multi.Enabled = true // for all the names; the caller's copy stays as it is
	for _, e := range cfg.ChainEndpoints() {
		if e.Name != named {
			continue
		}
		chosen.URL = e.URL
		if e.HeadersFile == "" {
			return chosen, present(chosen.URL)
		}
		var err error
		chosen.Headers, err = ethereum.ReadHeadersFile(e.HeadersFile)
		return chosen, err
	}
	if named != "" && !strings.ContainsAny(named, ":/") {
		return chosen, usageErrorf("--endpoint %s: neither a URL nor the name of an endpoint in ethereum.multi", named)
	}
	chosen.URL = cmp.Or(named, chosen.URL)
	return chosen, present(chosen.URL)
}

func present(url string) error {
	if url == "" {
		return usageErrorf("no endpoint: name one with --endpoint or %s, or set ethereum.url in the configuration", config.VerifyEndpointVariable)
	}
	return nil
}
