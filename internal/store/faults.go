package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/faults"
)

// maxEvidence is how many signed messages a fault keeps: two that differ prove equivocation, one proves anything else.
const maxEvidence = 2

// mergeFault stores a fault. One of the same key that is there keeps its verdict, detail and observer, because
// they say what was known when the fault was established; lateness and further evidence are added to it.
func mergeFault(ctx context.Context, tx *sql.Tx, f faults.Fault, now time.Time) error {
	if _, err := faults.ParseKind(string(f.Kind)); err != nil {
		return err
	}
	observer, err := json.Marshal(f.Observer)
	if err != nil {
		return fmt.Errorf("encode observer: %w", err)
	}
	id := f.ID()
	_, err = tx.ExecContext(ctx, `INSERT INTO faults
		(id, block, wallet, kind, culprit, attributed, late, detail, observer, observed_at, recorded_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (block, wallet, culprit, kind) DO UPDATE SET late = (faults.late OR excluded.late)`,
		id, height(f.Window), f.Wallet[:], string(f.Kind), f.Culprit[:], f.Attributed, f.Late, text(f.Detail),
		string(observer), height(f.ObservedAt), instant(now))
	if err != nil {
		return err
	}
	return addEvidence(ctx, tx, id, f.Evidence)
}

// addEvidence appends the messages that a fault does not have yet, up to maxEvidence; what is beyond proves nothing more.
func addEvidence(ctx context.Context, tx *sql.Tx, id string, more [][]byte) error {
	if len(more) == 0 {
		return nil
	}
	have, err := readEvidence(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, signed := range more {
		if len(have) >= maxEvidence {
			return nil
		}
		if containsBytes(have, signed) {
			continue
		}
		have = append(have, signed)
		_, err := tx.ExecContext(ctx, `INSERT INTO evidence (fault, position, signed) VALUES ($1, $2, $3)`, id, len(have), blob(signed))
		if err != nil {
			return err
		}
	}
	return nil
}

func containsBytes(list [][]byte, b []byte) bool {
	for _, other := range list {
		if bytes.Equal(other, b) {
			return true
		}
	}
	return false
}

func readEvidence(ctx context.Context, tx *sql.Tx, id string) ([][]byte, error) {
	rows, err := tx.QueryContext(ctx, `SELECT signed FROM evidence WHERE fault = $1 ORDER BY position`, id)
	return collect(rows, err, func(row scanner) (signed []byte, err error) {
		return signed, row.Scan(&signed)
	})
}

// Faults returns the records that a filter selects, newest window first, with their evidence.
func (r Reader) Faults(ctx context.Context, filter faults.Filter) ([]faults.Record, error) {
	records, err := selectFaults(ctx, r.db, faultConditions(filter), filter.Limit)
	return records, wrap("read faults", err)
}

// Fault returns the record of an ID; ErrNotFound if there is none.
func (r Reader) Fault(ctx context.Context, id string) (faults.Record, error) {
	var where conditions
	where.add("id =", id)
	records, err := selectFaults(ctx, r.db, where, 0)
	if err == nil && len(records) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return faults.Record{}, wrap("read fault "+text(id), err)
	}
	return records[0], nil
}

func faultConditions(filter faults.Filter) conditions {
	var where conditions
	if filter.Kind != "" {
		where.add("kind =", string(filter.Kind))
	}
	if !filter.Culprit.IsZero() {
		where.add("culprit =", filter.Culprit[:])
	}
	where.scope("block", "block", filter.Wallet, filter.From, filter.To)
	if filter.Attributed != nil {
		where.add("attributed =", *filter.Attributed)
	}
	return where
}

// selectFaults joins each fault with its evidence: a fault stands in as many neighbouring rows as it has messages.
func selectFaults(ctx context.Context, db querier, where conditions, limit int) ([]faults.Record, error) {
	rows, err := db.QueryContext(ctx, `SELECT f.id, f.block, f.wallet, f.kind, f.culprit, f.attributed, f.late, f.detail, f.observer,
			f.observed_at, f.recorded_time, p.id, e.signed
		FROM (SELECT * FROM faults`+where.sql()+` ORDER BY block DESC, wallet, culprit, kind`+where.limit(limit)+`) f
		LEFT JOIN evidence e ON e.fault = f.id
		LEFT JOIN proofs p ON p.block = f.block AND p.wallet = f.wallet AND p.culprit = f.culprit AND `+provedFault+`
		ORDER BY f.block DESC, f.wallet, f.culprit, f.kind, e.position`, where.args...)
	pieces, err := collect(rows, err, scanFault)
	if err != nil {
		return nil, err
	}
	return assembled(pieces, func(r *faults.Record, more faults.Record) bool {
		if r.ID != more.ID {
			return false
		}
		r.Evidence = append(r.Evidence, more.Evidence...)
		return true
	}), nil
}

func scanFault(row scanner) (faults.Record, error) {
	var (
		r        faults.Record
		observer []byte
		signed   sql.Null[[]byte]
		proof    sql.Null[string]
	)
	err := row.Scan(&r.ID, (*height)(&r.Window), fixed(r.Wallet[:]), (*string)(&r.Kind), fixed(r.Culprit[:]), &r.Attributed, &r.Late,
		&r.Detail, &observer, (*height)(&r.ObservedAt), (*instant)(&r.StoredAt), &proof, &signed)
	if err != nil {
		return r, err
	}
	r.Proof = proof.V
	if r.Observer, err = decodeObserver(observer); err != nil {
		return r, fmt.Errorf("fault %s: %w", r.ID, err)
	}
	if _, err := faults.ParseKind(string(r.Kind)); err != nil {
		return r, errors.Join(ErrCorrupt, err)
	}
	if signed.Valid {
		r.Evidence = [][]byte{signed.V}
	}
	return r, nil
}

// decodeObserver reads an observer's JSON. Fields that a later version added are ignored.
func decodeObserver(stored []byte) (faults.Observer, error) {
	var o faults.Observer
	if err := json.Unmarshal(stored, &o); err != nil {
		return faults.Observer{}, fmt.Errorf("%w: observer: %w", ErrCorrupt, err)
	}
	return o, nil
}
