package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kept returns how many statements a database's only connection keeps, and how many of them are being read.
func kept(t *testing.T, db *sql.DB) (all, busy int) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, conn.Raw(func(raw any) error {
		for _, s := range raw.(*keeper).kept { //nolint:forcetypeassert // openFile's
			if all++; s.busy {
				busy++
			}
		}
		return nil
	}))
	require.NoError(t, conn.Close())
	return all, busy
}

func openKeeping(t *testing.T) *sql.DB {
	t.Helper()
	db, err := openFile("file:" + filepath.Join(t.TempDir(), "kept.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE numbers (n INTEGER PRIMARY KEY)`)
	require.NoError(t, err)
	return db
}

func TestStatementsAreKeptAndUsedAgain(t *testing.T) {
	db := openKeeping(t)
	before, _ := kept(t, db)
	for n := range 10 {
		_, err := db.ExecContext(t.Context(), `INSERT INTO numbers (n) VALUES ($1)`, n)
		require.NoError(t, err)
		var sum int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT SUM(n) FROM numbers WHERE n <= $1`, n).Scan(&sum))
		require.Equal(t, n*(n+1)/2, sum)
	}
	all, busy := kept(t, db)
	require.Equal(t, before+2, all)
	require.Zero(t, busy)
	_, err := db.ExecContext(t.Context(), `INSERT INTO numbers (n) VALUES ($1)`, 3)
	require.Error(t, err, "it is there already")
	_, err = db.ExecContext(t.Context(), `INSERT INTO numbers (n) VALUES ($1)`, 11)
	require.NoError(t, err, "a failure leaves nothing behind")
}

// The same text may be read within its own rows, and each reading has its own place.
func TestAStatementThatIsBeingReadIsNotUsedAgain(t *testing.T) {
	db := openKeeping(t)
	_, err := db.ExecContext(t.Context(), `INSERT INTO numbers (n) VALUES (1), (2), (3)`)
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	const query = `SELECT n FROM numbers ORDER BY n`
	numbers := func(each func(int)) {
		rows, err := tx.QueryContext(t.Context(), query)
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var n int
			require.NoError(t, rows.Scan(&n))
			each(n)
		}
		require.NoError(t, rows.Err())
	}
	var pairs []string
	numbers(func(a int) {
		numbers(func(b int) { pairs = append(pairs, fmt.Sprint(a, b)) })
	})
	require.NoError(t, tx.Commit())
	require.Equal(t, []string{"1 1", "1 2", "1 3", "2 1", "2 2", "2 3", "3 1", "3 2", "3 3"}, pairs)
	_, busy := kept(t, db)
	require.Zero(t, busy)
}

func TestKeptStatementsAreBounded(t *testing.T) {
	db := openKeeping(t)
	for n := range keptStatements + 50 {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO numbers (n) VALUES (%d)`, n))
		require.NoError(t, err)
	}
	all, _ := kept(t, db)
	require.Equal(t, keptStatements, all)
}

// What is prepared is read anew when the schema has changed, and a reading that its context ends leaves the statement usable.
func TestAKeptStatementOutlivesAChangeOfTheSchemaAndACancellation(t *testing.T) {
	db := openKeeping(t)
	const query = `SELECT * FROM numbers ORDER BY n`
	read := func(ctx context.Context) (columns []string, err error) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		columns, err = rows.Columns()
		return columns, errors.Join(err, rows.Err())
	}
	_, err := db.ExecContext(t.Context(), `INSERT INTO numbers (n) VALUES (1), (2)`)
	require.NoError(t, err)
	columns, err := read(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"n"}, columns)
	_, err = db.ExecContext(t.Context(), `ALTER TABLE numbers ADD COLUMN name TEXT`)
	require.NoError(t, err)
	columns, err = read(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"n", "name"}, columns)

	func() { // somebody stops in the middle
		ctx, cancel := context.WithCancel(t.Context())
		rows, err := db.QueryContext(ctx, query)
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		cancel()
		for rows.Next() { // the driver may have the rest at hand
			continue
		}
		if err := rows.Err(); err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}()
	columns, err = read(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"n", "name"}, columns)
}

var _ driver.Connector = keeping{}

// SQLite looks at a limit's value when it plans, and so reads a kept statement anew each time it is given one, which takes longer than the statement
// itself. It does not look at what it would have to compute.
func TestNoStatementIsReadAnewForItsLimit(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	bare := regexp.MustCompile(`LIMIT (\$|" ?\+ ?c\.placeholder)`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Empty(t, bare.FindAllString(string(text), -1), name)
	}
}
