package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// enclave is one signer backend of an operator, which all its instances ask: a real vault, and what may be wrong with the process it is in.
type enclave struct {
	name   string
	cfg    vault.Config
	record *record

	mu     sync.RWMutex
	asked  atomic.Bool  // to sign, since somebody looked
	vault  *vault.Vault // nil while the backend is down
	cheats bool         // what it gives to others is altered
}

var errDown = errors.New("connection refused: the signer is down")

func (f *firm) newEnclave(n int) *enclave {
	name := fmt.Sprintf("signer%d-%d", f.n, n)
	dir := filepath.Join(f.dir, name)
	require.NoError(f.t, os.MkdirAll(dir, 0o700))
	password := filepath.Join(dir, "password")
	require.NoError(f.t, os.WriteFile(password, []byte("a house's\n"), 0o600))
	e := &enclave{name: name, record: f.record, cfg: vault.Config{
		Dir: filepath.Join(dir, "vault"), PasswordFile: password, Work: 10,
		BlockTime: houseBlock / 4, // most blocks between windows take no time
	}}
	require.NoError(f.t, e.up(true))
	return e
}

// up starts the backend, or kills it: what it stored stays.
func (e *enclave) up(up bool) (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case up && e.vault == nil:
		e.vault, err = vault.Open(context.Background(), e.cfg)
	case !up && e.vault != nil:
		err = e.vault.Close()
		e.vault = nil
	}
	return err
}

func (e *enclave) cheat(cheats bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cheats = cheats
}

// tether is the way of one process to a backend.
type tether struct {
	*enclave
	of *process
}

// call asks the backend. Who is killed before never asked; who is killed afterwards never hears the answer.
func call[T any](ctx context.Context, t tether, about string, ask func(v *vault.Vault) (T, error)) (answer T, err error) {
	var none T
	t.of.pace(t.name, about)
	if err := t.of.pass(ctx); err != nil {
		return none, err
	}
	if err := t.of.at(beforeAsking); err != nil {
		return none, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.vault == nil {
		return none, errDown
	}
	if answer, err = ask(t.vault); err != nil {
		return none, err
	}
	return answer, t.of.at(afterAsking)
}

func (t tether) Health(ctx context.Context) (signer.Health, error) {
	return call(ctx, t, "health", func(v *vault.Vault) (signer.Health, error) { return v.Health(ctx) })
}

func (t tether) Keys(ctx context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	return call(ctx, t, "keys", func(v *vault.Vault) ([]signer.Key, error) { return v.Keys(ctx, after, limit) })
}

func (t tether) Key(ctx context.Context, w chain.WalletID) (signer.KeyDetail, error) {
	return call(ctx, t, fmt.Sprint("key ", w), func(v *vault.Vault) (signer.KeyDetail, error) { return v.Key(ctx, w) })
}

func (t tether) Brief(ctx context.Context, w chain.WalletID) (signer.Key, error) {
	return call(ctx, t, fmt.Sprint("brief ", w), func(v *vault.Vault) (signer.Key, error) { return v.Brief(ctx, w) })
}

func (t tether) SealTo(ctx context.Context, s signer.SessionID) (signer.PublicKey, error) {
	return call(ctx, t, fmt.Sprint("sealto ", s), func(v *vault.Vault) (signer.PublicKey, error) { return v.SealTo(ctx, s) })
}

func (t tether) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	return call(ctx, t, fmt.Sprint("generate ", r.Session, r.Round), func(v *vault.Vault) (signer.RoundReply, error) { return v.Generate(ctx, r) })
}

// Sign implements signer.Backend. One that cheats alters what it has for others.
func (t tether) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	return call(ctx, t, fmt.Sprint("sign ", r.Session, r.Round), func(v *vault.Vault) (signer.RoundReply, error) {
		t.asked.Store(true)
		reply, err := v.Sign(ctx, r)
		if err == nil && r.Open != nil && r.Open.Intent.Transaction != nil {
			t.record.pledged(t.name, r.Open.Intent.Transaction.Raw)
		}
		if err != nil || !t.cheats {
			return reply, err
		}
		reply.Out = slices.Clone(reply.Out)
		for i, p := range reply.Out {
			p.Data = bytes.Clone(p.Data)
			if n := len(p.Data); n > 0 {
				p.Data[n-1] ^= 1
			}
			reply.Out[i] = p
		}
		return reply, nil
	})
}

func (t tether) Session(ctx context.Context, s signer.SessionID) (signer.SessionState, error) {
	return call(ctx, t, fmt.Sprint("session ", s), func(v *vault.Vault) (signer.SessionState, error) { return v.Session(ctx, s) })
}

func (t tether) Abort(ctx context.Context, s signer.SessionID) error {
	_, err := call(ctx, t, fmt.Sprint("abort ", s), func(v *vault.Vault) (struct{}, error) { return struct{}{}, v.Abort(ctx, s) })
	return err
}

func (t tether) Protection(ctx context.Context, w chain.WalletID) (signer.Protection, error) {
	return call(ctx, t, fmt.Sprint("protection ", w), func(v *vault.Vault) (signer.Protection, error) { return v.Protection(ctx, w) })
}

func (t tether) SetState(ctx context.Context, w chain.WalletID, change signer.StateChange) error {
	_, err := call(ctx, t, fmt.Sprint("setstate ", w), func(v *vault.Vault) (struct{}, error) { return struct{}{}, v.SetState(ctx, w, change) })
	return err
}

// signing is how an instance reaches its operator's backends.
func (i *instance) signing() (*node.SigningConfig, func(node.SignerConfig) (signer.Backend, func(), error)) {
	if len(i.enclaves) == 0 {
		return nil, nil
	}
	cfg := &node.SigningConfig{Policy: placement.Derived, Transactions: i.dir, RoundTime: houseRound}
	for _, e := range i.enclaves {
		cfg.Backends = append(cfg.Backends, node.SignerConfig{Spec: placement.Spec{ID: e.name, Weight: 1, State: placement.Active, Where: "in the house"}})
	}
	return cfg, func(c node.SignerConfig) (signer.Backend, func(), error) {
		at := slices.IndexFunc(i.enclaves, func(e *enclave) bool { return e.name == c.ID })
		return tether{i.enclaves[at], i.life}, func() {}, nil
	}
}

// await lets time pass, without a block, until something has come about; it has a minute of the house's time.
func (h *house) await(what string, come func() bool) {
	for range 600 {
		synctest.Wait()
		if come() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.FailNow(h.t, "it never came: "+what)
}

// generate has the operators make a wallet of which any two of three seats sign.
func (h *house) generate() {
	ctx := context.Background()
	var roster []chain.Operator
	for _, f := range h.firms {
		roster = append(roster, f.op)
		for _, i := range f.crew {
			h.await("the signers are there", func() bool {
				return !slices.ContainsFunc(i.node.Signers().Backends(), func(s placement.Status) bool { return s.Standing != placement.Healthy })
			})
		}
	}
	first := h.firms[0].crew[0].node
	session, err := first.Keygen().Create(ctx, keygen.Request{Roster: roster, Threshold: 2, Scheme: signer.FROST})
	require.NoError(h.t, err)
	h.first = session
	for _, f := range h.firms[1:] {
		n := f.crew[0].node
		h.await("the invitation is there", func() bool {
			status, err := n.Keygen().Status(ctx, session)
			return err == nil && status.State == keygen.Invited
		})
		require.NoError(h.t, n.Keygen().Accept(ctx, session))
	}
	for _, f := range h.firms {
		n := f.crew[0].node
		h.await("the wallet is made", func() bool {
			status, err := n.Keygen().Status(ctx, session)
			require.NoError(h.t, err)
			require.NotEqual(h.t, keygen.Failed, status.State, status.Detail)
			return status.State == keygen.Active
		})
	}
	made, err := first.Store().Wallets(ctx)
	require.NoError(h.t, err)
	for _, w := range made {
		if !slices.ContainsFunc(h.wallets, func(other chain.Wallet) bool { return other.ID() == w.ID() }) {
			h.signs = w
		}
	}
	require.Equal(h.t, roster, h.signs.Roster())
	h.wallets = append(h.wallets, h.signs)
	h.fund()
}

// elect chooses the branch on which the seed block of the next window will be such that the wallet whose key is in the house has a heartbeat
// on its checklist, and that others have the leaders that the seed of the house says: its key is random. Who is not honest leads where the plan wants it.
func (h *house) elect(p plan, block chain.Height) *fork {
	dishonest := p.leads(block)
	window, ok := coordination.RFC12().Window(block)
	require.True(h.t, ok)
	_, forks, _ := h.chain.now()
	for salt := uint64(0); ; salt++ {
		f := fork{window.SeedBlock, uint64(block)<<32 | salt}
		hash := header(window.SeedBlock, append(slices.Clone(forks), f)).Hash
		if !slices.Contains(executor.Checklist(executor.Seed(h.signs.ID(), hash), window.Index), proposal.KindHeartbeat) {
			continue
		}
		if h.fresh != nil && h.fresh.ceremony != nil && h.fresh.active > 0 &&
			!slices.Contains(executor.Checklist(executor.Seed(h.fresh.wallet.ID(), hash), window.Index), proposal.KindHeartbeat) {
			continue
		}
		if !slices.ContainsFunc(h.wallets[:len(h.wallets)-1], func(w chain.Wallet) bool {
			ops := w.Operators()
			if w.ID() == h.watched.ID() {
				ops = slices.DeleteFunc(slices.Clone(ops), func(op chain.Operator) bool { return dishonest != (op == operator(crook)) })
			}
			drawn := digestOf(h.seed, block, w.ID())[0]
			return executor.Leader(executor.Seed(w.ID(), hash), w.Roster()) != ops[int(drawn)%len(ops)]
		}) {
			return &f
		}
	}
}
