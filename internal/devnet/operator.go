package devnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	stdnet "net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// password opens the operators' keys. They hold nothing, and everybody may know it.
const password = "devnet"

// chainBlockTime is how far two blocks of the local chain are apart in chain time, at least and as a rule.
const chainBlockTime = time.Second

// operator is one operator with its honest node: a directory such as a real operator has, and a node started from it
// by the production assembly. Only the director calls its methods, from one goroutine.
type operator struct {
	address chain.Operator
	key     *ecdsa.PrivateKey
	dir     string
	id      peer.ID // the node's
	peer    string  // the node's multiaddr, with its peer ID
	port    int
	// endpoints are the node's own, in front of the chain's, the primary first; none if it uses the chain's.
	endpoints []*rpcfault.Proxy
	// announce is where the node tells its peers that it can be reached; empty for where it listens.
	announce []string
	leash    *leash // nil if the chain waits for nobody
	// board shows the node, if it is the first one of those that run; nil shows none. rank is the operator's place.
	board *board
	rank  int
	// fleet is the operator's instances, each a process of its own, on the shared database dsn; none if the operator has
	// one node in this process, on a file.
	fleet fleet
	dsn   string
	// enclaves are its signer backends, which know its node by certificate; none if it signs nothing.
	enclaves                    []*enclave
	certificate, certificateKey string // files
	office                      office // where they read what leaders propose

	running runner // nil while the node is down
}

// runner is a node that runs, in this process or in one of its own.
type runner interface {
	height(ctx context.Context) chain.Height // what its clock shows; 0 before it shows anything
	admits(ctx context.Context, other chain.Operator) bool
	refused(ctx context.Context) []string // peer IDs of the instances that its list of peers shows as refused
	halt() error                          // returns when everything of it has stopped
}

// inside is a node that runs in this process.
type inside struct {
	node  *node.Node
	log   io.Closer
	stop  func()     // returns at once
	ended chan error // receives Run's error once
	// closed is closed when its signers are not served any more.
	closed <-chan struct{}
}

// newOperator makes the operator's directory with its keystore file, password and instance key.
func newOperator(dir string, key *ecdsa.PrivateKey) (*operator, error) {
	o := &operator{key: key, dir: dir}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	loaded, err := keys.StoreOperator(o.keyFile(), key, password, keys.Light)
	if err != nil {
		return nil, err
	}
	o.address = loaded.Address
	if err := os.WriteFile(o.passwordFile(), []byte(password+"\n"), 0o600); err != nil {
		return nil, err
	}
	instance, err := keys.LoadInstance(dir)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(instance)
	if err != nil {
		return nil, err
	}
	if o.port, err = freePort(); err != nil {
		return nil, err
	}
	o.id = id
	o.peer = o.peerAt(o.listen())
	return o, nil
}

// peerAt is the node's multiaddr, with its peer ID, for whoever reaches it at an address.
func (o *operator) peerAt(address string) string { return fmt.Sprintf("%s/p2p/%s", address, o.id) }

func (o *operator) keyFile() string      { return filepath.Join(o.dir, "operator.json") }
func (o *operator) passwordFile() string { return filepath.Join(o.dir, "password") }
func (o *operator) configFile() string   { return filepath.Join(o.dir, configName) }
func (o *operator) tokenFile() string    { return filepath.Join(o.dir, "token") } // of the instances' APIs
func (o *operator) database() string     { return filepath.Join(o.dir, "walletnode.db") }
func (o *operator) listen() string       { return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", o.port) }

// configName is the configuration's file in the directory of a node.
const configName = "config.toml"

// storeDSN is where the operator's records are read.
func (o *operator) storeDSN() string {
	if o.dsn != "" {
		return o.dsn
	}
	return "sqlite:" + o.database()
}

// peers returns the multiaddrs under which the operator is reached.
func (o *operator) peers() []string {
	if len(o.fleet) > 0 {
		return o.fleet.peers()
	}
	return []string{o.peer}
}

// Ports of nodes lie below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a
// devnet makes hundreds of them between the choice of a port and the start of its node, and each could take it.
const (
	firstPort = 20_000
	ports     = 12_000
)

// nextPort counts up from a random one, so that two nodes of this process never get the same, nor two devnets at once
// as a rule.
var nextPort = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(ports)) //nolint:gosec // nothing secret
	return n
}()

// freePort returns a loopback port that nobody listens on.
func freePort() (int, error) {
	var err error
	for range ports {
		port := firstPort + int(nextPort.Add(1)%ports)
		var l stdnet.Listener
		if l, err = stdnet.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// importWallets enters the wallets into the node's store, as the command of that name does.
func (o *operator) importWallets(ctx context.Context, wallets []chain.Wallet, log *slog.Logger) (err error) {
	importer, err := store.OpenImporter(ctx, o.storeDSN(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, importer.Close()) }()
	for _, w := range wallets {
		if err := importer.ImportWallet(ctx, w, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// start starts the node from its directory, as walletnode start does. failed is told if it ends by itself.
func (o *operator) start(ctx context.Context, failed func(error)) error {
	if len(o.fleet) > 0 {
		o.running = o.fleet
		return o.fleet.start(ctx, failed)
	}
	c, err := config.Load(o.configFile(), nil, nil)
	if err != nil {
		return err
	}
	file, log, err := logTo(filepath.Join(o.dir, "node.log"))
	if err != nil {
		return err
	}
	cfg, err := node.FromConfig(c, "", func(room string) *slog.Logger { return log.With("logger", room) })
	if err != nil {
		return errors.Join(err, file.Close())
	}
	cfg.BlockTime = chainBlockTime
	cfg.Network.Announce = o.announce
	n, err := node.New(ctx, cfg)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	closed, err := o.office.open(ctx, n, c, log)
	if err != nil {
		stop()
		return errors.Join(err, n.Close(), file.Close())
	}
	o.follow(n.Clock())
	if o.board != nil {
		o.board.enter(o.rank, node.NewBoard(n))
	}
	r := &inside{node: n, log: file, ended: make(chan error, 1), closed: closed, stop: func() {
		o.unfollow()
		if o.board != nil {
			o.board.leave(o.rank)
		}
		stop()
	}}
	go func() {
		err := n.Run(ctx)
		if ctx.Err() == nil {
			failed(fmt.Errorf("the node of operator %v ended by itself: %w", o.address, errors.Join(errors.New("not asked to"), err)))
		}
		r.ended <- err
	}()
	o.running = r
	return nil
}

// follow has the chain wait for the node that has this clock, and unfollow no longer.
func (o *operator) follow(clock *chain.Clock) {
	if o.leash != nil {
		o.leash.join(o.address.String(), clock)
	}
}

func (o *operator) unfollow() {
	if o.leash != nil {
		o.leash.leave(o.address.String())
	}
}

// logTo opens a log file. The devnet's logs go to files, one for each node, because at a terminal they would bury what
// happens.
func logTo(path string) (*os.File, *slog.Logger, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return file, slog.New(slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug})), nil
}

// halt stops the node, if it runs, and returns when everything of it has stopped.
func (o *operator) halt() error {
	if o.running == nil {
		return nil
	}
	defer func() { o.running = nil }()
	return o.running.halt()
}

// height is what the node's clock shows; 0 while it is down.
func (o *operator) height(ctx context.Context) chain.Height {
	if o.running == nil {
		return 0
	}
	return o.running.height(ctx)
}

// halt implements runner.
func (r *inside) halt() error {
	r.stop()
	err := <-r.ended
	<-r.closed
	return errors.Join(err, r.log.Close())
}

// height implements runner.
func (r *inside) height(context.Context) chain.Height { return r.node.Clock().Height() }

// admits implements runner: whether the node has admitted an instance of another operator.
func (r *inside) admits(_ context.Context, other chain.Operator) bool {
	for _, p := range r.node.Host().Peers() {
		if p.Operator == other && p.State == net.PeerAdmitted && p.TermsKnown {
			return true
		}
	}
	return false
}

// refused implements runner.
func (r *inside) refused(context.Context) []string {
	var ids []string
	for _, p := range r.node.Host().Peers() {
		if p.State == net.PeerRefused {
			ids = append(ids, p.ID.String())
		}
	}
	return ids
}

// record reads what the node has of a window, by the path that anybody reads a store.
func (o *operator) record(ctx context.Context, window chain.Height) (detail store.WindowDetail, err error) {
	err = o.read(ctx, func(r *store.Reader) error {
		detail, err = r.WindowDetail(ctx, window)
		if errors.Is(err, store.ErrNotFound) {
			detail = store.WindowDetail{Block: window}
			return nil
		}
		return err
	})
	return detail, err
}

// signings reads what the node's signers were asked in a window, what came of it, and who was found inactive.
func (o *operator) signings(
	ctx context.Context, wallets []chain.Wallet, window chain.Height,
) (all []signing.Signing, inactive []store.Inactive, err error) {
	err = o.read(ctx, func(r *store.Reader) error {
		for _, w := range wallets {
			s, ok, err := r.Signing(ctx, w.ID(), window)
			if err != nil {
				return err
			}
			if ok {
				all = append(all, s)
			}
			found, ok, err := r.InactivityOf(ctx, w.ID(), window)
			if err != nil {
				return err
			}
			if ok {
				inactive = append(inactive, found)
			}
		}
		return nil
	})
	return all, inactive, err
}

// lastWindow is the last window that the node has accounted for; 0 for none.
func (o *operator) lastWindow(ctx context.Context) (block chain.Height, err error) {
	err = o.read(ctx, func(r *store.Reader) error {
		last, err := r.LastWindow(ctx)
		block = last.Block
		return err
	})
	return block, err
}

// read opens the node's store for reading.
func (o *operator) read(ctx context.Context, look func(*store.Reader) error) (err error) {
	r, err := store.OpenReader(ctx, o.storeDSN())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return look(r)
}
