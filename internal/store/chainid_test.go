package store

import (
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
