package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Bytes come back as they went, also where a query has them come otherwise the second time, and where a column's type is another one by then.
func TestBytesGoOverTheWireAsTheyAre(t *testing.T) {
	s := served(t, Retention{})()
	db := s.writes.db
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	values := [][]byte{nil, {}, every, bytes.Repeat(every, 2000), []byte(`\x41`)}
	_, err := db.ExecContext(t.Context(), `CREATE TABLE wire (n BIGINT PRIMARY KEY, b BYTEA, note TEXT NOT NULL)`)
	require.NoError(t, err)
	const insert = `INSERT INTO wire (n, b, note) VALUES ($1, $2, $3)`
	for n, b := range values {
		done, err := db.ExecContext(t.Context(), insert, n, b, "a word")
		require.NoError(t, err)
		rows, err := done.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, 1, rows)
	}

	const query = `SELECT n, b, note FROM wire WHERE n = $1 AND (b = $2 OR $2 IS NULL)`
	for range 3 {
		for n, want := range values {
			var got []byte
			var note string
			require.NoError(t, db.QueryRowContext(t.Context(), query, n, want).Scan(&n, &got, &note))
			require.Equal(t, want, got)
			require.Equal(t, "a word", note)
		}
	}
	form, known := s.at.(*remote).forms.find(query)
	require.True(t, known)
	require.Equal(t, pgx.QueryResultFormats{0, 1, 0}, form, "from the second time on")

	_, err = db.ExecContext(t.Context(), insert, 1, every, "taken")
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "23505", refused.Code)

	const all = `SELECT b FROM wire ORDER BY n`
	require.NoError(t, db.QueryRowContext(t.Context(), all).Scan(new([]byte)))
	_, err = db.ExecContext(t.Context(), `ALTER TABLE wire ALTER COLUMN b TYPE BIGINT USING 7`)
	require.NoError(t, err)
	var number int64
	require.NoError(t, db.QueryRowContext(t.Context(), all).Scan(&number))
	require.EqualValues(t, 7, number)
	_, err = db.ExecContext(t.Context(), `DROP TABLE wire`)
	require.NoError(t, err)
}

// What is remembered of queries is bounded.
func TestFormsOfQueriesAreBounded(t *testing.T) {
	var f forms
	for n := range 3 * maxForms {
		f.remember(fmt.Sprint(n), pgx.QueryResultFormats{1})
		_, known := f.find(fmt.Sprint(n))
		require.True(t, known)
		require.LessOrEqual(t, len(f.of), maxForms)
	}
}
