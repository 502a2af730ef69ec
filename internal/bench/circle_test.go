package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// circle is whole operators in one process: each has a node as internal/node puts it together, with a libp2p host on loopback and an
// SQLite file, and a signer behind its server, which the node asks over TLS. The signers of all are in a process of their own. Only the
// chain is none.
type circle struct {
	b        *testing.B
	chain    *chaintest.Chain
	traffic  *metrics.BandwidthCounter
	enclaves *enclaves
	houses   []*house
	glance   time.Duration // between two looks
	forks    []chain.Height
}

// house is one operator.
type house struct {
	*node.Node
	self chain.Operator
	lh   string // its address, with the peer ID
	// beats counts the heartbeats that it has validated.
	beats atomic.Int64
	// signers are how its signers are reached.
	signers []node.SignerConfig
}

// Times of a circle. A vault reckons how many windows can have begun since its key was made by the shortest time between two blocks; heads
// come as fast as nodes take them.
const (
	circleBlock = 100 * time.Microsecond
	patient     = 10 * time.Minute
	quick       = 5 * time.Millisecond   // a glance while nothing is measured
	seldom      = 250 * time.Millisecond // and while something is: each costs a question to a store
	dials       = 8                      // of each operator to those before it; the rest of the network it hears through others
)

// quietChain is a chain on which nobody has any business with a wallet, as one operator sees it.
type quietChain struct {
	*chaintest.Chain
	agreeable
	beats *atomic.Int64
}

func (q quietChain) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error {
	q.beats.Add(1)
	return nil
}

func (quietChain) Close()                                      {}
func (quietChain) ChainID(context.Context) (uint64, error)     { return 1337, nil }
func (quietChain) Genesis(context.Context) (chain.Hash, error) { return chain.Hash{1}, nil }

func (quietChain) PendingRedemptions(context.Context, chain.WalletID, chain.Height) ([]chain.RedemptionRequest, error) {
	return nil, nil
}

func (quietChain) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return chain.RedemptionLimits{}, nil
}

func (quietChain) MainUTXOHash(context.Context, chain.WalletID) ([32]byte, error) {
	return [32]byte{}, nil
}

func (quietChain) RedemptionRequests(context.Context, chain.WalletID, [][]byte) ([]chain.RedemptionRequest, error) {
	return nil, chain.ErrNoRequest
}

// newCircle starts so many operators with so many signers each, and returns when each finds its signer well. The chain stands at block 801.
func newCircle(b *testing.B, operators, signers int) *circle {
	b.Helper()
	node.CollectSeldom()
	c := &circle{
		b: b, chain: chaintest.New(800), traffic: metrics.NewBandwidthCounter(), glance: quick, enclaves: startEnclaves(b, operators*signers),
	}
	for n := range operators {
		c.houses = append(c.houses, c.open(n, signers))
	}
	c.pass(801)
	c.await("signers are well", func(h *house) bool {
		all := h.Signers().Backends()
		return len(all) == signers && !slices.ContainsFunc(all, func(s placement.Status) bool { return s.Standing != placement.Healthy })
	})
	return c
}

// open starts operator n. It ends with the benchmark.
func (c *circle) open(n, signers int) *house {
	c.b.Helper()
	instance, err := work.Instance(n)
	require.NoError(c.b, err)
	lh, err := libp2p.New(
		libp2p.Identity(instance), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.Transport(tcp.NewTCPTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.BandwidthReporter(c.traffic),
	)
	require.NoError(c.b, err)
	key, err := crypto.ToECDSA(work.OperatorKey(n).Serialize())
	require.NoError(c.b, err)
	var peers []string
	for i := range min(n, dials) {
		peers = append(peers, c.houses[(n-1-i*max(1, n/dials))%n].lh)
	}
	h := &house{self: work.Operator(n)}
	for i := range signers {
		h.signers = append(h.signers, c.enclaves.take(fmt.Sprintf("enclave-%d", i+1)))
	}
	h.Node, err = node.Assemble(c.b.Context(), node.Config{
		Operator:  keys.Operator{Key: key, Address: h.self},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Network: net.Config{Peers: peers},
		Store:   store.Config{DSN: filepath.Join(c.b.TempDir(), "walletnode.db")},
		Signing: &node.SigningConfig{Backends: h.signers, Policy: placement.Derived, Transactions: c.b.TempDir()},
		Logger:  func(string) *slog.Logger { return quiet },
	}, node.Parts{Chain: quietChain{Chain: c.chain, beats: &h.beats}, Network: node.OnHost(lh)})
	require.NoError(c.b, err)
	own, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: lh.ID(), Addrs: lh.Addrs()})
	require.NoError(c.b, err)
	h.lh = own[0].String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.b.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	c.b.Cleanup(func() {
		cancel()
		require.NoError(c.b, errors.Join(<-ended, lh.Close()))
	})
	return h
}

// await looks at every operator until something is so of it.
func (c *circle) await(what string, so func(*house) bool) {
	c.b.Helper()
	look := time.NewTicker(c.glance)
	defer look.Stop()
	ctx, cancel := context.WithTimeout(c.b.Context(), patient)
	defer cancel()
	for _, h := range c.houses {
		for !so(h) {
			select {
			case <-look.C:
			case <-ctx.Done():
				require.FailNow(c.b, "it takes too long", what)
			}
		}
	}
}

// pass shows the blocks up to a height, each once everybody has seen the one before.
func (c *circle) pass(to chain.Height) {
	c.b.Helper()
	for h := c.chain.Tip() + 1; h <= to; h++ {
		c.chain.Show(h)
		c.await("the block is seen", func(o *house) bool { return o.Clock().Height() >= h })
	}
}

// cost is what something took.
type cost struct {
	nodes   time.Duration // processor time of all nodes, and whatever the benchmark's looks at them take
	signers time.Duration // processor time of all signers, the library's included
	rest    used          // of both, what they would have taken in that time anyway
	bytes   int64         // on libp2p streams, sent by all
}

// used is the processor time of the circle's two processes.
type used struct{ nodes, signers time.Duration }

func (c *circle) used() used {
	c.b.Helper()
	return used{CPUTime(), c.enclaves.cpuTime(c.b)}
}

// settle waits until the nodes have said what they had to say about what was before: heads of a window that is over, say, which are told and
// compared when the chain goes on.
func (c *circle) settle() {
	c.b.Helper()
	const silence, looks = 20_000, 8 // bytes between two looks, and looks
	deadline := time.Now().Add(time.Minute)
	for calm, last := 0, int64(0); calm < looks && time.Now().Before(deadline); calm++ {
		require.NoError(c.b, pause.For(c.b.Context(), seldom))
		now := c.traffic.GetBandwidthTotals().TotalOut
		if now-last > silence {
			calm = -1
		}
		last = now
	}
}

// measure does something and returns what it took. What nodes and signers take while nothing happens is measured right before.
func (c *circle) measure(do func()) cost {
	c.b.Helper()
	const idle = 3 * time.Second
	c.settle()
	began := c.used()
	require.NoError(c.b, pause.For(c.b.Context(), idle))
	start, sent := c.used(), c.traffic.GetBandwidthTotals().TotalOut

	c.glance = seldom
	defer func() { c.glance = quick }()
	clock := time.Now()
	do()
	took, end := time.Since(clock), c.used()
	rest := func(began, start time.Duration) time.Duration {
		return time.Duration(float64(start-began) * float64(took) / float64(idle))
	}
	return cost{
		end.nodes - start.nodes, end.signers - start.signers,
		used{rest(began.nodes, start.nodes), rest(began.signers, start.signers)},
		c.traffic.GetBandwidthTotals().TotalOut - sent,
	}
}

// roster gives each operator the same number of seats, or one more.
func (c *circle) roster(seats int) []chain.Operator {
	roster := make([]chain.Operator, seats)
	for s := range roster {
		roster[s] = c.houses[s%len(c.houses)].self
	}
	return roster
}

// generate makes a wallet. Everybody accepts as soon as the invitation is there; it returns when the wallet is active everywhere.
func (c *circle) generate(seats, threshold int) chain.Wallet {
	c.b.Helper()
	first := c.houses[0].Keygen()
	session, err := first.Create(c.b.Context(), keygen.Request{Roster: c.roster(seats), Threshold: threshold, Scheme: signer.FROST})
	require.NoError(c.b, err)
	var id chain.WalletID
	waiting := slices.Clone(c.houses) // for the invitation; nobody is asked again who accepted
	c.await("the wallet is active", func(h *house) bool {
		waiting = slices.DeleteFunc(waiting, func(other *house) bool { // all of them: whoever waits for its turn keeps the others waiting
			status, err := other.Keygen().Status(c.b.Context(), session)
			if err != nil || status.State != keygen.Invited {
				return err == nil
			}
			require.NoError(c.b, other.Keygen().Accept(c.b.Context(), session))
			return true
		})
		status, err := h.Keygen().Status(c.b.Context(), session)
		if err != nil {
			return false
		}
		require.NotEqual(c.b, keygen.Failed, status.State, status.Detail)
		id = status.Wallet
		return status.State == keygen.Active
	})
	wallets, err := c.houses[0].Store().Wallets(c.b.Context())
	require.NoError(c.b, err)
	i := slices.IndexFunc(wallets, func(w chain.Wallet) bool { return w.ID() == id })
	require.GreaterOrEqual(c.b, i, 0)
	return wallets[i]
}

// agree takes the chain to the last block before the action of a window in which a heartbeat is agreed on.
func (c *circle) agree(w chain.Wallet, block chain.Height) {
	c.b.Helper()
	window, ok := coordination.RFC12().Window(block)
	require.True(c.b, ok)
	c.draw(w, window)
	before := make(map[*house]int64)
	for _, h := range c.houses {
		before[h] = h.beats.Load()
	}
	heard := func(h *house) bool { return h.beats.Load() > before[h] }
	for at := block + 2; at < window.ActiveEnd-10; at++ { // leaders repeat what they say at certain blocks, for who was not there yet
		c.pass(at)
		if !slices.ContainsFunc(c.houses, func(h *house) bool { return !heard(h) }) {
			break
		}
		require.NoError(c.b, pause.For(c.b.Context(), seldom))
	}
	c.await("the heartbeat is proposed and validated", heard)
	c.pass(block + 90)
	c.await("the heartbeat is agreed on", func(h *house) bool {
		rows, err := h.Store().Actions(c.b.Context(), store.ActionFilter{From: block, To: block})
		require.NoError(c.b, err)
		return slices.ContainsFunc(rows, func(a store.Action) bool {
			return a.Wallet == w.ID() && a.Proposal.Kind() == proposal.KindHeartbeat
		})
	})
	c.pass(block + 99)
}

// draw replaces the seed block, which is not there yet, until it has a heartbeat on the wallet's checklist.
func (c *circle) draw(w chain.Wallet, window coordination.Window) {
	c.b.Helper()
	ahead := chaintest.New(window.Block) // the same chain, further on
	for _, fork := range c.forks {
		ahead.Fork(fork)
	}
	for range 10_000 {
		header, err := ahead.Header(c.b.Context(), window.SeedBlock)
		require.NoError(c.b, err)
		if slices.Contains(executor.Checklist(executor.Seed(w.ID(), header.Hash), window.Index), proposal.KindHeartbeat) {
			return
		}
		ahead.Fork(window.SeedBlock)
		c.chain.Fork(window.SeedBlock)
		c.forks = append(c.forks, window.SeedBlock)
	}
	require.FailNow(c.b, "no block asks for a heartbeat")
}

// sign lets the heartbeat of a window be signed in one attempt, and returns when everybody has the signature.
func (c *circle) sign(w chain.Wallet, block chain.Height) {
	c.b.Helper()
	c.pass(block + 101) // seats announce themselves
	c.await("the heartbeat is signed", func(h *house) bool {
		row, _, err := h.Store().Signing(c.b.Context(), w.ID(), block)
		require.NoError(c.b, err)
		return len(row.Signed) > 0
	})
}
