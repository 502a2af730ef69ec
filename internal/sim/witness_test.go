package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store"
)

// witness is an operator as far as evidence is concerned: a store on disk, a journal, and the service between them and the others. It
// is killed, started again, and given an older database, as operators are.
type witness struct {
	h        *history
	n        int
	instance int // 0, or another number for a twin, who has the same key and knows nothing of this one
	op       chain.Operator
	wallets  []chain.Wallet
	dir      string

	put     atomic.Int32 // how often its database was put back
	store   *store.Store
	journal *cluster.Journal
	log     exchange.Log
	aerial  *aerial
	stop    context.CancelFunc
	ended   chan error

	mu      sync.Mutex
	running *exchange.Service // nil while it is down
	// killAt is after how many more heads that are stored the process is killed, before they are sent; 0 for never.
	killAt int
	killed chan struct{} // closed when it was killed so
}

// service returns the service that answers; nil while the witness is down.
func (m *witness) service() *exchange.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

func (m *witness) hear(topic string, said exchange.Said) {
	m.mu.Lock()
	up, a := m.running != nil, m.aerial
	m.mu.Unlock()
	if !up {
		return
	}
	a.mu.Lock()
	t := a.topics[topic]
	a.mu.Unlock()
	if t != nil {
		t.hear(said)
	}
}

func (m *witness) database() string { return filepath.Join(m.dir, "walletnode.db") }

// start starts the witness on what it left.
func (m *witness) start() {
	t := m.h.t
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + m.database()}, 1337, chain.Hash{1}, quiet)
	require.NoError(t, err)
	for _, w := range m.wallets {
		require.NoError(t, s.ImportWallet(t.Context(), w, time.Now()))
	}
	j, torn, err := cluster.OpenJournal(filepath.Join(m.dir, "sent.journal"))
	require.NoError(t, err)
	require.Zero(t, torn)
	a := &aerial{ether: m.h.ether, of: m, topics: map[string]*frequencyOf{}}
	ctx, cancel := context.WithCancel(t.Context())
	killed := make(chan struct{})
	log := &mortal{Log: s.Evidence(store.EvidenceConfig{Self: m.op, Journal: j}), of: m, die: func() { cancel(); close(killed) }}
	service, err := exchange.New(exchange.Config{
		Chain: 1337, Key: secret(m.n), Instance: fmt.Sprint(m.instance), Clock: m.h.clock, Log: log, Network: a,
		Wallets: s.Wallets, Logger: m.h.logger(m),
	})
	require.NoError(t, err)
	m.store, m.journal, m.log, m.stop, m.ended = s, j, log.Log, cancel, make(chan error, 1)
	m.mu.Lock()
	m.aerial, m.running, m.killed = a, service, killed
	m.mu.Unlock()
	go func() { m.ended <- service.Run(ctx) }()
}

// halt ends the witness; what it had on its way is lost.
func (m *witness) halt() {
	t := m.h.t
	service := m.service()
	m.mu.Lock()
	m.running, m.killAt = nil, 0
	a := m.aerial
	m.mu.Unlock()
	m.stop()
	require.NoError(t, <-m.ended)
	a.work.Wait()
	m.h.tally(service.Counters())
	require.NoError(t, errors.Join(m.store.Close(), m.journal.Close()))
}

// copyTo keeps the database as it is now. The witness is down.
func (m *witness) copyTo(name string) {
	require.NoError(m.h.t, copyFile(m.database(), filepath.Join(m.dir, name)))
}

// promote puts an older database in the place of this one: what was written since is lost, and the journal is not.
func (m *witness) promote(name string) bool {
	older := filepath.Join(m.dir, name)
	if _, err := os.Stat(older); errors.Is(err, os.ErrNotExist) {
		return false
	}
	m.put.Add(1)
	for _, left := range []string{"-wal", "-shm"} {
		require.NoError(m.h.t, os.RemoveAll(m.database()+left))
	}
	require.NoError(m.h.t, copyFile(older, m.database()))
	return true
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// proofs are all that the witness has stored.
func (m *witness) proofs() []exchange.StoredProof {
	held, err := m.store.Proofs(m.h.t.Context(), exchange.ProofFilter{})
	require.NoError(m.h.t, err)
	return held
}

// proves reports whether the witness holds a proof of some kind against an operator.
func (m *witness) proves(kind evidence.Kind, slot evidence.Slot) bool {
	return slices.ContainsFunc(m.proofs(), func(p exchange.StoredProof) bool { return p.Kind == kind && p.Slot == slot })
}

var quiet = slog.New(slog.DiscardHandler)

// mortal is a log whose process dies when a head is stored and not yet sent.
type mortal struct {
	exchange.Log
	of  *witness
	die func()
}

func (l *mortal) Attest(ctx context.Context, d exchange.Draft, h evidence.Head) (uint64, error) {
	version, err := l.Log.Attest(ctx, d, h)
	if err != nil {
		return 0, err
	}
	l.of.mu.Lock()
	dies := l.of.killAt == 1
	l.of.killAt = max(0, l.of.killAt-1)
	l.of.mu.Unlock()
	if dies {
		l.die()
		return 0, context.Canceled // nobody is there any more to hear that it was stored
	}
	return version, nil
}
