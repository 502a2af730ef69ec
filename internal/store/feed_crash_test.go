package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var errKilled = errors.New("killed")

// striking is a log of which one write is the last one of a life: it is not made, or it is made and nobody learns of it.
type striking struct {
	*Feed
	left  *atomic.Int64 // writes that are still made; outboxes write at the same time
	after bool
}

func (s striking) strike(write func() error) error {
	n := s.left.Add(-1)
	if n < -1 || n == -1 && !s.after {
		return errKilled
	}
	err := write()
	if err == nil && n == -1 {
		return errKilled
	}
	return err
}

func (s striking) Open(ctx context.Context, t pipeline.Term) error {
	return s.strike(func() error { return s.Feed.Open(ctx, t) })
}

func (s striking) Accept(ctx context.Context, records []pipeline.Accepted) error {
	return s.strike(func() error { return s.Feed.Accept(ctx, records) })
}

func (s striking) Append(ctx context.Context, entries []feed.Entry) error {
	return s.strike(func() error { return s.Feed.Append(ctx, entries) })
}

func (s striking) Seal(ctx context.Context, sealed feed.Seal) error {
	return s.strike(func() error { return s.Feed.Seal(ctx, sealed) })
}

// life runs a feed until it dies: what it is told are facts 1 to last of "node", some in each window.
type life struct {
	t        *testing.T
	instance string
	keys     feed.Keyring
	feed     *pipeline.Feed
}

func newLife(t *testing.T, instance string, log pipeline.Log) life {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := feed.NewSigner(instance, key)
	require.NoError(t, err)
	f, err := pipeline.New(pipeline.Config{Signer: signer, Log: log, Sources: []string{"node"}, WindowBlocks: 900})
	require.NoError(t, err)
	return life{t: t, instance: instance, keys: feed.Keyring{instance: feed.Keys(key.Public().(ed25519.PublicKey))}, feed: f} //nolint:forcetypeassert // it is one
}

const killedFacts = 12

// run lets three windows pass with all facts in them, and returns why it ended: nil if all is sealed and read.
func (l life) run() error {
	ctx, end := context.WithTimeout(l.t.Context(), time.Minute)
	defer end()
	heights, ended := make(chan chain.Height), make(chan error, 1)
	go func() { ended <- l.feed.Run(ctx, heights) }()
	died := func(err error) error {
		if err == nil {
			return nil
		}
		end()
		return errors.Join(<-ended, err)
	}
	if _, err := l.feed.Subscribe(ctx, []feed.Subscription{{Mailbox: "a"}, {Mailbox: "b"}}); err != nil {
		return died(err)
	}
	for w := chain.Height(1); w <= 4; w++ {
		select {
		case heights <- w * 900:
		case err := <-ended:
			return err
		}
		if w == 4 {
			break
		}
		first, some := uint64(w-1)*killedFacts/3+1, []pipeline.Message(nil)
		for n := first; n < first+killedFacts/3; n++ {
			some = append(some, pipeline.Message{Wallet: chain.WalletID{byte(n)}, Kind: feed.KindFault, Payload: fmt.Appendf(nil, "fact %d", n)})
		}
		if err := l.feed.Submit(ctx, "node", first, some); err != nil {
			return died(err)
		}
	}
	for _, mailbox := range []string{"a", "b"} {
		if err := l.read(ctx, mailbox); err != nil {
			return died(err)
		}
	}
	end()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

var errAllRead = errors.New("all is read")

// read verifies a mailbox from its beginning to the last seal.
func (l life) read(ctx context.Context, mailbox string) error {
	reader, err := feed.NewReader(l.instance, mailbox, l.keys, feed.Start{}, feed.Policy{Keep: 9, Then: feed.Drop})
	require.NoError(l.t, err)
	var got []uint64
	follow := func(n pipeline.News) error {
		if n.Delivered != nil {
			got = append(got, n.Delivered.Entry.Record.Item.Number)
			return reader.Entry(n.Delivered.Entry, n.Delivered.Payload)
		}
		blames, err := reader.Seal(*n.Seal, n.Subscriptions)
		require.Empty(l.t, blames)
		if err == nil && n.Seal.Epoch == 3 {
			err = errAllRead
		}
		return err
	}
	for {
		err = l.feed.Follow(ctx, mailbox, pipeline.Position{}, follow)
		if !errors.Is(err, pipeline.ErrNoMailbox) { // the outbox has yet to read it
			break
		}
		runtime.Gosched()
	}
	if !errors.Is(err, errAllRead) {
		return err
	}
	once := make(map[uint64]int)
	for _, n := range got {
		once[n]++
	}
	require.Len(l.t, got, killedFacts, mailbox)
	require.Len(l.t, once, killedFacts, "each once")
	return nil
}

// A node is killed at each write of its feed in turn, before it and after it. The next one, on the same database, loses and repeats
// nothing, and nobody is to blame.
func TestKilledAtEachWriteAFeedLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), Retention{})
	for _, after := range []bool{false, true} {
		for n, done := int64(0), false; !done; n++ {
			instance := fmt.Sprintf("i%d-%t", n, after)
			left := new(atomic.Int64)
			left.Store(n)
			err := newLife(t, instance, striking{s.Feed(instance, nil), left, after}).run()
			if done = err == nil; done {
				require.GreaterOrEqual(t, n, int64(12), "three windows are opened, filled, delivered and sealed: there were writes to be killed at")
				continue
			}
			require.ErrorIs(t, err, errKilled)
			left.Store(1 << 40)
			require.NoError(t, newLife(t, instance, striking{s.Feed(instance, nil), left, after}).run(), "killed at write %d", n)
		}
	}
}

// TestKillLosesNoFactAndTellsNoneOfNothing kills a writing process, and finds a fact for each result and a result for each fact.
func TestKillLosesNoFactAndTellsNoneOfNothing(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]struct {
		dsn   string
		kills int
	}{"a file": {t.TempDir(), 6}, "a server": {pgtest.Database(t), 2}} {
		t.Run(name, func(t *testing.T) {
			acknowledged := 0
			for life := range place.kills {
				h := startHelper(t, "tell", place.dsn)
				for read := 0; read < 1+life*7 && h.out.Scan(); read++ { // killed while it writes, wherever it is
					acknowledged++
				}
				h.kill()
				s := openAt(t, place.dsn, Retention{})
				rows, err := s.Windows(t.Context(), WindowFilter{})
				require.NoError(t, err)
				finished := 0
				for _, row := range rows {
					if !row.Open {
						finished++
					}
				}
				facts, err := s.Facts(t.Context(), "node", 0, 1<<20)
				require.NoError(t, err)
				results := 0
				for _, f := range facts {
					if !bytes.HasPrefix(f.Payload, []byte("opened ")) {
						results++
					}
				}
				require.Equal(t, finished, results)
				for i, f := range facts {
					require.EqualValues(t, i+1, f.Number)
					signedFact(t, f)
				}
				require.GreaterOrEqual(t, finished, acknowledged-life-1, "what was acknowledged was told; the first line of each life says that it is ready")
				require.NoError(t, s.Close())
			}
		})
	}
}
