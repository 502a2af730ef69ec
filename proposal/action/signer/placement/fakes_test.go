package placement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// memory is a Log without a disk. It does what the store does.
type memory struct {
	mu      sync.Mutex
	version uint64
	rows    map[signer.SessionID]Assignment
	words   map[string]Word
	fails   error // of every call
}

func newMemory() *memory {
	return &memory{version: 1, rows: map[signer.SessionID]Assignment{}, words: map[string]Word{}}
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = err
}

// forget loses all assignments.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.rows)
	m.version++
}

func (m *memory) change(f func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return m.fails
	}
	return f()
}

func (m *memory) SignersVersion(context.Context) (v uint64, err error) {
	err = m.change(func() error { v = m.version; return nil })
	return v, err
}

func (m *memory) Assign(_ context.Context, s signer.SessionID, backend string, policy Policy) (a Assignment, err error) {
	err = m.change(func() error {
		if _, there := m.rows[s]; !there {
			m.rows[s] = Assignment{Session: s, Backend: backend, Policy: policy, State: Pending, Created: time.Now()}
			m.version++
		}
		a = m.rows[s]
		return nil
	})
	return a, err
}

func (m *memory) Confirm(_ context.Context, s signer.SessionID, w chain.WalletID) error {
	return m.change(func() error {
		a := m.rows[s]
		if a.State == Assigned && a.Wallet == w {
			return nil
		}
		if a.State != Pending {
			return ErrNotAssigned
		}
		a.State, a.Wallet = Assigned, w
		m.rows[s], m.version = a, m.version+1
		return nil
	})
}

func (m *memory) Abandon(_ context.Context, s signer.SessionID) error {
	return m.change(func() error {
		if a := m.rows[s]; a.State == Pending {
			a.State = Abandoned
			m.rows[s], m.version = a, m.version+1
		}
		return nil
	})
}

func (m *memory) Reassign(_ context.Context, s signer.SessionID, from, to string) error {
	return m.change(func() error {
		a := m.rows[s]
		if a.Backend != from || a.State != Assigned && a.State != Lost {
			return ErrNotAssigned
		}
		a.Backend, a.State = to, Assigned
		m.rows[s], m.version = a, m.version+1
		return nil
	})
}

func (m *memory) Observe(_ context.Context, seen []Observed) error {
	return m.change(func() error {
		for _, o := range seen {
			a := m.rows[o.Session]
			switch {
			case a.State != Assigned && a.State != Lost:
				continue
			case o.Missing:
				a.State = Lost
			default:
				a.State, a.Signatures = Assigned, max(a.Signatures, o.Signatures)
			}
			if a.State != m.rows[o.Session].State {
				m.version++
			}
			m.rows[o.Session] = a
		}
		return nil
	})
}

func (m *memory) Assignments(context.Context) (all []Assignment, err error) {
	err = m.change(func() error {
		for _, a := range m.rows {
			all = append(all, a)
		}
		slices.SortFunc(all, func(a, b Assignment) int { return bySession(a.Session, b.Session) })
		return nil
	})
	return all, err
}

func (m *memory) AssignmentBy(_ context.Context, s signer.SessionID) (a Assignment, err error) {
	err = m.change(func() error {
		found, there := m.rows[s]
		if !there {
			return ErrNotAssigned
		}
		a = found
		return nil
	})
	return a, err
}

func (m *memory) Words(context.Context) (all []Word, err error) {
	err = m.change(func() error {
		for _, w := range m.words {
			all = append(all, w)
		}
		return nil
	})
	return all, err
}

func (m *memory) Identify(_ context.Context, backend, identity string) (recorded string, err error) {
	err = m.change(func() error {
		w := m.words[backend]
		if w.Identity == "" {
			w.Backend, w.Identity = backend, identity
			m.words[backend], m.version = w, m.version+1
		}
		recorded = w.Identity
		return nil
	})
	return recorded, err
}

func (m *memory) Say(_ context.Context, backend string, state State, by string, forget bool) error {
	return m.change(func() error {
		w := m.words[backend]
		w.Backend, w.State, w.By, w.Since = backend, state, by, time.Now()
		if forget {
			w.Identity = ""
		}
		m.words[backend], m.version = w, m.version+1
		return nil
	})
}

// enclave is a backend that holds keys and signs nothing.
type enclave struct {
	signer.Backend // a call that no test expects panics

	mu     sync.Mutex
	health signer.Health
	keys   map[chain.WalletID]signer.Key
	down   error
	lacks  error // the answer to a wish about a key's state
	asked  int
	frozen []signer.StateChange
}

func newEnclave(id string) *enclave {
	return &enclave{
		health: signer.Health{BackendID: id, BootID: "1", Schemes: signer.Schemes(), Accepting: true, StoreOK: true},
		keys:   map[chain.WalletID]signer.Key{},
	}
}

// set changes the enclave as something outside would.
func (e *enclave) set(f func(e *enclave)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
}

func (e *enclave) Health(context.Context) (signer.Health, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	h := e.health
	h.Keys = len(e.keys)
	return h, e.down
}

func (e *enclave) Keys(_ context.Context, after *chain.WalletID, limit int) (page []signer.Key, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.keys {
		if after == nil || bytes.Compare(k.Wallet[:], after[:]) > 0 {
			page = append(page, k)
		}
	}
	slices.SortFunc(page, func(a, b signer.Key) int { return bytes.Compare(a.Wallet[:], b.Wallet[:]) })
	return page[:min(len(page), limit)], e.down
}

func (e *enclave) Brief(ctx context.Context, wallet chain.WalletID) (signer.Key, error) {
	k, err := e.Key(ctx, wallet)
	return k.Key, err
}

func (e *enclave) Key(_ context.Context, wallet chain.WalletID) (signer.KeyDetail, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, there := e.keys[wallet]
	if e.down == nil && !there {
		return signer.KeyDetail{}, signer.ErrUnknownKey
	}
	return signer.KeyDetail{Key: k}, e.down
}

func (e *enclave) Sign(_ context.Context, r signer.SignRound) (signer.RoundReply, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.keys[r.Open.Intent.Wallet]
	k.Signatures++
	e.keys[k.Wallet] = k
	return signer.RoundReply{Done: &signer.Outcome{Signature: make([]byte, 64)}}, e.down
}

func (e *enclave) SetState(_ context.Context, wallet chain.WalletID, change signer.StateChange) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.frozen = append(e.frozen, change)
	if e.lacks != nil {
		return e.lacks
	}
	k := e.keys[wallet]
	k.State, k.Why = change.State, change.Why
	e.keys[wallet] = k
	return nil
}

// keyOf is the key that a session makes.
func keyOf(s signer.SessionID) signer.Key {
	var key chain.PublicKey
	key[0] = 4
	copy(key[1:], s[:])
	return signer.Key{Wallet: key.Hash(), Session: s, GroupKey: key[:], State: signer.KeyActive}
}

// hold puts a session's key into the enclave, as a key generation does.
func (e *enclave) hold(s signer.SessionID) signer.Key {
	k := keyOf(s)
	e.set(func(e *enclave) { e.keys[k.Wallet] = k })
	return k
}

// rig is a pool with its log and its enclaves.
type rig struct {
	t        *testing.T
	log      *memory
	enclaves map[string]*enclave
	specs    []Spec
	policy   Policy
	pool     *Pool
	out      io.Writer // of its log; nil for none
	stop     func()
	term     func(chain.WalletID) (signer.Term, bool)
}

func newRig(t *testing.T, ids ...string) *rig {
	r := &rig{t: t, log: newMemory(), enclaves: map[string]*enclave{}, policy: Derived}
	for _, id := range ids {
		r.add(id)
	}
	return r
}

func (r *rig) add(id string) *enclave {
	r.enclaves[id] = newEnclave("identity of " + id)
	r.specs = append(r.specs, Spec{ID: id, Weight: 1})
	return r.enclaves[id]
}

// start runs a new pool over what there is, as a node that was started again does, and waits until it has looked around.
func (r *rig) start() *rig {
	r.t.Helper()
	if r.stop != nil {
		r.stop()
	}
	var members []Member
	for _, s := range r.specs {
		members = append(members, Member{s, r.enclaves[s.ID]})
	}
	pool, err := New(Config{Members: members, Policy: r.policy, Log: r.log, Term: r.term, Logger: r.logger()})
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	r.pool = pool
	r.stop = func() {
		cancel()
		require.NoError(r.t, <-done)
	}
	synctest.Wait()
	return r
}

func (r *rig) logger() *slog.Logger {
	if r.out == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(r.out, nil))
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// generate makes a wallet, all steps of it.
func (r *rig) generate(i int) signer.Key {
	r.t.Helper()
	s := session(i)
	k := r.enclaves[r.choose(s)].hold(s)
	require.NoError(r.t, r.pool.Confirm(r.t.Context(), s, k.Wallet))
	return k
}

// choose begins a key generation and returns the backend's id.
func (r *rig) choose(s signer.SessionID) string {
	r.t.Helper()
	backend, err := r.pool.Choose(r.t.Context(), s, signer.FROST)
	require.NoError(r.t, err)
	health, err := backend.Health(r.t.Context())
	require.NoError(r.t, err)
	return strings.TrimPrefix(health.BackendID, "identity of ")
}

// homes returns where each wallet is served.
func (r *rig) homes() map[chain.WalletID]string {
	homes := map[chain.WalletID]string{}
	for _, a := range r.pool.Where() {
		homes[a.Wallet] = a.Backend
	}
	return homes
}

func (r *rig) status(id string) Status {
	r.t.Helper()
	all := r.pool.Backends()
	at := slices.IndexFunc(all, func(s Status) bool { return s.ID == id })
	require.GreaterOrEqual(r.t, at, 0, id)
	return all[at]
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

var errDown = errors.New("connection refused")

func idOf(i int) string { return fmt.Sprintf("enclave-%d", i) }
