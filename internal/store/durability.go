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

// durable implements engine. A setting that the server does not know is not turned off.
func (*remote) durable(ctx context.Context, db querier) error {
	for setting, loses := range map[string]string{
		"fsync":              "a crash of its machine can damage all of it",
		"synchronous_commit": "a crash loses the newest commits, a window's proposal with them",
	} {
		var value string
		err := db.QueryRowContext(ctx, `SELECT COALESCE(current_setting($1, TRUE), '')`, setting).Scan(&value)
		if err != nil {
			return err
		}
		if value == "off" {
			return fmt.Errorf("%w: its setting %s is off: %s", ErrNotDurable, setting, loses)
		}
	}
	return nil
}
