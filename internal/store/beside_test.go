package store

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// nextSchema are this version's migrations and one more, of a later version that lets programs from some version on work
// beside it. What it changes is what such a version may change (docs/decisions/016).
func nextSchema(t *testing.T, oldest int64) fs.FS {
	t.Helper()
	steps := make(fstest.MapFS)
	files, err := migrations.ReadDir("migrations")
	require.NoError(t, err)
	for _, file := range files {
		name := "migrations/" + file.Name()
		text, err := migrations.ReadFile(name)
		require.NoError(t, err)
		steps[name] = &fstest.MapFile{Data: text}
	}
	steps[fmt.Sprintf("migrations/%05d_made_up.sql", latestVersion+1)] = &fstest.MapFile{Data: fmt.Appendf(nil, `-- +goose Up
CREATE TABLE notes (block BIGINT NOT NULL PRIMARY KEY, note TEXT NOT NULL);
ALTER TABLE results ADD COLUMN mood TEXT NOT NULL DEFAULT '';
ALTER TABLE wallets ADD COLUMN color BIGINT;
CREATE INDEX results_of_mood ON results (mood, block);
INSERT INTO changes (topic, version) VALUES ('notes', 7);
INSERT INTO meta (name, value) VALUES ('%s', '%d') ON CONFLICT (name) DO UPDATE SET value = excluded.value;
`, besideKey, oldest)}
	return steps
}

// upgrade does to a store what a later version's start does.
func upgrade(t *testing.T, dsn string, oldest int64) error {
	ctx := context.WithoutCancel(t.Context()) // it is seen through, as a start is
	at, err := parsePlace(dsn)
	if err != nil {
		return err
	}
	db, err := at.migrator(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = migrateTo(ctx, at, db, nextSchema(t, oldest), latestVersion+1)
	return err
}

// upgraded makes stores of the next schema.
func upgraded(t *testing.T, retention Retention) func() *Store {
	dir := t.TempDir()
	require.NoError(t, openAt(t, dir, retention).Close())
	require.NoError(t, upgrade(t, dir, latestVersion))
	return reopening(t, dir, retention)
}

// reopening closes what was opened last before it opens the store again.
func reopening(t *testing.T, dsn string, retention Retention) func() *Store {
	var last *Store
	return func() *Store {
		if last != nil {
			require.NoError(t, last.Close())
		}
		last = openAt(t, dsn, retention)
		return last
	}
}

// upgrading makes stores that a later version migrates at some moment while they are in use.
func upgrading(t *testing.T, retention Retention) func() *Store {
	dsn := pgtest.Database(t)
	open := reopening(t, dsn, retention)
	begun := false
	return func() *Store {
		s := open()
		if !begun {
			begun = true
			migrated := make(chan error, 1)
			go func() { migrated <- upgrade(t, dsn, latestVersion) }()
			t.Cleanup(func() { require.NoError(t, <-migrated) })
		}
		return s
	}
}

// TestSQLite and TestPostgres are before an upgrade; these are during it and after it. A server is migrated while the cases
// run, some of which are done before and most after; a file is migrated between two starts.
func TestThisVersionWorksWhileALaterOneMigrates(t *testing.T) {
	t.Parallel()
	testConformance(t, upgrading)
}

func TestThisVersionWorksBesideALaterOne(t *testing.T) {
	t.Parallel()
	testConformance(t, upgraded)
}

func TestInstancesWorkBesideALaterVersion(t *testing.T) {
	dsn := pgtest.Database(t)
	a := newSibling(t, openAt(t, dsn, Retention{}), "a")
	a.take(walletA)
	require.NoError(t, upgrade(t, dsn, latestVersion))
	b := newSibling(t, openAt(t, dsn, Retention{}), "b")
	b.take(walletB)
	for _, write := range penWrites {
		require.NoError(t, write.do(t.Context(), a.pen, walletA), write.name)
		require.NoError(t, write.do(t.Context(), b.pen, walletB), write.name)
	}
	versions, err := b.store.Versions(t.Context())
	require.NoError(t, err)
	require.NotContains(t, versions, "notes")
	require.NoError(t, Check(t.Context(), dsn))
	id, _, err := BoundTo(t.Context(), dsn)
	require.NoError(t, err)
	require.EqualValues(t, testChain, id)
	r, err := OpenReader(t.Context(), dsn)
	require.NoError(t, err)
	f, err := r.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, latestVersion+1, f.Schema)
	require.NoError(t, r.Close())
}

func TestALaterVersionThatLeavesThisOneBehindIsRefused(t *testing.T) {
	for name, fresh := range map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return t.TempDir() },
		"PostgreSQL": func(t *testing.T) string { return pgtest.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			dsn := fresh(t)
			require.NoError(t, openAt(t, dsn, Retention{}).Close())
			require.NoError(t, upgrade(t, dsn, latestVersion+1))
			require.ErrorIs(t, tryOpen(t, dsn), ErrNewerSchema)
			require.ErrorIs(t, readerError(t, dsn), ErrNewerSchema)
			require.ErrorIs(t, Check(t.Context(), dsn), ErrNewerSchema)
			_, _, err := BoundTo(t.Context(), dsn)
			require.ErrorIs(t, err, ErrNewerSchema)

			for _, damage := range []string{`UPDATE meta SET value = 'four' WHERE name = '` + besideKey + `'`, `DELETE FROM meta WHERE name = '` + besideKey + `'`} {
				at, err := parsePlace(dsn)
				require.NoError(t, err)
				db, err := at.writer(t.Context())
				require.NoError(t, err)
				_, err = db.ExecContext(t.Context(), damage)
				require.NoError(t, err)
				require.NoError(t, db.Close())
				require.ErrorIs(t, tryOpen(t, dsn), ErrNewerSchema)
			}
		})
	}
}
