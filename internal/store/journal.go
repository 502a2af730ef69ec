package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// maxStatements is how many statements of one author are kept per wallet and window. Two that differ are proof of
// equivocation already, so whoever sends more only fills our disk: what is beyond is not stored, and SaveStatement
// reports no error, for the author's earlier statements settle the window. The bound is per author, so that nobody can
// crowd out another's words.
const maxStatements = 8

// SaveOwn implements coordination.Journal.
func (s *Store) SaveOwn(ctx context.Context, wallet chain.WalletID, window chain.Height, own coordination.OwnProposal) (coordination.OwnProposal, error) {
	var kept coordination.OwnProposal
	defer s.teller.wake()
	err := s.writes.do(ctx, "store own proposal", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO own_proposals (block, wallet, payload, envelope, sent_at, sent_time) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (block, wallet) DO NOTHING`,
			height(window), wallet[:], blob(own.Payload), blob(own.Envelope), height(own.SentAt), instant(own.SentTime))
		if err := notBarred(ctx, tx, wallet, window, done, err); err != nil {
			return err
		}
		var there bool
		kept, there, err = readOwn(ctx, tx, wallet, window)
		if err == nil && !there {
			err = ErrNotFound // not after the insertion above
		}
		if err != nil {
			return err
		}
		return s.teller.tellIf(ctx, done, Tiding{Wallet: wallet, Window: window, Own: &own})
	})
	if err != nil {
		return coordination.OwnProposal{}, err
	}
	return kept, nil
}

// Own implements coordination.Journal.
func (r Reader) Own(ctx context.Context, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error) {
	own, there, err := readOwn(ctx, r.db, wallet, window)
	return own, there, wrap("read own proposal", err)
}

func readOwn(ctx context.Context, db querier, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error) {
	var own coordination.OwnProposal
	err := db.QueryRowContext(ctx, `SELECT payload, envelope, sent_at, sent_time FROM own_proposals WHERE block = $1 AND wallet = $2`,
		height(window), wallet[:]).Scan(&own.Payload, &own.Envelope, (*height)(&own.SentAt), (*instant)(&own.SentTime))
	if errors.Is(err, sql.ErrNoRows) {
		return coordination.OwnProposal{}, false, nil
	}
	return own, err == nil, err
}

// SaveStatement implements coordination.Journal. At most 8 statements of one author are kept per wallet and window. Two that
// differ are proved in the same transaction.
func (s scribe) SaveStatement(ctx context.Context, st coordination.Statement) error {
	return s.write(ctx, "store statement", st.Wallet, func(ctx context.Context, tx *sql.Tx) error {
		added, err := insertStatement(ctx, tx, st)
		if err != nil || !added {
			return err
		}
		return s.teller.tell(ctx, Tiding{Wallet: st.Wallet, Window: st.Window, Statement: &st})
	})
}

// insertStatement reports whether the statement is one more.
func insertStatement(ctx context.Context, tx *sql.Tx, st coordination.Statement) (added bool, err error) {
	var position, byAuthor int64
	err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(position), 0) + 1, COALESCE(SUM(CASE WHEN author = $1 THEN 1 ELSE 0 END), 0)
		FROM statements WHERE block = $2 AND wallet = $3`,
		st.Author[:], height(st.Window), st.Wallet[:]).Scan(&position, &byAuthor)
	if err != nil || byAuthor >= maxStatements {
		return false, err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO statements
		(block, wallet, author, digest, position, seat, payload, signed, arrived_at, received_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (block, wallet, author, digest) DO NOTHING`,
		height(st.Window), st.Wallet[:], st.Author[:], st.Digest[:], position, int64(st.Seat),
		blob(st.Payload), blob(st.Signed), height(st.ArrivedAt), instant(st.ReceivedAt))
	if added, err = inserted(done, err); err == nil && added && byAuthor > 0 {
		err = proveStatements(ctx, tx, st)
	}
	return added, err
}

// inserted reports whether a statement has added its row.
func inserted(done sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Statements implements coordination.Journal.
func (r Reader) Statements(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]coordination.Statement, error) {
	statements, err := selectStatements(ctx, r.db, window, &wallet)
	return statements, wrap("read statements", err)
}

// LeaderWord is something that the leader of a decided window said.
type LeaderWord struct {
	Payload []byte
	// Own says that this operator led, and sent this. Message is the envelope then, and the leader's whole signed message otherwise.
	Own     bool
	Message []byte
}

// LeaderWords returns what the leader of a wallet's window said, in one question: our own proposal first, if we led, and then the
// statements kept of it, in order of arrival. None of a window without a result, whose leader is not known.
func (r Reader) LeaderWords(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]LeaderWord, error) {
	rows, err := r.db.QueryContext(ctx, leadersWords, height(window), wallet[:])
	words, err := collect(rows, err, func(row scanner) (w LeaderWord, err error) {
		var position int64
		err = row.Scan(&position, &w.Payload, &w.Message)
		w.Own = position == 0
		return w, err
	})
	return words, wrap("read what the leader said", err)
}

// leadersWords counts statements from 1.
const leadersWords = `SELECT 0 AS position, o.payload, o.envelope FROM own_proposals o
		JOIN results r ON r.block = o.block AND r.wallet = o.wallet WHERE o.block = $1 AND o.wallet = $2
	UNION ALL SELECT s.position, s.payload, s.signed FROM statements s
		JOIN results r ON r.block = s.block AND r.wallet = s.wallet WHERE s.block = $1 AND s.wallet = $2 AND s.author = r.leader
	ORDER BY position`

func selectStatements(ctx context.Context, db querier, window chain.Height, wallet *chain.WalletID) ([]coordination.Statement, error) {
	var where conditions
	where.scope("block", "block", wallet, window, window)
	rows, err := db.QueryContext(ctx, `SELECT block, wallet, author, seat, digest, payload, signed, arrived_at, received_time
		FROM statements`+where.sql()+` ORDER BY block, wallet, position`, where.args...)
	return collect(rows, err, func(row scanner) (st coordination.Statement, err error) {
		err = row.Scan((*height)(&st.Window), fixed(st.Wallet[:]), fixed(st.Author[:]), &st.Seat, fixed(st.Digest[:]),
			&st.Payload, &st.Signed, (*height)(&st.ArrivedAt), (*instant)(&st.ReceivedAt))
		return st, err
	})
}
