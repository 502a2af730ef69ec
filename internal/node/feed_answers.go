package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Feeds returns the operator's feeds as this instance knows them; nil of a node without one.
func (n *Node) Feeds() api.Feeds {
	if n.feed == nil { // which would be no nil interface
		return nil
	}
	return n.feed
}

// Mailboxes implements api.Feeds.
func (f *feeds) Mailboxes(ctx context.Context) ([]view.Mailbox, error) {
	list, err := f.instance.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]view.Mailbox, len(list))
	for i, m := range list {
		s := view.Mailbox{
			Mailbox: m.Name, Instance: m.Instance, URLs: f.urlsOf(m.Instance), Self: m.Here, MovingTo: m.Wished,
			Wallets: slices.Concat([]chain.WalletID{}, m.Subscription.Wallets), Kinds: []string{},
			First: m.First, Begins: m.Begins, Last: m.Last, Acknowledged: m.Acknowledged, Closed: m.Closed,
		}
		for _, k := range m.Subscription.Kinds {
			s.Kinds = append(s.Kinds, k.String())
		}
		shown[i] = s
	}
	return shown, nil
}

// moved names the other instance in the API's terms.
func (f *feeds) moved(err error) error {
	var elsewhere instance.Elsewhere
	if errors.As(err, &elsewhere) {
		return &api.MovedError{Home: view.MailboxHome{Mailbox: elsewhere.Mailbox, Owner: elsewhere.Instance, URLs: f.urlsOf(elsewhere.Instance)}}
	}
	if errors.Is(err, instance.ErrNotReady) {
		return fmt.Errorf("%w: %w", api.ErrNoOwner, err)
	}
	return err
}

// Follow implements api.Feeds.
func (f *feeds) Follow(ctx context.Context, mailbox string, from pipeline.Position, deliver func(pipeline.News) error) error {
	return f.moved(f.instance.Follow(ctx, mailbox, from, deliver))
}

// Acknowledge implements api.Feeds.
func (f *feeds) Acknowledge(ctx context.Context, mailbox string, number feed.Number) error {
	return f.moved(f.instance.Acknowledge(ctx, mailbox, number))
}

// Move implements api.Feeds.
func (f *feeds) Move(ctx context.Context, mailbox, to string) error {
	err := f.instance.Move(ctx, mailbox, to)
	if errors.Is(err, instance.ErrStays) {
		return fmt.Errorf("%w: %w", api.ErrStays, err)
	}
	return err
}

// Export implements api.Feeds.
func (f *feeds) Export(ctx context.Context, mailbox string) (feed.Export, error) {
	x, err := f.instance.Export(ctx, mailbox)
	return x, f.moved(err)
}

// Heads implements api.Feeds.
func (f *feeds) Heads(ctx context.Context, of string, from feed.Epoch) (view.FeedHeads, error) {
	shown := view.FeedHeads{Instance: cmp.Or(of, f.name)}
	var err error
	shown.Heads, shown.More, err = view.Page(api.MaxFeedHeads, func(limit int) ([]store.FeedHead, error) {
		return f.store.Feed(shown.Instance, nil).Heads(ctx, from, limit)
	}, func(h store.FeedHead) view.FeedHead { return view.FeedHead{Epoch: h.Epoch, Seal: h.Seal.String()} })
	return shown, err
}

// Keys implements api.Feeds.
func (f *feeds) Keys(ctx context.Context) (feedclient.Keys, error) {
	ring, version, err := f.store.RecentFeedKeys(ctx, feedclient.MaxListed)
	if err != nil {
		return feedclient.Keys{}, err
	}
	return feedclient.NewKeys(ring, version, time.Now(), f.operator)
}
