package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// tool reads a mailbox, wherever it is, and verifies what it reads.
type tool struct {
	t       testing.TB
	mailbox string
	reader  *feed.Reader
	ring    feed.Keyring
	got     map[string]int // payloads
	kinds   []feed.Kind
	blames  []feed.Blame
	moves   []feed.Handover
	signed  [][]byte // proposals
}

func newTool(t testing.TB, mailbox string) *tool {
	return &tool{t: t, mailbox: mailbox, got: map[string]int{}, ring: feed.Keyring{}}
}

var errRead = errors.New("read")

// read reads until something holds. It is false if the mailbox is not there yet, or no more.
func (r *tool) read(n *Node, until func() bool) error {
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Second)
	defer cancel()
	at := pipeline.Position{}
	if r.reader != nil {
		s := r.reader.At()
		at = pipeline.Position{Instance: r.reader.Instance(), Number: s.Number, Sealed: s.Sealed, Epoch: s.Epoch}
	}
	if until() {
		return nil
	}
	err := n.Feeds().Follow(ctx, r.mailbox, at, func(news pipeline.News) error {
		if err := r.take(n, news); err != nil {
			return err
		}
		if until() {
			return errRead
		}
		return nil
	})
	if errors.Is(err, errRead) {
		return nil
	}
	return err
}

func (r *tool) take(n *Node, news pipeline.News) error {
	if r.reader == nil || news.Handover != nil { // who has it now may be new
		signed, err := n.Feeds().Keys(r.t.Context())
		if err != nil {
			return err
		}
		maps.Copy(r.ring, signed.Ring())
	}
	if r.reader == nil {
		var err error
		if r.reader, err = feed.NewReader(n.feedName(), r.mailbox, r.ring, feed.Start{}, feed.Policy{Keep: 9, Then: feed.Drop}); err != nil {
			return err
		}
	}
	switch {
	case news.Handover != nil:
		if err := r.reader.Handover(*news.Handover); err != nil {
			return err
		}
		r.moves = append(r.moves, *news.Handover)
		return nil
	case news.Seal != nil:
		found, err := r.reader.Seal(*news.Seal, news.Subscriptions)
		r.blames = append(r.blames, found...)
		return err
	}
	if err := r.reader.Entry(news.Delivered.Entry, news.Delivered.Payload); err != nil {
		return err
	}
	kind := news.Delivered.Entry.Record.Item.Kind
	r.got[string(news.Delivered.Payload)]++
	r.kinds = append(r.kinds, kind)
	if kind == feed.KindProposal {
		r.signed = append(r.signed, news.Delivered.Payload)
	}
	return nil
}

func (r *tool) has(kind feed.Kind, n int) bool {
	return len(slices.DeleteFunc(slices.Clone(r.kinds), func(k feed.Kind) bool { return k != kind })) >= n
}

// What one instance and then others store is told once each, whichever has the mailbox, also after the one that had it died.
func TestAMailboxGoesOnWhereItIsMovedAndWhenItsInstanceDied(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.feeds = true
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	f.pass(902, a)
	f.await("the leader speaks", func() bool { return len(f.heard(f.wallets[0], 900, nil)) == 1 })
	f.pass(985, a)
	all := newTool(t, toolsMailbox)
	f.await("the window is told", func() bool {
		return all.read(a.Node, func() bool { return all.has(feed.KindResult, 1) && all.has(feed.KindProposal, 1) }) == nil
	})
	said, err := wire.ParsePubsub(all.signed[0])
	require.NoError(t, err, "the leader's message is told as he signed it")
	_, err = said.Verify()
	require.NoError(t, err)
	require.Equal(t, wire.ChannelName(f.wallets[0].Key()), said.Topic())

	b := f.start("b")
	f.await("b is there", func() bool { return b.Feeds().Move(t.Context(), toolsMailbox, "b") == nil })
	require.ErrorIs(t, b.Feeds().Move(t.Context(), toolsMailbox, "nobody"), store.ErrNotFound)
	require.ErrorIs(t, b.Feeds().Move(t.Context(), "none", "b"), store.ErrNotFound)
	require.ErrorIs(t, b.Feeds().Move(t.Context(), a.LiveMailbox(), "b"), api.ErrStays)
	f.await("b is ready", func() bool {
		wishes, err := a.store.WishedMoves(t.Context())
		return err == nil && len(wishes) == 1 && wishes[0].HasReady
	})
	f.windows("the mailbox is b's", func() bool { return homeOf(b, toolsMailbox) == "b" }, a, b)
	var moved *api.MovedError
	f.await("a knows it", func() bool {
		return errors.As(a.Feeds().Acknowledge(t.Context(), toolsMailbox, 1), &moved) && moved.Home.Owner == "b"
	})
	f.pass(f.chain.Tip()/900*900+90, a, b)
	f.await("the next window is told", func() bool {
		return all.read(b.Node, func() bool { return all.has(feed.KindResult, 2) && len(all.moves) == 1 }) == nil
	})
	require.False(t, all.moves[0].Gone())
	require.ErrorIs(t, b.Feeds().Acknowledge(t.Context(), toolsMailbox, 1000), pipeline.ErrFuture)
	require.NoError(t, b.Feeds().Acknowledge(t.Context(), toolsMailbox, 1))

	b.crash()
	f.await("a is asked", func() bool { return a.Feeds().Move(t.Context(), toolsMailbox, "a") == nil })
	f.await("a is ready", func() bool {
		wishes, err := a.store.WishedMoves(t.Context())
		return err == nil && len(wishes) == 1 && wishes[0].HasReady
	})
	f.windows("the mailbox is a's", func() bool { return homeOf(a, toolsMailbox) == "a" }, a)
	f.pass(f.chain.Tip()/900*900+90, a)
	facts := func() (list []store.Fact) {
		origins, err := a.store.Origins(t.Context())
		require.NoError(t, err)
		for origin := range origins {
			told, err := a.store.Facts(t.Context(), origin, 0, 1000)
			require.NoError(t, err)
			list = append(list, told...)
		}
		return list
	}
	f.await("the third window is told, and all that there is", func() bool {
		return all.read(a.Node, func() bool {
			return all.has(feed.KindResult, 3) && len(all.moves) == 2 && len(all.kinds) >= len(facts())
		}) == nil
	})
	require.True(t, all.moves[1].Gone())
	require.Empty(t, all.blames)
	told := facts()
	for _, fact := range told {
		require.Equal(t, 1, all.got[string(fact.Payload)], "%s %d", fact.Origin, fact.Number)
	}
	require.Len(t, all.kinds, len(told))
	x, err := a.Feeds().Export(t.Context(), toolsMailbox)
	require.NoError(t, err)
	_, err = x.Verify(feed.Keyring{"a": feed.Keys(a.cfg.Feed.Key.Public().(ed25519.PublicKey))})
	require.NoError(t, err)
}

// windows lets windows pass until something holds: a mailbox moves with the end of one, once both instances have looked.
func (f *fleet) windows(what string, holds func() bool, all ...*craft) {
	f.t.Helper()
	f.await(what, func() bool {
		next := (f.chain.Tip()/900 + 1) * 900
		f.chain.Show(next - 5)
		f.pass(next+3, all...)
		for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if holds() {
				return true
			}
		}
		return false
	})
}

func homeOf(c *craft, mailbox string) string {
	list, err := c.Feeds().Mailboxes(c.t.Context())
	if err != nil {
		return ""
	}
	for _, m := range list {
		if m.Mailbox == mailbox {
			return m.Instance
		}
	}
	return ""
}

// A node alone on its own database: what is stored is told, and a subscriber that never reads delays nobody.
func TestANodeAloneTellsWhatItStores(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	key := keyOf("ours")
	self := operatorOf(key)
	w := told
	w.wasClosed = new(bool)
	n, err := Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key, Address: self}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: t.TempDir()}, Feed: &FeedConfig{Key: ed25519.NewKeyFromSeed(seed), Signers: []string{"embedded"}, Entries: 64},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: seeds{still{w}, new(atomic.Int64), new(atomic.Bool)}, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	at(n, 9010)
	window, _ := coordination.RFC12().Window(9000)
	require.NoError(t, n.store.OpenWindow(t.Context(), coordination.Opened{Block: 9000, At: 9010}))
	go func() { ended <- n.Run(ctx) }()
	const wallets = 100
	for i := range wallets {
		id := chain.WalletID{byte(i), 1}
		stored, err := n.store.RecordResult(t.Context(), coordination.Result{Wallet: id, Window: window, Reason: coordination.ReasonNoop, OpenedAt: 9010})
		require.NoError(t, err)
		require.True(t, stored)
	}
	live := newTool(t, n.LiveMailbox())
	require.Eventually(t, func() bool { // of which nobody reads, tools are full after 64
		err := live.read(n, func() bool { return live.has(feed.KindResult, 60) })
		if s := live.reader; s != nil {
			_ = n.Feeds().Acknowledge(t.Context(), live.mailbox, s.At().Number)
		}
		return err == nil
	}, patient, 20*time.Millisecond)
	list, err := n.Feeds().Mailboxes(t.Context())
	require.NoError(t, err)
	names := make([]string, 0, len(list))
	for _, m := range list {
		require.True(t, m.Self)
		names = append(names, m.Mailbox)
	}
	require.Equal(t, []string{"live.node", "signer.embedded.node", "tools"}, names)
	require.Eventually(t, func() bool {
		list, err := n.Feeds().Mailboxes(t.Context())
		return err == nil && list[2].Closed && list[2].First == 1
	}, patient, 20*time.Millisecond, "tools were never read, and end with a gap")
	require.ErrorIs(t, n.Feeds().Follow(t.Context(), "none", pipeline.Position{}, nil), pipeline.ErrNoMailbox)
	for from := range live.got {
		require.Contains(t, from, fmt.Sprintf("%q", coordination.ReasonNoop))
		break
	}
	stop()
	require.NoError(t, <-ended)
}
