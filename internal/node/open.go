package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
)

// A node stands on one endpoint or on many, and cannot tell the difference.
var (
	_ Chain     = (*ethereum.Client)(nil)
	_ Chain     = (*quorum.Pool)(nil)
	_ Endpoints = (*quorum.Pool)(nil)
)

// openChain opens the chain's one endpoint, or all of them.
func openChain(ctx context.Context, cfg Config) (Chain, error) {
	log := cfg.Logger("chain")
	if cfg.Multi != nil {
		pool, err := quorum.New(ctx, *cfg.Multi, log)
		if err != nil {
			return nil, fmt.Errorf("open the chain endpoints: %w", err)
		}
		return pool, nil
	}
	client, err := ethereum.Dial(ctx, cfg.Ethereum, log)
	if err != nil {
		return nil, fmt.Errorf("connect to the chain endpoint: %w", err)
	}
	return client, nil
}

// multi translates the chain's endpoints of a checked configuration; nil if there is one alone.
func multi(c config.Config, log *slog.Logger) (*quorum.Config, error) {
	m := c.Ethereum.Multi
	if !m.Enabled {
		return nil, nil
	}
	members, err := Members(c, log)
	if err != nil {
		return nil, err
	}
	return &quorum.Config{
		Members: members, ChainID: c.Ethereum.ChainID,
		PollEvery: m.PollInterval, Deadline: m.PollDeadline, PeersEvery: m.PeersInterval, MinPeers: m.MinPeers,
	}, nil
}

// Members translates the chain endpoints of a checked configuration, the primary first. It reads their files of headers;
// an error says which cannot be read.
func Members(c config.Config, log *slog.Logger) ([]quorum.Member, error) {
	shown := c.Redacted().ChainEndpoints()
	var members []quorum.Member
	for i, e := range c.ChainEndpoints() {
		client := oneEndpoint(c)
		client.URL, client.RequestsPerSecond = e.URL, e.RPS
		if e.HeadersFile != "" {
			headers, err := ethereum.ReadHeadersFile(e.HeadersFile)
			if err != nil {
				return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
			}
			client.Headers = headers
		}
		m := quorum.Member{
			Name: e.Name, Group: e.VoteGroup, Primary: i == 0, Shown: shown[i].URL, Key: memberKey(e.Name, client),
			Open: func() (quorum.Endpoint, error) { return ethereum.Open(client, log.With("name", e.Name)) },
		}
		for _, role := range e.Roles {
			m.Roles = append(m.Roles, quorum.Role(role))
		}
		members = append(members, m)
	}
	return members, nil
}

func oneEndpoint(c config.Config) ethereum.Config {
	e := c.Ethereum
	return ethereum.Config{
		URL:               e.URL,
		PollInterval:      e.PollInterval,
		CallTimeout:       e.CallTimeout,
		RequestsPerSecond: e.RequestsPerSecond,
		ChainID:           e.ChainID,
		Bridge:            e.Bridge,
		Validator:         e.Validator,
		Proxy:             c.Network.Proxy,
	}
}

// memberKey is equal for what may keep its connection across a reload. It is a hash, since URL and headers are secrets.
func memberKey(name string, c ethereum.Config) string {
	text := fmt.Sprintf("%q %q %v", name, c.URL, c.RequestsPerSecond)
	for _, header := range slices.Sorted(maps.Keys(c.Headers)) {
		text += fmt.Sprintf(" %q %q", header, c.Headers[header])
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
