package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
)

// inForce selects the bans that have not run out.
func inForce(d dialect) string { return `(until = 0 OR until > ` + d.now + `)` }

// Bans implements shared.Store.
func (r Reader) Bans(ctx context.Context) ([]shared.Ban, error) {
	asked := time.Now()
	d := r.at.dialect()
	var now int64
	rows, err := r.db.QueryContext(ctx, `SELECT subject, reason, issuer, since, until, `+d.now+` FROM bans WHERE `+inForce(d)+`
		ORDER BY since, subject`)
	bans, err := collect(rows, err, func(row scanner) (shared.Ban, error) { return scanBan(row, &now) })
	ahead := lead(now, asked, time.Now())
	for i, b := range bans {
		bans[i].Since, bans[i].Until = here(b.Since, ahead), here(b.Until, ahead)
	}
	return bans, wrap("read bans", err)
}

// lead is how far the database's clock (in microseconds) is ahead of this machine's, less what the time between question and
// answer explains: two readings of one clock never differ, however long the answer took. It is negative for a clock behind.
func lead(database int64, asked, answered time.Time) time.Duration {
	switch now := time.UnixMicro(database); {
	case now.After(answered):
		return now.Sub(answered)
	case asked.Sub(now) >= time.Microsecond: // it has no more digits
		return now.Sub(asked)
	default:
		return 0
	}
}

// here is a time of a database's clock by this machine's; zero stays zero.
func here(t time.Time, ahead time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-ahead)
}

func scanBan(row scanner, now *int64) (b shared.Ban, err error) {
	var subject string
	if err = row.Scan(&subject, &b.Reason, &b.By, (*micros)(&b.Since), (*micros)(&b.Until), now); err != nil {
		return b, err
	}
	if strings.HasPrefix(subject, "0x") {
		b.Operator, err = chain.ParseOperator(subject)
	} else {
		b.Peer, err = peer.Decode(subject)
	}
	if err != nil {
		err = fmt.Errorf("%w: subject of a ban: %w", ErrCorrupt, err)
	}
	return b, err
}

// AddBan implements shared.Store.
func (s *Store) AddBan(ctx context.Context, b shared.Ban, lasts time.Duration) (shared.Ban, error) {
	if b.Operator.IsZero() == (b.Peer == "") {
		return shared.Ban{}, errors.New("store ban: want an operator or a peer, and not both")
	}
	if lasts < 0 {
		return shared.Ban{}, fmt.Errorf("store ban: it would last %v", lasts)
	}
	b.Reason, b.By = brief(b.Reason), brief(b.By)
	err := s.writes.do(ctx, "store ban", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, shared.TopicBans); err != nil {
			return err
		}
		asked := time.Now()
		since, err := clock(ctx, tx, s.at.dialect())
		if err != nil {
			return err
		}
		ahead := lead(since, asked, time.Now())
		if err := roomForBan(ctx, tx, b, since); err != nil {
			return err
		}
		until := int64(0)
		if lasts > 0 {
			until = since + lasts.Microseconds()
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO bans (subject, reason, issuer, since, until) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (subject) DO UPDATE SET reason = excluded.reason, issuer = excluded.issuer, since = excluded.since, until = excluded.until`,
			b.Subject(), b.Reason, b.By, since, until)
		b.Since, b.Until = here(time.UnixMicro(since).UTC(), ahead), time.Time{}
		if until != 0 {
			b.Until = here(time.UnixMicro(until).UTC(), ahead)
		}
		return err
	})
	if err != nil {
		return shared.Ban{}, err
	}
	return b, nil
}

// roomForBan forgets the bans that have run out, and refuses one more than there may be.
func roomForBan(ctx context.Context, tx *sql.Tx, b shared.Ban, now int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM bans WHERE until > 0 AND until <= $1`, now)
	if err != nil {
		return err
	}
	var others int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM bans WHERE subject <> $1`, b.Subject()).Scan(&others)
	if err == nil && others >= shared.MaxBans {
		err = shared.ErrTooManyBans
	}
	return err
}

// RemoveBan implements shared.Store.
func (s *Store) RemoveBan(ctx context.Context, b shared.Ban) error {
	return s.writes.do(ctx, "lift ban", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, shared.TopicBans); err != nil {
			return err
		}
		return removeOne(ctx, tx, shared.ErrNotBanned, `DELETE FROM bans WHERE subject = $1 AND `+inForce(s.at.dialect()), b.Subject())
	})
}

// removeOne runs a deletion, which fails with none if there was nothing to delete.
func removeOne(ctx context.Context, tx *sql.Tx, none error, statement string, args ...any) error {
	done, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	if rows, err := done.RowsAffected(); err != nil || rows > 0 {
		return err
	}
	return none
}

// brief makes a text fit for the lists that instances share.
func brief(s string) string {
	if s = text(s); len(s) > shared.MaxText {
		s = strings.ToValidUTF8(s[:shared.MaxText], "")
	}
	return s
}
