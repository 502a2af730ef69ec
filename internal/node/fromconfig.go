package node

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/feed"
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
	feeds, err := feedConfig(c, instance)
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
		Network:   networkConfig(c, instance),
		Store:     storeConfig(c),
		Cluster:   siblings,
		Dir:       c.Node.DataDir,
		Bans:      AutomaticBans{On: c.Bans.Automatic, Score: c.Bans.Score, Windows: c.Bans.Windows, Lasts: c.Bans.Lasts},
		Signing:   signing,
		Feed:      feeds,
		Logger:    logger,
	}, nil
}

// networkConfig translates how peers are reached, as far as it is configured.
func networkConfig(c config.Config, instance crypto.PrivKey) net.Config {
	return net.Config{
		Listen:       c.Network.Listen,
		Announce:     c.Network.Announce,
		Instance:     instance,
		Peers:        c.Network.Peers,
		MDNS:         c.Network.MDNS,
		ProofTimeout: c.Network.AdmissionDeadline,
	}
}

// storeConfig translates where records are kept, and for how long.
func storeConfig(c config.Config) store.Config {
	return store.Config{
		DSN: c.StoreDSN(),
		Retention: store.Retention{
			Windows:  c.Store.RetentionWindows,
			Evidence: c.Store.RetentionEvidence,
			Messages: c.Store.RetentionMessages,
			Heads:    c.Store.RetentionHeads,
		},
	}
}

// feedConfig translates what the node hands to signers and tools. The instance's key signs it.
func feedConfig(c config.Config, key crypto.PrivKey) (*FeedConfig, error) {
	raw, err := key.Raw()
	if err != nil {
		return nil, fmt.Errorf("read the instance's key: %w", err)
	}
	f := &FeedConfig{Key: raw, Keep: uint64(c.Feed.KeepEpochs), Entries: uint64(c.Feed.MailboxEntries)} //nolint:gosec // checked to be positive
	for _, m := range c.Feed.Mailboxes {
		s := feed.Subscription{Mailbox: m.Name}
		for _, text := range m.Wallets {
			id, err := chain.ParseWalletID(text)
			if err != nil {
				return nil, fmt.Errorf("mailbox %s: %w", m.Name, err)
			}
			s.Wallets = append(s.Wallets, id)
		}
		for _, text := range m.Kinds {
			kind, err := feed.ParseKind(text)
			if err != nil {
				return nil, fmt.Errorf("mailbox %s: %w", m.Name, err)
			}
			s.Kinds = append(s.Kinds, kind)
		}
		f.Mailboxes = append(f.Mailboxes, s)
	}
	for _, s := range c.Signers {
		f.Signers = append(f.Signers, s.ID)
	}
	if c.HasEmbeddedSigner() {
		f.Signers = append(f.Signers, embeddedSigner)
	}
	return f, nil
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
