package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/wire"
)

const (
	manyWallets   = 1000
	manyOperators = 100
	// bursts is in how many pieces the heads of others come, each stored by itself: within the minutes in which all tell theirs.
	bursts = 8
)

// BenchmarkHeads is what a window costs an operator of 1000 wallets among 100 operators for heads, with the store on the disk and 64 windows
// in it: the draft, the trees, the signature, what is stored and written down, what is said, and the heads of 99 others, heard, verified and
// stored. Each has nearly all wallets in common with each other one, and no two of them quite the same.
func BenchmarkHeads(b *testing.B) {
	c := newCrowdedStore(b)
	service, err := exchange.New(exchange.Config{
		Chain: testChain, Key: manyKeys(0), Clock: c.clock, Log: c.log, Network: c.air, Logger: quiet, Gather: time.Millisecond,
		Few:     -1, // what comparisons cost is measured elsewhere
		Wallets: func(context.Context) ([]chain.Wallet, error) { return c.wallets, nil },
	})
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	<-c.air.opened
	<-c.log.sent // the head of the last window was not told yet

	var own, others time.Duration
	n := uint64(evidence.Span)
	for b.Loop() {
		if n++; n == evidence.Span+1 { // the first window after a start makes all trees, and is none of those that follow
			c.hear(n)
			c.clock.set(window(n).End + 8)
			require.Equal(b, window(n).Block, <-c.log.sent)
			n++
		}
		c.hear(n)
		told := c.othersHeads(b, n)
		began := processorTime(b)
		c.clock.set(window(n).End + 8)
		require.Equal(b, window(n).Block, <-c.log.sent)
		made := processorTime(b)
		for i := range bursts {
			some := told[i*len(told)/bursts : (i+1)*len(told)/bursts]
			for _, said := range some {
				c.air.heads <- said
			}
			for stored := 0; stored < len(some); {
				stored += <-c.log.saved
			}
		}
		own += made - began
		others += processorTime(b) - made
	}
	b.ReportMetric((own+others).Seconds()/float64(b.N), "cpu-s/window")
	b.ReportMetric(own.Seconds()/float64(b.N), "cpu-s/own-head")
	b.ReportMetric(others.Seconds()/float64(b.N), "cpu-s/others-heads")
	require.EqualValues(b, 1, c.log.read.Load(), "at the start")
	stop()
	require.NoError(b, <-ended)
}

func manyKeys(seed int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(binary.BigEndian.AppendUint32([]byte{2}, uint32(seed))) //nolint:gosec // small
}

// crowdedStore is the store of the first of 100 operators, with 64 windows of 1000 wallets.
type crowdedStore struct {
	*Store
	wallets []chain.Wallet
	clock   *benchClock
	air     *benchAir
	log     *benchLog
	last    map[int]evidence.Head // of the others
}

func newCrowdedStore(b *testing.B) *crowdedStore {
	b.Helper()
	dir := b.TempDir()
	journal, _, err := cluster.OpenJournal(filepath.Join(dir, "heads.journal"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, journal.Close()) })
	s := openAt(b, dir, Retention{})
	self := wire.PublicKeyOf(manyKeys(0)).Operator()
	c := &crowdedStore{
		Store: s, clock: newBenchClock(window(evidence.Span).End + 8), last: map[int]evidence.Head{},
		air: &benchAir{heads: make(chan exchange.Said), opened: make(chan struct{})},
	}
	evidenceLog := s.Evidence(EvidenceConfig{Self: self, Journal: journal})
	c.log = &benchLog{Evidence: evidenceLog, sent: make(chan chain.Height, 1), saved: make(chan int)}
	var all []chain.Operator
	for seed := range manyOperators {
		all = append(all, wire.PublicKeyOf(manyKeys(seed)).Operator())
	}
	for i := range manyWallets {
		roster := append([]chain.Operator(nil), all...)
		if i >= manyOperators {
			without := 2 + i%(manyOperators-2)
			roster = append(roster[:without], roster[without+1:]...)
		}
		w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(manyKeys(1000+i)).Uncompressed()), roster)
		require.NoError(b, err)
		c.wallets = append(c.wallets, w)
		require.NoError(b, s.ImportWallet(b.Context(), w, noon))
	}
	ledger := heads.NewLedger(testChain, self, evidence.Head{})
	for n := uint64(1); n <= evidence.Span; n++ {
		c.hear(n)
		require.NoError(b, c.log.Evidence.SaveHeads(b.Context(), readAll(b, c.othersHeads(b, n))))
		d, err := c.log.Draft(b.Context(), window(n).Block)
		require.NoError(b, err)
		require.Len(b, d.New, manyWallets)
		for _, e := range d.New {
			require.NoError(b, ledger.Put(e))
		}
		below, err := ledger.Close(d.Window, d.Wallets)
		require.NoError(b, err)
		_, err = c.log.Attest(b.Context(), d, signedBy(b, 0, below.Head))
		require.NoError(b, err)
		if n < evidence.Span {
			require.NoError(b, c.log.Evidence.Sent(b.Context(), window(n).Block))
		}
	}
	return c
}

func signedBy(b *testing.B, seed int, h evidence.Head) evidence.Head {
	b.Helper()
	read, err := evidence.ReadHead(wire.SignPubsub(manyKeys(seed), evidence.HeadsTopic, evidence.EncodeHead(h), make([]byte, 8)).Bytes())
	require.NoError(b, err)
	return read
}

func readAll(b *testing.B, told []exchange.Said) (list []evidence.Head) {
	b.Helper()
	for _, said := range told {
		h, err := evidence.ReadHead(said.Signed)
		require.NoError(b, err)
		list = append(list, h)
	}
	return list
}

// hear has a window's results and its leaders' statements on record. Nobody looks into the statements' messages any more, so they are of
// the right length alone.
func (c *crowdedStore) hear(n uint64) {
	err := c.writes.do(context.Background(), "window", func(ctx context.Context, tx *sql.Tx) error {
		var statements [][]any
		for i, w := range c.wallets {
			leader := w.Roster()[(int(n)+i)%w.Seats()] //nolint:gosec // small
			r := silent(w.ID(), n)
			r.Leader = leader
			if _, err := finish(ctx, tx, r, noon); err != nil {
				return err
			}
			id, digest := w.ID(), [32]byte{byte(n), byte(i >> 8), byte(i)}
			statements = append(statements, []any{
				height(window(n).Block), id[:], leader[:], digest[:], int64(1), int64(1), make([]byte, 80), make([]byte, 330), height(window(n).Block + 5), instant(noon),
			})
		}
		return insertRows(ctx, tx, c.at.dialect(), `INSERT INTO statements
			(block, wallet, author, digest, position, seat, payload, signed, arrived_at, received_time) VALUES `, statements)
	})
	if err != nil {
		panic(err)
	}
}

// othersHeads are the heads of all others of a window, each following its last one.
func (c *crowdedStore) othersHeads(b *testing.B, n uint64) (told []exchange.Said) {
	b.Helper()
	for seed := 1; seed < manyOperators; seed++ {
		h := evidence.Head{Chain: testChain, Window: window(n).Block, Windows: 1, Wallets: manyWallets, Root: tree.Hash{byte(seed), byte(n)}}
		if before, some := c.last[seed]; some {
			h.Windows, h.Previous = before.Windows<<1|1, before.ID()
		}
		message := wire.SignPubsub(manyKeys(seed), evidence.HeadsTopic, evidence.EncodeHead(h), make([]byte, 8)).Bytes()
		h, err := evidence.ReadHead(message)
		require.NoError(b, err)
		c.last[seed] = h
		told = append(told, exchange.Said{By: h.Operator, Data: evidence.EncodeHead(h), Signed: message})
	}
	return told
}

// benchLog tells what was stored.
type benchLog struct {
	*Evidence
	sent  chan chain.Height
	saved chan int
	read  atomic.Int64 // how often all that is attested was read
}

func (l *benchLog) State(ctx context.Context) (exchange.State, error) {
	l.read.Add(1)
	return l.Evidence.State(ctx)
}

func (l *benchLog) Sent(ctx context.Context, at chain.Height) error {
	err := l.Evidence.Sent(ctx, at)
	if err == nil {
		l.sent <- at
	}
	return err
}

func (l *benchLog) SaveHeads(ctx context.Context, list []evidence.Head) error {
	err := l.Evidence.SaveHeads(ctx, list)
	if err == nil && len(list) > 0 {
		l.saved <- len(list)
	}
	return err
}

// benchClock is a height that is set.
type benchClock struct {
	mu    sync.Mutex
	now   chain.Height
	moved chan struct{}
}

func newBenchClock(now chain.Height) *benchClock {
	return &benchClock{now: now, moved: make(chan struct{})}
}

func (c *benchClock) set(h chain.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = h
	close(c.moved)
	c.moved = make(chan struct{})
}

func (c *benchClock) Height() chain.Height {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *benchClock) Until(ctx context.Context, h chain.Height) error {
	for {
		c.mu.Lock()
		now, moved := c.now, c.moved
		c.mu.Unlock()
		if now >= h {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// benchAir is a network on which the benchmark says what others say of heads, and nobody can be asked.
type benchAir struct {
	heads  chan exchange.Said
	opened chan struct{}
}

func (a *benchAir) Open(c exchange.Conversation) (exchange.Topic, error) {
	if c.Name != evidence.HeadsTopic {
		return benchTopic{}, nil
	}
	close(a.opened)
	return benchTopic{a.heads}, nil
}

func (a *benchAir) Inquire(context.Context, string, chain.Operator) (exchange.Line, error) {
	return nil, errors.New("nobody is there")
}

type benchTopic struct{ said chan exchange.Said }

func (t benchTopic) Publish(context.Context, []byte) error { return nil }
func (t benchTopic) Forget([]byte)                         {}
func (t benchTopic) Close() error                          { return nil }

func (t benchTopic) Next(ctx context.Context) (exchange.Said, error) {
	select {
	case said := <-t.said:
		return said, nil
	case <-ctx.Done():
		return exchange.Said{}, ctx.Err()
	}
}
