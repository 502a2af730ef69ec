package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/internal/cluster"
)

var _ cluster.Store = (*Store)(nil)

// OpenSession implements cluster.Sessions. It is where a database's history is looked at first: one that is another than
// the last session's, or has forgotten what was acknowledged, begins a generation.
func (s *Store) OpenSession(ctx context.Context, o cluster.Opening) (cluster.Generation, error) {
	urls, err := addresses(o.Profile.URLs)
	if err != nil {
		return "", err
	}
	var entered era
	err = s.transact(ctx, s.lines.leases, "open session", func(ctx context.Context, tx *sql.Tx) error {
		d := s.at.dialect()
		if entered, err = enterGeneration(ctx, tx, d); err != nil {
			return err
		}
		if err := sweep(ctx, tx, d, entered); err != nil {
			return err
		}
		// The row is locked before the condition is looked at. That an instance has compared its journal in this generation, and
		// what it is barred from, outlives its sessions.
		done, err := tx.ExecContext(ctx, `INSERT INTO instances (instance, boot, generation, renewals, token, urls, version,
				healthy, detail, standby, draining, ttl, opened, expires, barred, reconciled)
			VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10, $11, `+d.now+`, `+d.now+` + $11, 0, '')
			ON CONFLICT (instance) DO UPDATE SET boot = excluded.boot, generation = excluded.generation, renewals = 0,
				token = excluded.token, urls = excluded.urls, version = excluded.version, healthy = excluded.healthy,
				detail = excluded.detail, standby = excluded.standby, draining = excluded.draining, ttl = excluded.ttl,
				opened = `+d.now+`, expires = `+d.now+` + excluded.ttl
			WHERE instances.expires <= `+d.now+` OR instances.generation <> excluded.generation`,
			string(o.Instance), o.Boot[:], string(entered.generation), o.Token[:], urls, text(o.Profile.Version),
			o.Status.Healthy, text(o.Status.Detail), o.Status.Standby, o.Status.Draining, o.TTL.Microseconds())
		return one(done, err, cluster.ErrInstanceTaken)
	})
	if err != nil {
		return "", err
	}
	return entered.generation, wrap("open session", s.at.dialect().seen.Enter(entered.mark()))
}

// memberRest is how long the row of an instance that is gone is kept: long enough for people to ask what became of it.
const memberRest = 7 * 24 * time.Hour

// sweep removes the rows of instances that are long gone, whose names nobody may ever use again. One of an earlier generation
// stays until nobody waits for its journal any more: what its row says of its last lease may itself be of an earlier time.
func sweep(ctx context.Context, tx *sql.Tx, d dialect, e era) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE expires < `+d.now+` - $1
		AND (generation = $2 OR EXISTS (SELECT 1 FROM generations g WHERE g.number = $3 AND g.began > 0 AND g.began < `+d.now+` - $4))`,
		memberRest.Microseconds(), string(e.generation), e.number, cluster.Mourning.Microseconds())
	return err
}

// addresses writes URLs as JSON.
func addresses(urls []string) (string, error) {
	if urls == nil {
		urls = []string{}
	}
	encoded, err := json.Marshal(urls)
	if err == nil && len(encoded) > maxText {
		err = fmt.Errorf("%d bytes of addresses are more than %d", len(encoded), maxText)
	}
	return string(encoded), err
}

// one says that a change that must concern a row did; if it concerned none, otherwise.
func one(done sql.Result, err, otherwise error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		err = otherwise
	}
	return err
}

// RenewSession implements cluster.Sessions.
func (s *Store) RenewSession(ctx context.Context, r cluster.Renewal) error {
	var at era
	err := s.transact(ctx, s.lines.leases, "renew session", func(ctx context.Context, tx *sql.Tx) error {
		d := s.at.dialect()
		if err := lockInstance(ctx, tx, d, r.Instance); err != nil {
			return err
		}
		now, err := look(ctx, tx, d)
		if err != nil {
			return err
		}
		at = now.era
		i, live := now.sealed(cluster.Seal{Holder: r.Holder, Generation: r.Generation})
		if !live || i.count != r.Count {
			return cluster.ErrSessionLost
		}
		_, err = tx.ExecContext(ctx, `UPDATE instances SET renewals = renewals + 1, token = $1, healthy = $2, detail = $3,
			standby = $4, draining = $5, ttl = $6, expires = `+d.now+` + $6 WHERE instance = $7`,
			r.Token[:], r.Status.Healthy, text(r.Status.Detail), r.Status.Standby, r.Status.Draining, r.TTL.Microseconds(), string(r.Instance))
		return err
	})
	if err != nil {
		return err
	}
	return wrap("renew session", s.at.dialect().seen.Note(at.mark()))
}

// lockInstance keeps an instance's row as it is until the transaction ends.
func lockInstance(ctx context.Context, tx *sql.Tx, d dialect, id cluster.InstanceID) error {
	rows, err := tx.QueryContext(ctx, `SELECT instance FROM instances WHERE instance = $1`+d.lock, string(id))
	_, err = collect(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	return err
}

// CloseSession implements cluster.Sessions.
func (s *Store) CloseSession(ctx context.Context, h cluster.Holder) error {
	return s.transact(ctx, s.lines.leases, "close session", func(ctx context.Context, tx *sql.Tx) error {
		d := s.at.dialect()
		// Wallets first, in one order whoever locks them: those that move them do the same.
		rows, err := tx.QueryContext(ctx, `SELECT wallet, owner, boot, epoch FROM owners WHERE owner = $1 AND boot = $2 ORDER BY wallet`+d.lock,
			string(h.Instance), h.Boot[:])
		if _, err := collect(rows, err, scanOwner); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE instance = $1 AND boot = $2`, string(h.Instance), h.Boot[:])
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err // another boot's, or none
		}
		_, err = tx.ExecContext(ctx, `UPDATE owners SET owner = '', boot = $1, epoch = epoch + 1, since = `+d.now+` WHERE owner = $2 AND boot = $3`,
			[]byte{}, string(h.Instance), h.Boot[:])
		return err
	})
}

// Session implements cluster.Sessions.
func (s *Store) Session(ctx context.Context, id cluster.InstanceID) (cluster.SessionRow, bool, error) {
	if err := s.at.learn(ctx, s.lines.leases); err != nil {
		return cluster.SessionRow{}, false, wrap("read session", err)
	}
	now, err := look(ctx, s.lines.leases, s.at.dialect())
	if err != nil {
		return cluster.SessionRow{}, false, wrap("read session", err)
	}
	i, found := now.sessions[id]
	if !found {
		return cluster.SessionRow{}, false, nil
	}
	m := now.member(i)
	return cluster.SessionRow{
		Holder: i.Holder, Generation: i.generation, Count: i.count, Token: i.token, Left: m.Left, Current: m.Current,
	}, true, nil
}
