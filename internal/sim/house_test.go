package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// houseStart is where the chain stands when the first node starts.
const houseStart = 850

// house is operators with all that they have, in virtual time: instances on one store each, chain endpoints, signers. Nodes are
// assembled as an operator's are; what is replaced is what they stand on.
type house struct {
	t       *testing.T
	dir     string
	chain   *truth
	ether   *nettest.Network
	seed    uint64
	firms   []*firm
	wallets []chain.Wallet
	watched chain.Wallet // the one in which somebody is not honest
	signs   chain.Wallet // the one whose key the operators' signers have made; the last one
	record  *record
	lives   int    // of instances
	lay     string // how the network is split, and among whom
	diary   *diary // nil unless the run is to be compared with another one
	plan    plan
	made    map[signer.SessionID]*ceremony // key generations in weather, and the one after it
	first   signer.SessionID               // that of the wallet that signs
	fresh   *afresh                        // nil until the weather is over
	copies  map[int]*older                 // of databases, by the event that puts them back

	followers []*follower // of one operator's feeds
}

// firm is an operator.
type firm struct {
	*house
	n         int
	op        chain.Operator
	shared    bool // its instances share a store; else there is one, with a store of its own
	disk      *disk
	endpoints []*outlook
	enclaves  []*enclave
	crew      []*instance
	tool      *store.Reader // by which the world looks into its store; nil before it has
	restoring *restoring    // nil but while its database is being put back
	history   atomic.Int32  // how often it was
}

// instance is one of an operator's, from start to start.
type instance struct {
	*firm
	i    int
	node *node.Node // nil while it is down
	life *process   // the present or the last one
	desk atomic.Pointer[desk]
	seat *nettest.Member
	end  chan error
	// Holds a token while an operator waits for what he decided on key generations in this life.
	asked chan struct{}
	deaf  atomic.Bool
	// What its next life will be killed at, while it starts or soon after; nil for nothing.
	curse *curse
	rest  chain.Height // for how long it is down once it has ended
	back  chain.Height // when it is started again; 0 while it is up
	well  chain.Height // since when it has been up
	awake chain.Height // since when it has been up and not paused; 0 while it is not
}

// houseFirms are how many instances the operators have, in turns by seed. One of them at least has a node alone, on a store of its own.
var houseFirms = [][]int{{2, 1, 2}, {1, 3, 1}, {2, 2, 1}}

// withHouse runs a test in a house whose operators are all up.
func withHouse(t *testing.T, p plan, test func(h *house)) {
	t.Helper()
	seed := p.seed
	dir := memory(t)
	cryptotest.SetGlobalRandom(t, seed)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // see docs/invariants.md
	synctest.Test(t, func(t *testing.T) {
		h := &house{
			t: t, seed: seed, plan: p, diary: p.diary, dir: dir, chain: newTruth(houseStart), copies: map[int]*older{}, made: map[signer.SessionID]*ceremony{},
			wallets: []chain.Wallet{newWallet(1, 0, 1, 2), newWallet(2, 2, 1, 0, 0), newWallet(3, 1, 2), newWallet(4, 0, 2, 1, crook)},
		}
		h.watched = h.wallets[len(h.wallets)-1]
		h.record = newRecord(h)
		h.ether = nettest.New(seed, net.Schedule{}, node.Inspect)
		h.ether.SetRoute(h.route)
		h.ether.SetWeather(fair(nettest.Weather{}))
		for n, crew := range houseFirms[seed%uint64(len(houseFirms))] {
			h.found(n, crew)
		}
		defer synctest.Wait()
		defer h.ether.Close()
		defer func() {
			for _, f := range h.firms {
				for _, e := range f.enclaves {
					require.NoError(t, e.up(false))
				}
			}
		}()
		defer h.shut()
		for _, f := range h.firms {
			for _, i := range f.crew {
				i.start()
				time.Sleep(17 * time.Millisecond) // no two wake at the same moments ever after
			}
		}
		h.generate()
		h.follow()
		defer h.leave()
		test(h)
	})
}

// memory is where databases are that nobody needs once the test is over: in memory where the machine has such a place, since nothing is
// learned from how long its disk takes.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "house")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// found makes an operator.
func (h *house) found(n, crew int) {
	f := &firm{house: h, n: n, op: operator(n), shared: crew > 1, disk: newDisk()}
	for e := range endpointsEach {
		f.endpoints = append(f.endpoints, &outlook{truth: h.chain, name: fmt.Sprintf("endpoint %d of %d", e, n)})
	}
	for e := range signersEach {
		f.enclaves = append(f.enclaves, f.newEnclave(e))
	}
	for i := range crew {
		f.crew = append(f.crew, &instance{firm: f, i: i})
	}
	h.firms = append(h.firms, f)
}

func (i *instance) name() string { return fmt.Sprintf("op%d-%d", i.n, i.i) }

// start starts an instance, again on what it left if it ran before.
func (i *instance) start() {
	t, h := i.t, i.house
	ctx, cancel := context.WithCancel(context.Background())
	h.lives++
	life := fmt.Sprintf("%s/%d", i.name(), h.lives)
	i.life, i.end, i.back = &process{kill: cancel, who: life, seed: h.seed, diary: h.diary}, make(chan error, 1), 0
	i.asked = make(chan struct{}, 1)
	if i.curse != nil {
		i.life.doom(i.curse.deed, i.curse.n)
		i.curse = nil
	}
	dir := filepath.Join(h.dir, i.name())
	require.NoError(t, os.MkdirAll(dir, 0o700))
	cfg := node.Config{
		Operator:  keys.Operator{Address: i.op, Key: operatorKey(i.n)},
		Freshness: chain.Freshness{MaxSilence: 10 * houseBlock},
		BlockTime: houseBlock,
		FeeRate:   10,
		Store:     store.Config{DSN: "sqlite:" + filepath.Join(h.dir, fmt.Sprintf("op%d.db", i.n)), Simulated: i.disk.simulated(i.life, i.shared, i.origin())},
		Dir:       dir,
		Feed:      i.feeds(),
		Logger:    i.logger(),
		Observe:   func(r coordination.Report) { h.record.reported(i, r) },
	}
	if i.shared {
		cfg.Cluster, cfg.Dir = &node.ClusterConfig{Instance: cluster.InstanceID(i.name()), Timing: cluster.DefaultTiming(), Dir: dir}, ""
	}
	pool, err := quorum.New(ctx, quorum.Config{Members: i.members(), ChainID: 1337, Chance: i.chance()}, cfg.Logger("chain"))
	if err != nil && !i.life.alive() { // it was killed again, at an endpoint's first answer
		i.fell(err)
		return
	}
	require.NoError(t, err)
	var reach func(node.SignerConfig) (signer.Backend, func(), error)
	cfg.Signing, reach = i.signing()
	assembled, err := node.Assemble(ctx, cfg, node.Parts{Chain: pool, Signer: reach, Network: func(cfg net.Config, deps net.Deps) (node.Network, error) {
		b := newBerth(h.ether, i.life, cfg, deps, func(envelope []byte) { h.record.sent(i, envelope) })
		i.seat = b.Member
		return b, nil
	}})
	if err != nil { // its disk was full, or it was killed again
		cancel()
		i.fell(err)
		return
	}
	i.node, i.well = assembled, i.tip()
	i.opens(ctx)
	for _, w := range h.wallets {
		if w.Holds(i.op) && h.tip() == houseStart { // once, in fair weather
			require.NoError(t, assembled.Store().ImportWallet(ctx, w, time.Now()))
		}
	}
	go func() { i.end <- assembled.Run(ctx) }()
}

// fell notes that an instance could not start.
func (i *instance) fell(err error) {
	if i.life.alive() && !errors.Is(err, errFull) && !errors.Is(err, errAway) && !errors.Is(err, errBusy) {
		i.record.fault("%s does not start: %v", i.name(), err)
	}
	i.life.die()
	i.back = i.tip() + 5
}

func (i *instance) members() (all []quorum.Member) {
	for n, o := range i.endpoints {
		all = append(all, quorum.Member{
			Name: fmt.Sprint("e", n), Group: fmt.Sprint("g", n), Primary: n == 0, Shown: o.name, Key: o.name,
			Open: func() (quorum.Endpoint, error) { return glass{o, i.life, i.way(n)}, nil },
		})
	}
	return all
}

// way is how long an instance's questions take to its n-th endpoint, and its answers to it.
func (i *instance) way(n int) time.Duration {
	return time.Duration(1+5*(endpointsEach*i.number()+n)) * time.Millisecond
}

// number counts the instances of all operators.
func (i *instance) number() int { return slices.Index(i.all(), i) }

// chance is what an instance's polls differ by: numbers of the house's seed and of its life's.
func (i *instance) chance() func(string) float64 {
	var mu sync.Mutex
	drawn, life := map[string]int{}, i.lives
	return func(endpoint string) float64 {
		mu.Lock()
		defer mu.Unlock()
		drawn[endpoint]++
		return float64(binary.BigEndian.Uint32(digest4(i.seed, "chance", i.name(), life, endpoint, drawn[endpoint]))) / (1 << 32)
	}
}

func digest4(parts ...any) []byte {
	d := digestOf(parts...)
	return d[:4]
}

func (i *instance) logger() func(string) *slog.Logger {
	log := slog.New(slog.DiscardHandler)
	if *houseLog {
		log = slog.New(slog.NewTextHandler(i.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})).With("who", i.name())
	}
	return func(room string) *slog.Logger { return log.With("room", room) }
}

// buried notes that a life has ended, if it has.
func (i *instance) buried() {
	if i.node == nil {
		return
	}
	select {
	case err := <-i.end:
		i.mourn(err)
	default:
	}
}

func (i *instance) mourn(err error) {
	if err != nil && i.life.alive() && !errors.Is(err, errFull) && !errors.Is(err, errAway) && !errors.Is(err, errBusy) {
		i.record.fault("%s ended by itself: %v", i.name(), err)
	}
	i.life.die() // what is left of it reaches nothing
	i.node = nil
	i.back = i.tip() + max(i.rest, 1)
	i.rest = 0
}

// shut ends everything in good order.
func (h *house) shut() {
	for _, i := range h.all() {
		if i.node != nil {
			i.life.goOn()
			i.life.kill()
		}
	}
	for _, i := range h.all() {
		if i.node != nil {
			i.mourn(<-i.end)
		}
	}
	for _, f := range h.firms {
		f.closeReader()
	}
}

func (h *house) tip() chain.Height {
	tip, _, _ := h.chain.now()
	return tip
}

// all are the instances of all operators.
func (h *house) all() (all []*instance) {
	for _, f := range h.firms {
		all = append(all, f.crew...)
	}
	return all
}

// route decides whether what is on its way arrives at all.
func (h *house) route(d nettest.Delivery) bool {
	for _, i := range h.all() {
		if i.seat == d.To {
			if !i.life.hears() || i.deaf.Load() {
				return false
			}
			h.record.arrived(i, d)
			return true
		}
	}
	return true
}

// leader elects as the protocol says, by the chain alone.
func (h *house) leader(wallet chain.Wallet, block chain.Height) chain.Operator {
	window, ok := coordination.RFC12().Window(block)
	require.True(h.t, ok)
	_, forks, _ := h.chain.now()
	return executor.Leader(executor.Seed(wallet.ID(), header(window.SeedBlock, forks).Hash), wallet.Roster())
}

// digestOf tells values apart.
func digestOf(parts ...any) [32]byte { return sha256.Sum256(fmt.Append(nil, parts...)) }
