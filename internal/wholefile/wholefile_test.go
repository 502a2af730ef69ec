package wholefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path+".new", []byte("what a crash has left, and it is longer"), 0o600))
	for _, content := range []string{"one", "another"} {
		require.NoError(t, Replace(path, []byte(content)))
		there, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(there))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Error(t, Replace(filepath.Join(path, "below"), nil))
}
