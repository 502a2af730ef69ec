package store

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadInputStoreOnANetworkFileSystem(t *testing.T) {
	dir := t.TempDir()
	at, err := parseLocation(dir)
	require.NoError(t, err)
	for kind, reason := range map[string]string{"NFS": "NFS", "SMB": "SMB"} {
		_, err := at.acquireOn(t.Context(), func(asked string) (string, error) {
			require.Equal(t, dir, asked)
			return kind, nil
		})
		require.ErrorIs(t, err, ErrNetworkDisk)
		require.ErrorContains(t, err, reason)
	}
	broken := errors.New("no such call")
	_, err = at.acquireOn(t.Context(), func(string) (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	require.Empty(t, contents(t, dir), "nothing was written there")

	kind, err := networkKind(dir)
	require.NoError(t, err)
	require.Empty(t, kind, "the disk of the tests is this machine's")
	require.NoError(t, tryOpen(t, dir))
}
