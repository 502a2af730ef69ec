package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// maxRows is how many rows one statement names: both engines take tens of thousands of parameters.
const maxRows = 1000

// View implements cluster.Assignments.
func (r Reader) View(ctx context.Context) (cluster.View, error) {
	var v cluster.View
	if err := r.at.learn(ctx, r.db); err != nil {
		return v, wrap("read owners", err)
	}
	err := r.snapshot(ctx, func(tx *sql.Tx) error {
		now, err := look(ctx, tx, r.at.dialect())
		if err != nil {
			return err
		}
		v = cluster.View{Generation: now.present(), Number: uint64(max(0, now.number)), Rested: cluster.Never}
		if now.balanced > 0 {
			v.Rested = microseconds(now.now - now.balanced)
		}
		for _, id := range slices.Sorted(maps.Keys(now.sessions)) {
			v.Members = append(v.Members, now.member(now.sessions[id]))
		}
		rows, err := tx.QueryContext(ctx, `SELECT wallet, owner, boot, epoch FROM owners ORDER BY wallet`)
		v.Wallets, err = collect(rows, err, scanOwner)
		return err
	})
	return v, wrap("read owners", err)
}

// AddWallets implements cluster.Assignments.
func (s *Store) AddWallets(ctx context.Context, wallets []chain.WalletID) error {
	if len(wallets) == 0 {
		return nil
	}
	return s.transact(ctx, s.lines.claims, "add wallets", func(ctx context.Context, tx *sql.Tx) error { return addOwners(ctx, tx, wallets) })
}

// addOwners gives a row to each wallet that has none.
func addOwners(ctx context.Context, tx *sql.Tx, wallets []chain.WalletID) error {
	for some := range slices.Chunk(inOrder(wallets), maxRows) {
		var in conditions
		rows := make([]string, len(some))
		for i := range some {
			rows[i] = `(` + in.placeholder(some[i][:]) + `, '', ` + in.placeholder([]byte{}) + `, 0, 0)`
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO owners (wallet, owner, boot, epoch, since) VALUES `+strings.Join(rows, ", ")+`
			ON CONFLICT (wallet) DO NOTHING`, in.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// inOrder is the order in which wallets' rows are locked, whoever locks them: so no two wait for each other.
func inOrder(wallets []chain.WalletID) []chain.WalletID {
	sorted := slices.SortedFunc(slices.Values(wallets), func(a, b chain.WalletID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}

// lockOwners reads who is responsible for wallets, and keeps it so until the transaction ends.
func lockOwners(ctx context.Context, tx *sql.Tx, d dialect, wallets []chain.WalletID) (map[chain.WalletID]cluster.Assignment, error) {
	owners := make(map[chain.WalletID]cluster.Assignment, len(wallets))
	for some := range slices.Chunk(inOrder(wallets), maxRows) {
		var in conditions
		rows, err := tx.QueryContext(ctx, `SELECT wallet, owner, boot, epoch FROM owners WHERE wallet IN (`+in.wallets(some)+`)
			ORDER BY wallet`+d.lock, in.args...)
		found, err := collect(rows, err, scanOwner)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			owners[a.Wallet] = a
		}
	}
	return owners, nil
}

// wallets returns the placeholders of a list.
func (c *conditions) wallets(list []chain.WalletID) string {
	marks := make([]string, len(list))
	for i := range list {
		marks[i] = c.placeholder(list[i][:])
	}
	return strings.Join(marks, ", ")
}

func scanOwner(row scanner) (a cluster.Assignment, err error) {
	err = row.Scan(fixed(a.Wallet[:]), (*string)(&a.Owner.Instance), fixed(a.Owner.Boot[:]), &a.Epoch)
	return a, err
}

// Move implements cluster.Assignments. However many wallets it concerns, it is a few statements.
func (s *Store) Move(ctx context.Context, by cluster.Seal, moves []cluster.Move, pace time.Duration) ([]cluster.Assignment, error) {
	var made []cluster.Move
	err := s.transact(ctx, s.lines.claims, "move wallets", func(ctx context.Context, tx *sql.Tx) (err error) {
		made, err = move(ctx, tx, s.at.dialect(), by, moves, pace)
		return err
	})
	if err != nil {
		return nil, err
	}
	moved := make([]cluster.Assignment, len(made))
	for i, m := range made {
		moved[i] = cluster.Assignment{Wallet: m.Wallet, Owner: m.To, Epoch: m.Epoch + 1}
	}
	return moved, nil
}

func move(ctx context.Context, tx *sql.Tx, d dialect, by cluster.Seal, moves []cluster.Move, pace time.Duration) (made []cluster.Move, err error) {
	wallets := make([]chain.WalletID, len(moves))
	balances := false
	for i, m := range moves {
		wallets[i] = m.Wallet
		balances = balances || m.Cause == cluster.CauseBalance
	}
	owners, err := lockOwners(ctx, tx, d, wallets)
	if err != nil {
		return nil, err
	}
	if balances {
		if err := lockEra(ctx, tx, d); err != nil {
			return nil, err
		}
	}
	now, err := look(ctx, tx, d)
	if err != nil {
		return nil, err
	}
	if _, live := now.sealed(by); !live {
		return nil, cluster.ErrSessionLost
	}
	rested := now.balanced == 0 || microseconds(now.now-now.balanced) >= pace
	for _, m := range moves {
		a, known := owners[m.Wallet]
		if !known || a.Owner != m.From || a.Epoch != m.Epoch || !now.allows(m) || m.Cause == cluster.CauseBalance && !rested {
			continue
		}
		made = append(made, m)
		owners[m.Wallet] = cluster.Assignment{Wallet: m.Wallet, Owner: m.To, Epoch: m.Epoch + 1}
	}
	return made, book(ctx, tx, d, now, made)
}

// lockEra keeps the newest generation's row as it is until the transaction ends.
func lockEra(ctx context.Context, tx *sql.Tx, d dialect) error {
	var number int64
	err := tx.QueryRowContext(ctx, `SELECT number FROM generations WHERE number = (SELECT MAX(number) FROM generations)`+d.lock).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// allows reports whether a move's cause is still true, and its taker fit.
func (s sight) allows(m cluster.Move) bool {
	to, live := s.live(m.To)
	if !live || !to.Healthy || to.Draining {
		return false
	}
	from, live := s.live(m.From)
	switch m.Cause {
	case cluster.CauseOrphan:
		return !live
	case cluster.CauseDrain:
		return live && from.Draining
	case cluster.CauseHealth:
		return live && !from.Healthy
	case cluster.CauseBalance:
		return live
	}
	return false
}

// book writes moves down: one statement per taker and thousand wallets.
func book(ctx context.Context, tx *sql.Tx, d dialect, now sight, made []cluster.Move) error {
	taken := make(map[cluster.Holder][]chain.WalletID)
	barred := make(map[cluster.Holder]uint64)
	balanced := false
	for _, m := range made {
		taken[m.To] = append(taken[m.To], m.Wallet)
		if m.BarFrom > 0 {
			barred[m.From] = max(barred[m.From], m.BarFrom)
		}
		balanced = balanced || m.Cause == cluster.CauseBalance
	}
	for taker, wallets := range taken {
		for some := range slices.Chunk(wallets, maxRows) {
			var in conditions
			_, err := tx.ExecContext(ctx, `UPDATE owners SET owner = `+in.placeholder(string(taker.Instance))+`, boot = `+in.placeholder(taker.Boot[:])+`,
				epoch = epoch + 1, since = `+d.now+` WHERE wallet IN (`+in.wallets(some)+`)`, in.args...)
			if err != nil {
				return fmt.Errorf("give wallets to %s: %w", taker.Instance, err)
			}
		}
	}
	for _, giver := range slices.SortedFunc(maps.Keys(barred), func(a, b cluster.Holder) int {
		return strings.Compare(string(a.Instance), string(b.Instance))
	}) {
		_, err := tx.ExecContext(ctx, `UPDATE instances SET barred = $1 WHERE instance = $2 AND boot = $3 AND barred < $1`,
			int64(barred[giver]), string(giver.Instance), giver.Boot[:]) //nolint:gosec // the index of a window
		if err != nil {
			return fmt.Errorf("bar %s: %w", giver.Instance, err)
		}
	}
	if !balanced {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE generations SET balanced = $1 WHERE number = $2`, now.now, now.number)
	return err
}
