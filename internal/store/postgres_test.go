package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

func served(t *testing.T, retention Retention) func() *Store {
	t.Helper()
	dsn := pgtest.Database(t)
	var last *Store
	return func() *Store {
		if last != nil {
			require.NoError(t, last.Close())
		}
		last = openAt(t, dsn, retention)
		return last
	}
}

func TestPostgres(t *testing.T) { testConformance(t, served) }
