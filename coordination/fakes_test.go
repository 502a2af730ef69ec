package coordination

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// memory is a log that forgets nothing while the test lasts: what a restart finds again.
type memory struct {
	mu         sync.Mutex
	failure    error
	last       Opened
	opened     []chain.Height
	missed     []Missed
	progress   map[chain.WalletID]map[chain.Height]Progress
	results    []Result
	amendments []Amendment
}

func newMemory() *memory {
	return &memory{progress: make(map[chain.WalletID]map[chain.Height]Progress)}
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

func (m *memory) LastWindow(context.Context) (Opened, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, m.failure
}

func (m *memory) StartAfter(_ context.Context, block chain.Height) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.last = Opened{Block: block}
	}
	return m.failure
}

func (m *memory) OpenWindow(_ context.Context, o Opened) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	if o.Block <= m.last.Block {
		return errors.New("a window that is not later than the last one")
	}
	m.last, m.opened = o, append(m.opened, o.Block)
	return nil
}

func (m *memory) RecordMissed(_ context.Context, missed Missed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.missed, m.last = append(m.missed, missed), Opened{Block: missed.Last}
	}
	return m.failure
}

func (m *memory) Begin(_ context.Context, id chain.WalletID, w Window, at chain.Height) (Progress, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return Progress{}, m.failure
	}
	if m.progress[id] == nil {
		m.progress[id] = make(map[chain.Height]Progress)
	}
	p, known := m.progress[id][w.Block]
	if !known {
		p.OpenedAt = at
		m.progress[id][w.Block] = p
	}
	return p, nil
}

func (m *memory) FinishOpen(_ context.Context, last chain.Height, reason Reason) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	for id, windows := range m.progress {
		for block, p := range windows {
			if block <= last && !p.Finished {
				p.Finished = true
				windows[block] = p
				m.results = append(m.results, Result{Wallet: id, Window: Window{Block: block}, Reason: reason})
			}
		}
	}
	return nil
}

func (m *memory) OpenRows(_ context.Context, id chain.WalletID) ([]chain.Height, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []chain.Height
	for block, p := range m.progress[id] {
		if !p.Finished {
			open = append(open, block)
		}
	}
	slices.Sort(open)
	return open, m.failure
}

func (m *memory) RecordResult(_ context.Context, r Result) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return false, m.failure
	}
	if m.progress[r.Wallet] == nil {
		m.progress[r.Wallet] = make(map[chain.Height]Progress)
	}
	p := m.progress[r.Wallet][r.Window.Block]
	if p.Finished {
		return false, nil
	}
	p.Finished = true
	m.progress[r.Wallet][r.Window.Block] = p
	m.results = append(m.results, r)
	return true, nil
}

func (m *memory) RecordAmendment(_ context.Context, a Amendment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure == nil {
		m.amendments = append(m.amendments, a)
	}
	return m.failure
}

func (m *memory) seen() (opened []chain.Height, missed []Missed, results []Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append(opened, m.opened...), append(missed, m.missed...), append(results, m.results...)
}

// registry is a list of wallets that may grow.
type registry struct {
	mu      sync.Mutex
	failure error
	wallets []chain.Wallet
}

func (r *registry) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

func (r *registry) add(w chain.Wallet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wallets = append(r.wallets, w)
}

func (r *registry) Wallets(context.Context) ([]chain.Wallet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]chain.Wallet(nil), r.wallets...), r.failure
}

// orders is a dispatcher that remembers.
type orders struct {
	mu         sync.Mutex
	dispatched []proposal.Order
	revoked    []chain.Height
	reread     int
}

func (o *orders) Dispatch(order proposal.Order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dispatched = append(o.dispatched, order)
}

func (o *orders) Revoke(_ chain.WalletID, window chain.Height) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked = append(o.revoked, window)
}

func (o *orders) Reread() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reread++
}

// scripted is an executor whose behaviour is a function.
type scripted struct {
	coordinate func(ctx context.Context, w Window, openedAt chain.Height, reports chan<- Report)
	linger     func(ctx context.Context, w Window, reports chan<- Report)
}

func (s scripted) Coordinate(ctx context.Context, w Window, openedAt chain.Height, reports chan<- Report) {
	s.coordinate(ctx, w, openedAt, reports)
}

func (s scripted) Linger(ctx context.Context, w Window, reports chan<- Report) {
	if s.linger != nil {
		s.linger(ctx, w, reports)
	}
}

func testWallet(t testing.TB, nth int) chain.Wallet {
	t.Helper()
	keys := []string{
		"04b69522e50ec6a536e6469853125d64aaf42421b88b31ff9daf5b56a3c89c553a3dab5913742af49d762eac6a1a602a28fe9fe55f0bc701e0e28e5b0314209e88",
		"0416864ce5af1a24e5e919041c1500c11149f696e8fea89471aab71115862187122a2dd930f0c29f936de92d382f03aed5aee615ed318885b799386f67b332ba77",
		"04b6e3956bbd4eda1c89e50567f1064613e6d23339a3e91e1cbdb0286c868ab8cb805b238aa371fdf1d1938765a15c73c49ad3cf2c69967b69eeb4ba6a37ade819",
	}
	key, err := chain.ParsePublicKey(keys[nth])
	require.NoError(t, err)
	w, err := chain.NewWallet(key, []chain.Operator{{1}, {2}, {1}})
	require.NoError(t, err)
	return w
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func testClock() *chain.Clock {
	return chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
}
