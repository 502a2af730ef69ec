package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

var _ placement.Log = (*Store)(nil)

// topicSigners has the version of backends and shares.
const topicSigners shared.Topic = "signers"

// SignersVersion implements placement.Log.
func (r Reader) SignersVersion(ctx context.Context) (version uint64, err error) {
	err = r.db.QueryRowContext(ctx, `SELECT version FROM changes WHERE topic = $1`, string(topicSigners)).Scan(&version)
	return version, wrap("read the version of signers", err)
}

// Assignments implements placement.Log.
func (r Reader) Assignments(ctx context.Context) ([]placement.Assignment, error) {
	rows, err := r.db.QueryContext(ctx, selectShares+` ORDER BY s.session`)
	all, err := collect(rows, err, scanAssignment)
	return all, wrap("read shares", err)
}

// AssignmentBy implements placement.Log.
func (r Reader) AssignmentBy(ctx context.Context, session signer.SessionID) (placement.Assignment, error) {
	a, err := assignmentBy(ctx, r.db, session, "")
	return a, wrap("read shares", err)
}

const selectShares = `SELECT s.session, s.wallet, s.backend, s.policy, s.state, s.signatures, COALESCE(w.archived, FALSE), s.created, s.changed
	FROM shares s LEFT JOIN wallets w ON w.wallet = s.wallet`

func scanAssignment(row scanner) (a placement.Assignment, err error) {
	err = row.Scan(fixed(a.Session[:]), fixed(a.Wallet[:]), &a.Backend, (*string)(&a.Policy), (*string)(&a.State), &a.Signatures, &a.Archived,
		(*micros)(&a.Created), (*micros)(&a.Changed))
	return a, err
}

func assignmentBy(ctx context.Context, db querier, session signer.SessionID, lock string) (placement.Assignment, error) {
	if lock != "" {
		var found int
		err := db.QueryRowContext(ctx, `SELECT 1 FROM shares WHERE session = $1`+lock, session[:]).Scan(&found)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return placement.Assignment{}, err
		}
	}
	a, err := scanAssignment(db.QueryRowContext(ctx, selectShares+` WHERE s.session = $1`, session[:]))
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: session %v", placement.ErrNotAssigned, session)
	}
	return a, err
}

// Assign implements placement.Log.
func (s *Store) Assign(ctx context.Context, session signer.SessionID, backend string, policy placement.Policy) (a placement.Assignment, err error) {
	err = s.writes.do(ctx, "assign shares", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil {
			return err
		}
		now := s.at.dialect().now
		_, err := tx.ExecContext(ctx, `INSERT INTO shares (session, wallet, backend, policy, state, signatures, created, changed)
			VALUES ($1, $2, $3, $4, $5, 0, `+now+`, `+now+`) ON CONFLICT (session) DO NOTHING`,
			session[:], []byte{}, text(backend), string(policy), string(placement.Pending))
		if err != nil {
			return err
		}
		a, err = assignmentBy(ctx, tx, session, "")
		return err
	})
	return a, err
}

// Confirm implements placement.Log.
func (s *Store) Confirm(ctx context.Context, session signer.SessionID, wallet chain.WalletID) error {
	return s.writes.do(ctx, "confirm shares of wallet "+wallet.String(), func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil { // locked first: two sessions of one wallet follow each other
			return err
		}
		a, err := assignmentBy(ctx, tx, session, s.at.dialect().lock)
		switch {
		case err != nil:
			return err
		case a.State != placement.Pending && a.Wallet == wallet && a.State != placement.Abandoned:
			return nil
		case a.State != placement.Pending:
			return fmt.Errorf("%w: the session's assignment is %s", placement.ErrNotAssigned, a.State)
		}
		var others int
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM shares WHERE wallet = $1 AND state IN ('active', 'lost')`, wallet[:]).Scan(&others)
		switch {
		case err != nil:
			return err
		case others > 0:
			return fmt.Errorf("%w: %v", placement.ErrTaken, wallet)
		}
		_, err = tx.ExecContext(ctx, `UPDATE shares SET state = $1, wallet = $2, changed = `+s.at.dialect().now+` WHERE session = $3`,
			string(placement.Assigned), wallet[:], session[:])
		return err
	})
}

// Abandon implements placement.Log.
func (s *Store) Abandon(ctx context.Context, session signer.SessionID) error {
	return s.writes.do(ctx, "abandon shares", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE shares SET state = $1, changed = `+s.at.dialect().now+` WHERE session = $2 AND state = $3`,
			string(placement.Abandoned), session[:], string(placement.Pending))
		return err
	})
}

// Reassign implements placement.Log.
func (s *Store) Reassign(ctx context.Context, session signer.SessionID, from, to string) error {
	return s.writes.do(ctx, "move shares", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil {
			return err
		}
		moved, err := tx.ExecContext(ctx, `UPDATE shares SET backend = $1, state = 'active', changed = `+s.at.dialect().now+`
			WHERE session = $2 AND backend = $3 AND state IN ('active', 'lost')`, text(to), session[:], text(from))
		if err != nil {
			return err
		}
		rows, err := moved.RowsAffected()
		if err == nil && rows == 0 {
			err = fmt.Errorf("%w: signer %s has no shares of session %v", placement.ErrNotAssigned, from, session)
		}
		return err
	})
}

// Observe implements placement.Log.
func (s *Store) Observe(ctx context.Context, seen []placement.Observed) error {
	seen = slices.SortedFunc(slices.Values(seen), func(a, b placement.Observed) int { return slices.Compare(a.Session[:], b.Session[:]) })
	return s.writes.do(ctx, "store what signers hold", func(ctx context.Context, tx *sql.Tx) error {
		if slices.ContainsFunc(seen, func(o placement.Observed) bool { return o.Missing }) {
			if err := bump(ctx, tx, topicSigners); err != nil {
				return err
			}
		}
		for _, o := range seen {
			if err := s.observe(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) observe(ctx context.Context, tx *sql.Tx, o placement.Observed) error {
	now := s.at.dialect().now
	if o.Missing {
		_, err := tx.ExecContext(ctx, `UPDATE shares SET state = 'lost', changed = `+now+` WHERE session = $1 AND state = 'active'`, o.Session[:])
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE shares SET signatures = $1 WHERE session = $2 AND signatures < $1`, height(o.Signatures), o.Session[:])
	if err != nil {
		return err
	}
	found, err := tx.ExecContext(ctx, `UPDATE shares SET state = 'active', changed = `+now+` WHERE session = $1 AND state = 'lost'`, o.Session[:])
	if err != nil {
		return err
	}
	if rows, err := found.RowsAffected(); err != nil || rows == 0 {
		return err
	}
	return bump(ctx, tx, topicSigners)
}
