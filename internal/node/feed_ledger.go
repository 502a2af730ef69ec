package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var _ instance.Ledger = (*feedLedger)(nil)

// feedLedger is the store as an instance of the feed sees it.
type feedLedger struct {
	store    *store.Store
	instance string
	prove    func() (cluster.Seal, error) // nil of an only node
	lives    func(ctx context.Context, instance string) (bool, error)
}

// Log implements instance.Ledger.
func (l *feedLedger) Log(name string) pipeline.Log {
	if name == l.instance {
		return l.store.Feed(name, l.prove)
	}
	return l.store.Feed(name, nil)
}

// Origins implements instance.Ledger.
func (l *feedLedger) Origins(ctx context.Context) (map[string]uint64, error) {
	return l.store.Origins(ctx)
}

// Facts implements instance.Ledger.
func (l *feedLedger) Facts(ctx context.Context, origin string, after uint64, limit int) ([]instance.Fact, error) {
	list, err := l.store.Facts(ctx, origin, after, limit)
	facts := make([]instance.Fact, len(list))
	for i, f := range list {
		facts[i] = instance.Fact{Origin: f.Origin, Number: f.Number, Wallet: f.Wallet, Kind: f.Kind, Payload: f.Payload, Witness: f.Witness}
	}
	return facts, err
}

// Told implements instance.Ledger.
func (l *feedLedger) Told() <-chan struct{} { return l.store.Told() }

// Keys implements instance.Ledger.
func (l *feedLedger) Keys(ctx context.Context) (feed.Keyring, error) {
	return l.store.FeedKeys(ctx)
}

// SayKey implements instance.Ledger.
func (l *feedLedger) SayKey(ctx context.Context, key ed25519.PublicKey) error {
	return l.store.SayFeedKey(ctx, l.prove, l.instance, key)
}

// ReplaceKeys implements instance.Ledger.
func (l *feedLedger) ReplaceKeys(ctx context.Context, key ed25519.PublicKey, open feed.Epoch) error {
	return l.store.ReplaceFeedKeys(ctx, l.prove, l.instance, key, open)
}

// Homes implements instance.Ledger.
func (l *feedLedger) Homes(ctx context.Context) (map[string]string, error) {
	list, err := l.store.Homes(ctx)
	homes := make(map[string]string, len(list))
	for _, h := range list {
		homes[h.Mailbox] = h.Instance
	}
	return homes, err
}

// Claim implements instance.Ledger.
func (l *feedLedger) Claim(ctx context.Context, mailbox string) (string, error) {
	return l.store.ClaimMailbox(ctx, l.prove, l.instance, mailbox)
}

// Lives implements instance.Ledger.
func (l *feedLedger) Lives(ctx context.Context, name string) (bool, error) { return l.lives(ctx, name) }

// Wish implements instance.Ledger.
func (l *feedLedger) Wish(ctx context.Context, mailbox, to string) error {
	homes, err := l.Homes(ctx)
	if err != nil {
		return err
	}
	if homes[mailbox] == to { // it is there: a wish to elsewhere is taken back
		to = ""
	}
	return l.store.WishMove(ctx, mailbox, to)
}

// Wishes implements instance.Ledger.
func (l *feedLedger) Wishes(ctx context.Context) ([]instance.Wish, error) {
	list, err := l.store.WishedMoves(ctx)
	wishes := make([]instance.Wish, len(list))
	for i, w := range list {
		wishes[i] = instance.Wish{Mailbox: w.Mailbox, To: w.To, Ready: w.HasReady, From: w.Ready}
	}
	return wishes, err
}

// Ready implements instance.Ledger.
func (l *feedLedger) Ready(ctx context.Context, mailbox, to string, from feed.Epoch) error {
	return stale(l.store.ReadyMove(ctx, l.prove, mailbox, to, from))
}

// Move implements instance.Ledger.
func (l *feedLedger) Move(ctx context.Context, h feed.Handover, lacks []feed.Entry) error {
	return stale(l.store.MoveMailbox(ctx, l.prove, l.instance, store.Handover{
		Mailbox: h.Mailbox, From: h.From, To: h.To, Epoch: h.Epoch, Last: h.Number, Head: h.Head, Positions: h.Positions, Tail: lacks,
		Statement: h.Encode(),
	}))
}

// Resume implements instance.Ledger.
func (l *feedLedger) Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error {
	return l.store.Feed(l.instance, l.prove).Resume(ctx, after, subs, losses)
}

// stale says in the feed's terms that things have changed since they were looked at.
func stale(err error) error {
	switch {
	case errors.Is(err, store.ErrLives):
		return fmt.Errorf("%w: %w", instance.ErrLives, err)
	case errors.Is(err, store.ErrMoved), errors.Is(err, pipeline.ErrOrder), errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %w", instance.ErrStale, err)
	}
	return err
}

// Moves implements instance.Ledger.
func (l *feedLedger) Moves(ctx context.Context, mailbox string) ([]instance.Moved, error) {
	list, err := l.store.Moves(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	moves := make([]instance.Moved, len(list))
	for i, m := range list {
		moves[i] = instance.Moved{Number: m.N, Taken: len(m.Taken) > 0}
		statement := m.Released
		if moves[i].Taken {
			statement = m.Taken
		}
		if moves[i].Handover, err = feed.DecodeHandover(statement); err != nil {
			return nil, fmt.Errorf("move %d of mailbox %s: %w", m.N, mailbox, err)
		}
	}
	return moves, nil
}

// Take implements instance.Ledger.
func (l *feedLedger) Take(ctx context.Context, mailbox string, move int, h feed.Handover) (feed.Handover, error) {
	kept, err := l.store.TakeMailbox(ctx, l.prove, mailbox, move, h.Encode())
	if err != nil {
		return feed.Handover{}, err
	}
	return feed.DecodeHandover(kept)
}
