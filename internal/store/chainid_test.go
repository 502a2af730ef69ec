package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAReaderKnowsTheStoresChain(t *testing.T) {
	r, err := OpenReader(t.Context(), made(t))
	require.NoError(t, err)
	id, err := r.ChainID(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, testChain, id)
	require.NoError(t, r.Close())

	dir := t.TempDir() // of a store that no node has opened yet
	importer, err := OpenImporter(t.Context(), dir, quiet)
	require.NoError(t, err)
	require.NoError(t, importer.Close())
	r, err = OpenReader(t.Context(), dir)
	require.NoError(t, err)
	_, err = r.ChainID(t.Context())
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, r.Close())
}

// A node that is about to open the store asks whose it is. It may be of any age, and nothing in it changes.
func TestWhoseAStoreIsIsToldBeforeItIsOpened(t *testing.T) {
	dir := made(t)
	before := contents(t, dir)
	id, first, err := BoundTo(t.Context(), dir)
	require.NoError(t, err)
	require.EqualValues(t, testChain, id)
	require.Equal(t, genesis, first)
	require.Equal(t, before, contents(t, dir))

	s := openAt(t, dir, Retention{}) // also beside a node that has it
	id, _, err = BoundTo(t.Context(), dir)
	require.NoError(t, err)
	require.EqualValues(t, testChain, id)
	require.NoError(t, s.Close())

	_, _, err = BoundTo(t.Context(), filepath.Join(dir, "none"))
	require.ErrorIs(t, err, ErrNotFound)
	require.NoDirExists(t, filepath.Join(dir, "none"))
	unbound := t.TempDir()
	importer, err := OpenImporter(t.Context(), unbound, quiet)
	require.NoError(t, err)
	require.NoError(t, importer.Close())
	_, _, err = BoundTo(t.Context(), unbound)
	require.ErrorIs(t, err, ErrNotFound)

	damaged := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(damaged, fileName), []byte("no database, and long enough to be one"), 0o600))
	_, _, err = BoundTo(t.Context(), damaged)
	require.ErrorIs(t, err, ErrCorrupt)
	_, _, err = (binding{"1", "0x12"}).chain()
	require.ErrorIs(t, err, ErrCorrupt)
	_, _, err = (binding{"one", genesis.String()}).chain()
	require.ErrorIs(t, err, ErrCorrupt)
}
