package heads

import (
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// Attested is a head with the trees below it. It does not change.
type Attested struct {
	// Head is signed once With was called.
	Head evidence.Head

	all    View
	common map[chain.Operator][]int // by the other operator: the places of the wallets in common among the leaves of all
	peers  tree.Tree                // of the roots over them
}

// View is what one operator attests, or is expected to attest, of some wallets.
type View struct {
	// Tree has a leaf for each wallet of which anything is attested; its value is the root of the wallet's windows.
	Tree tree.Tree

	rows map[chain.WalletID][]*row
}

// newView makes the trees of some rows from similar ones, and returns them, too.
func newView(rows map[chain.WalletID][]*row, similar map[chain.WalletID]*windows) (View, map[chain.WalletID]*windows) {
	made := make(map[chain.WalletID]*windows, len(rows))
	leaves := make([]tree.Leaf, 0, len(rows))
	for wallet, kept := range rows {
		if len(kept) == 0 {
			continue
		}
		made[wallet] = similar[wallet].of(kept)
		leaves = append(leaves, tree.NewLeaf(tree.Name(wallet), made[wallet].root()))
	}
	return View{Tree: tree.New(leaves), rows: rows}, made
}

// Has reports whether anything is attested of a wallet.
func (v View) Has(wallet chain.WalletID) bool {
	return v.Tree.Under(tree.Prefix{Name: tree.Name(wallet), Bits: uint8(8 * len(wallet))}).Size() > 0
}

// Windows returns a wallet's tree of windows.
func (v View) Windows(wallet chain.WalletID) tree.Tree {
	leaves := make([]tree.Leaf, len(v.rows[wallet]))
	for i, r := range v.rows[wallet] {
		leaves[i] = r.leaf
	}
	return tree.Ordered(leaves)
}

// Entry returns what is attested of a wallet in a window; false if nothing is.
func (v View) Entry(wallet chain.WalletID, window chain.Height) (evidence.Entry, bool) {
	return find(v.rows[wallet], window)
}

// Silent returns the entries that say that nothing was heard, in no order.
func (v View) Silent() (silent []evidence.Entry) {
	for _, rows := range v.rows {
		for _, r := range rows {
			if r.entry.Status == evidence.None {
				silent = append(silent, r.entry)
			}
		}
	}
	return silent
}

// Entries returns all that is attested of a wallet, in no order.
func (v View) Entries(wallet chain.WalletID) []evidence.Entry {
	entries := make([]evidence.Entry, len(v.rows[wallet]))
	for i, r := range v.rows[wallet] {
		entries[i] = r.entry
	}
	return entries
}

// attest builds the trees of a head and fills in what it says of them.
func (l *Ledger) attest(h evidence.Head, wallets []chain.Wallet) *Attested {
	rows := make(map[chain.WalletID][]*row, len(wallets))
	for _, w := range wallets {
		if kept := attested(l.rows[w.ID()], h); len(kept) > 0 {
			rows[w.ID()] = kept
		}
	}
	a := &Attested{}
	a.all, l.trees = newView(rows, l.trees)
	l.company = l.company.with(wallets, l.self)
	a.common = l.company.among(a.all.Tree.Names())
	index := a.all.Tree.Index()
	peers := make([]tree.Leaf, 0, len(a.common))
	for other, places := range a.common {
		peers = append(peers, tree.NewLeaf(tree.Name(other), index.Root(places)))
	}
	a.peers = tree.New(peers)
	h.Root = tree.Join(index.Whole(), a.peers.Root())
	h.Wallets = a.all.Tree.Size()
	a.Head = h
	return a
}

// With returns the same with the head as it was signed, a pubsub message. One that says anything else is refused.
func (a *Attested) With(signed []byte) (*Attested, error) {
	h, err := evidence.ReadHead(signed)
	if err != nil {
		return nil, err
	}
	if h.ID() != a.Head.ID() {
		return nil, fmt.Errorf("signed head: it is of %v and says something else than what was attested of %v", h, a.Head)
	}
	done := *a
	done.Head = h
	return &done, nil
}

// Open shows an entry below the head; false if nothing is attested there.
func (a *Attested) Open(wallet chain.WalletID, window chain.Height) (evidence.Opening, bool) {
	entry, ok := a.all.Entry(wallet, window)
	if !ok {
		return evidence.Opening{}, false
	}
	inWindows, _ := a.all.Windows(wallet).Path(entry.Leaf().Name)
	inWallets, _ := a.all.Tree.Path(tree.Name(wallet))
	return evidence.Opening{Entry: entry, Windows: inWindows, Wallets: inWallets, Views: a.peers.Root()}, true
}

// Wallets returns the root of the tree over all wallets.
func (a *Attested) Wallets() tree.Hash { return a.all.Tree.Root() }

// Common returns what is attested of the wallets in common with another operator, and the path to its root; false if there are
// none.
func (a *Attested) Common(with chain.Operator) (View, tree.Path, bool) {
	places, ok := a.common[with]
	if !ok {
		return View{}, nil, false
	}
	path, _ := a.peers.Path(tree.Name(with))
	return View{Tree: a.all.Tree.Some(places), rows: a.all.rows}, path, true
}
