package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
)

// database is the log of one instance, on a store that another takes the place of when one is put back.
type database struct {
	exchange.Log
	reads   int    // how often all that is attested was read
	between func() // what happens between a draft and its head
}

func (d *database) State(ctx context.Context) (exchange.State, error) {
	d.reads++
	return d.Log.State(ctx)
}

func (d *database) Attest(ctx context.Context, draft exchange.Draft, h evidence.Head) (uint64, error) {
	if d.between != nil {
		d.between()
		d.between = nil
	}
	return d.Log.Attest(ctx, draft, h)
}

// twins are two instances of one operator on one database.
type twins struct {
	t       *testing.T
	dice    *rand.Rand
	store   *store.Store
	dir     string
	copies  []string // of the database, the newest last
	wallets []chain.Wallet
	window  chain.Height
	journal [2]*cluster.Journal
	logs    [2]*database
	service [2]*exchange.Service
}

func newTwins(t *testing.T, seed uint64) *twins {
	t.Helper()
	w := &twins{t: t, dice: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir()} //nolint:gosec // the same for each run
	for i := range w.journal {
		j, _, err := cluster.OpenJournal(filepath.Join(t.TempDir(), "heads.journal"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, j.Close()) })
		w.journal[i], w.logs[i] = j, &database{}
	}
	w.open()
	for range 3 {
		w.join()
	}
	for i := range w.service {
		w.restart(i)
	}
	return w
}

// open opens the database in w.dir, for both.
func (w *twins) open() {
	s, err := store.Open(w.t.Context(), store.Config{DSN: w.dir}, chainID, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, s.Close()) })
	w.store = s
	for i, l := range w.logs {
		l.Log = s.Evidence(store.EvidenceConfig{Self: operator(1), Journal: w.journal[i]})
	}
}

func (w *twins) restart(i int) {
	service, err := exchange.New(exchange.Config{
		Chain: chainID, Key: key(1), Instance: fmt.Sprint(i), Clock: chain.NewClock(chain.Freshness{}, 0), Log: w.logs[i], Network: (&hub{}).plug("", key(1)),
		Wallets: func(ctx context.Context) ([]chain.Wallet, error) { return w.store.Wallets(ctx) }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(w.t, err)
	require.NoError(w.t, service.Refresh(w.t.Context()))
	w.service[i] = service
}

// join has one more wallet.
func (w *twins) join() {
	if len(w.wallets) < 8 {
		w.wallets = append(w.wallets, wallet(w.t, byte(len(w.wallets)), 1, 2, byte(3+len(w.wallets)%2)))
	}
	for _, known := range w.wallets {
		require.NoError(w.t, w.store.ImportWallet(w.t.Context(), known, time.Unix(1700000000, 0)))
	}
}

// pass has a window pass, in which some leaders are silent.
func (w *twins) pass() {
	w.window += 900 * chain.Height(1+w.dice.IntN(8)/7*w.dice.IntN(70)) // now and then the node was down for long
	at, _ := coordination.RFC12().Window(w.window)
	for _, wallet := range w.wallets {
		for range w.dice.IntN(3) {
			s := says(w.t, 2, wallet, w.window, byte(w.dice.IntN(4)/3))
			require.NoError(w.t, w.store.SaveStatement(w.t.Context(), coordination.Statement{
				Wallet: s.Wallet, Window: s.Window, Author: s.Operator, Seat: s.Seat, Digest: s.Digest, Signed: s.Signed(),
				ArrivedAt: s.Window + chain.Height(w.dice.IntN(100)), ReceivedAt: time.Unix(1700000000, 0),
			}))
		}
		_, err := w.store.RecordResult(w.t.Context(), coordination.Result{
			Wallet: wallet.ID(), Window: at, Role: coordination.RoleFollower, Leader: operator(2), OpenedAt: w.window + 1, Reason: coordination.ReasonLeaderIdle,
		})
		require.NoError(w.t, err)
	}
}

// fill has somebody learn what a leader said in one of the last windows.
func (w *twins) fill() {
	back := 900 * chain.Height(w.dice.IntN(4))
	if back >= w.window {
		return
	}
	s := says(w.t, 2, w.wallets[w.dice.IntN(len(w.wallets))], w.window-back, byte(w.dice.IntN(2)))
	_, _, err := w.logs[0].Fill(w.t.Context(), s, w.window+200)
	require.NoError(w.t, err)
}

func (w *twins) attest(i int) {
	err := w.service[i].AttestNow(w.t.Context(), w.window)
	if !errors.Is(err, exchange.ErrDoubtful) {
		require.NoError(w.t, err)
	}
}

// forget has a head of ours heard that is not on record.
func (w *twins) forget() {
	h := evidence.Head{Chain: chainID, Window: w.window + 900, Windows: 1, Root: [32]byte{1}, Wallets: 1}
	read, err := evidence.ReadHead(wire.SignPubsub(key(1), evidence.HeadsTopic, evidence.EncodeHead(h), make([]byte, 8)).Bytes())
	require.NoError(w.t, err)
	_, err = w.logs[0].Lost(w.t.Context(), read)
	require.NoError(w.t, err)
}

func (w *twins) backup() {
	target := filepath.Join(w.t.TempDir(), "walletnode.db")
	require.NoError(w.t, store.Backup(w.t.Context(), w.dir, target, slog.New(slog.DiscardHandler), nil))
	w.copies = append(w.copies, filepath.Dir(target))
}

// restore puts an older database in the place of this one while both go on with what they keep.
func (w *twins) restore() {
	if len(w.copies) == 0 {
		return
	}
	require.NoError(w.t, w.store.Close())
	w.dir = w.copies[len(w.copies)-1]
	w.copies = w.copies[:len(w.copies)-1]
	w.open()
	w.join() // as whoever administers it would
}

// check compares what each keeps with what is stored, if it takes it for the same.
func (w *twins) check(i int, after string) (same bool) {
	state, err := w.logs[i].Log.State(w.t.Context())
	require.NoError(w.t, err)
	kept, last, version := w.service[i].Kept()
	if version != state.Version {
		return false
	}
	stored, lastStored, err := state.Ledger(chainID, operator(1))
	require.NoError(w.t, err)
	for _, of := range w.wallets {
		for window := w.window; window+evidence.Span*900 > w.window && window > 0; window -= 900 {
			mine, some := kept.Entry(of.ID(), window)
			theirs, others := stored.Entry(of.ID(), window)
			if since := state.Head.Window; window+evidence.Span*900 > since && window <= since {
				require.Equal(w.t, others, some, "after %s: wallet %v, window %d", after, of.ID(), window)
				require.Equal(w.t, theirs, mine, "after %s", after)
			}
		}
	}
	next := max(w.window, state.Head.Window) + 900
	a, err := kept.Clone().Close(next, w.wallets)
	require.NoError(w.t, err)
	b, err := stored.Clone().Close(next, w.wallets)
	require.NoError(w.t, err)
	require.Equal(w.t, b.Head, a.Head, "after %s: the next head would be another", after)
	if state.Head.Window != 0 {
		require.NotNil(w.t, lastStored, "after %s: what is stored leads to its head", after)
		if last.Head.Window == state.Head.Window {
			require.Equal(w.t, lastStored.Head.ID(), last.Head.ID(), "after %s", after)
		}
	}
	return true
}

// What an instance keeps between windows is what is stored whenever it takes it for that: whatever a sibling, a filled gap, a lost head or an
// older database did meanwhile. And where the database has forgotten nothing, no more is read than what is new.
func TestWhatIsKeptIsWhatIsStored(t *testing.T) {
	for _, seed := range []uint64{2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, seed)
			steps := map[string]func(){
				"a window and its head":       func() { w.pass(); w.attest(0) },
				"a window and both its heads": func() { w.pass(); w.attest(1); w.attest(0) },
				"a window without a head":     w.pass,
				"a head that is too late":     func() { w.pass(); w.logs[0].between = w.fill; w.attest(0) },
				"a sibling that was faster":   func() { w.pass(); w.logs[0].between = func() { w.attest(1) }; w.attest(0) },
				"a gap that is filled":        w.fill,
				"a restart":                   func() { w.restart(w.dice.IntN(2)) },
				"a comparison":                func() { require.NoError(t, w.service[w.dice.IntN(2)].Refresh(t.Context())) },
				"a head that was forgotten":   w.forget,
				"one more wallet":             w.join,
				"a copy of the database":      w.backup,
				"an older database":           w.restore,
				"another head of a window": func() { // only the other one's journal knows of the first
					w.restore()
					w.attest(1)
					require.NoError(t, w.service[0].Refresh(t.Context()))
				},
			}
			names := slices.Sorted(func(yield func(string) bool) {
				for name := range steps {
					if !yield(name) {
						return
					}
				}
			})
			for range 40 {
				step := names[w.dice.IntN(len(names))]
				steps[step]()
				for i := range w.service {
					w.check(i, step)
				}
			}

			w.pass() // beyond the head that was forgotten
			w.pass()
			w.attest(0)
			require.True(t, w.check(0, "a head"), "what was stored is kept")
			require.NoError(t, w.service[1].Refresh(t.Context()))
			before := [2]int{w.logs[0].reads, w.logs[1].reads}
			for i := range 6 {
				w.pass()
				w.attest(i % 2)
				if i%3 == 0 {
					w.pass() // who was away finds two heads
					w.attest(i % 2)
				}
				for range i {
					w.fill()
				}
				for i, service := range w.service {
					require.NoError(t, service.Refresh(t.Context()))
					require.True(t, w.check(i, "a head and filled gaps"))
				}
			}
			require.Equal(t, before, [2]int{w.logs[0].reads, w.logs[1].reads}, "nothing but what was new was read")
		})
	}
}

// A database that was put back has a head of the same window that a sibling made, and gaps were filled since: it is none that what is kept here
// could be brought up to date with.
func TestAnotherHeadOfTheSameWindowIsReadAnew(t *testing.T) {
	w := newTwins(t, 1)
	w.pass()
	w.attest(0)
	w.backup()
	w.pass()
	w.attest(0)
	w.restore()
	w.attest(1)
	for i := range w.service {
		require.NoError(t, w.service[i].Refresh(t.Context()))
		require.True(t, w.check(i, "another head"))
	}
}

// With whom wallets are shared is asked every ten seconds, and is the same for weeks.
func TestWithWhomWalletsAreSharedIsWorkedOutOnce(t *testing.T) {
	w := newTwins(t, 1)
	look := func() uintptr {
		found, err := w.service[0].Look(t.Context())
		require.NoError(t, err)
		require.Len(t, found, len(w.wallets))
		return reflect.ValueOf(found).Pointer()
	}
	first := look()
	require.Equal(t, first, look())
	w.join()
	second := look()
	require.NotEqual(t, first, second)
	require.Equal(t, second, look())
}
