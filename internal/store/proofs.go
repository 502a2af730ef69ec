package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/shared"
)

// proveStatements stores the proof that the author of a statement, which was just stored, said something else as well. A message that
// is no statement by itself proves nothing, and neither does anything in a store that belongs to no chain.
func proveStatements(ctx context.Context, tx *sql.Tx, st coordination.Statement) error {
	var proved int64
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM proofs WHERE culprit = $1 AND kind = $2 AND block = $3 AND wallet = $4`,
		st.Author[:], string(evidence.TwoStatements), height(st.Window), st.Wallet[:]).Scan(&proved)
	if err != nil || proved > 0 {
		return err
	}
	bound, err := readBinding(ctx, tx)
	if err != nil || bound == (binding{}) {
		return err
	}
	chainID, _, err := bound.chain()
	if err != nil {
		return err
	}
	second, err := evidence.ReadStatement(st.Signed)
	if err != nil {
		return nil //nolint:nilerr // nobody could verify it
	}
	rows, err := tx.QueryContext(ctx, `SELECT signed FROM statements WHERE block = $1 AND wallet = $2 AND author = $3 ORDER BY position`,
		height(st.Window), st.Wallet[:], st.Author[:])
	earlier, err := collect(rows, err, func(row scanner) (signed []byte, err error) { return signed, row.Scan(&signed) })
	if err != nil {
		return err
	}
	for _, signed := range earlier {
		first, err := evidence.ReadStatement(signed)
		if err != nil {
			continue
		}
		if p, err := evidence.Prove(chainID, first, second); err == nil {
			if _, _, err := insertProof(ctx, tx, p, chain.Operator{}, st.ArrivedAt); !errors.Is(err, exchange.ErrEnough) {
				return err
			}
			return nil // the statement is kept all the same
		}
	}
	return nil
}

// longProof is the size in bytes beyond which a proof counts among those of which exchange.MaxProofsOf are kept of an operator. The largest
// proposal that the wallets' contracts accept is about 2 KiB, so what is longer is padding; any number of misdeeds is proved by shorter ones.
const longProof = 8 << 10

// insertProof stores a proof unless there is one of the same misdeed, and returns the ID of the one that is there then. A recorded
// fault that it proves has changed by it.
func insertProof(ctx context.Context, tx *sql.Tx, p evidence.Proof, from chain.Operator, at chain.Height) (id string, first bool, err error) {
	slot, encoded := p.Slot(), p.Encode()
	var full error
	if len(encoded) > longProof {
		full = room(ctx, tx, slot)
	}
	if full == nil && at > slot.Window+exchange.Late {
		full = roomLate(ctx, tx, slot.Operator)
	}
	if full != nil && !errors.Is(full, exchange.ErrEnough) {
		return "", false, full
	}
	if full != nil {
		if id, err = proofOf(ctx, tx, p); errors.Is(err, sql.ErrNoRows) {
			err = full
		}
		return id, false, err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO proofs (id, kind, culprit, block, wallet, proof, source, stored_at, stored_time, told)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE) ON CONFLICT (culprit, kind, block, wallet) DO NOTHING`,
		p.ID(), string(p.Kind), slot.Operator[:], height(slot.Window), slot.Wallet[:], encoded, from[:], height(at), instant(time.Now()))
	if first, err = inserted(done, err); err != nil {
		return "", false, err
	}
	if first {
		return p.ID(), true, bump(ctx, tx, shared.TopicFaults)
	}
	id, err = proofOf(ctx, tx, p)
	return id, false, err
}

// proofOf returns the ID of the proof that is stored of the misdeed which a proof shows.
func proofOf(ctx context.Context, tx *sql.Tx, p evidence.Proof) (id string, err error) {
	slot := p.Slot()
	err = tx.QueryRowContext(ctx, `SELECT id FROM proofs WHERE culprit = $1 AND kind = $2 AND block = $3 AND wallet = $4`,
		slot.Operator[:], string(p.Kind), height(slot.Window), slot.Wallet[:]).Scan(&id)
	return id, err
}

// room returns exchange.ErrEnough if as many long proofs are kept of an operator as may be, in the windows of a head's span around one.
func room(ctx context.Context, tx *sql.Tx, slot evidence.Slot) error {
	var there int64
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM proofs WHERE culprit = $1 AND block >= $2 AND block <= $3 AND length(proof) > $4`,
		slot.Operator[:], height(since(slot.Window)), height(slot.Window+evidence.Span*frequency), longProof).Scan(&there)
	if err == nil && there >= exchange.MaxProofsOf {
		err = fmt.Errorf("%w: %d proofs of more than %d bytes within %d windows", exchange.ErrEnough, there, longProof, evidence.Span)
	}
	return err
}

// roomLate returns exchange.ErrEnough if as many proofs are kept of an operator that came long after their windows as may be.
func roomLate(ctx context.Context, tx *sql.Tx, culprit chain.Operator) error {
	var there int64
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM proofs WHERE culprit = $1 AND stored_at > block + $2`,
		culprit[:], height(exchange.Late)).Scan(&there)
	if err == nil && there >= exchange.MaxProofsOf {
		err = fmt.Errorf("%w: %d proofs that came more than %d blocks after their windows", exchange.ErrEnough, there, exchange.Late)
	}
	return err
}

// SaveProof implements exchange.Proofs.
func (l *Evidence) SaveProof(ctx context.Context, p evidence.Proof, from chain.Operator, at chain.Height) (id string, first bool, err error) {
	var full error
	err = l.store.writes.do(ctx, "store proof", func(ctx context.Context, tx *sql.Tx) (err error) {
		full = nil
		if id, first, err = insertProof(ctx, tx, p, from, at); errors.Is(err, exchange.ErrEnough) {
			full, err = err, nil // nothing was stored, and others in the transaction need not be run again for it
		}
		return err
	})
	if err = errors.Join(err, full); err != nil {
		return "", false, err
	}
	return id, first, nil
}

// Proof implements exchange.Proofs.
func (r Reader) Proof(ctx context.Context, id string) (exchange.StoredProof, error) {
	var where conditions
	where.add("p.id =", id)
	found, err := selectProofs(ctx, r.db, "p.proof", where, "p.id", 0)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%w: %w", exchange.ErrUnknown, ErrNotFound)
	}
	if err != nil {
		return exchange.StoredProof{}, wrap("read proof "+text(id), err)
	}
	return found[0], nil
}

// Proofs implements exchange.Proofs.
func (r Reader) Proofs(ctx context.Context, f exchange.ProofFilter) ([]exchange.StoredProof, error) {
	var where conditions
	if f.Kind != "" {
		where.add("p.kind =", string(f.Kind))
	}
	if !f.Culprit.IsZero() {
		where.add("p.culprit =", f.Culprit[:])
	}
	if f.Wallet != nil {
		where.add("p.wallet =", f.Wallet[:])
	}
	where.scope("p.block", "p.block", nil, f.From, f.To)
	found, err := selectProofs(ctx, r.db, "p.proof", where, "p.block DESC, p.wallet, p.culprit, p.kind", f.Limit)
	return found, wrap("read proofs", err)
}

// Untold implements exchange.Proofs.
func (r Reader) Untold(ctx context.Context, window chain.Height, rarely uint64, limit int) ([]exchange.StoredProof, error) {
	found, err := selectProofsOf(ctx, r.db, `(SELECT id, kind, culprit, block, wallet, source, stored_at, stored_time, told,
		ROW_NUMBER() OVER (PARTITION BY culprit ORDER BY stored_time DESC, id) AS nth FROM proofs WHERE NOT told AND `+due(window, rarely)+`)`,
		"NULL", conditions{}, "p.nth, p.stored_time DESC, p.id", limit)
	return found, wrap("read proofs", err)
}

// due is exchange.Due.
func due(window chain.Height, rarely uint64) string {
	age := fmt.Sprintf(`((%d - stored_at) / %d)`, window, frequency)
	return fmt.Sprintf(`(stored_at > %d OR %s %% %d = 0 AND %s >= %d AND (%s / %d) & (%s / %d - 1) = 0)`,
		int64(window)-int64(evidence.Span*frequency), age, rarely, age, rarely, age, rarely, age, rarely) //nolint:gosec // a height is far below 2^63
}

// selectProofs joins each proof with its holders: it stands in as many neighbouring rows as it has any.
func selectProofs(ctx context.Context, db querier, encoded string, where conditions, order string, limit int) ([]exchange.StoredProof, error) {
	return selectProofsOf(ctx, db, "proofs", encoded, where, order, limit)
}

// selectProofsOf does so with the rows of a table, or of a query in its place.
func selectProofsOf(ctx context.Context, db querier, table, encoded string, where conditions, order string, limit int) ([]exchange.StoredProof, error) {
	rows, err := db.QueryContext(ctx, `SELECT p.id, p.kind, p.culprit, p.block, p.wallet, `+encoded+`, p.source, p.stored_at, p.stored_time, p.told, f.id, h.operator
		FROM (SELECT * FROM `+table+` p`+where.sql()+` ORDER BY `+order+where.limit(limit)+`) p
		LEFT JOIN faults f ON f.block = p.block AND f.wallet = p.wallet AND f.culprit = p.culprit AND `+provedFault+`
		LEFT JOIN proof_holders h ON h.proof = p.id
		ORDER BY `+order+`, h.operator`, where.args...)
	pieces, err := collect(rows, err, scanProof)
	if err != nil {
		return nil, err
	}
	return assembled(pieces, func(p *exchange.StoredProof, more exchange.StoredProof) bool {
		if p.ID != more.ID {
			return false
		}
		p.Holders = append(p.Holders, more.Holders...)
		return true
	}), nil
}

// provedFault holds for a fault f and a proof p of the same wallet, window and operator if the one proves the other.
const provedFault = `f.kind = '` + string(faults.LeaderEquivocation) + `' AND p.kind = '` + string(evidence.TwoStatements) + `'`

func scanProof(row scanner) (exchange.StoredProof, error) {
	var p exchange.StoredProof
	var fault sql.Null[string]
	var holder []byte
	err := row.Scan(&p.ID, (*string)(&p.Kind), fixed(p.Slot.Operator[:]), (*height)(&p.Slot.Window), fixed(p.Slot.Wallet[:]), &p.Encoded,
		fixed(p.From[:]), (*height)(&p.At), (*instant)(&p.StoredAt), &p.Told, &fault, &holder)
	if err != nil {
		return p, err
	}
	p.Fault = fault.V
	if len(holder) > 0 {
		var op chain.Operator
		if err := fixed(op[:]).Scan(holder); err != nil {
			return p, err
		}
		p.Holders = []chain.Operator{op}
	}
	return p, nil
}

// Holds implements exchange.Proofs. Others say again and again what they have, so it is looked up before it is written.
func (l *Evidence) Holds(ctx context.Context, id string, operator chain.Operator) (here bool, err error) {
	var there, noted int64
	err = l.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM proofs WHERE id = $1), (SELECT COUNT(*) FROM proof_holders WHERE proof = $1 AND operator = $2)`,
		id, operator[:]).Scan(&there, &noted)
	if err != nil || there == 0 || noted > 0 {
		return there > 0 && err == nil, wrap("look after a proof", err)
	}
	err = l.store.writes.do(ctx, "note who has a proof", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO proof_holders (proof, operator) SELECT id, $2 FROM proofs WHERE id = $1
			ON CONFLICT (proof, operator) DO NOTHING`, id, operator[:])
		return err
	})
	return err == nil, err
}

// Told implements exchange.Proofs.
func (l *Evidence) Told(ctx context.Context, id string) error {
	return l.store.writes.do(ctx, "note that others have a proof", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE proofs SET told = TRUE WHERE id = $1`, id)
		return err
	})
}
