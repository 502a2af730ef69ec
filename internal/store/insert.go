package store

import (
	"context"
	"database/sql"
	"strings"
)

// What one statement inserts into a server: more rows save little, and more bytes may take longer than a statement is waited for.
const (
	rowsAtOnce  = 32
	bytesAtOnce = 1 << 20
)

// insertRows inserts rows of one width.
func insertRows(ctx context.Context, tx *sql.Tx, d dialect, into string, rows [][]any) error {
	if d.prepares && len(rows) > 0 {
		return insertPrepared(ctx, tx, into, rows)
	}
	for len(rows) > 0 {
		var in conditions
		var text strings.Builder
		text.WriteString(into)
		size := 0
		for n := 0; len(rows) > 0 && n < rowsAtOnce && size < bytesAtOnce; n++ {
			if n > 0 {
				text.WriteString(", ")
			}
			for j, value := range rows[0] {
				if bytes, ok := value.([]byte); ok {
					size += len(bytes)
				}
				text.WriteString([]string{"(", ", "}[min(j, 1)])
				text.WriteString(in.placeholder(value))
			}
			text.WriteString(")")
			rows = rows[1:]
		}
		if _, err := tx.ExecContext(ctx, text.String(), in.args...); err != nil {
			return err
		}
	}
	return nil
}

// insertPrepared is for the embedded database, which takes longer to read a statement than to carry it out.
func insertPrepared(ctx context.Context, tx *sql.Tx, into string, rows [][]any) error {
	var in conditions
	marks := make([]string, len(rows[0]))
	for i := range marks {
		marks[i] = in.placeholder(nil)
	}
	statement, err := tx.PrepareContext(ctx, into+"("+strings.Join(marks, ", ")+")")
	if err != nil {
		return err
	}
	defer statement.Close() //nolint:errcheck // it goes with its transaction in any case
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}
