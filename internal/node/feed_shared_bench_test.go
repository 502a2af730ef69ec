package node

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
)

// BenchmarkSharedPath is BenchmarkWholePath's burst with two instances on one PostgreSQL, each of which has half of the wallets and hears
// what their leaders say: what each stores it tells, signed; both take in what both told and verify it; one has the two mailboxes, which
// are read to the end and acknowledged. Processor time of this process, which is that of both instances without the server's. The same messages are
// stored by two instances without a feed beside it.
//
// Each instance verifies each message, so the feed of both stands behind two verifications of it: every instance joins the channels of all wallets of
// the registry (membership.sync), whoever acts for them, and pubsub verifies what comes before the channel's validator sees it (net.Channel). The ratio is
// to both of them; to one of them it is twice as much, which is shown, too.
func BenchmarkSharedPath(b *testing.B) {
	const wallets = 1000
	m := benchMessages(b, wallets)
	bare, told := newSharedBench(b, m, false), newSharedBench(b, m, true)
	for range benchKeep + 1 { // from then on as much is collected as comes
		bare.window = told.window
		bare.say(b)
		told.say(b)
		told.drain(b, wallets)
		told.turn(b)
	}
	var without, with, libp2p time.Duration
	measured := func(sum *time.Duration, do func()) {
		began := processorTime(b)
		do()
		*sum += processorTime(b) - began
	}
	n := 0
	for b.Loop() {
		bare.window = told.window
		measured(&without, func() {
			bare.say(b)
			runtime.GC()
		})
		measured(&with, func() {
			told.say(b)
			told.drain(b, wallets)
			told.turn(b)
			comeToRest(b)
		})
		measured(&libp2p, func() {
			for i := range 100 {
				m[i].verify(b, libp2pKey)
			}
		})
		n += wallets
	}
	told.end(b)
	per := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	b.ReportMetric(per(without, n), "µs-CPU/stored")
	b.ReportMetric(per(with-without, n), "µs-CPU/added")
	b.ReportMetric(per(libp2p, n/wallets*100), "µs-CPU/libp2p")
	of := per(with-without, n) / per(libp2p, n/wallets*100)
	b.ReportMetric(of/float64(len(told.pens)), "of-libp2p's")
	b.ReportMetric(of, "of-one's")
}

// sharedBench is two instances on one database.
type sharedBench struct {
	toldBench
	pens   []*store.Pen
	all    []chan chain.Height
	said   []benchMessage
	window chain.Height
}

func newSharedBench(b *testing.B, m []benchMessage, told bool) *sharedBench {
	b.Helper()
	dsn := pgtest.Database(b)
	s := &sharedBench{said: m}
	s.ended = make(chan error, 16)
	ctx, stop := context.WithCancel(b.Context())
	s.stop = stop
	for n, name := range []string{"a", "b"} {
		signer, err := feed.NewSigner(name, ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), byte(n))))
		require.NoError(b, err)
		cfg := store.Config{DSN: dsn}
		if told {
			cfg.Telling = &store.Telling{Origin: name, Sign: signer.SignItems, Encode: func(t store.Tiding) (feed.Kind, []byte) {
				return feed.KindProposal, t.Statement.Signed
			}}
		}
		db, err := store.Open(b.Context(), cfg, 31337, chain.Hash{1}, slog.New(slog.DiscardHandler))
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, db.Close()) })
		seal, fences := shareOf(b, db, name, n, m)
		s.pens = append(s.pens, db.Under(func(w chain.WalletID) (cluster.Fence, error) { return fences[w], nil }))
		if !told {
			continue
		}
		live := liveMailbox(name)
		i, err := instance.New(instance.Config{
			Signer: signer, Keep: benchKeep, WindowBlocks: uint64(coordination.RFC12().Frequency), Logger: slog.New(slog.DiscardHandler),
			Ledger: &feedLedger{
				store: db, instance: name, prove: func() (cluster.Seal, error) { return seal, nil },
				lives: func(context.Context, string) (bool, error) { return true, nil },
			},
			Mailboxes: []feed.Subscription{
				{Mailbox: toolsMailbox},
				{Mailbox: SignerMailbox("bench"), Kinds: []feed.Kind{feed.KindProposal}},
				{Mailbox: live, Kinds: []feed.Kind{feed.KindResult}},
			},
		})
		require.NoError(b, err)
		heights := make(chan chain.Height)
		s.all = append(s.all, heights)
		go func() { s.ended <- i.Run(ctx, heights) }()
		follow := []string{live} // gets seals alone
		if n == 0 {
			follow = append(follow, toolsMailbox, SignerMailbox("bench"))
		}
		for _, mailbox := range follow {
			r := &benchReader{mailbox: mailbox, instance: i, name: name, read: make(chan uint64, 1<<16), sealed: make(chan feed.Epoch, 64)}
			s.readers = append(s.readers, r)
			go func() { s.ended <- r.run(ctx) }()
		}
		for len(s.readers[len(s.readers)-1].sealed) == 0 { // an instance has its mailboxes before there is another one
			s.window += coordination.RFC12().Frequency
			heights <- s.window
			require.NoError(b, pause.For(ctx, 50*time.Millisecond))
		}
	}
	return s
}

// turn begins a window, and waits until all readers have the seal of the one before.
func (s *sharedBench) turn(b *testing.B) {
	b.Helper()
	s.window += coordination.RFC12().Frequency
	for _, heights := range s.all {
		heights <- s.window
	}
	before := feed.Epoch(s.window/coordination.RFC12().Frequency) - 1
	for _, r := range s.readers {
		for e := feed.Epoch(0); e < before; {
			select {
			case e = <-r.sealed:
			case err := <-s.ended:
				b.Fatal(err)
			}
		}
	}
}

// drain waits until the two mailboxes have so many messages more.
func (s *sharedBench) drain(b *testing.B, messages int) {
	b.Helper()
	for _, r := range s.readers {
		if r.mailbox != toolsMailbox && r.mailbox != SignerMailbox("bench") {
			continue
		}
		for r.want += uint64(messages); r.have < r.want; {
			select {
			case r.have = <-r.read:
			case err := <-s.ended:
				b.Fatal(err)
			}
		}
	}
}

// shareOf gives an instance every second wallet.
func shareOf(b *testing.B, db *store.Store, name string, n int, m []benchMessage) (cluster.Seal, map[chain.WalletID]cluster.Fence) {
	b.Helper()
	h := cluster.Holder{Instance: cluster.InstanceID(name), Boot: cluster.NewBoot()}
	g, err := db.OpenSession(b.Context(), cluster.Opening{Holder: h, Token: cluster.NewToken(), TTL: time.Hour, Status: cluster.Status{Healthy: true}})
	require.NoError(b, err)
	seal := cluster.Seal{Holder: h, Generation: g}
	var wallets []chain.WalletID
	var moves []cluster.Move
	for i := n; i < len(m); i += 2 {
		wallets = append(wallets, m[i].statement.Wallet)
		moves = append(moves, cluster.Move{Wallet: m[i].statement.Wallet, To: h, Cause: cluster.CauseOrphan})
	}
	require.NoError(b, db.AddWallets(b.Context(), wallets))
	moved, err := db.Move(b.Context(), seal, moves, 0)
	require.NoError(b, err)
	fences := map[chain.WalletID]cluster.Fence{}
	for _, f := range moved {
		fences[f.Wallet] = cluster.Fence{Seal: seal, Wallet: f.Wallet, Epoch: f.Epoch}
	}
	require.Len(b, fences, len(wallets))
	return seal, fences
}

// say stores a window's messages, each by the instance that has its wallet.
func (s *sharedBench) say(b *testing.B) {
	b.Helper()
	var all sync.WaitGroup
	for i := range s.said {
		all.Go(func() {
			st := s.said[i].statement
			st.Window, st.ArrivedAt = s.window, s.window+1
			if err := s.pens[i%2].SaveStatement(b.Context(), st); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
