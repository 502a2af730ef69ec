package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// writes are all that a pen writes for a wallet in a window, in an order in which each succeeds.
var penWrites = []struct {
	name string
	do   func(ctx context.Context, p *Pen, w chain.WalletID) error
}{
	{"begin", func(ctx context.Context, p *Pen, w chain.WalletID) error {
		_, err := p.Begin(ctx, w, window(1), 901)
		return err
	}},
	{"statement", func(ctx context.Context, p *Pen, w chain.WalletID) error {
		return p.SaveStatement(ctx, coordination.Statement{Wallet: w, Window: 900, Author: mallory, Signed: []byte{1}})
	}},
	{"result", func(ctx context.Context, p *Pen, w chain.WalletID) error {
		_, err := p.RecordResult(ctx, agreed(w, 1))
		return err
	}},
	{"start", func(ctx context.Context, p *Pen, w chain.WalletID) error { return p.StartAction(ctx, w, 900, 1000) }},
	{"amendment", func(ctx context.Context, p *Pen, w chain.WalletID) error {
		return p.RecordAmendment(ctx, coordination.Amendment{Wallet: w, Window: window(1), Fault: fault(w, 1, faults.LeaderMistake, mallory), Revoke: true})
	}},
	{"finish", func(ctx context.Context, p *Pen, w chain.WalletID) error {
		return p.FinishAction(ctx, w, 900, "no_signer", "", 1001)
	}},
}

// contentsOf counts what a store holds of windows.
func contentsOf(t *testing.T, s *Store) [6]int64 {
	t.Helper()
	f, err := s.Figures(t.Context())
	require.NoError(t, err)
	return [6]int64{f.Results, f.Open, f.Statements, f.Faults, f.Actions, f.Pending}
}

func TestAPenWritesWhatItsInstanceIsResponsibleFor(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			a.take(walletA)
			for _, write := range penWrites {
				require.ErrorIs(t, write.do(t.Context(), b.pen, walletA), chain.ErrNotServed, write.name)
				require.NoError(t, write.do(t.Context(), a.pen, walletA), write.name)
			}
			before := contentsOf(t, a.store)
			require.Equal(t, [6]int64{1, 0, 1, 1, 1, 0}, before)

			a.take(walletB)
			b.take(walletB) // and a does not know yet
			for _, write := range penWrites {
				err := write.do(t.Context(), a.pen, walletB)
				require.ErrorIs(t, err, cluster.ErrFenced, write.name)
				require.ErrorIs(t, err, chain.ErrNotServed, write.name)
			}
			require.Equal(t, before, contentsOf(t, a.store), "nothing was stored")
			for _, write := range penWrites {
				require.NoError(t, write.do(t.Context(), b.pen, walletB), write.name)
			}
		})
	}
}

// What makes a fence fail, each by itself.
func TestAFenceHoldsInAllItsParts(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			i := newSibling(t, crowd(t)(), "a")
			i.take(walletA)
			good, err := i.prove(walletA)
			require.NoError(t, err)
			try := func(spoil func(f *cluster.Fence)) error {
				f := good
				spoil(&f)
				_, err := i.store.Under(func(chain.WalletID) (cluster.Fence, error) { return f, nil }).Begin(t.Context(), walletA, window(1), 901)
				return err
			}
			require.NoError(t, try(func(*cluster.Fence) {}))
			for part, spoil := range map[string]func(f *cluster.Fence){
				"instance":   func(f *cluster.Fence) { f.Instance = "b" },
				"boot":       func(f *cluster.Fence) { f.Boot = cluster.NewBoot() },
				"older":      func(f *cluster.Fence) { f.Epoch-- },
				"newer":      func(f *cluster.Fence) { f.Epoch++ },
				"generation": func(f *cluster.Fence) { f.Generation = "another" },
				"wallet":     func(f *cluster.Fence) { f.Wallet = walletB },
			} {
				require.ErrorIs(t, try(spoil), cluster.ErrFenced, part)
			}
			_, err = i.store.writes.db.ExecContext(t.Context(), `UPDATE instances SET expires = 1`)
			require.NoError(t, err)
			require.ErrorIs(t, try(func(*cluster.Fence) {}), cluster.ErrFenced, "the lease is over")
		})
	}
}

// The trap: while a write waits for the lock of the wallet's row, the wallet moves, or the lease ends. A condition that
// was looked at before the wait would hold.
func TestAFenceIsCheckedAfterTheWaitForItsLock(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]string{
		"the wallet moves":                  `UPDATE owners SET epoch = epoch + 1`,
		"the wallet is given back":          `UPDATE owners SET owner = ''`,
		"the lease ends":                    `UPDATE instances SET expires = 1`,
		"the instance is another process":   `UPDATE instances SET boot = decode('00112233445566778899aabbccddeeff', 'hex')`,
		"the session is of another history": `UPDATE instances SET generation = 'another'`,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			i := newSibling(t, openAt(t, dsn, Retention{}), "a")
			i.take(walletA)
			other, err := sql.Open("pgx", dsn) // the server ends the store's own transactions if they rest
			require.NoError(t, err)
			defer func() { require.NoError(t, other.Close()) }()
			held, err := other.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = held.ExecContext(t.Context(), `SELECT epoch FROM owners FOR UPDATE`)
			require.NoError(t, err)
			written := make(chan error, 1)
			go func() {
				_, err := i.pen.RecordResult(t.Context(), agreed(walletA, 1))
				written <- err
			}()
			awaitWaiter(t, i.store)
			_, err = held.ExecContext(t.Context(), meanwhile)
			require.NoError(t, err)
			require.NoError(t, held.Commit())
			require.ErrorIs(t, <-written, cluster.ErrFenced)
			require.Zero(t, contentsOf(t, i.store))
		})
	}
}

// awaitWaiter waits until a statement waits for a lock.
func awaitWaiter(t *testing.T, s *Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting int
		err := s.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting > 0
	}, time.Minute, 5*time.Millisecond)
}

// An instance that lost a thousand wallets is told so in a few transactions, and the one it kept is not held up.
func TestManyLostWalletsCostLittle(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			wallets := make([]chain.WalletID, 300)
			for n := range wallets {
				wallets[n] = chain.WalletID{byte(n), byte(n >> 8), 1}
			}
			a.take(wallets...)
			b.take(wallets[1:]...)
			var commits atomic.Int64
			a.store.writes.observe = func(time.Duration) { commits.Add(1) }
			release := holdTurn(a.store)
			var writing sync.WaitGroup
			var stored, fenced atomic.Int64
			for _, w := range wallets {
				writing.Go(func() {
					switch won, err := a.pen.RecordResult(t.Context(), agreed(w, 1)); {
					case err == nil && won && w == wallets[0]:
						stored.Add(1)
					case errors.Is(err, cluster.ErrFenced) && w != wallets[0]:
						fenced.Add(1)
					default:
						t.Errorf("wallet %v: %v %v", w, won, err)
					}
				})
			}
			awaitQueue(a.store, len(wallets))
			release()
			writing.Wait()
			require.EqualValues(t, 1, stored.Load())
			require.EqualValues(t, len(wallets)-1, fenced.Load())
			require.LessOrEqual(t, commits.Load(), int64(2), "two groups")
		})
	}
}

// A change that fails for its own sake costs its group a second try, and those that were refused none.
func TestAFenceAndABadRowInOneGroup(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			lost, good, bad := chain.WalletID{1}, chain.WalletID{2}, chain.WalletID{3}
			a.take(lost, good, bad)
			b.take(lost)
			release := holdTurn(a.store)
			outcomes := make(map[chain.WalletID]chan error)
			for _, w := range []chain.WalletID{lost, good, bad} {
				outcome := make(chan error, 1)
				outcomes[w] = outcome
				r := agreed(w, 1)
				if w == bad {
					r.ReceivedAt = 1 << 63 // no height
				}
				go func() {
					_, err := a.pen.RecordResult(t.Context(), r)
					outcome <- err
				}()
			}
			awaitQueue(a.store, 3)
			release()
			require.ErrorIs(t, <-outcomes[lost], cluster.ErrFenced)
			require.NoError(t, <-outcomes[good])
			err := <-outcomes[bad]
			require.Error(t, err)
			require.NotErrorIs(t, err, cluster.ErrFenced)
			require.EqualValues(t, 1, contentsOf(t, a.store)[0])
		})
	}
}

func TestR1OneFinalResultAcrossInstances(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			a.take(walletA)
			_, err := a.pen.Begin(t.Context(), walletA, window(1), 903)
			require.NoError(t, err)
			b.take(walletA)
			progress, err := b.pen.Begin(t.Context(), walletA, window(1), 950)
			require.NoError(t, err)
			require.Equal(t, coordination.Progress{OpenedAt: 903}, progress, "resumed by its new owner")
			won, err := b.pen.RecordResult(t.Context(), agreed(walletA, 1))
			require.NoError(t, err)
			require.True(t, won)

			a.take(walletA)
			won, err = a.pen.RecordResult(t.Context(), silent(walletA, 1, fault(walletA, 1, faults.LeaderIdle, mallory)))
			require.NoError(t, err)
			require.False(t, won)
			require.Equal(t, [6]int64{1, 0, 0, 0, 1, 1}, contentsOf(t, a.store), "the first result stays, and nothing of the second is stored")
		})
	}
}

func TestR7PendingActionsAreTheirOwners(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			a.take(walletA, walletB)
			for _, w := range []chain.WalletID{walletA, walletB} {
				won, err := a.pen.RecordResult(t.Context(), agreed(w, 1))
				require.NoError(t, err)
				require.True(t, won)
			}
			b.take(walletB)
			a.forget(walletB)
			for i, want := range map[*sibling]chain.WalletID{a: walletA, b: walletB} {
				pending, err := i.pen.PendingActions(t.Context())
				require.NoError(t, err)
				require.Len(t, pending, 1)
				require.Equal(t, want, pending[0].Wallet)
			}
			require.NoError(t, b.pen.StartAction(t.Context(), walletB, 900, 1000))
			require.NoError(t, b.pen.FinishAction(t.Context(), walletB, 900, "no_signer", "", 1001))
			a.take(walletB)
			require.ErrorIs(t, a.pen.StartAction(t.Context(), walletB, 900, 1002), errFinished)
		})
	}
}

func TestR1AnInstanceFinishesItsWalletsAndThoseOfNobody(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			var ids []chain.WalletID
			for n := range byte(5) {
				w := testWallet(t, n, mallory)
				require.NoError(t, a.store.ImportWallet(t.Context(), w, noon.Add(-time.Hour)))
				ids = append(ids, w.ID())
			}
			ours, unbegun, theirs, archived, lost := ids[0], ids[1], ids[2], ids[3], ids[4]
			a.take(ours, unbegun, archived, lost)
			b.take(theirs)
			require.NoError(t, a.pen.OpenWindow(t.Context(), opened(1)))
			require.NoError(t, a.pen.OpenWindow(t.Context(), opened(2)))
			for _, w := range []chain.WalletID{ours, unbegun, archived, lost} {
				_, err := a.pen.Begin(t.Context(), w, window(1), 901)
				require.NoError(t, err)
			}
			_, err := a.pen.Begin(t.Context(), ours, window(2), 1801)
			require.NoError(t, err)
			_, err = b.pen.Begin(t.Context(), theirs, window(2), 1801)
			require.NoError(t, err)
			require.NoError(t, a.store.ArchiveWallet(t.Context(), archived, true))
			b.take(lost) // and a does not know yet

			require.NoError(t, a.pen.FinishOpen(t.Context(), 1800, coordination.ReasonNodeDown))
			left := make(map[chain.WalletID][]chain.Height)
			for _, w := range ids {
				rows, err := a.store.Windows(t.Context(), WindowFilter{Wallet: &w})
				require.NoError(t, err)
				for _, row := range rows {
					if row.Open {
						left[w] = append(left[w], row.Block)
						continue
					}
					require.Equal(t, coordination.ReasonNodeDown, row.Reason)
				}
			}
			require.Equal(t, map[chain.WalletID][]chain.Height{theirs: {1800}, lost: {900}}, left)
			progress, err := a.pen.Begin(t.Context(), unbegun, window(2), 1890)
			require.NoError(t, err)
			require.True(t, progress.Finished, "it was never begun with")
		})
	}
}

// What a wallet has left open when it is archived is nobody's to judge. The next window ends it, whoever opens that.
func TestAnArchivedWalletsWindowIsFinishedWithTheNext(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			w := testWallet(t, 1, mallory)
			require.NoError(t, a.store.ImportWallet(t.Context(), w, noon))
			a.take(w.ID())
			_, err := a.pen.Begin(t.Context(), w.ID(), window(1), 901)
			require.NoError(t, err)
			require.NoError(t, a.store.ArchiveWallet(t.Context(), w.ID(), true))
			require.NoError(t, b.pen.OpenWindow(t.Context(), opened(1)))
			require.EqualValues(t, 1, contentsOf(t, a.store)[1], "its window still lasts")
			require.NoError(t, b.pen.OpenWindow(t.Context(), opened(2)))
			require.Zero(t, contentsOf(t, a.store)[1])
			won, err := a.pen.RecordResult(t.Context(), agreed(w.ID(), 1))
			require.NoError(t, err)
			require.False(t, won)
		})
	}
}

// A group whose database is gone does not ask it again for each change.
func TestAGroupFailsAtOnceIfTheDatabaseDoes(t *testing.T) {
	cut := new(cutter)
	s, _ := cut.store(t)
	s.writes.db.SetMaxIdleConns(0)
	var tries atomic.Int64
	s.writes.observe = func(time.Duration) { tries.Add(1) }
	release := holdTurn(s)
	cut.away.Store(true)
	outcomes := make(chan error, 20)
	for n := range uint64(20) {
		go func() { outcomes <- s.OpenWindow(t.Context(), opened(n+1)) }()
	}
	awaitQueue(s, 20)
	release()
	for range 20 {
		require.ErrorIs(t, <-outcomes, ErrUnreachable)
	}
	require.EqualValues(t, 1, tries.Load())
	cut.away.Store(false)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
}

// The window in which a wallet's owner died is its next owner's to judge, also if a later one is open by then, and one that
// a sibling opened whose chain is far ahead.
func TestR1WhatADeadOwnerLeftIsFound(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newSibling(t, open(), "a"), newSibling(t, open(), "b")
			begun, unbegun := testWallet(t, 1, mallory), testWallet(t, 2, mallory)
			for _, w := range []chain.Wallet{begun, unbegun} {
				require.NoError(t, a.store.ImportWallet(t.Context(), w, noon))
				a.take(w.ID())
			}
			require.NoError(t, a.pen.OpenWindow(t.Context(), opened(1)))
			_, err := a.pen.Begin(t.Context(), begun.ID(), window(1), 901)
			require.NoError(t, err)
			require.NoError(t, b.pen.OpenWindow(t.Context(), opened(2)))
			require.NoError(t, b.pen.OpenWindow(t.Context(), opened(5000)))
			b.take(begun.ID(), unbegun.ID())
			for _, w := range []chain.Wallet{begun, unbegun} {
				blocks, err := b.pen.OpenRows(t.Context(), w.ID())
				require.NoError(t, err)
				require.Equal(t, []chain.Height{window(1).Block, window(2).Block, window(5000).Block}, blocks)
			}
			won, err := b.pen.RecordResult(t.Context(), silent(unbegun.ID(), 1))
			require.NoError(t, err)
			require.True(t, won)
			blocks, err := b.pen.OpenRows(t.Context(), unbegun.ID())
			require.NoError(t, err)
			require.Equal(t, []chain.Height{window(2).Block, window(5000).Block}, blocks)
		})
	}
}
