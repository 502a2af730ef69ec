// Package node puts a node together. It is the one place that knows every room; the command line, the devnet and the
// simulation all assemble nodes through it, so that what runs in a test is what runs at an operator's.
//
// A node has no say of its own in the protocol: rooms decide, and here they are given each other. What is here besides wiring is what
// lies between two rooms, each in a file of its own:
//
//	node.go, fromconfig.go, identity.go, open.go, stage.go     how it is assembled, from what, and how far in its life it is
//	followed.go, pace.go, endpoints.go                         the chain, as the node follows it
//	headers.go, protocol.go                                    the same, as the wallets' executors share it
//	windows.go                                                 the boxes that a window passes through
//	libp2p.go, topics.go, membership.go, outsider.go           the network: which channels are joined, what is read of a message
//	pen.go, pensignatures.go, mouth.go                         what is written and said, and under which proof
//	counted.go, retry.go, housekeeping.go, heap.go             what is counted, tried again and deleted; how seldom memory is collected
//	siblings.go, sharing.go, custody.go, home.go, sentlog.go   an instance among its operator's: which wallets are its own, its journal
//	datadir_unix.go, datadir_other.go                          that no other process has its directory
//	guard.go, halts.go, bans.go, lists.go, known.go            who is kept away, and which wallets are stopped
//	opinions.go, verdicts.go                                   what instances think of the chain's endpoints
//	health.go, readiness.go, condition.go                      whether it can do its work
//	signers.go, signing.go, letters.go                         signer backends, key generations, signatures
//	evidence.go                                                what is proved to others
//	feed.go, feed_answers.go, feed_herald.go, feed_ledger.go   what signers and tools are handed
//	live.go, instances.go, fleet.go                            what it shows: API, metrics
//	board.go, boardnews.go, boardtold.go                       what the dashboard shows of it
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// Config is what distinguishes one node from another.
type Config struct {
	Operator keys.Operator
	Ethereum ethereum.Config
	// Multi is the chain as many endpoints show it, in place of Ethereum; nil for Ethereum alone.
	Multi     *quorum.Config
	Freshness chain.Freshness
	// BlockTime is the host chain's shortest regular block time; 12 s on Ethereum.
	BlockTime time.Duration
	// FeeRate is what this node proposes for Bitcoin transactions, in satoshi per virtual byte.
	FeeRate uint64
	// Network is completed by New: Operator, Schedule and Params are the node's to set.
	Network net.Config
	Store   store.Config
	// Cluster makes the node one of its operator's instances on one database; nil for the only one.
	Cluster *ClusterConfig
	// Dir is a directory of the node's own, which exists: what it signs about windows is written down there before it is sent, and
	// outlives a database that is put back. Empty: nowhere. One of many instances has ClusterConfig.Dir.
	Dir  string
	Bans AutomaticBans
	// Signing is where the operator's key shares are; nil for a node that signs nothing.
	Signing *SigningConfig
	// Feed is what signers and tools are handed; nil for none.
	Feed *FeedConfig
	// Logger returns the logger of one of the node's parts, named as its room is: chain, coordination, executor, net,
	// store, action, proposal, cluster, signer, evidence.
	Logger func(room string) *slog.Logger
	// Observe is told each report once it is stored. It must return at once; nil is allowed.
	Observe func(coordination.Report)
}

// Chain is the host chain as a node needs it; an ethereum.Client is one, and so is a quorum.Pool.
type Chain interface {
	// Run shows heads until ctx ends. Failures of the endpoint do not end it.
	Run(ctx context.Context, heads func(chain.Header)) error
	// ChainID and Genesis are chain.ErrNoQuorum where endpoints do not agree on them.
	ChainID(ctx context.Context) (uint64, error)
	Genesis(ctx context.Context) (chain.Hash, error)
	Close()
	coordination.Headers
	proposal.RedemptionSource
	proposal.ChainValidator
	signing.Chain
}

// Network is the node's place among its peers; a net.Host is one.
type Network interface {
	// Join joins a wallet's channel and starts keeping what is said there.
	Join(w chain.Wallet) (executor.Channel, error)
	Leave(id chain.WalletID) error
	// Run keeps the node connected until ctx ends, then ends everything.
	Run(ctx context.Context) error
	// Close ends what was started if Run was never called; otherwise it does nothing.
	Close() error
}

// Parts are what a node stands on.
type Parts struct {
	Chain Chain // the node's from Assemble on, also if that fails
	// Network makes the node's network from the completed configuration.
	Network func(cfg net.Config, deps net.Deps) (Network, error)
	// Signer opens the way to a signer backend, and what ends it; nil for that to a process of its own.
	Signer func(SignerConfig) (signer.Backend, func(), error)
}

// Node is an assembled node. New acquires, Run uses and releases.
type Node struct {
	cfg       Config
	chain     *followed
	store     *store.Store
	network   Network
	windows   windows
	members   *membership
	stage     *Stage
	startedAt time.Time
	metrics   *metrics.Recorder

	signers  signers
	evidence attestation
	feed     *feeds // nil of a node without a feed

	home    *home // of one of many instances, else nil
	sharing *sharing
	last    atomic.Pointer[[]view.Window] // as Status last showed it
}

// New connects to the chain, opens the store (which the chain's ID and genesis block bind) and assembles the node.
// Nothing runs before Run. ErrUnvouched if the store is new and the endpoints do not agree on the chain.
func New(ctx context.Context, cfg Config) (*Node, error) {
	source, err := openChain(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return Assemble(ctx, cfg, Parts{Chain: source, Network: libp2p})
}

// Assemble makes a node of given parts.
func Assemble(ctx context.Context, cfg Config, parts Parts) (*Node, error) {
	n := &Node{
		cfg: cfg, chain: &followed{source: parts.Chain, freshness: cfg.Freshness, blockTime: cfg.BlockTime}, stage: newStage(), startedAt: time.Now(),
	}
	n.chain.endpoints, _ = parts.Chain.(Endpoints)
	if n.cfg.Observe == nil {
		n.cfg.Observe = func(coordination.Report) {}
	}
	if err := n.assemble(ctx, parts); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// assemble makes the rooms, each of which stands on those before it.
func (n *Node) assemble(ctx context.Context, parts Parts) error {
	follows, err := n.chain.identify(ctx, n.cfg.Store.DSN, n.cfg.Logger("chain"))
	if err != nil {
		return err
	}
	if err := n.openStore(ctx, follows); err != nil {
		return err
	}
	last, err := n.store.LastWindow(ctx)
	if err != nil {
		return fmt.Errorf("read the last window: %w", err)
	}
	if err := n.chain.setClock(max(last.At, last.Block)); err != nil {
		return err
	}
	if n.network, err = parts.Network(n.networkConfig(paramsDigest(follows.chainID, follows.genesis))); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	n.members = &membership{self: n.cfg.Operator.Address, registry: n.store, network: n.network, log: n.cfg.Logger("net")}
	if n.sharing, err = newSharing(sharingConfig{
		Operator: n.cfg.Operator, Cluster: n.cfg.Cluster, Home: n.home, Bans: n.cfg.Bans, Store: n.store, Chain: n.chain, Members: n.members,
		Network: n.network, Stage: n.stage, StartedAt: n.startedAt, Logger: n.cfg.Logger,
	}); err != nil {
		return err
	}
	n.metrics = metrics.New(n.counts())
	if err := n.openFeed(); err != nil {
		return err
	}
	if err := n.attest(ctx, follows); err != nil {
		return err
	}
	return n.coordinate(ctx, follows, parts)
}

// openStore opens the store, and before it, of one of many instances, the directory that remembers for it.
func (n *Node) openStore(ctx context.Context, follows identity) (err error) {
	if n.cfg.Store.Shared() != (n.cfg.Cluster != nil) {
		return errors.New("a node is one of many instances where its database is shared, and nowhere else")
	}
	if n.cfg.Cluster != nil {
		if n.home, err = openHome(n.cfg.Cluster.Dir, n.cfg.Logger("cluster")); err != nil {
			return err
		}
		n.cfg.Store.Seen = n.home.seen
	}
	// Nobody writes before the metrics are made.
	n.cfg.Store.Observe = func(took time.Duration) { n.metrics.Committed(took) }
	if n.cfg.Store.Telling, err = n.telling(); err != nil {
		return err
	}
	n.store, err = store.Open(ctx, n.cfg.Store, follows.chainID, follows.genesis, n.cfg.Logger("store"))
	return err
}

// counts are what the metrics ask for their values: what this node does not have is nil.
func (n *Node) counts() metrics.Sources {
	books, _ := n.network.(metrics.Network) // a net.Host keeps them; a simulation's network need not
	sources := metrics.Sources{Clock: n.chain.clock, Network: books, Node: condition{n}}
	if n.chain.endpoints != nil {
		sources.Endpoints = n.chain.endpoints
	}
	if n.cfg.Cluster != nil {
		sources.Instances = n.sharing
	}
	if n.cfg.Signing != nil {
		sources.Signers = backends{n}
	}
	if _, asks := n.network.(Inquirer); asks {
		sources.Evidence = &n.evidence
	}
	if n.cfg.Feed != nil {
		sources.Feed = fed{n}
	}
	return sources
}

// networkConfig completes the network's configuration with the node's own identity, schedule and parameters.
func (n *Node) networkConfig(params [32]byte) (net.Config, net.Deps) {
	cfg := n.cfg.Network
	cfg.Operator = n.operatorKey()
	cfg.Params = params
	schedule := coordination.RFC12()
	cfg.Schedule = net.Schedule{Frequency: schedule.Frequency, Duration: schedule.Active + schedule.Passive}
	deps := net.Deps{Height: n.chain.clock.Known, Inspect: inspect, Inquiries: n.evidence.inquiries(), Log: n.cfg.Logger("net")}
	deps.Invited = func(doc []byte, _ peer.ID) { n.signers.invited(doc) }
	if n.cfg.Cluster != nil {
		deps.Spoken = func(m net.Message) { n.sharing.guard.heard(m) } // there before the first channel is joined
	}
	return cfg, deps
}

// coordinate wires the boxes of coordination: heights to windows, windows to executors, reports to the store, orders to
// their handlers.
func (n *Node) coordinate(ctx context.Context, follows identity, parts Parts) (err error) {
	validator := proposal.NewValidator(n.chain.source)
	custody, log := n.sharing.custody()
	generators, err := n.generators()
	if err != nil {
		return err
	}
	handlers, err := n.sign(ctx, follows, log, parts.Signer)
	if err != nil {
		return err
	}
	n.windows.metrics, n.windows.observer = n.metrics, n.cfg.Observe
	if n.windows.dispatcher, err = action.New(action.Config{
		Clock: n.chain.clock, Validator: validator, Log: log, Custody: custody, Handlers: handlers, Logger: n.cfg.Logger("action"),
		Observe: n.metrics.ActionEnded,
	}); err != nil {
		return err
	}
	if n.windows.watcher, err = coordination.NewWatcher(coordination.WatcherConfig{
		Schedule: coordination.RFC12(), Clock: n.chain.clock, Headers: n.chain.source, Log: counted(log, n.metrics.Missed), Logger: n.cfg.Logger("coordination"),
	}); err != nil {
		return err
	}
	headers, electorates := &sharedHeaders{source: n.chain.source, clock: n.chain.clock}, new(executor.Electorates)
	if n.windows.layer, err = coordination.NewLayer(coordination.LayerConfig{
		Schedule: coordination.RFC12(), Clock: n.chain.clock, Registry: n.members, Log: log, Custody: custody, Logger: n.cfg.Logger("coordination"),
		Executor: func(w chain.Wallet) (coordination.Executor, error) {
			channel, err := n.members.join(w)
			if err != nil {
				return nil, err
			}
			channel, journal := n.sharing.voice(w.ID(), channel, log)
			return executor.New(executor.Config{
				Wallet: w, Electorate: electorates.Of(w), Self: n.cfg.Operator.Address,
				Clock: n.chain.clock, Headers: headers, Channel: channel, Journal: n.evidence.witnessing(journal),
				Generator: generators, Validator: validator, Banned: n.sharing.lists.bans.banned, Logger: n.cfg.Logger("executor"),
			})
		},
	}); err != nil {
		return err
	}
	n.windows.processor, err = coordination.NewProcessor(coordination.ProcessorConfig{
		Log: log, Dispatcher: n.windows.dispatcher, Logger: n.cfg.Logger("coordination"), Observe: n.windows.observe,
	})
	return err
}

// generators makes what a leader proposes with, one for each kind.
func (n *Node) generators() (proposal.Generators, error) {
	redemptions, err := proposal.NewRedemptionGenerator(proposal.RedemptionConfig{
		Source: n.chain.source, FeeRate: n.cfg.FeeRate, BlockTime: n.cfg.BlockTime, Logger: n.cfg.Logger("proposal"),
	})
	if err != nil {
		return proposal.Generators{}, err
	}
	return proposal.NewGenerators(
		redemptions,
		proposal.HeartbeatGenerator{},
		proposal.NeedsBitcoin(proposal.KindDepositSweep),
		proposal.NeedsBitcoin(proposal.KindMovingFunds),
		proposal.NeedsBitcoin(proposal.KindMovedFundsSweep),
	)
}

// Run runs the node until ctx ends; then everything has stopped and is released. A window in its active phase is
// suspended, not ended: it is resumed by the next start if that comes in time, or by another instance. Run returns nil if
// ctx ended it, or it was asked to resign; cluster.ErrInstanceTaken or cluster.ErrCloned if another process runs under this
// instance's name.
func (n *Node) Run(ctx context.Context) error {
	defer n.stage.advance(Stopped)
	if err := n.members.sync(ctx); err != nil { // joined at start, not at the first window
		return errors.Join(fmt.Errorf("join the wallets' channels: %w", err), n.close())
	}
	n.stage.advance(Syncing)
	g, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, func() { n.stage.advance(Draining) })()
	g.Go(func() error { return n.chain.run(ctx) })
	g.Go(func() error { return n.awaitHead(ctx) })
	g.Go(func() error { return n.network.Run(ctx) })
	g.Go(func() error { return n.members.run(ctx) })
	written := n.windows.run(ctx, g)
	n.signers.run(ctx, g)
	if service := n.Evidence(); service != nil {
		g.Go(func() error { return service.Run(ctx) })
	}
	if n.feed != nil {
		g.Go(func() error { return n.feed.run(ctx) })
	}
	n.sharing.run(ctx, g, written)
	g.Go(func() error { return n.keepHouse(ctx) })
	g.Go(func() error { return n.store.Hold(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) || errors.Is(err, errResigned) {
		err = nil
	}
	return errors.Join(err, n.close())
}

// Close releases what New acquired if Run is never called; after Run it does nothing.
func (n *Node) Close() error { return n.close() }

// close releases what New acquired. The network is closed by its own Run; one that never ran is closed here.
func (n *Node) close() error {
	var errs []error
	if n.network != nil {
		errs = append(errs, n.network.Close())
	}
	errs = append(errs, n.signers.close())
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.home != nil {
		errs = append(errs, n.home.close())
		n.home = nil
	}
	errs = append(errs, n.evidence.close())
	n.chain.source.Close()
	return errors.Join(errs...)
}

// Store returns the node's store, for reading.
func (n *Node) Store() *store.Store { return n.store }

// Host returns the node's libp2p host; nil if it stands on another network.
func (n *Node) Host() *net.Host {
	if l, ok := n.network.(libp2pNetwork); ok {
		return l.Host
	}
	return nil
}

// Cluster returns what the node knows of its operator's instances and what they share.
func (n *Node) Cluster() api.Cluster { return n.sharing }

// Metrics returns what the node counts, for serving.
func (n *Node) Metrics() *metrics.Recorder { return n.metrics }

// Clock returns the node's chain clock.
func (n *Node) Clock() *chain.Clock { return n.chain.clock }
