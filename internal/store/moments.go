package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// micros is a moment as microseconds of the Unix epoch, which is what the tables that instances share have; the zero time
// is 0.
type micros time.Time

// Scan implements sql.Scanner.
func (m *micros) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%w: %T is no time", ErrCorrupt, src)
	}
	*m = micros{}
	if n != 0 {
		*m = micros(time.UnixMicro(n).UTC())
	}
	return nil
}

// sinceEpoch returns what is stored for a moment.
func sinceEpoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// clock reads the database's clock, in microseconds of the Unix epoch.
func clock(ctx context.Context, tx *sql.Tx, d dialect) (now int64, err error) {
	return now, tx.QueryRowContext(ctx, `SELECT `+d.now).Scan(&now)
}
