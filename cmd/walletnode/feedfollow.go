package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

func feedFollowCommand() *cli.Command {
	return &cli.Command{
		Name:  "follow",
		Usage: "tell what comes into a mailbox, verified as it is read, until interrupted",
		Description: "With --state it goes on where it was at the next start, acknowledges what it has told, and keeps epochs; without, it begins\n" +
			"with the oldest entry that the mailbox holds, and leaves no trace. It ends with an error if the mailbox's chain is broken; what an\n" +
			"epoch's seal shows beyond that it tells, and goes on. With cluster.bootstrap it goes where the mailbox is.\n\n" +
			"Epochs are kept until other subscribers confirm that they got the same: with --peer by itself after each epoch, and with \"feed\n" +
			"compare\" by hand. --policy says what becomes of those that nobody confirmed, beyond --epochs. With hold it reads on by itself\n" +
			"once all of --peer confirm one; without --peer it ends, and reads on after \"feed compare\".\n" +
			"Epochs count over moves: a mailbox that goes to another instance is held all the same, and what was read before is compared, too.\n" +
			"What a comparison proves is kept in --state, and told.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "mailbox", Usage: "the `MAILBOX` to follow"},
			&cli.StringFlag{Name: "state", Usage: "keep the place in this `DIRECTORY`, and acknowledge"},
			&cli.StringFlag{Name: "policy", DefaultText: "as before", Usage: "the `POLICY` for epochs that are not verified with another subscriber, beyond --epochs: " +
				"compress (to their heads), drop, or hold (read no more); as before with --state, and compress at first"},
			&cli.IntFlag{Name: "epochs", DefaultText: "as before", Usage: fmt.Sprintf("so many `EPOCHS` are kept whole, %d at most, over moves of the "+
				"mailbox; as before with --state, and %d at first", feed.MaxKeep, feedclient.DefaultPolicy.Keep)},
			&cli.StringFlag{Name: "export", Usage: "write the epochs that are kept whole to this `FILE`, anew with each; those of before a move to files " +
				"with the move's number and the instance behind its name"},
			&cli.StringFlag{Name: "serve", Usage: "answer other subscribers who compare at this `ADDRESS`, host:port, those who show --peer-token"},
			&cli.StringFlag{Name: "serve-cert", Usage: "serve with this TLS certificate, a `FILE`; needed for other machines"},
			&cli.StringFlag{Name: "serve-key", Usage: "the certificate's key, a `FILE`"},
			&cli.StringSliceFlag{Name: "peer", Usage: "compare with the subscriber that serves at this `URL` after each epoch; can be repeated"},
		}, append(peerFlags(), jsonFlag())...),
		Action: followFeed,
	}
}

func followFeed(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if c.String("mailbox") == "" {
		return usageErrorf("feed follow needs --mailbox MAILBOX")
	}
	policy, err := feedPolicy(c)
	if err != nil {
		return err
	}
	operator, err := feedOperator(c)
	if err != nil {
		return err
	}
	for _, peer := range c.StringSlice("peer") {
		if !isURL(peer) { // what does not change needs to be compared with once
			return usageErrorf("--peer %s: want the URL at which a subscriber serves; \"feed compare\" takes files", peer)
		}
	}
	peers, err := feedPeers(c, c.StringSlice("peer"))
	if err != nil {
		return err
	}
	counter, err := openCounter(c)
	if err != nil {
		return err
	}
	defer counter.close()
	ctx, stop := untilStopped(c.Context)
	defer stop()
	return following(c, func(node *api.Client) error {
		t := &teller{c: c}
		t.follower, err = feedclient.Open(feedclient.Config{
			Instances: node, Mailbox: c.String("mailbox"), Operator: operator, Dir: c.String("state"), Acknowledge: c.String("state") != "",
			Policy: policy, Deliver: t.entry, Sealed: t.epoch, Lost: t.lost, Peers: peers, Compared: t.compared,
		})
		if errors.Is(err, feedclient.ErrOtherMailbox) || errors.Is(err, feedclient.ErrOtherOperator) || errors.Is(err, feed.ErrMalformed) {
			return exit(codeUsage, err)
		}
		if err != nil {
			return err
		}
		if err := counter.beside(ctx, t.follower); ctx.Err() == nil {
			return lost(api.Explained(err), "feed mailboxes")
		}
		return nil
	})
}

// feedPolicy is how epochs are kept; what is not said is as before.
func feedPolicy(c *cli.Context) (p feed.Policy, err error) {
	if c.IsSet("policy") {
		if p.Then, err = feed.ParseThen(c.String("policy")); err != nil {
			return p, usageErrorf("--policy: %w", err)
		}
	}
	if p.Keep = c.Int("epochs"); c.IsSet("epochs") && (p.Keep < 1 || p.Keep > feed.MaxKeep) {
		return p, usageErrorf("--epochs: want 1 to %d, have %d", feed.MaxKeep, p.Keep)
	}
	return p, nil
}

// feedOperator is whose lists of keys are believed: the configured key's; zero without one, and then whose comes first.
func feedOperator(c *cli.Context) (chain.Operator, error) {
	cfg, err := onlineConfig(c)
	if err != nil || cfg.Operator.KeyFile == "" {
		return chain.Operator{}, err
	}
	file, err := keys.Inspect(cfg.Operator.KeyFile)
	return file.Address, err
}
