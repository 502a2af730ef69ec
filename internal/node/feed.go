package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
)

// FeedConfig is what the node hands to signers and tools as a feed.
type FeedConfig struct {
	// Key is the instance's: it signs what the feed seals.
	Key ed25519.PrivateKey
	// Mailboxes are the operator's, beside those that are there by default. All instances are told the same.
	Mailboxes []feed.Subscription
	// Signers are the backends, each of which has a mailbox of proposals.
	Signers []string
	Keep    uint64 // sealed epochs; 0 for the default
	Entries uint64 // of a mailbox that wait for their acknowledgement; 0 for the default
}

// alone is what an only node is called in its feed.
const alone = "node"

// toolsMailbox is there for whoever wants to read everything.
const toolsMailbox = "tools"

// SignerMailbox is what the mailboxes of a signer backend have in common: every instance has one of its own, with the leaders' proposals.
func SignerMailbox(backend string) string { return feed.SignerPrefix + backend }

// LiveMailbox is that of the instance's own live events. Whoever reads it acknowledges as it reads.
func (n *Node) LiveMailbox() string { return liveMailbox(n.feedName()) }

// liveMailbox is what feed.Resident would make, with more of the hash: the names are stored.
func liveMailbox(of string) string {
	if len(feed.LivePrefix)+len(of) <= instance.MaxMailbox {
		return feed.LivePrefix + of
	}
	h := sha256.Sum256([]byte(of))
	return feed.LivePrefix + hex.EncodeToString(h[:16])
}

// feedName is what the instance is called in its feed.
func (n *Node) feedName() string {
	if name := n.instance(); name != "" {
		return name
	}
	return alone
}

// openFeed makes the instance's part of the feed.
func (n *Node) openFeed() error {
	if n.cfg.Feed == nil {
		return nil
	}
	cfg := *n.cfg.Feed
	if s := n.cfg.Signing; s != nil && s.Embedded != nil && !slices.Contains(cfg.Signers, embeddedSigner) {
		cfg.Signers = append(slices.Clone(cfg.Signers), embeddedSigner)
	}
	for _, m := range cfg.Mailboxes {
		if feed.Stays(m.Mailbox) {
			return fmt.Errorf("feed.mailboxes: %s: a mailbox that every instance has for itself is named so; name signer. and a signer's id to say "+
				"what it gets at all of them", m.Mailbox)
		}
	}
	signer, err := feed.NewSigner(n.feedName(), cfg.Key)
	if err != nil {
		return fmt.Errorf("the feed's key: %w", err)
	}
	ledger := &feedLedger{store: n.store, instance: n.feedName(), lives: n.livesInstance}
	dir := n.cfg.Dir
	if n.sharing.siblings != nil {
		ledger.prove, dir = n.sharing.siblings.custody.seal, n.cfg.Cluster.Dir
	}
	journal := ""
	if dir != "" {
		journal = filepath.Join(dir, feedFile)
	}
	own, err := instance.New(instance.Config{
		Signer: signer, Ledger: ledger, Alone: n.cfg.Cluster == nil, Mailboxes: mailboxes(cfg, n.feedName()),
		Keep: cfg.Keep, MailboxBound: cfg.Entries,
		Journal: journal, WindowBlocks: uint64(coordination.RFC12().Frequency), Logger: n.cfg.Logger("feed"),
		Away: func(err error) bool {
			return errors.Is(err, cluster.ErrFenced) || errors.Is(err, cluster.ErrSessionLost)
		},
	})
	if err != nil {
		return err
	}
	n.feed = &feeds{
		name: n.feedName(), instance: own, store: n.store, heights: n.chain.tellHeights, urlsOf: n.sharing.urlsOf, operator: n.cfg.Operator.Key,
	}
	return nil
}

// mailboxes are those of the configuration and those that are there by default, which the configuration may narrow.
func mailboxes(cfg FeedConfig, name string) []feed.Subscription {
	list := slices.Clone(cfg.Mailboxes)
	add := func(s feed.Subscription) {
		if !slices.ContainsFunc(list, func(o feed.Subscription) bool { return o.Mailbox == s.Mailbox }) {
			list = append(list, s)
		}
	}
	add(feed.Subscription{Mailbox: toolsMailbox})
	for _, s := range cfg.Signers {
		its := feed.Subscription{Mailbox: SignerMailbox(s), Kinds: []feed.Kind{feed.KindProposal}}
		list = slices.DeleteFunc(list, func(o feed.Subscription) bool { // it says what the signer gets, wherever that is
			if o.Mailbox != its.Mailbox {
				return false
			}
			its = o
			return true
		})
		if its.Mailbox = feed.Resident(its.Mailbox, name); feed.CheckName(its.Mailbox) == nil {
			add(its)
		}
	}
	add(feed.Subscription{Mailbox: liveMailbox(name), Kinds: []feed.Kind{feed.KindResult, feed.KindFault, feed.KindAction}})
	return list
}

// livesInstance is whether an instance has a session.
func (n *Node) livesInstance(ctx context.Context, name string) (bool, error) {
	gone, err := n.sharing.instanceGone(ctx, name)
	return !gone, err
}

// feeds are the operator's feeds as this instance knows them: its own part, which it runs, and what subscribers are answered.
type feeds struct {
	name     string // of the instance
	instance *instance.Instance
	store    *store.Store
	// heights tells each height of the chain until ctx ends.
	heights func(ctx context.Context, to chan<- chain.Height)
	// urlsOf tells where an instance is reached.
	urlsOf   func(instance string) []string
	operator *ecdsa.PrivateKey
}

// run runs the instance's part until the context ends.
func (f *feeds) run(ctx context.Context) error {
	heights := make(chan chain.Height)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.heights(ctx, heights)
	}()
	err := f.instance.Run(ctx, heights)
	cancel()
	<-ended
	return err
}

// fed shows the metrics what a node's feed has done, which is made after them.
type fed struct{ node *Node }

// Fed implements metrics.Feed.
func (f fed) Fed() metrics.FeedCounts {
	if f.node.feed == nil {
		return metrics.FeedCounts{}
	}
	c := f.node.feed.instance.Counts()
	return metrics.FeedCounts{
		Records: c.Records, Seals: c.Seals, Missing: c.Missing, Blamed: c.Blamed, Refused: c.Refused,
		Restarts: c.Restarts, Losses: c.Losses, Unread: c.Unread,
	}
}
