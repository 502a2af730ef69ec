package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// engines make empty stores, one of each kind.
var engines = map[string]making{"SQLite": embedded, "PostgreSQL": served}

// several makes an empty store and returns what opens it once more, beside those that have it open.
type several func(t *testing.T) (open func() *Store)

// crowds make such stores of each kind. An embedded one has no other instances in truth; what they would do to each other is
// the same.
var crowds = map[string]several{
	"SQLite": func(t *testing.T) func() *Store {
		first := openAt(t, t.TempDir(), Retention{})
		return func() *Store {
			s, err := openBeside(t.Context(), first.at, quiet)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		}
	},
	"PostgreSQL": pair,
}

func pair(t *testing.T) func() *Store {
	dsn := pgtest.Database(t)
	return func() *Store { return openAt(t, dsn, Retention{}) }
}

// sibling is a session of one instance on its own store, which proves what it was given.
type sibling struct {
	t     *testing.T
	store *Store
	pen   *Pen
	seal  cluster.Seal

	mu     sync.Mutex
	fences map[chain.WalletID]cluster.Fence
}

// leaseOfTests does not end in a test unless it is made to.
const leaseOfTests = time.Hour

func newSibling(t *testing.T, s *Store, name cluster.InstanceID) *sibling {
	t.Helper()
	i := &sibling{t: t, store: s, fences: make(map[chain.WalletID]cluster.Fence)}
	h := cluster.Holder{Instance: name, Boot: cluster.NewBoot()}
	g, err := s.OpenSession(t.Context(), cluster.Opening{
		Holder: h, Token: cluster.NewToken(), TTL: leaseOfTests, Status: cluster.Status{Healthy: true}, Profile: cluster.Profile{Version: "test"},
	})
	require.NoError(t, err)
	i.seal = cluster.Seal{Holder: h, Generation: g}
	i.pen = s.Under(i.prove)
	return i
}

func (i *sibling) prove(w chain.WalletID) (cluster.Fence, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f, ours := i.fences[w]
	if !ours {
		return cluster.Fence{}, fmt.Errorf("test: %w", chain.ErrNotServed)
	}
	return f, nil
}

// take makes wallets this instance's, whoever has them now; the others are not told.
func (i *sibling) take(wallets ...chain.WalletID) {
	i.t.Helper()
	require.NoError(i.t, i.store.AddWallets(i.t.Context(), wallets))
	for _, w := range wallets {
		f := cluster.Fence{Seal: i.seal, Wallet: w}
		err := i.store.writes.db.QueryRowContext(i.t.Context(), `UPDATE owners SET owner = $1, boot = $2, epoch = epoch + 1 WHERE wallet = $3 RETURNING epoch`,
			string(i.seal.Instance), i.seal.Boot[:], w[:]).Scan(&f.Epoch)
		require.NoError(i.t, err)
		i.mu.Lock()
		i.fences[w] = f
		i.mu.Unlock()
	}
}

// forget makes the instance know that a wallet is not its own any more.
func (i *sibling) forget(w chain.WalletID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.fences, w)
}
