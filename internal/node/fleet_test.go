package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	stdnet "net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
)

// patient is how long a test waits for what must come: a machine may be slow, and none of this is about how slow. Sessions
// have the rhythm of an operator's for the same reason: on a busy machine shorter ones are lost.
const patient = 2 * time.Minute

// blocks is a chain without requests, whose validator passes everything.
type blocks struct{ *chaintest.Chain }

func (blocks) Close()                                      {}
func (blocks) ChainID(context.Context) (uint64, error)     { return 1337, nil }
func (blocks) Genesis(context.Context) (chain.Hash, error) { return chain.Hash{1}, nil }
func (blocks) PendingRedemptions(context.Context, chain.WalletID, chain.Height) ([]chain.RedemptionRequest, error) {
	return nil, nil
}

func (blocks) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return chain.RedemptionLimits{}, nil
}

func (blocks) MainUTXOHash(context.Context, chain.WalletID) ([32]byte, error) { return [32]byte{}, nil }

func (blocks) RedemptionRequests(context.Context, chain.WalletID, [][]byte) ([]chain.RedemptionRequest, error) {
	return nil, chain.ErrNoRequest
}
func (blocks) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error { return nil }
func (blocks) ValidateRedemption(context.Context, chain.WalletID, [][]byte, *big.Int) error {
	return nil
}

func (blocks) ValidateMovedFundsSweep(context.Context, chain.WalletID, [32]byte, uint32, *big.Int) error {
	return nil
}

// beats counts the heartbeats that a node has validated.
type beats struct {
	blocks
	validated *atomic.Int64
}

func (b beats) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error {
	b.validated.Add(1)
	return nil
}

// line is an instance's place on the network of a test.
type line struct{ *nettest.Member }

func (l line) Join(w chain.Wallet) (executor.Channel, error) { return l.Member.Join(w) }
func (line) Run(ctx context.Context) error                   { <-ctx.Done(); return nil }
func (line) Close() error                                    { return nil }

// gate is the way from one instance to the database.
type gate struct {
	listener stdnet.Listener
	server   string // the socket behind it

	mu    sync.Mutex
	cut   bool
	ends  map[stdnet.Conn]bool
	works sync.WaitGroup
}

// gated returns a gate to a database, and the URL that leads through it.
func gated(t testing.TB, dsn string) (*gate, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	const socket = ".s.PGSQL.5432"
	dir, err := os.MkdirTemp("", "gate") // a test's own directory has too long a name for a socket
	require.NoError(t, err)
	g := &gate{server: filepath.Join(u.Query().Get("host"), socket), ends: map[stdnet.Conn]bool{}}
	g.listener, err = stdnet.Listen("unix", filepath.Join(dir, socket))
	require.NoError(t, err)
	u.RawQuery = url.Values{"host": {dir}}.Encode()
	g.works.Go(g.serve)
	t.Cleanup(func() {
		_ = g.listener.Close()
		g.set(true)
		g.works.Wait()
		require.NoError(t, os.RemoveAll(dir))
	})
	return g, u.String()
}

func (g *gate) serve() {
	for {
		caller, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.works.Go(func() { g.carry(caller) })
	}
}

func (g *gate) carry(caller stdnet.Conn) {
	callee, err := stdnet.Dial("unix", g.server)
	if err != nil || !g.enter(caller, callee) {
		_ = caller.Close()
		if err == nil {
			_ = callee.Close()
		}
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(caller, callee)
		_ = caller.Close()
	})
	_, _ = io.Copy(callee, caller)
	_ = callee.Close()
	back.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ends, caller)
	delete(g.ends, callee)
}

func (g *gate) enter(caller, callee stdnet.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.cut {
		g.ends[caller], g.ends[callee] = true, true
	}
	return !g.cut
}

// set cuts the instance off, or lets it through again.
func (g *gate) set(cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cut = cut; cut {
		for end := range g.ends {
			_ = end.Close()
		}
	}
}

// fleet is the instances of one operator, another operator that hears everything, a chain and a database.
type fleet struct {
	t       testing.TB
	dsn     string
	chain   *chaintest.Chain
	net     *nettest.Network
	key     *ecdsa.PrivateKey
	wallets []chain.Wallet
	other   *nettest.Member
	ears    map[chain.WalletID]*nettest.Channel
	signing *SigningConfig // of each instance; nil for none
	forks   []chain.Height // of the chain
	feeds   bool           // each instance has one
	attests bool           // its instances exchange evidence
}

func keyOf(name string) *ecdsa.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	key, err := crypto.ToECDSA(seed[:])
	if err != nil {
		panic(err)
	}
	return key
}

func operatorOf(key *ecdsa.PrivateKey) chain.Operator {
	return chain.Operator(crypto.PubkeyToAddress(key.PublicKey))
}

func onNetwork(key *ecdsa.PrivateKey) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(crypto.FromECDSA(key))
}

// newFleet makes a fleet with wallets that its operator leads in the window of block 900. The chain stands at block 800.
func newFleet(t testing.TB, dsn string, wallets int) *fleet {
	t.Helper()
	f := &fleet{t: t, dsn: dsn, chain: chaintest.New(800), key: keyOf("ours"), ears: map[chain.WalletID]*nettest.Channel{}}
	f.net = nettest.New(1, net.Schedule{}, inspect)
	f.other = f.net.Add(onNetwork(keyOf("theirs")), f.chain.Tip)
	for n := 0; len(f.wallets) < wallets; n++ {
		key := chain.PublicKey(crypto.FromECDSAPub(&keyOf(fmt.Sprintf("wallet %d", n)).PublicKey))
		w, err := chain.NewWallet(key, []chain.Operator{operatorOf(f.key), f.other.Operator()})
		require.NoError(t, err)
		if f.leader(w, 900) != operatorOf(f.key) {
			continue
		}
		f.wallets = append(f.wallets, w)
		f.ears[w.ID()], err = f.other.Join(w)
		require.NoError(t, err)
	}
	t.Cleanup(f.net.Close)
	return f
}

// leader elects as the protocol says, by the chain alone.
func (f *fleet) leader(w chain.Wallet, block chain.Height) chain.Operator {
	window, ok := coordination.RFC12().Window(block)
	require.True(f.t, ok)
	ahead := chaintest.New(block)
	seed, err := ahead.Header(f.t.Context(), window.SeedBlock)
	require.NoError(f.t, err)
	return executor.Leader(executor.Seed(w.ID(), seed.Hash), w.Roster())
}

// craft is one running instance.
type craft struct {
	*Node
	t      testing.TB
	gate   *gate
	member *nettest.Member
	dir    string
	beats  atomic.Int64 // that were validated
	cancel context.CancelFunc
	ended  chan error
}

// assemble makes an instance in a directory.
func (f *fleet) assemble(name, dir string) (*craft, error) {
	c := &craft{t: f.t, dir: dir, ended: make(chan error, 1)}
	var dsn string
	c.gate, dsn = gated(f.t, f.dsn)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(f.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("instance", name)
	}
	var err error
	c.Node, err = Assemble(f.t.Context(), Config{
		Operator:  keys.Operator{Key: f.key, Address: operatorOf(f.key)},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: dsn},
		Cluster: &ClusterConfig{
			Instance: cluster.InstanceID(name), URLs: []string{"https://" + name + ".example.org"}, Timing: cluster.DefaultTiming(), Dir: dir,
		},
		Signing: f.signing, Feed: f.feed(name),
		Logger: func(room string) *slog.Logger { return log.With("room", room) },
	}, Parts{Chain: beats{blocks{f.chain}, &c.beats}, Network: func(_ net.Config, deps net.Deps) (Network, error) {
		c.member = f.net.Add(onNetwork(f.key), deps.Height)
		c.member.OnSpoken(deps.Spoken)
		c.member.OnInvited(deps.Invited)
		if f.attests {
			c.member.OnInquired(deps.Inquiries)
			return parlour{booth{line{c.member}}}, nil
		}
		return booth{line{c.member}}, nil
	}})
	return c, err
}

// feed is an instance's feed, if it has one.
func (f *fleet) feed(name string) *FeedConfig {
	if !f.feeds {
		return nil
	}
	seed := sha256.Sum256([]byte("feed " + name))
	cfg := &FeedConfig{Key: ed25519.NewKeyFromSeed(seed[:])}
	if f.signing != nil {
		for _, b := range f.signing.Backends {
			cfg.Signers = append(cfg.Signers, b.ID)
		}
	}
	return cfg
}

// start starts an instance in a directory of its own.
func (f *fleet) start(name string) *craft {
	f.t.Helper()
	return f.startIn(name, f.t.TempDir())
}

func (f *fleet) startIn(name, dir string) *craft {
	f.t.Helper()
	c, err := f.assemble(name, dir)
	require.NoError(f.t, err)
	for _, w := range f.wallets {
		require.NoError(f.t, c.Store().ImportWallet(f.t.Context(), w, time.Now()))
	}
	c.run()
	return c
}

// run runs the instance until the test ends, or it is stopped.
func (c *craft) run() {
	ctx, cancel := context.WithCancel(c.t.Context())
	c.cancel = cancel
	go func() { c.ended <- c.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		<-c.ended
	})
}

// stop ends the instance in good order.
func (c *craft) stop() {
	c.t.Helper()
	c.cancel()
	require.NoError(c.t, c.end())
}

// end waits for the instance's end and says what it was.
func (c *craft) end() error {
	err := <-c.ended
	c.ended <- nil // for who cleans up
	return err
}

// crash ends the instance such that it gives nothing back.
func (c *craft) crash() {
	c.t.Helper()
	c.gate.set(true)
	c.cancel()
	_ = c.end() // that it could not close what it had no way to is no news
}

// serves returns which of the fleet's wallets the instance serves now.
func (c *craft) serves(f *fleet) (served []int) {
	for i, w := range f.wallets {
		if c.sharing.siblings.custody.Serves(w.ID()) {
			served = append(served, i)
		}
	}
	return served
}

// await waits for what must come.
func (f *fleet) await(what string, condition func() bool) {
	f.t.Helper()
	require.Eventually(f.t, condition, patient, 20*time.Millisecond, what)
}

// awaitAll waits until an instance serves all wallets.
func (f *fleet) awaitAll(c *craft) {
	f.t.Helper()
	f.await("all wallets are served", func() bool { return len(c.serves(f)) == len(f.wallets) })
}

// pass lets the chain go on to a height, so slowly that everybody sees each block.
func (f *fleet) pass(to chain.Height, all ...*craft) {
	f.t.Helper()
	for h := f.chain.Tip() + 1; h <= to; h++ {
		f.chain.Show(h)
		for _, c := range all {
			f.await("the block is seen", func() bool { return c.Clock().Height() >= h })
		}
	}
}

// heard collects what the other operator has heard in a window, into what it heard before.
func (f *fleet) heard(w chain.Wallet, window chain.Height, before []net.Message) []net.Message {
	for _, m := range f.ears[w.ID()].Take(window) {
		if !slices.ContainsFunc(before, func(b net.Message) bool { return b.Digest == m.Digest }) {
			before = append(before, m)
		}
	}
	return before
}

var errNoRow = errors.New("no row")

// row reads what is on record of one wallet in one window.
func (c *craft) row(w chain.Wallet, window chain.Height) (store.WindowRow, error) {
	rows, err := c.Store().Windows(c.t.Context(), store.WindowFilter{From: window, To: window})
	if err != nil {
		return store.WindowRow{}, err
	}
	for _, r := range rows {
		if r.Wallet == w.ID() {
			return r, nil
		}
	}
	return store.WindowRow{}, errNoRow
}
