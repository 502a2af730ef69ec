package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

var (
	_ signing.Log = (*Store)(nil)
	_ signing.Log = (*Pen)(nil)
)

const selectSignings = `SELECT block, wallet, intent, document, attempts, absent, culprits, signed, tx_hash, begun_at, finished_at FROM signings`

// Signing implements signing.Log.
func (r Reader) Signing(ctx context.Context, wallet chain.WalletID, window chain.Height) (signing.Signing, bool, error) {
	s, err := scanSigning(r.db.QueryRowContext(ctx, selectSignings+` WHERE block = $1 AND wallet = $2`, height(window), wallet[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return signing.Signing{}, false, nil
	}
	return s, err == nil, wrap("read signing", err)
}

// earlierSignings leaves out who broke attempts: a proof has as many bytes as the cheat said, and rows are read by the thousand.
const earlierSignings = `SELECT block, wallet, intent, document, attempts, absent, '[]', signed, tx_hash, begun_at, finished_at FROM signings`

// Signings implements signing.Log.
func (r Reader) Signings(ctx context.Context, wallet chain.WalletID, before chain.Height, limit int) ([]signing.Signing, error) {
	rows, err := r.db.QueryContext(ctx, earlierSignings+` WHERE wallet = $1 AND block < $2 ORDER BY block DESC LIMIT CAST($3 AS BIGINT)`, wallet[:], height(before), limit)
	all, err := collect(rows, err, scanSigning)
	return all, wrap("read signings", err)
}

func scanSigning(row scanner) (s signing.Signing, err error) {
	var document, attempts, blames string
	err = row.Scan((*height)(&s.Window), fixed(s.Wallet[:]), fixed(s.Digest[:]), &document, &s.Begun, &attempts, &blames,
		&s.Signed, fixed(s.TxHash[:]), (*height)(&s.BegunAt), (*height)(&s.FinishedAt))
	if err != nil {
		return s, err
	}
	if len(s.Signed) == 0 {
		s.Signed = nil
	}
	return s, errors.Join(readText(s, document, &s.Intent), readText(s, attempts, &s.Attempts), readText(s, blames, &s.Blames))
}

// readText reads one of a signing's texts.
func readText(of signing.Signing, text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%w: signing of wallet %v in window %d: %w", ErrCorrupt, of.Wallet, of.Window, err)
	}
	return nil
}

// endedOf reads what became of the attempts in a window, and nothing else: the intent is the longest part of the row.
func endedOf(ctx context.Context, tx *sql.Tx, wallet chain.WalletID, window chain.Height, lock string) (signing.Signing, error) {
	s := signing.Signing{Wallet: wallet, Window: window}
	var attempts, blames string
	err := tx.QueryRowContext(ctx, `SELECT absent, culprits FROM signings WHERE block = $1 AND wallet = $2`+lock, height(window), wallet[:]).
		Scan(&attempts, &blames)
	if err != nil {
		return s, err
	}
	return s, errors.Join(readText(s, attempts, &s.Attempts), readText(s, blames, &s.Blames))
}

// SaveIntent implements signing.Log.
func (s scribe) SaveIntent(ctx context.Context, what signing.Signing) error {
	document, err := json.Marshal(what.Intent)
	if err != nil {
		return fmt.Errorf("store intent: %w", err)
	}
	var raw []byte
	if what.Intent.Transaction != nil {
		raw = what.Intent.Transaction.Raw
	}
	return s.write(ctx, "store intent", what.Wallet, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO signings
			(block, wallet, intent, raw, document, attempts, absent, culprits, signed, tx_hash, active, begun_at, finished_at)
			VALUES ($1, $2, $3, $4, $5, 0, '[]', '[]', $6, $6, 0, $7, 0) ON CONFLICT (block, wallet) DO NOTHING`,
			height(what.Window), what.Wallet[:], what.Digest[:], blob(raw), string(document), []byte{}, height(what.BegunAt))
		if err := notBarred(ctx, tx, what.Wallet, what.Window, done, err); err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows > 0 {
			return err
		}
		stored, err := intentOf(ctx, tx, what.Wallet, what.Window)
		if err == nil && stored != what.Digest {
			err = fmt.Errorf("%w: %v", signing.ErrOtherIntent, stored)
		}
		return err
	})
}

// BeginAttempt implements signing.Log.
func (s scribe) BeginAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, attempt uint32) error {
	return s.write(ctx, "store attempt", wallet, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE signings SET attempts = CASE WHEN attempts < $1 THEN $1 ELSE attempts END WHERE block = $2 AND wallet = $3`,
			int64(attempt), height(window), wallet[:])
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows > 0 {
			return err
		}
		return noSigning(wallet, window, sql.ErrNoRows)
	})
}

// EndAttempt implements signing.Log.
func (s scribe) EndAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, a signing.Attempt, blames []signing.Blame) error {
	return s.write(ctx, "store attempt", wallet, func(ctx context.Context, tx *sql.Tx) error {
		return s.endAttempt(ctx, tx, wallet, window, a, blames)
	})
}

func (s scribe) endAttempt(
	ctx context.Context, tx *sql.Tx, wallet chain.WalletID, window chain.Height, a signing.Attempt, blames []signing.Blame,
) error {
	stored, err := endedOf(ctx, tx, wallet, window, s.at.dialect().lock)
	if err != nil {
		return noSigning(wallet, window, err)
	}
	if slices.ContainsFunc(stored.Attempts, func(b signing.Attempt) bool { return b.Number == a.Number }) {
		return nil
	}
	attempts, err := json.Marshal(append(stored.Attempts, a))
	if err != nil {
		return err
	}
	culprits, err := json.Marshal(append(append([]signing.Blame{}, stored.Blames...), blames...))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE signings SET absent = $1, culprits = $2, active = $3, attempts = CASE WHEN attempts < $4 THEN $4 ELSE attempts END
		WHERE block = $5 AND wallet = $6`,
		string(attempts), string(culprits), int64(a.Active), int64(a.Number), height(window), wallet[:])
	return err
}

// SaveSigned implements signing.Log.
func (s scribe) SaveSigned(ctx context.Context, wallet chain.WalletID, window chain.Height, came signing.Success) error {
	if len(came.Raw) == 0 {
		return errors.New("store what was signed: there is nothing")
	}
	hash := []byte{}
	if came.TxHash != (signer.Digest{}) {
		hash = came.TxHash[:]
	}
	return s.write(ctx, "store what was signed", wallet, func(ctx context.Context, tx *sql.Tx) error {
		if came.Attempt != nil {
			if err := s.endAttempt(ctx, tx, wallet, window, *came.Attempt, nil); err != nil {
				return err
			}
		}
		done, err := tx.ExecContext(ctx, `UPDATE signings SET signed = $1, tx_hash = $2, finished_at = $3 WHERE block = $4 AND wallet = $5 AND finished_at = 0`,
			came.Raw, hash, height(came.At), height(window), wallet[:])
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 0 {
			if err == nil {
				_, err = intentOf(ctx, tx, wallet, window)
			}
			return noSigning(wallet, window, err) // signed already, or never asked
		}
		return s.teller.tell(ctx, Tiding{Wallet: wallet, Window: window, Signed: &Signed{Raw: came.Raw, TxHash: came.TxHash, At: came.At}})
	})
}

// intentOf reads which intent is stored for a window; sql.ErrNoRows if none is.
func intentOf(ctx context.Context, tx *sql.Tx, wallet chain.WalletID, window chain.Height) (digest signer.Digest, err error) {
	return digest, tx.QueryRowContext(ctx, `SELECT intent FROM signings WHERE block = $1 AND wallet = $2`, height(window), wallet[:]).Scan(fixed(digest[:]))
}

func noSigning(wallet chain.WalletID, window chain.Height, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: intent of wallet %v in window %d", ErrNotFound, wallet, window)
	}
	return err
}

// Inactive is a finding of who was absent from several heartbeats in a row.
type Inactive struct {
	Wallet    chain.WalletID
	Window    chain.Height // of the last of the heartbeats
	Seats     []chain.Seat
	Operators []chain.Operator // who holds them
	NotedAt   chain.Height
}

// SaveInactivity implements signing.Log.
func (s scribe) SaveInactivity(ctx context.Context, wallet chain.WalletID, window chain.Height, absent signing.Absence, at chain.Height) error {
	return s.write(ctx, "store inactivity", wallet, func(ctx context.Context, tx *sql.Tx) error {
		seats := make([]byte, len(absent.Seats))
		for i, seat := range absent.Seats {
			seats[i] = byte(seat)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO inactivity (block, wallet, seats, operators, noted_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (block, wallet) DO NOTHING`, height(window), wallet[:], seats, encodeRoster(absent.Operators), height(at))
		return err
	})
}

// InactivityOf returns the finding that a wallet's window completed; false if there is none.
func (r Reader) InactivityOf(ctx context.Context, wallet chain.WalletID, window chain.Height) (Inactive, bool, error) {
	i := Inactive{Wallet: wallet, Window: window}
	var seats, packed []byte
	err := r.db.QueryRowContext(ctx, `SELECT seats, operators, noted_at FROM inactivity WHERE block = $1 AND wallet = $2`, height(window), wallet[:]).
		Scan(&seats, &packed, (*height)(&i.NotedAt))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Inactive{}, false, nil
	case err == nil && len(packed)%len(chain.Operator{}) != 0:
		err = fmt.Errorf("%w: inactivity of wallet %v", ErrCorrupt, wallet)
	}
	if err != nil {
		return Inactive{}, false, wrap("read inactivity", err)
	}
	for _, seat := range seats {
		i.Seats = append(i.Seats, chain.Seat(seat))
	}
	for op := range slices.Chunk(packed, len(chain.Operator{})) {
		i.Operators = append(i.Operators, chain.Operator(op))
	}
	return i, true, nil
}
