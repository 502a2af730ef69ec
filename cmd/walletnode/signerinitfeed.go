package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net/client"
	netfeed "github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// maxSignerID is the longest name of a signer with a mailbox: what subscribers may use has at most 32 characters, "signer." included.
const maxSignerID = 25

// feedText is the part about where leaders' messages come from. Tables follow each other, so "client add" may add behind it.
func feedText(feed daemon.FeedSettings) string {
	const about = `
# Where leaders' messages come from: mailboxes of the operator's feed, one at every instance, verified as they are read. What was proposed
# in none of them is not signed, whatever the node shows. docs/signer.md says more.
[feed]
`
	if feed.Mode == daemon.FeedOff {
		return about + `mode = "off" # the node's word is taken. To change that, replace this line by urls, operator, mailbox and token_file
`
	}
	var urls []string
	for _, u := range feed.URLs {
		urls = append(urls, strconv.Quote(u))
	}
	return about + fmt.Sprintf(`urls = [%s]    # of instances to begin with
operator = %q # who signs the list of instances and of their keys
mailbox = %q # and, at each instance, a dot and its name
token_file = %q # the node's [[feed.subscribers]] has the same word, with the rights follow and acknowledge
ca_file = ""    # certificates that the instances' are held against; empty: the system's
wait = "5s"     # how long a message may come after it is asked for
`, strings.Join(urls, ", "), feed.Operator, feed.Mailbox, feed.TokenFile)
}

// initFeed reads where leaders' messages are to come from.
func initFeed(c *cli.Context) (feed daemon.FeedSettings, err error) {
	urls, operator := c.StringSlice("node"), c.String("operator")
	if c.Bool("without-feed") {
		if len(urls) > 0 || operator != "" || c.String("token-file") != "" {
			return feed, usageErrorf("--without-feed: then --node, --operator and --token-file are for nothing")
		}
		return daemon.FeedSettings{Mode: daemon.FeedOff}, nil
	}
	if len(urls) == 0 || operator == "" {
		return feed, usageErrorf("--node and --operator: want where the node's API is, and whose it is; or --without-feed, and the node's word is taken for what leaders propose")
	}
	feed = daemon.FeedSettings{Mode: daemon.FeedOn, URLs: urls, Mailbox: node.SignerMailbox(c.String("id"))}
	if feed.Operator, err = chain.ParseOperator(operator); err != nil {
		return feed, usageErrorf("--operator: %w", err)
	}
	if id := c.String("id"); id == "" || netfeed.CheckName(feed.Mailbox) != nil || strings.ContainsAny(id, "._") || len(id) > maxSignerID {
		return feed, usageErrorf("--id: want 1 to %d of a-z, 0-9 and dashes, as the node's configuration has it, have %q", maxSignerID, id)
	}
	if file := c.String("token-file"); file != "" {
		feed.TokenFile = absolute(file)
	}
	way, err := client.New(client.Config{Bootstrap: urls})
	if err != nil {
		return feed, usageErrorf("--node: %w", err)
	}
	way.Close()
	return feed, nil
}
