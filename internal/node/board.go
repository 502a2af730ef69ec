package node

import (
	"context"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// boardFaults is how many faults the dashboard's feed has.
const boardFaults = 50

// Board is what the dashboard shows of a node. What lies in the store is read by Refresh and kept, so that any number of
// viewers costs one look per second at whether it has changed.
type Board struct {
	n *Node

	refreshing sync.Mutex // held by the Refresh at work
	last       basis
	seeds      map[chain.Height]chain.Hash // by seed block; those of the present window and the next

	mu      sync.Mutex // guards what follows
	records view.BoardRecords
	readAt  time.Time // when records were last known to be the newest
	trouble string    // why they are not; empty if they are
	told    bool      // the feed tells when they change
	behind  time.Time // since when it has told of what was not read yet; zero if there is nothing
}

// basis is what records are made of: while it is the same, so are they.
type basis struct {
	read          bool // false before the first look
	pulse         store.Pulse
	window        chain.Height // the present one
	seeded, knows bool         // the present window's leaders are known, and the next one's
}

// NewBoard shows a node on the dashboard.
func NewBoard(n *Node) *Board {
	return &Board{n: n, seeds: map[chain.Height]chain.Hash{}, readAt: n.startedAt}
}

// Board implements dashboard.Source.
func (b *Board) Board() view.Board {
	n := b.n
	state, _ := n.stage.State()
	height := n.clock.Height()
	live := view.Live{
		Operator: n.cfg.Operator.Address, Version: version(), State: string(state),
		Head: view.NewHead(n.clock.Head(), n.clock.Stale()), Window: view.NewPhase(height),
		Peers: n.Peers().Peers, Instances: n.Instances(),
	}
	live.Self = live.Instances.Self
	blockTime := n.pace.blockTime(n.cfg.BlockTime)
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

// Refresh implements dashboard.Source.
func (b *Board) Refresh(ctx context.Context) error {
	b.refreshing.Lock()
	defer b.refreshing.Unlock()
	asked := time.Now() // what is read is no older
	records, changed, err := b.read(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.trouble = err.Error()
		return err
	}
	b.readAt, b.trouble = asked, ""
	if b.behind.Before(asked) {
		b.behind = time.Time{}
	}
	if changed {
		records.Version = b.records.Version + 1
		b.records = records
	}
	return nil
}

// read reads the records anew if what they are made of has changed.
func (b *Board) read(ctx context.Context) (records view.BoardRecords, changed bool, err error) {
	height := b.n.clock.Height()
	schedule := coordination.RFC12()
	present, _ := schedule.At(height)
	next := schedule.Next(height)
	now := basis{read: true, window: present.Block}
	windows := view.LastWindows(present.Block)
	if now.pulse, err = b.n.store.Pulse(ctx, oldest(windows)); err != nil {
		return records, false, err
	}
	seed, seeded := b.seed(ctx, present, height)
	nextSeed, knows := b.seed(ctx, next, height)
	now.seeded, now.knows = seeded, knows
	if now == b.last {
		return records, false, nil
	}
	tally, err := b.n.store.Tally(ctx, oldest(windows))
	if err != nil {
		return records, false, err
	}
	wallets, err := b.n.members.Wallets(ctx)
	if err != nil {
		return records, false, err
	}
	if records.Wallets, err = b.wallets(ctx, wallets, present); err != nil {
		return records, false, err
	}
	for i, w := range wallets {
		if seeded {
			leader := view.Elect(w, present, seed, b.n.cfg.Operator.Address).Leader
			records.Wallets[i].Leader = &leader
		}
		if knows {
			leader := view.Elect(w, next, nextSeed, b.n.cfg.Operator.Address).Leader
			records.Wallets[i].NextLeader = &leader
		}
	}
	newest, err := b.n.store.Faults(ctx, faults.Filter{Limit: boardFaults})
	if err != nil {
		return records, false, err
	}
	records.Faults = view.NewBoardFaults(newest)
	records.Heat = view.NewHeat(windows, operatorsOf(wallets), b.n.cfg.Operator.Address, tally)
	b.last = now
	return records, true, nil
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
			shown[i].State, shown[i].Reason, shown[i].Action = &row.State, row.Reason, row.Action
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
	hash, err := b.n.seedBlock(ctx, w)
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
