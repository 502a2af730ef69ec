package node

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// lastRows is how many rows of the list of windows a status shows at most.
const lastRows = 20

// Stage returns the node's state.
func (n *Node) Stage() *Stage { return n.stage }

// Records returns what the node's store holds. It answers until Run has returned.
func (n *Node) Records() view.Records { return view.Records{Store: n.store.Reader} }

// StartingStatus describes a node that New is making of a configuration: of what there will be to tell, its state.
func StartingStatus(cfg Config, since time.Time) view.Status {
	ready := view.NewReadiness(string(Starting), []view.Check{checkState(Starting)})
	return view.Status{
		State: ready.State, Since: view.Time(since), StartedAt: view.Time(since), Uptime: int64(time.Since(since).Seconds()),
		Version: version(), Operator: cfg.Operator.Address, Listening: []string{}, Ready: ready.Ready, Checks: ready.Checks, Last: []view.Window{},
	}
}

// Status describes the node at this moment. What the store does not tell is shown as it was last known, and marked; an error
// says that a store of the node's own cannot be read.
func (n *Node) Status(ctx context.Context) (view.Status, error) {
	state, since := n.stage.State()
	ready := n.Readiness(ctx)
	last, stale, err := n.lastKnown(ctx)
	if err != nil {
		return view.Status{}, err
	}
	s := view.Status{
		State: string(state), Since: view.Time(since), StartedAt: view.Time(n.startedAt), Uptime: int64(time.Since(n.startedAt).Seconds()),
		Version: version(), Operator: n.cfg.Operator.Address, Listening: []string{}, Ready: ready.Ready, Checks: ready.Checks,
		Head: view.NewHead(n.chain.clock.Head(), n.chain.clock.Stale()), Window: view.NewPhase(n.chain.clock.Height()), Last: last, Stale: stale,
	}
	if n.cfg.Cluster != nil {
		s.Instance = string(n.cfg.Cluster.Instance)
	}
	if h := n.Host(); h != nil {
		id := h.ID().String()
		s.PeerID, s.Listening, s.Peers = &id, h.Addrs(), view.NewPeerCount(h.Peers())
	}
	if next, err := n.Next(ctx); err == nil { // without a head, or a seed that can be read, the rest is worth showing
		s.Next = &next
	}
	return s, nil
}

// lastKnown returns the rows of the newest window, of a shared database that is away as they were when it last answered.
func (n *Node) lastKnown(ctx context.Context) (last []view.Window, stale bool, err error) {
	if n.sharing.siblings == nil {
		last, err = n.lastWindow(ctx)
		return last, false, err
	}
	request, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if last, err = n.lastWindow(request); err == nil {
		n.last.Store(&last)
		return last, false, nil
	}
	if known := n.last.Load(); known != nil {
		return *known, true, nil
	}
	return []view.Window{}, true, nil
}

// lastWindow returns the rows of the newest window that has ended or was missed.
func (n *Node) lastWindow(ctx context.Context) ([]view.Window, error) {
	list, err := n.Records().Windows(ctx, store.WindowFilter{Limit: lastRows})
	if err != nil {
		return nil, err
	}
	last := []view.Window{}
	for _, w := range list.Windows {
		if w.State != view.WindowOpen && (len(last) == 0 || w.Window == last[0].Window) {
			last = append(last, w)
		}
	}
	return last, nil
}

// Next tells when the coming window begins and, once its seed block exists, who leads it for each wallet of ours.
func (n *Node) Next(ctx context.Context) (view.Next, error) {
	height := n.chain.clock.Height()
	if height == 0 {
		return view.Next{}, view.ErrNoHead
	}
	next, w := view.NewNext(height, n.chain.blocksApart())
	if next.SeedIn > 0 {
		return next, nil
	}
	wallets, err := n.members.Wallets(ctx)
	if err != nil {
		return view.Next{}, err
	}
	seed, err := n.chain.seedBlock(ctx, w)
	if err != nil {
		return view.Next{}, err
	}
	for _, wallet := range wallets {
		next.Wallets = append(next.Wallets, view.Elect(wallet, w, seed, n.cfg.Operator.Address))
	}
	return next, nil
}

// Explain derives a wallet's election in the window of a coordination block. view.ErrNotYet if its seed block does not exist,
// store.ErrNotFound if the wallet is not known or the block begins no window.
func (n *Node) Explain(ctx context.Context, id chain.WalletID, block chain.Height) (view.Election, error) {
	w, ok := coordination.RFC12().Window(block)
	if !ok {
		return view.Election{}, fmt.Errorf("%w: block %d begins no window", store.ErrNotFound, block)
	}
	records, err := n.store.AllWallets(ctx)
	if err != nil {
		return view.Election{}, err
	}
	for _, record := range records {
		if record.ID() != id {
			continue
		}
		seed, err := n.chain.seedBlock(ctx, w)
		if err != nil {
			return view.Election{}, err
		}
		return view.Elect(record.Wallet, w, seed, n.cfg.Operator.Address), nil
	}
	return view.Election{}, fmt.Errorf("%w: wallet %v was never imported", store.ErrNotFound, id)
}

// StoreState tells the size of the node's store and what it holds. It reads every table's index once.
func (n *Node) StoreState(ctx context.Context) (view.StoreState, error) {
	figures, err := n.store.Figures(ctx)
	if err != nil {
		return view.StoreState{}, err
	}
	process, running, err := store.Running(n.cfg.Store.DSN)
	return view.NewStoreState(figures, process, running, n.cfg.Store.Retention), err
}

// Peers lists the peers that the network knows.
func (n *Node) Peers() view.Peers {
	if h := n.Host(); h != nil {
		return view.NewPeers(h.Peers())
	}
	return view.NewPeers(nil)
}

// Ping measures the way to a connected peer and back. net.ErrNotConnected if it is not connected, store.ErrNotFound if
// nobody knows it.
func (n *Node) Ping(ctx context.Context, id string) (view.Pong, error) {
	h := n.Host()
	if h == nil {
		return view.Pong{}, view.ErrNoNetwork
	}
	trip, err := h.Ping(ctx, id)
	if errors.Is(err, net.ErrNotConnected) && !slices.ContainsFunc(h.Peers(), func(p net.PeerInfo) bool { return p.ID.String() == id }) {
		err = fmt.Errorf("%w: the node knows no peer %s", store.ErrNotFound, id)
	}
	return view.NewPong(id, trip), err
}

// version returns the version of the running program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
