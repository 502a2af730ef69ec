package store

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotDurable says that a database server acknowledges what its machine's death can undo.
var ErrNotDurable = errors.New("the database does not keep what it acknowledges")

// Durability reports whether what the database acknowledges survives the death of its machine, as far as its settings say:
// ErrNotDurable, with the setting to change, if it does not. An embedded store sees to that itself.
func (r Reader) Durability(ctx context.Context) error {
	return wrap("ask the database how it keeps what it acknowledges", r.at.durable(ctx, r.db))
}

func (location) durable(context.Context, querier) error { return nil }

// durabilities are the settings that make PostgreSQL keep what it acknowledges, the worst to miss first.
var durabilities = []struct{ setting, loses string }{
	{"fsync", "a crash of its machine can damage all that it has"},
	{"synchronous_commit", "a crash loses its newest commits, and with them what was said for a window"},
}

// durable implements engine. A setting that the server does not know is not turned off.
func (*remote) durable(ctx context.Context, db querier) error {
	for _, d := range durabilities {
		var value string
		err := db.QueryRowContext(ctx, `SELECT COALESCE(current_setting($1, TRUE), '')`, d.setting).Scan(&value)
		if err != nil {
			return err
		}
		if value == "off" {
			return fmt.Errorf("%w: its setting %s is off: %s", ErrNotDurable, d.setting, d.loses)
		}
	}
	return nil
}
