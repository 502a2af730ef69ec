package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// Reconcile implements cluster.Claims.
func (s *Store) Reconcile(ctx context.Context, by cluster.Seal, entries []cluster.Entry, horizon chain.Height) (cluster.Reconciliation, error) {
	var done cluster.Reconciliation
	err := s.transact(ctx, s.lines.claims, "compare journal", func(ctx context.Context, tx *sql.Tx) (err error) {
		d := s.at.dialect()
		if err := lockEra(ctx, tx, d); err != nil {
			return err
		}
		now, err := look(ctx, tx, d)
		if err != nil {
			return err
		}
		if _, live := now.sealed(by); !live {
			return cluster.ErrSessionLost
		}
		sent, entries := journaledHeads(entries)
		if _, err := noteLost(ctx, tx, d, sent); err != nil {
			return err
		}
		known, err := knownDigests(ctx, tx, entries)
		if err != nil {
			return err
		}
		done = compare(entries, known)
		if err := putBack(ctx, tx, now, done.Restored); err != nil {
			return err
		}
		return now.reconcile(ctx, tx, by, horizon, done.Restored)
	})
	if err != nil {
		return cluster.Reconciliation{}, err
	}
	return done, nil
}

// place is one (wallet, window).
type place struct {
	wallet chain.WalletID
	window chain.Height
}

// knownDigests reads what the table says for the entries' windows.
func knownDigests(ctx context.Context, tx *sql.Tx, entries []cluster.Entry) (map[place][32]byte, error) {
	wallets := make(map[chain.Height][]chain.WalletID)
	for _, e := range entries {
		wallets[e.Window] = append(wallets[e.Window], e.Wallet)
	}
	known := make(map[place][32]byte)
	for window, list := range wallets {
		for some := range slices.Chunk(inOrder(list), maxRows) {
			var in conditions
			rows, err := tx.QueryContext(ctx, `SELECT wallet, payload FROM own_proposals
				WHERE block = `+in.placeholder(height(window))+` AND wallet IN (`+in.wallets(some)+`)`, in.args...)
			found, err := collect(rows, err, func(row scanner) (c cluster.Claim, err error) {
				return c, row.Scan(fixed(c.Wallet[:]), &c.Own.Payload)
			})
			if err != nil {
				return nil, err
			}
			for _, c := range found {
				known[place{c.Wallet, window}] = cluster.Digest(c.Own)
			}
		}
	}
	return known, nil
}

// compare finds what the table has forgotten, and what it contradicts. Of two entries for one window the first counts.
func compare(entries []cluster.Entry, known map[place][32]byte) (r cluster.Reconciliation) {
	for _, e := range entries {
		at := place{e.Wallet, e.Window}
		digest, found := known[at]
		switch {
		case !found:
			known[at] = e.Digest
			r.Restored = append(r.Restored, e)
		case digest != e.Digest:
			r.Contradicted = append(r.Contradicted, e)
		}
	}
	return r
}

// putBackRows bounds one statement's entries: each has a message of the network.
const putBackRows = 100

// putBack stores what was sent, as the claims of those who sent it.
func putBack(ctx context.Context, tx *sql.Tx, now sight, entries []cluster.Entry) error {
	for some := range slices.Chunk(entries, putBackRows) {
		var said, who conditions
		sayings, claims := make([]string, len(some)), make([]string, len(some))
		for i := range some {
			e := &some[i]
			sayings[i] = said.row(height(e.Window), e.Wallet[:], blob(e.Own.Payload), blob(e.Own.Envelope), height(e.Own.SentAt), instant(e.Own.SentTime))
			claims[i] = who.row(height(e.Window), e.Wallet[:], string(e.Holder.Instance), e.Holder.Boot[:], int64(e.Epoch), now.now) //nolint:gosec // epochs count moves
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO own_proposals (block, wallet, payload, envelope, sent_at, sent_time)
			VALUES `+strings.Join(sayings, ", ")+` ON CONFLICT (block, wallet) DO NOTHING`, said.args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n < int64(len(some)) {
			return errors.Join(err, errAgain) // an owner stored one meanwhile: compare again
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO claims (block, wallet, instance, boot, epoch, claimed) VALUES `+strings.Join(claims, ", ")+`
			ON CONFLICT (block, wallet) DO UPDATE SET instance = excluded.instance, boot = excluded.boot, epoch = excluded.epoch, claimed = excluded.claimed`,
			who.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// row returns the placeholders of one row of values.
func (c *conditions) row(values ...any) string {
	marks := make([]string, len(values))
	for i, value := range values {
		marks[i] = c.placeholder(value)
	}
	return `(` + strings.Join(marks, ", ") + `)`
}

// reconcile marks a member, and begins or widens the generation's doubt: it reaches as far as any member saw, for a member
// that sees further than the first one may have served what that one did not know of.
func (s sight) reconcile(ctx context.Context, tx *sql.Tx, by cluster.Seal, horizon chain.Height, restored []cluster.Entry) error {
	_, err := tx.ExecContext(ctx, `UPDATE instances SET reconciled = $1 WHERE instance = $2`, string(s.present()), string(by.Instance))
	if err != nil || s.first() {
		return err
	}
	for _, e := range restored {
		horizon = max(horizon, e.Window)
	}
	began := s.began
	if began == 0 {
		began = s.now
	}
	_, err = tx.ExecContext(ctx, `UPDATE generations SET began = $1, horizon = $2 WHERE number = $3`,
		began, height(max(horizon, chain.Height(s.horizon))), s.number)
	return err
}
