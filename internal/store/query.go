package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/walletnode/walletnode/chain"
)

// querier is what database, transaction and connection have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// conditions builds a WHERE clause. Texts come from this package alone; values are always placeholders.
type conditions struct {
	clauses []string
	args    []any
}

// add demands that a comparison such as "kind =" holds for a value.
func (c *conditions) add(comparison string, value any) {
	c.clauses = append(c.clauses, comparison+" "+c.placeholder(value))
}

// among demands that a column holds one of the values; none means no demand.
func (c *conditions) among(column string, values []string) {
	if len(values) == 0 {
		return
	}
	marks := make([]string, len(values))
	for i, value := range values {
		marks[i] = c.placeholder(value)
	}
	c.clauses = append(c.clauses, column+" IN ("+strings.Join(marks, ", ")+")")
}

// scope demands a wallet, and that the windows between the columns first and last meet the range from .. to.
func (c *conditions) scope(first, last string, wallet *chain.WalletID, from, to chain.Height) {
	if wallet != nil {
		c.add("wallet =", wallet[:])
	}
	if from != 0 {
		c.add(last+" >=", height(from))
	}
	if to != 0 {
		c.add(first+" <=", height(to))
	}
}

func (c *conditions) placeholder(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) sql() string {
	if len(c.clauses) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.clauses, " AND ")
}

// limit returns a LIMIT clause, none for 0. SQLite plans with a limit that is a value, and so prepares the statement anew each time it is given one;
// what is computed it leaves for later. It is the same everywhere else in this package.
func (c *conditions) limit(n int) string {
	if n <= 0 {
		return ""
	}
	return " LIMIT CAST(" + c.placeholder(n) + " AS BIGINT)"
}

// collect reads all rows of a query. It takes the query's error too, so that it can stand around the call.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // what can fail while reading is in rows.Err
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// assembled makes one of neighbouring rows that are pieces of one thing: takes adds a row to the one before it, and returns false if that is
// another thing.
func assembled[T any](pieces []T, takes func(whole *T, piece T) bool) (all []T) {
	for _, piece := range pieces {
		if n := len(all); n == 0 || !takes(&all[n-1], piece) {
			all = append(all, piece)
		}
	}
	return all
}
