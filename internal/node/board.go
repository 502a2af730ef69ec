package node

import (
	"context"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// boardFaults is how many faults the dashboard's feed has.
const boardFaults = 50

// Board is what the dashboard shows of a node. What lies in the store is read by Refresh and kept, and what the feed tells while News follows
// it is added to that, so that any number of viewers costs one reading of either.
type Board struct {
	n *Node

	refreshing sync.Mutex // held by the Refresh at work
	last       basis
	seeds      map[chain.Height]chain.Hash // by seed block; those of the present window and the next

	mu      sync.Mutex // guards what follows
	shown   *recorded  // nil before anything was read
	changed bool       // shown has something that records do not have
	records view.BoardRecords
	readAt  time.Time // when records were last known to be the newest
	trouble string    // why they are not; empty if they are
	told    bool      // the feed tells what changes
	added   bool      // shown has more than what was read
	wanted  bool      // the store is to be read although the feed tells
	behind  time.Time // since when there has been something to read; zero if there is nothing
	since   *tidings  // what the feed has told since the reading at work began; nil if none is
}

// basis is what records are made of: while it is the same, so are they.
type basis struct {
	read          bool // false before the first look
	pulse         store.Pulse
	window        chain.Height // the present one
	seeded, knows bool         // the present window's leaders are known, and the next one's
}

// untold is the basis without what the feed tells. What is left is no record of it: that a window or a wallet's part in it has begun or was
// missed, the wallets there are, and those that are stopped.
func (s basis) untold() basis {
	s.pulse.Finished, s.pulse.Acted, s.pulse.Faults, s.pulse.Late, s.pulse.FaultsVersion = 0, 0, 0, 0, 0
	return s
}

// NewBoard shows a node on the dashboard.
func NewBoard(n *Node) *Board {
	return &Board{n: n, seeds: map[chain.Height]chain.Hash{}, readAt: n.startedAt}
}

// Board implements dashboard.Source.
func (b *Board) Board() view.Board {
	n := b.n
	state, _ := n.stage.State()
	height := n.chain.clock.Height()
	live := view.Live{
		Operator: n.cfg.Operator.Address, Version: version(), State: string(state),
		Head: view.NewHead(n.chain.clock.Head(), n.chain.clock.Stale()), Window: view.NewPhase(height),
		Peers: n.Peers().Peers, Instances: n.sharing.Instances(),
	}
	live.Self = live.Instances.Self
	blockTime := n.chain.blocksApart()
	if live.Window != nil {
		live.InSeconds = int64((time.Duration(live.Window.Left) * blockTime).Seconds())
	}
	if height > 0 {
		next, _ := view.NewNext(height, blockTime)
		live.Next, live.NextIn, live.SeedIn = next.Window, next.InBlocks, next.SeedIn
	}
	if endpoints, err := n.Endpoints(); err == nil { // with one endpoint alone there is nothing to show
		live.Endpoints = &endpoints
	}
	if pool := n.Signers(); pool != nil {
		live.Signers = new(view.NewBoardSigners(pool.Backends(), pool.Where(), pool.Unsignable))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed {
		version := b.records.Version + 1
		b.changed, b.records = false, b.shown.records(n.cfg.Operator.Address)
		b.records.Version = version
	}
	live.RecordsMS, live.RecordsVersion, live.Trouble = b.age().Milliseconds(), b.records.Version, b.trouble
	return view.Board{Live: live, Records: b.records}
}

// Record implements dashboard.Source.
func (b *Board) Record(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Trace, error) {
	return b.n.Records().Window(ctx, block, wallet)
}

// Signings implements dashboard.Source.
func (b *Board) Signings(ctx context.Context, block chain.Height, wallet chain.WalletID) (view.Signings, error) {
	return b.n.Records().Signings(ctx, block, &wallet)
}

// Refresh implements dashboard.Source. While the feed tells what happens it reads what is wanted, and what is no record of the feed.
func (b *Board) Refresh(ctx context.Context) error {
	b.refreshing.Lock()
	defer b.refreshing.Unlock()
	asked := time.Now() // what is read is no older
	whole := b.begin()
	shown, err := b.read(ctx, whole)
	b.end(shown, whole, asked, err)
	return err
}

// end ends a reading, begun at some time, of what was read; nil if it had not changed. What the feed has told meanwhile is added.
func (b *Board) end(shown *recorded, whole bool, asked time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since := b.since
	b.since = nil
	if err != nil {
		b.trouble, b.wanted = err.Error(), b.wanted || whole
		return
	}
	b.readAt, b.trouble = asked, ""
	if b.behind.Before(asked) {
		b.behind = time.Time{}
	}
	if shown != nil {
		b.shown, b.changed = shown, true
		for _, t := range since.list {
			b.wanted = !b.add(t) || b.wanted
		}
	}
}

// begin begins a reading and says whether all that may have changed is to be read.
func (b *Board) begin() (whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	whole = b.wanted || !b.told
	if whole && b.added { // what the store was when it was read is not what is shown
		b.last, b.added = basis{}, false
	}
	b.wanted, b.since = false, new(tidings)
	return whole
}

// read reads the records anew if what they are made of has changed: anything if it is to be read whole, otherwise what the feed does not
// tell. Nil if it has not.
func (b *Board) read(ctx context.Context, whole bool) (*recorded, error) {
	height := b.n.chain.clock.Height()
	schedule := coordination.RFC12()
	present, _ := schedule.At(height)
	next := schedule.Next(height)
	now := basis{read: true, window: present.Block}
	r := &recorded{window: present.Block, windows: view.LastWindows(present.Block)}
	var err error
	if now.pulse, err = b.n.store.Pulse(ctx, oldest(r.windows)); err != nil {
		return nil, err
	}
	seed, seeded := b.seed(ctx, present, height)
	nextSeed, knows := b.seed(ctx, next, height)
	now.seeded, now.knows = seeded, knows
	if now == b.last || !whole && now.untold() == b.last.untold() {
		return nil, nil //nolint:nilnil // nothing has changed
	}
	// First: how far wallets are is read after it, with all that the facts counted in it tell, and perhaps more, which comes to the same once it
	// is told.
	if r.tally, err = b.n.store.Tally(ctx, oldest(r.windows), boardFaults); err != nil {
		return nil, err
	}
	r.faults = view.NewBoardFaults(r.tally.Newest)
	wallets, err := b.n.members.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	r.operators = operatorsOf(wallets)
	if r.wallets, err = b.wallets(ctx, wallets, present); err != nil {
		return nil, err
	}
	for i, w := range wallets {
		if seeded {
			leader := view.Elect(w, present, seed, b.n.cfg.Operator.Address).Leader
			r.wallets[i].Leader = &leader
		}
		if knows {
			leader := view.Elect(w, next, nextSeed, b.n.cfg.Operator.Address).Leader
			r.wallets[i].NextLeader = &leader
		}
	}
	b.last = now
	return r, nil
}

// oldest returns the first of a list of windows, 0 for none.
func oldest(windows []chain.Height) chain.Height {
	if len(windows) == 0 {
		return 0
	}
	return windows[0]
}

func operatorsOf(wallets []chain.Wallet) []chain.Operator {
	var all []chain.Operator
	for _, w := range wallets {
		all = append(all, w.Operators()...)
	}
	return all
}

// wallets shows the wallets and how far they are in the present window.
func (b *Board) wallets(ctx context.Context, wallets []chain.Wallet, present coordination.Window) ([]view.BoardWallet, error) {
	rows := map[chain.WalletID]view.Window{}
	if present.Block > 0 {
		list, err := b.n.Records().Windows(ctx, store.WindowFilter{From: present.Block, To: present.Block})
		if err != nil {
			return nil, err
		}
		for _, w := range list.Windows {
			if w.Wallet != nil {
				rows[*w.Wallet] = w
			}
		}
	}
	halts, err := b.n.store.Halts(ctx)
	if err != nil {
		return nil, err
	}
	halted := map[chain.WalletID]string{}
	for _, h := range halts {
		halted[h.Wallet] = h.Reason
	}
	shown := make([]view.BoardWallet, len(wallets))
	for i, w := range wallets {
		shown[i] = view.NewBoardWallet(w, b.n.cfg.Operator.Address)
		shown[i].Halted = halted[w.ID()]
		if row, ok := rows[w.ID()]; ok {
			shown[i].State, shown[i].Reason, shown[i].Action, shown[i].Outcome = &row.State, row.Reason, row.Action, row.Outcome
		}
	}
	return shown, nil
}

// seed returns the hash of a window's seed block, read once. Without it the page says that the leaders are not known; the
// next look tries again.
func (b *Board) seed(ctx context.Context, w coordination.Window, height chain.Height) (chain.Hash, bool) {
	if w.Block == 0 || height < w.SeedBlock {
		return chain.Hash{}, false
	}
	if hash, ok := b.seeds[w.SeedBlock]; ok {
		return hash, true
	}
	hash, err := b.n.chain.seedBlock(ctx, w)
	if err != nil {
		return chain.Hash{}, false
	}
	for block := range b.seeds { // those of windows that are over
		if block+2*coordination.RFC12().Frequency < w.SeedBlock {
			delete(b.seeds, block)
		}
	}
	b.seeds[w.SeedBlock] = hash
	return hash, true
}
