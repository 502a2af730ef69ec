package node

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
)

// ethereumBlockTime is the time between two blocks of the main network and its public testnets.
const ethereumBlockTime = 12 * time.Second

// FromConfig opens the keys that a checked configuration names and translates it. The instance key is made in the data
// directory if there is none yet. password is the operator key's, for when the configuration names no file.
func FromConfig(c config.Config, password string, logger func(room string) *slog.Logger) (Config, error) {
	if err := os.MkdirAll(c.Node.DataDir, 0o700); err != nil {
		return Config{}, fmt.Errorf("make data directory: %w", err)
	}
	password, err := keys.Password(c.Operator.PasswordFile, password)
	if err != nil {
		return Config{}, err
	}
	operator, err := keys.LoadOperator(c.Operator.KeyFile, password)
	if err != nil {
		return Config{}, err
	}
	instance, err := keys.LoadInstance(c.Node.DataDir)
	if err != nil {
		return Config{}, err
	}
	endpoints, err := multi(c, logger("chain"))
	if err != nil {
		return Config{}, err
	}
	siblings, err := clusterConfig(c)
	if err != nil {
		return Config{}, err
	}
	signing, err := signingConfig(c)
	if err != nil {
		return Config{}, err
	}
	return Config{
		Operator:  operator,
		Ethereum:  oneEndpoint(c),
		Multi:     endpoints,
		Freshness: chain.Freshness{MaxSilence: c.Ethereum.StaleAfter, MaxHeaderAge: c.Ethereum.MaxHeaderAge},
		BlockTime: ethereumBlockTime,
		FeeRate:   uint64(c.Redemption.FeeRate),
		Network: net.Config{
			Listen:       c.Network.Listen,
			Announce:     c.Network.Announce,
			Instance:     instance,
			Peers:        c.Network.Peers,
			MDNS:         c.Network.MDNS,
			ProofTimeout: c.Network.AdmissionDeadline,
		},
		Store: store.Config{
			DSN: c.StoreDSN(),
			Retention: store.Retention{
				Windows:  c.Store.RetentionWindows,
				Evidence: c.Store.RetentionEvidence,
				Messages: c.Store.RetentionMessages,
				Heads:    c.Store.RetentionHeads,
			},
		},
		Cluster: siblings,
		Dir:     c.Node.DataDir,
		Bans:    AutomaticBans{On: c.Bans.Automatic, Score: c.Bans.Score, Windows: c.Bans.Windows, Lasts: c.Bans.Lasts},
		Signing: signing,
		Logger:  logger,
	}, nil
}

// clusterConfig translates what makes an instance one of many; nil if the database is the node's own.
func clusterConfig(c config.Config) (*ClusterConfig, error) {
	if !c.Shared() {
		return nil, nil
	}
	name, err := c.InstanceID()
	if err != nil {
		return nil, err
	}
	id, err := cluster.ParseInstanceID(name)
	if err != nil {
		return nil, err
	}
	return &ClusterConfig{
		Instance: id, URLs: c.Cluster.URLs, Standby: c.Cluster.Standby, Timing: c.Cluster.Timing(), Dir: c.Node.DataDir,
	}, nil
}
