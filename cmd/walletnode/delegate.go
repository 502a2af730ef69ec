package main

import (
	"fmt"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/wire"
)

// maxDelegation is the longest life of a delegation that other nodes accept.
const maxDelegation = 30 * 24 * time.Hour

func delegateCommand() *cli.Command {
	return &cli.Command{
		Name:  "delegate",
		Usage: "sign that an instance speaks for the operator",
		Description: "It is the statement that a node shows to its peers; a node signs its own. Without --instance it is made for the\n" +
			"key of this data directory. Other nodes accept a life of at most 30 days.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "instance", Usage: "the `PEER-ID` of the instance"},
			&cli.DurationFlag{Name: "lifetime", Value: 24 * time.Hour, Usage: "for how long it is valid"},
			passwordFlag(), jsonFlag(),
		},
		Action: delegate,
	}
}

// delegation is what "keys delegate" tells.
type delegation struct {
	Operator   string `json:"operator"`
	Instance   string `json:"instance"` // peer ID
	IssuedAt   string `json:"issued_at"`
	ExpiresAt  string `json:"expires_at"`
	Delegation string `json:"delegation"` // the signed statement, hex
}

func delegate(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	lifetime := c.Duration("lifetime")
	if lifetime < time.Second || lifetime > maxDelegation {
		return usageErrorf("--lifetime: want 1s to %v, have %v", maxDelegation, lifetime)
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	if cfg.Operator.KeyFile == "" {
		return usageErrorf("keys delegate: no key: set operator.key_file")
	}
	instance, err := delegatedInstance(c, cfg)
	if err != nil {
		return err
	}
	op, err := openKey(c, cfg, cfg.Operator.KeyFile)
	if err != nil {
		return err
	}
	now := time.Now().Truncate(time.Second)
	signed := wire.SignDelegation(secp256k1.PrivKeyFromBytes(crypto.FromECDSA(op.Key)), []byte(instance), now, now.Add(lifetime))
	d := delegation{
		Operator: op.Address.String(), Instance: instance.String(), Delegation: fmt.Sprintf("0x%x", signed),
		IssuedAt: now.UTC().Format(time.RFC3339), ExpiresAt: now.Add(lifetime).UTC().Format(time.RFC3339),
	}
	return say(c, d, "operator    %s\ninstance    %s\nissued at   %s\nexpires at  %s\ndelegation  %s\n",
		d.Operator, d.Instance, d.IssuedAt, d.ExpiresAt, d.Delegation)
}

// delegatedInstance returns the peer ID named, or that of this data directory's instance.
func delegatedInstance(c *cli.Context, cfg config.Config) (peer.ID, error) {
	if !c.IsSet("instance") {
		key, err := keys.ReadInstance(cfg.Node.DataDir)
		if err != nil {
			return "", fmt.Errorf("%w (init or the first start makes it; --instance names another)", err)
		}
		return peer.IDFromPrivateKey(key)
	}
	id, err := peer.Decode(c.String("instance"))
	if err != nil {
		return "", usageErrorf("--instance: want a peer ID like 12D3KooW...: %w", err)
	}
	return id, nil
}
