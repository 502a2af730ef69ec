package pipeline_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func TestMain(m *testing.M) {
	// Each check runs whole feeds and many signatures: 30 of them by default, more with -rapid.checks.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	bubble.Main(m)
}

const window = 900

func signer(t testing.TB) (feed.Signer, feed.Keyring) {
	seed := sha256.Sum256([]byte("test-alpha"))
	key := ed25519.NewKeyFromSeed(seed[:])
	s, err := feed.NewSigner("alpha", key)
	require.NoError(t, err)
	return s, feed.Keyring{"alpha": feed.Keys(key.Public().(ed25519.PublicKey))}
}

func wallet(n int) chain.WalletID {
	h := sha256.Sum256(fmt.Appendf(nil, "test-wallet-%d", n))
	return chain.WalletID(h[:20])
}

// instance is a feed in a bubble, on a log that outlives it.
type instance struct {
	t       testing.TB
	log     *feedtest.Log
	feed    *pipeline.Feed
	heights chan chain.Height
	stop    context.CancelFunc
	ended   chan error
	sent    uint64
}

func start(t testing.TB, log *feedtest.Log, bound uint64, twist func(*pipeline.Feed)) *instance {
	s, _ := signer(t)
	f, err := pipeline.New(pipeline.Config{
		Signer: s, Log: log, Sources: []string{"node"}, Shards: 3, Outboxes: 2, MailboxBound: bound, Patience: 10, WindowBlocks: window,
	})
	require.NoError(t, err)
	if twist != nil {
		twist(f)
	}
	ctx, stop := context.WithCancel(t.Context())
	i := &instance{t: t, log: log, feed: f, heights: make(chan chain.Height), stop: stop, ended: make(chan error, 1)}
	state, err := log.State(ctx)
	require.NoError(t, err)
	i.sent = state.Sources["node"]
	go func() { i.ended <- f.Run(ctx, i.heights) }()
	return i
}

// at shows a height and waits until all has come to rest.
func (i *instance) at(h chain.Height) {
	i.t.Helper()
	select {
	case i.heights <- h:
	case err := <-i.ended:
		i.t.Fatalf("the feed has ended: %v", err)
	}
	synctest.Wait()
}

// blocks shows the heights from one to another, each.
func (i *instance) blocks(from, to chain.Height) {
	i.t.Helper()
	for h := from; h <= to; h++ {
		i.at(h)
	}
}

func (i *instance) subscribe(list ...feed.Subscription) {
	i.t.Helper()
	_, err := i.feed.Subscribe(i.t.Context(), list)
	require.NoError(i.t, err)
}

// submit tells n messages, of wallets in turn.
func (i *instance) submit(n int) {
	i.t.Helper()
	i.tell(n)
	synctest.Wait()
}

// tell does not wait until they have come to rest.
func (i *instance) tell(n int) {
	i.t.Helper()
	var list []pipeline.Message
	for range n {
		number := int(i.sent) + len(list) + 1
		list = append(list, pipeline.Message{Wallet: wallet(number % 7), Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "message %d", number)})
	}
	require.NoError(i.t, i.feed.Submit(i.t.Context(), "node", i.sent+1, list))
	i.sent += uint64(n)
}

// close ends the feed and expects that it ends for no other reason.
func (i *instance) close() {
	i.t.Helper()
	i.stop()
	require.ErrorIs(i.t, <-i.ended, context.Canceled)
}

func (i *instance) seal(e feed.Epoch) feed.Seal {
	i.t.Helper()
	s := i.find(e)
	require.NotNil(i.t, s, "epoch %d is not sealed", e)
	_, keys := signer(i.t)
	require.NoError(i.t, s.Verify(keys))
	return *s
}

func (i *instance) find(e feed.Epoch) *feed.Seal {
	first, err := i.log.FirstSeal(i.t.Context())
	require.NoError(i.t, err)
	for s := first; s != nil; {
		if s.Epoch == e {
			return s
		}
		s, err = i.log.NextSeal(i.t.Context(), s.Epoch)
		require.NoError(i.t, err)
	}
	return nil
}

func (i *instance) entries(mailbox string) (list []feed.Entry) {
	i.t.Helper()
	page, err := i.log.Entries(i.t.Context(), mailbox, 0, 1<<20)
	require.NoError(i.t, err)
	for _, d := range page {
		if d.Entry.Gap == nil {
			require.True(i.t, d.Entry.Record.Item.Holds(d.Payload))
		}
		list = append(list, d.Entry)
	}
	return list
}

// numbers are the source's numbers of what a mailbox holds; they are what tells whether something is lost or repeated.
func (i *instance) numbers(mailbox string) map[uint64]int {
	i.t.Helper()
	found := map[uint64]int{}
	for _, e := range i.entries(mailbox) {
		if e.Gap == nil {
			found[e.Record.Item.Number]++
		}
	}
	return found
}

func (i *instance) wantAll(mailbox string) {
	i.t.Helper()
	found := i.numbers(mailbox)
	require.Len(i.t, found, int(i.sent), mailbox)
	for n := uint64(1); n <= i.sent; n++ {
		require.Equal(i.t, 1, found[n], "message %d in %s", n, mailbox)
	}
}

func actors(blames []feed.Blame) (list []string) {
	for _, b := range blames {
		if s := b.Actor.String(); len(list) == 0 || list[len(list)-1] != s {
			list = append(list, s)
		}
	}
	return list
}
