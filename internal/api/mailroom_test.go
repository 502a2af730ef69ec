package api

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// mailroom is the feed of instance alpha, with the mailboxes a and b; c is at beta, and d is nowhere. It implements Feeds.
type mailroom struct {
	*pipeline.Feed
	t       *testing.T
	log     *feedtest.Log
	heights chan chain.Height
	sent    uint64
	keys    feedclient.Keys
	moves   []string
}

func newMailroom(t *testing.T) *mailroom {
	t.Helper()
	seed := sha256.Sum256([]byte("test-alpha"))
	key := ed25519.NewKeyFromSeed(seed[:])
	s, err := feed.NewSigner("alpha", key)
	require.NoError(t, err)
	m := &mailroom{t: t, log: feedtest.New(), heights: make(chan chain.Height)}
	m.Feed, err = pipeline.New(pipeline.Config{Signer: s, Log: m.log, Sources: []string{"node"}, WindowBlocks: 900})
	require.NoError(t, err)
	operator, err := crypto.ToECDSA(crypto.Keccak256([]byte("test operator")))
	require.NoError(t, err)
	m.keys, err = feedclient.NewKeys(feed.Keyring{"alpha": feed.Keys(key.Public().(ed25519.PublicKey))}, 1, time.Unix(1_800_000_000, 0), operator)
	require.NoError(t, err)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- m.Run(ctx, m.heights) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	_, err = m.Subscribe(ctx, []feed.Subscription{{Mailbox: "a"}, {Mailbox: "b", Kinds: []feed.Kind{feed.KindFault}}})
	require.NoError(t, err)
	m.heights <- 900
	require.Eventually(t, func() bool { return m.Acknowledge(ctx, "a", 0) == nil && m.Acknowledge(ctx, "b", 0) == nil }, time.Minute, time.Millisecond)
	return m
}

// submit tells n proposals.
func (m *mailroom) submit(n int) {
	m.t.Helper()
	var list []pipeline.Message
	for range n {
		list = append(list, pipeline.Message{Wallet: chain.WalletID{byte(n)}, Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "message %d", len(list))})
	}
	require.NoError(m.t, m.Submit(m.t.Context(), "node", m.sent+1, list))
	m.sent += uint64(n)
}

func (m *mailroom) Mailboxes(ctx context.Context) ([]view.Mailbox, error) {
	list := []view.Mailbox{
		{Mailbox: "c", Instance: "beta", URLs: []string{"http://beta.example:1"}, Wallets: []chain.WalletID{}, Kinds: []string{}, First: 1},
		{Mailbox: "d", URLs: []string{}, Wallets: []chain.WalletID{{1}}, Kinds: []string{}, First: 1},
	}
	for _, name := range []string{"a", "b"} {
		s, err := m.log.Mailbox(ctx, name, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, view.Mailbox{
			Mailbox: name, Instance: "alpha", Self: true, URLs: []string{}, Wallets: []chain.WalletID{}, Kinds: []string{}, First: 1, Last: s.Last,
			Acknowledged: s.Acknowledged,
		})
	}
	return list, nil
}

func (m *mailroom) Move(_ context.Context, mailbox, to string) error {
	switch {
	case mailbox == "c":
		return ErrStays
	case mailbox != "a":
		return pipeline.ErrNoMailbox
	case to != "beta":
		return fmt.Errorf("%w: instance %q", store.ErrNotFound, to)
	}
	m.moves = append(m.moves, mailbox+" to "+to)
	return nil
}

func (m *mailroom) Export(context.Context, string) (feed.Export, error) {
	return feed.Export{Instance: "alpha", Mailbox: "a"}, nil
}

// Heads are of beta, which sealed more epochs than are answered at once.
func (m *mailroom) Heads(_ context.Context, instance string, from feed.Epoch) (view.FeedHeads, error) {
	heads := view.FeedHeads{Instance: instance, Heads: []view.FeedHead{}, More: from == 0}
	for e := from; instance == "beta" && e < from+2; e++ {
		heads.Heads = append(heads.Heads, view.FeedHead{Epoch: e, Seal: fmt.Sprintf("%064x", uint64(e))})
	}
	return heads, nil
}

func (m *mailroom) Keys(context.Context) (feedclient.Keys, error) { return m.keys, nil }
