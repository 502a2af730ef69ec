package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

var _ keygen.Log = (*Store)(nil)

// Keygens implements keygen.Log.
func (r Reader) Keygens(ctx context.Context) ([]keygen.Row, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT session, invitation, state, detail, wallet, instance, created, changed FROM keygens
		ORDER BY created DESC, session`)
	all, err := collect(rows, err, func(row scanner) (k keygen.Row, err error) {
		return k, row.Scan(fixed(k.Session[:]), &k.Invitation, (*string)(&k.State), &k.Detail,
			fixed(k.Wallet[:]), &k.Instance, (*micros)(&k.Created), (*micros)(&k.Changed))
	})
	return all, wrap("read key generations", err)
}

// Keygen implements keygen.Log.
func (r Reader) Keygen(ctx context.Context, session signer.SessionID) (keygen.Row, bool, error) {
	row, err := scanKeygen(r.db.QueryRowContext(ctx, `SELECT session, invitation, state, detail, acceptances, record, proof, wallet, instance, created, changed
		FROM keygens WHERE session = $1`, session[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return keygen.Row{}, false, nil
	}
	return row, err == nil, wrap("read key generation", err)
}

func scanKeygen(row scanner) (k keygen.Row, err error) {
	var acceptances, record, proof []byte
	err = row.Scan(fixed(k.Session[:]), &k.Invitation, (*string)(&k.State), &k.Detail, &acceptances, &record, &proof,
		fixed(k.Wallet[:]), &k.Instance, (*micros)(&k.Created), (*micros)(&k.Changed))
	if err != nil {
		return k, err
	}
	for list, stored := range map[*[][]byte][]byte{&k.Acceptances: acceptances, &k.Attestations: record, &k.Proof: proof} {
		if *list, err = keygen.DecodeSigned(stored); err != nil {
			return k, fmt.Errorf("%w: key generation %v: %w", ErrCorrupt, k.Session, err)
		}
	}
	return k, nil
}

// AddKeygen implements keygen.Log.
func (s *Store) AddKeygen(ctx context.Context, k keygen.Row) error {
	return s.writes.do(ctx, "store key generation", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO keygens
			(session, invitation, state, detail, acceptances, record, proof, wallet, instance, created, changed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (session) DO NOTHING`,
			k.Session[:], blob(k.Invitation), string(k.State), text(k.Detail), signed(k.Acceptances), signed(k.Attestations), signed(k.Proof),
			walletOrNone(k.Wallet), text(k.Instance), sinceEpoch(k.Created), sinceEpoch(k.Changed))
		return otherState(done, err)
	})
}

// SaveKeygen implements keygen.Log.
func (s *Store) SaveKeygen(ctx context.Context, k keygen.Row, from keygen.State) error {
	return s.writes.do(ctx, "store key generation", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE keygens SET state = $1, detail = $2, acceptances = $3, record = $4, proof = $5, wallet = $6,
				instance = $7, changed = $8, invitation = $11
			WHERE session = $9 AND state = $10 AND (instance = $7 OR instance = '')`,
			string(k.State), text(k.Detail), signed(k.Acceptances), signed(k.Attestations), signed(k.Proof),
			walletOrNone(k.Wallet), text(k.Instance), sinceEpoch(k.Changed), k.Session[:], string(from), blob(k.Invitation))
		return otherState(done, err)
	})
}

// AdoptKeygen implements keygen.Log.
func (s *Store) AdoptKeygen(ctx context.Context, session signer.SessionID, from keygen.State, of, by string) error {
	return s.writes.do(ctx, "take over key generation", func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE keygens SET instance = $1 WHERE session = $2 AND state = $3 AND instance = $4`,
			text(by), session[:], string(from), text(of))
		return otherState(done, err)
	})
}

// ForgetKeygen implements keygen.Log.
func (s *Store) ForgetKeygen(ctx context.Context, session signer.SessionID, from keygen.State) error {
	return s.writes.do(ctx, "forget key generation", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM keygens WHERE session = $1 AND state = $2`, session[:], string(from))
		return err
	})
}

// otherState is the answer to a change that found no row in the state that it was to be made from.
func otherState(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if rows, err := done.RowsAffected(); err != nil || rows > 0 {
		return err
	}
	return keygen.ErrOtherState
}

// signed is a list of messages as it is stored; never NULL.
func signed(messages [][]byte) []byte { return blob(keygen.EncodeSigned(messages)) }

// walletOrNone is a wallet as it is stored where there may be none yet.
func walletOrNone(w chain.WalletID) []byte {
	if w == (chain.WalletID{}) {
		return []byte{}
	}
	return w[:]
}
