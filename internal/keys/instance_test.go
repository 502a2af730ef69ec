package keys

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/stretchr/testify/require"
)

func TestInstanceKeyIsMadeOnceAndLoadedAfterwards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := LoadInstance(dir)
	require.NoError(t, err)
	require.EqualValues(t, crypto.Ed25519, first.Type())
	second, err := LoadInstance(dir)
	require.NoError(t, err)
	require.True(t, first.Equals(second))

	for path, mode := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, instanceFile): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	other, err := LoadInstance(t.TempDir())
	require.NoError(t, err)
	require.False(t, first.Equals(other))
}

func TestBadInputInstanceKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, instanceFile)
	key, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	require.NoError(t, err)
	wrongType, err := crypto.MarshalPrivateKey(key)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":     {nil, "is damaged"},
		"garbage":   {[]byte("garbage"), "is damaged"},
		"wrong key": {wrongType, "want an Ed25519 key, have Secp256k1"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, c.content, 0o600))
			_, err := LoadInstance(dir)
			require.ErrorContains(t, err, c.want)
			kept, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, len(c.content), len(kept), "a damaged key is left for its owner to look at")
		})
	}
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = LoadInstance(dir)
	require.ErrorIs(t, err, ErrExposed)
}

func TestInstanceKeyInADirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := LoadInstance(filepath.Join(file, "data"))
	require.Error(t, err)
}

func TestAKeyMadeByAnotherProcessInTheMeantimeIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), instanceFile)
	require.NoError(t, os.WriteFile(path, []byte("another's"), 0o600))
	_, err := createInstance(path)
	require.ErrorIs(t, err, fs.ErrExist)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "another's", string(content))
}

func FuzzInstanceKey(f *testing.F) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	require.NoError(f, err)
	good, err := crypto.MarshalPrivateKey(key)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte{8, 1, 18, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := parseInstance("fuzz", data); err == nil {
			require.EqualValues(t, crypto.Ed25519, key.Type())
		}
	})
}
