package node

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// BenchmarkWholePath is what the feed adds to a message that was heard, on the whole way of a node alone with SQLite: its fact, in the
// transaction that stores the message; inbox, router, receivers and outboxes; two mailboxes that are read to the end and acknowledged;
// the window's seal; and the collection of what is older. The same messages are stored beside it without a feed, and libp2p's
// verification of such a message is measured in the same run, and beside it the faster one that this node puts in its place. Processor time of the whole process:
// each part ends with a collection of its garbage, and the feed's when nothing of it goes on behind the seal, so that none is taken for the next part's. The gate is a window's burst:
// the messages of 1000 wallets, each of which waits for its own commit, as executors do. Signed is the same burst where facts are
// signed for siblings, and verified when they are taken in. One by one, each is stored before the next one comes.
func BenchmarkWholePath(b *testing.B) {
	const wallets = 1000
	m := benchMessages(b, wallets)
	atOnce := func(b *testing.B, s *store.Store, window chain.Height) {
		b.Helper()
		var all sync.WaitGroup
		for i := range m {
			all.Go(func() { m[i].save(b, s, window) })
		}
		all.Wait()
	}
	oneByOne := func(b *testing.B, s *store.Store, window chain.Height) {
		b.Helper()
		for i := range m {
			m[i].save(b, s, window)
		}
	}
	for _, messages := range []struct {
		name   string
		say    func(b *testing.B, s *store.Store, window chain.Height)
		signed bool
	}{{"burst", atOnce, false}, {"signed", atOnce, true}, {"single", oneByOne, false}} {
		b.Run(messages.name, func(b *testing.B) {
			say := messages.say
			bare := openBenchStore(b, nil)
			told := newToldBench(b, messages.signed)
			told.next(b) // the first window
			var without, with, libp2p, ours time.Duration
			measured := func(sum *time.Duration, do func()) {
				began := processorTime(b)
				do()
				*sum += processorTime(b) - began
			}
			window := func() chain.Height { return told.at }
			for range benchKeep + 1 { // from then on as much is collected as comes
				say(b, told.store, window())
				told.drain(b, wallets)
				told.next(b)
			}
			n := 0
			for b.Loop() {
				measured(&without, func() {
					say(b, bare, window())
					runtime.GC()
				})
				measured(&with, func() {
					say(b, told.store, window())
					told.drain(b, wallets)
					told.next(b)
					comeToRest(b)
				})
				measured(&libp2p, func() {
					for i := range 100 {
						m[i].verify(b, libp2pKey)
					}
				})
				measured(&ours, func() {
					for i := range 100 {
						m[i].verify(b, peer.ID.ExtractPublicKey)
					}
				})
				n += wallets
			}
			told.end(b)
			per := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
			added := per(with-without, n)
			b.ReportMetric(per(without, n), "µs-CPU/stored")
			b.ReportMetric(added, "µs-CPU/added")
			b.ReportMetric(per(libp2p, n/wallets*100), "µs-CPU/libp2p")
			b.ReportMetric(added/per(libp2p, n/wallets*100), "of-libp2p's")
			b.ReportMetric(added/per(ours, n/wallets*100), "of-ours")
		})
	}
}

// benchKeep is how many sealed windows are kept while the benchmark runs.
const benchKeep = 2

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// comeToRest waits until what goes on behind a seal, as the collection of what is older, has come to its end, and collects the garbage. The process has
// come to rest when it twice takes next to no processor time for a while: once could be that others had the processors.
func comeToRest(b *testing.B) {
	b.Helper()
	for quiet := 0; quiet < 2; {
		began := processorTime(b)
		require.NoError(b, pause.For(b.Context(), 100*time.Millisecond))
		if quiet++; processorTime(b)-began > 10*time.Millisecond {
			quiet = 0
		}
	}
	runtime.GC()
}

// benchMessage is what the leader of one wallet said, some 500 bytes.
type benchMessage struct {
	statement coordination.Statement
	message   *pb.Message
}

func benchMessages(b *testing.B, n int) []benchMessage {
	b.Helper()
	list := make([]benchMessage, n)
	key := keyOf("leader")
	for i := range list {
		data := make([]byte, 300)
		binary.BigEndian.PutUint64(data, uint64(i))
		said := wire.SignPubsub(onNetwork(key), wire.ChannelName(chain.PublicKey{2, byte(i), byte(i >> 8)}), data, data[:8])
		message := new(pb.Message)
		require.NoError(b, proto.Unmarshal(said.Bytes(), message))
		list[i] = benchMessage{message: message, statement: coordination.Statement{
			Wallet: chain.WalletID{byte(i), byte(i >> 8), 7}, Author: operatorOf(key), Seat: 1, Digest: [32]byte{byte(i)}, Payload: data[:200],
			Signed: said.Bytes(), ReceivedAt: time.Unix(1_800_000_000, 0),
		}}
	}
	return list
}

// verify does what libp2p's pubsub does with the signature of each message, with a way to read the author's key.
func (m benchMessage) verify(b *testing.B, read func(peer.ID) (crypto.PubKey, error)) {
	key, err := read(peer.ID(m.message.GetFrom()))
	if err != nil {
		b.Fatal(err)
	}
	bare := proto.CloneOf(m.message)
	bare.Signature, bare.Key = nil, nil
	text, err := proto.Marshal(bare)
	if err != nil {
		b.Fatal(err)
	}
	if ok, err := key.Verify(append([]byte(pubsub.SignPrefix), text...), m.message.GetSignature()); !ok || err != nil {
		b.Error(ok, err)
	}
}

// libp2pKey reads a key as libp2p does where nothing faster has taken its place.
func libp2pKey(author peer.ID) (crypto.PubKey, error) {
	key, err := author.ExtractPublicKey()
	if err != nil {
		return nil, err
	}
	raw, err := key.Raw()
	if err != nil {
		return nil, err
	}
	return crypto.UnmarshalSecp256k1PublicKey(raw)
}

func (m benchMessage) save(b *testing.B, s *store.Store, window chain.Height) {
	st := m.statement
	st.Window, st.ArrivedAt = window, window+1
	if err := s.SaveStatement(b.Context(), st); err != nil {
		b.Error(err)
	}
}

func openBenchStore(b *testing.B, t *store.Telling) *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), store.Config{DSN: b.TempDir(), Telling: t}, 31337, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

// toldBench is a store that tells a feed, with two subscribers.
type toldBench struct {
	store   *store.Store
	heights chan chain.Height
	at      chain.Height
	stop    context.CancelFunc
	ended   chan error
	readers []*benchReader
}

func newToldBench(b *testing.B, signed bool) *toldBench {
	b.Helper()
	signer, err := feed.NewSigner(alone, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	require.NoError(b, err)
	telling := &store.Telling{Origin: alone, Encode: func(t store.Tiding) (feed.Kind, []byte) { return feed.KindProposal, t.Statement.Signed }}
	if signed {
		telling.Sign = signer.SignItems
	}
	s := openBenchStore(b, telling)
	i, err := instance.New(instance.Config{
		Signer: signer, Ledger: &feedLedger{store: s, instance: alone, lives: func(context.Context, string) (bool, error) { return true, nil }}, Alone: !signed,
		Mailboxes:    []feed.Subscription{{Mailbox: toolsMailbox}, {Mailbox: SignerMailbox("bench"), Kinds: []feed.Kind{feed.KindProposal}}},
		Keep:         benchKeep,
		WindowBlocks: uint64(coordination.RFC12().Frequency), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	t := &toldBench{store: s, heights: make(chan chain.Height), stop: stop, ended: make(chan error, 3)}
	go func() { t.ended <- i.Run(ctx, t.heights) }()
	for _, mailbox := range []string{toolsMailbox, SignerMailbox("bench")} {
		r := &benchReader{mailbox: mailbox, instance: i, name: alone, read: make(chan uint64, 1<<16), sealed: make(chan feed.Epoch, 16)}
		t.readers = append(t.readers, r)
		go func() { t.ended <- r.run(ctx) }()
	}
	return t
}

// next begins a window, and waits until the one before is sealed and both subscribers have the seal.
func (t *toldBench) next(b *testing.B) {
	b.Helper()
	t.at += coordination.RFC12().Frequency
	t.heights <- t.at
	before := t.at/coordination.RFC12().Frequency - 1
	for _, r := range t.readers {
		for e := feed.Epoch(0); before > 0 && e < feed.Epoch(before); {
			select {
			case e = <-r.sealed:
			case err := <-t.ended:
				b.Fatal(err)
			}
		}
	}
}

// drain waits until both subscribers have so many messages more.
func (t *toldBench) drain(b *testing.B, messages int) {
	b.Helper()
	for _, r := range t.readers {
		for r.want += uint64(messages); r.have < r.want; {
			select {
			case r.have = <-r.read:
			case err := <-t.ended:
				b.Fatal(err)
			}
		}
	}
}

func (t *toldBench) end(b *testing.B) {
	b.Helper()
	t.stop()
	for range 1 + len(t.readers) {
		if err := <-t.ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	}
}

// benchReader follows a mailbox, and acknowledges what it has read after 512 entries and with each seal, as the node's own readers do.
type benchReader struct {
	mailbox      string
	instance     *instance.Instance
	name         string // the instance's
	read         chan uint64
	sealed       chan feed.Epoch
	have, want   uint64
	at           pipeline.Position
	acknowledged feed.Number
}

func (r *benchReader) run(ctx context.Context) error {
	for {
		err := r.instance.Follow(ctx, r.mailbox, r.at, func(n pipeline.News) error {
			if n.Seal != nil {
				if err := r.acknowledge(ctx); err != nil {
					return err
				}
				r.at.Instance, r.at.Sealed, r.at.Epoch = r.name, true, n.Seal.Epoch
				r.sealed <- n.Seal.Epoch
				return nil
			}
			if n.Delivered.Entry.Gap != nil || len(n.Delivered.Payload) == 0 {
				return fmt.Errorf("entry %d of %s is a gap, or has no payload", n.Delivered.Entry.Number, r.mailbox)
			}
			r.at.Number = n.Delivered.Entry.Number
			r.read <- uint64(r.at.Number)
			if r.at.Number-r.acknowledged < 512 {
				return nil
			}
			return r.acknowledge(ctx)
		})
		if !errors.Is(err, instance.ErrNotReady) && !errors.Is(err, pipeline.ErrNoMailbox) {
			return err
		}
		if err := pause.For(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func (r *benchReader) acknowledge(ctx context.Context) error {
	if r.acknowledged == r.at.Number {
		return nil
	}
	r.acknowledged = r.at.Number
	return r.instance.Acknowledge(ctx, r.mailbox, r.at.Number)
}
