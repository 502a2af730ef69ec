// Package sim runs whole nodes, assembled as they are for an operator, under virtual time: hours pass at once, and a
// goroutine left behind fails the test.
package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"testing"
	"testing/synctest"
	"time"

	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
)

// blockTime is that of the simulated chain, as on Ethereum.
const blockTime = 12 * time.Second

// source is the fake chain with the contracts' answers: a wallet's requests, and a validator that passes everything.
type source struct {
	*chaintest.Chain
	requests []chain.RedemptionRequest
	refusal  error
}

func (s source) Close()                                          {}
func (s source) ChainID(context.Context) (uint64, error)         { return 1337, nil }
func (s source) Genesis(ctx context.Context) (chain.Hash, error) { return chain.Hash{1}, ctx.Err() }

func (s source) PendingRedemptions(context.Context, chain.WalletID, chain.Height) ([]chain.RedemptionRequest, error) {
	return s.requests, nil
}

func (source) MainUTXOHash(context.Context, chain.WalletID) ([32]byte, error) { return [32]byte{}, nil }

func (source) RedemptionRequests(context.Context, chain.WalletID, [][]byte) ([]chain.RedemptionRequest, error) {
	return nil, chain.ErrNoRequest
}

func (s source) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return chain.RedemptionLimits{
		TxMaxTotalFee: 1_000_000, MaxSize: 20,
		Timeout: 5 * 24 * time.Hour, TimeoutSafetyMargin: 2 * time.Hour, MinAge: 10 * time.Minute,
	}, nil
}

func (s source) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error { return s.refusal }

func (s source) ValidateRedemption(context.Context, chain.WalletID, [][]byte, *big.Int) error {
	return s.refusal
}

func (s source) ValidateMovedFundsSweep(context.Context, chain.WalletID, [32]byte, uint32, *big.Int) error {
	return s.refusal
}

// world is a chain, a network and the nodes of operators 0, 1, 2 ...
type world struct {
	t       *testing.T
	chain   source
	network func(operator int) func(net.Config, net.Deps) (node.Network, error)
	wallets []chain.Wallet
	nodes   map[int]*member
	dirs    map[int]string

	// Of the nodes that are started from now on:
	retention store.Retention
	logger    func(operator int) *slog.Logger // nil for none
}

// member is one running node.
type member struct {
	*node.Node
	stop func()
}

func operatorKey(n int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "operator %d", n))
	return must(ethcrypto.ToECDSA(seed[:]))
}

func operator(n int) chain.Operator {
	return chain.Operator(ethcrypto.PubkeyToAddress(operatorKey(n).PublicKey))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// newWallet makes the n-th wallet; roster names operators by number, one per seat.
func newWallet(n int, roster ...int) chain.Wallet {
	seed := sha256.Sum256(fmt.Appendf(nil, "wallet %d", n))
	key := chain.PublicKey(ethcrypto.FromECDSAPub(&must(ethcrypto.ToECDSA(seed[:])).PublicKey))
	var ops []chain.Operator
	for _, op := range roster {
		ops = append(ops, operator(op))
	}
	return must(chain.NewWallet(key, ops))
}

func newWorld(t *testing.T, wallets ...chain.Wallet) *world {
	t.Helper()
	return &world{
		t: t, chain: source{Chain: chaintest.New(800)}, wallets: wallets,
		nodes: make(map[int]*member), dirs: make(map[int]string),
	}
}

// start starts an operator's node, again on the data it left if it ran before.
func (w *world) start(n int) *member {
	w.t.Helper()
	if w.dirs[n] == "" {
		w.dirs[n] = must(os.MkdirTemp(w.t.TempDir(), "node"))
	}
	key := operatorKey(n)
	logger := slog.New(slog.DiscardHandler)
	if w.logger != nil {
		logger = w.logger(n)
	}
	assembled, err := node.Assemble(w.t.Context(), node.Config{
		Operator:  keys.Operator{Address: operator(n), Key: key},
		Freshness: chain.Freshness{MaxSilence: 5 * blockTime},
		BlockTime: blockTime,
		FeeRate:   10,
		Store:     store.Config{DSN: "sqlite:" + w.dirs[n] + "/node.db", Retention: w.retention},
		Logger:    func(string) *slog.Logger { return logger },
	}, node.Parts{Chain: w.chain, Network: w.network(n)})
	require.NoError(w.t, err)
	for _, wallet := range w.wallets {
		require.NoError(w.t, assembled.Store().ImportWallet(w.t.Context(), wallet, time.Now()))
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- assembled.Run(ctx) }()
	m := &member{Node: assembled, stop: func() {
		cancel()
		require.NoError(w.t, <-done)
	}}
	w.nodes[n] = m
	return m
}

func (w *world) stop(n int) {
	w.nodes[n].stop()
	delete(w.nodes, n)
}

func (w *world) stopAll() {
	for n := range w.nodes {
		w.stop(n)
	}
}

// pass lets the chain go on, up to and including height h: block by block around windows, and in steps of four blocks
// (48 s, which no clock takes for a standstill) in the long stretches between them, where nothing happens.
func (w *world) pass(h chain.Height) {
	for w.tip() < h {
		next := w.tip() + 1
		if in := next % 900; in > 130 && in < 850 && next+3 <= h {
			next += 3
		}
		time.Sleep(time.Duration(next-w.tip()) * blockTime)
		w.chain.Show(next)
		synctest.Wait()
	}
}

func (w *world) tip() chain.Height { return w.chain.Tip() }

// leader elects as the protocol says, by the chain alone.
func (w *world) leader(wallet chain.Wallet, block chain.Height) chain.Operator {
	window, ok := coordination.RFC12().Window(block)
	require.True(w.t, ok)
	safe, err := w.chain.Header(w.t.Context(), window.SeedBlock)
	require.NoError(w.t, err)
	return executor.Leader(executor.Seed(wallet.ID(), safe.Hash), wallet.Roster())
}

// rows reads what a node recorded of one window, through its public read path.
func (w *world) rows(n int, block chain.Height) map[chain.WalletID]store.WindowRow {
	rows, err := w.nodes[n].Store().Windows(w.t.Context(), store.WindowFilter{From: block, To: block})
	require.NoError(w.t, err)
	found := make(map[chain.WalletID]store.WindowRow)
	for _, r := range rows {
		found[r.Wallet] = r
	}
	return found
}

func (w *world) faults(n int) []faults.Record {
	found, err := w.nodes[n].Store().Faults(w.t.Context(), faults.Filter{})
	require.NoError(w.t, err)
	return found
}

// withMocknet runs a test on go-libp2p's mock network, on which every host is linked to every other.
func withMocknet(t *testing.T, operators int, test func(t *testing.T, w *world), wallets ...chain.Wallet) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mn := mocknet.New()
		hosts := make([]host.Host, operators)
		for n := range hosts {
			seed := sha256.Sum256(fmt.Appendf(nil, "instance %d", n))
			key := must(crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:])))
			hosts[n] = must(mn.AddPeer(key, must(ma.NewMultiaddr(fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", n+1)))))
		}
		require.NoError(t, mn.LinkAll())
		w := newWorld(t, wallets...)
		w.network = func(n int) func(net.Config, net.Deps) (node.Network, error) {
			return func(cfg net.Config, deps net.Deps) (node.Network, error) {
				for other := range hosts {
					if other != n {
						cfg.Peers = append(cfg.Peers, fmt.Sprintf("%s/p2p/%s", hosts[other].Addrs()[0], hosts[other].ID()))
					}
				}
				return node.OnHost(hosts[n])(cfg, deps)
			}
		}
		defer synctest.Wait()
		defer func() { require.NoError(t, mn.Close()) }()
		defer w.stopAll()
		test(t, w)
	})
}
