package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/executor"
)

// registryPause is how often the wallet registry is compared with the joined channels. An import is done by another
// process; until the next look its channel is joined at the latest when its first window opens.
const registryPause = 2 * time.Second

// membership keeps the joined channels equal to the wallets of the registry in which our operator holds a seat. It
// is also the registry the layer asks: a wallet that is not ours is no part of a window.
type membership struct {
	self     chain.Operator
	registry interface {
		Wallets(ctx context.Context) ([]chain.Wallet, error)
	}
	network Network
	log     *slog.Logger

	mu      sync.Mutex
	latest  []chain.Wallet // ours, as the registry had them last; nil before it was asked
	joined  map[chain.WalletID]executor.Channel
	keys    map[chain.WalletID]chain.PublicKey // of those joined
	groups  map[chain.WalletID]bool            // of those joined, the wallets that other operators hold seats of, too
	foreign map[chain.WalletID]bool            // already complained about
}

// Wallets implements coordination.Registry.
func (m *membership) Wallets(ctx context.Context) ([]chain.Wallet, error) {
	all, err := m.registry.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	var ours []chain.Wallet
	for _, w := range all {
		if w.Holds(m.self) {
			ours = append(ours, w)
			continue
		}
		m.complain(w.ID())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = ours
	return ours, nil
}

// Latest returns what the registry held when it was last asked, registryPause ago at most: a thousand wallets take long to read for whoever
// asks often.
func (m *membership) Latest(ctx context.Context) ([]chain.Wallet, error) {
	m.mu.Lock()
	latest := m.latest
	m.mu.Unlock()
	if latest != nil {
		return slices.Clone(latest), nil
	}
	return m.Wallets(ctx)
}

// Wallet returns one of our wallets, which are read only if it is not among the latest: a thousand actions of a window ask for one each.
func (m *membership) Wallet(ctx context.Context, id chain.WalletID) (chain.Wallet, error) {
	for _, all := range []func(context.Context) ([]chain.Wallet, error){m.Latest, m.Wallets} {
		wallets, err := all(ctx)
		if err != nil {
			return chain.Wallet{}, err
		}
		if i := slices.IndexFunc(wallets, func(w chain.Wallet) bool { return w.ID() == id }); i >= 0 {
			return wallets[i], nil
		}
	}
	return chain.Wallet{}, fmt.Errorf("wallet %v is not in the registry, or has no seat of this operator", id)
}

// complain says once that an imported wallet has no seat for us.
func (m *membership) complain(id chain.WalletID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.foreign[id] {
		return
	}
	if m.foreign == nil {
		m.foreign = make(map[chain.WalletID]bool)
	}
	m.foreign[id] = true
	m.log.Warn("An imported wallet has no seat of this operator, so the node takes no part in it", "wallet", id, "operator", m.self)
}

// join returns the wallet's channel, joining it if it is not joined yet.
func (m *membership) join(w chain.Wallet) (executor.Channel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ch := m.joined[w.ID()]; ch != nil {
		return ch, nil
	}
	ch, err := m.network.Join(w)
	if err != nil {
		return nil, fmt.Errorf("join the channel of wallet %s: %w", w.ID(), err)
	}
	if m.joined == nil {
		m.joined = make(map[chain.WalletID]executor.Channel)
	}
	if m.groups == nil {
		m.groups = make(map[chain.WalletID]bool)
	}
	m.joined[w.ID()] = ch
	if m.keys == nil {
		m.keys = make(map[chain.WalletID]chain.PublicKey)
	}
	m.keys[w.ID()] = w.Key()
	if len(w.Operators()) > 1 {
		m.groups[w.ID()] = true
	}
	return ch, nil
}

// walletIDs returns the active wallets that the operator holds seats of.
func (m *membership) walletIDs(ctx context.Context) ([]chain.WalletID, error) {
	wallets, err := m.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]chain.WalletID, len(wallets))
	for i, w := range wallets {
		ids[i] = w.ID()
	}
	return ids, nil
}

// acquainted are those with whom our operator shares a wallet.
func (m *membership) acquainted(ctx context.Context) (map[chain.Operator]bool, error) {
	wallets, err := m.Wallets(ctx)
	known := map[chain.Operator]bool{}
	for _, w := range wallets {
		for _, op := range w.Operators() {
			known[op] = true
		}
	}
	return known, err
}

// key returns the key of a wallet whose channel is joined.
func (m *membership) key(id chain.WalletID) (chain.PublicKey, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, joined := m.keys[id]
	return key, joined
}

// ids returns the wallets whose channels are joined, in ascending order.
func (m *membership) ids() []chain.WalletID {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]chain.WalletID, 0, len(m.joined))
	for id := range m.joined {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b chain.WalletID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// isolated reports whether there are wallets with other operators, and not one of those is in sight for any of them.
func (m *membership) isolated() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.groups {
		if m.joined[id].Sight().Operators > 0 {
			return false
		}
	}
	return len(m.groups) > 0
}

// channel returns a wallet's joined channel, nil if it is not joined.
func (m *membership) channel(id chain.WalletID) executor.Channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined[id]
}

// sync joins what is new in the registry and leaves what is gone from it.
func (m *membership) sync(ctx context.Context) error {
	wallets, err := m.Wallets(ctx)
	if err != nil {
		return err
	}
	present := make(map[chain.WalletID]bool, len(wallets))
	var errs []error
	for _, w := range wallets {
		present[w.ID()] = true
		_, err := m.join(w)
		errs = append(errs, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.joined {
		if !present[id] {
			delete(m.joined, id)
			delete(m.keys, id)
			delete(m.groups, id)
			errs = append(errs, m.network.Leave(id))
		}
	}
	return errors.Join(errs...)
}

// run follows the registry until ctx ends. A failure is told once, not with every look that has the same.
func (m *membership) run(ctx context.Context) error {
	told := ""
	for {
		select {
		case <-time.After(registryPause):
			err := m.sync(ctx)
			switch {
			case ctx.Err() != nil:
			case err == nil && told != "":
				m.log.Info("The wallet registry can be followed again")
				told = ""
			case err != nil && err.Error() != told:
				m.log.Error("Could not follow the wallet registry", "error", err)
				told = err.Error()
			}
		case <-ctx.Done():
			return nil
		}
	}
}
