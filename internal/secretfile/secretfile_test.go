package secretfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, dir string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(path, []byte("12345678"), 0o600))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestOnlyTheOwnersFileIsRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are kept elsewhere")
	}
	for mode, exposed := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o610: true} {
		path := write(t, t.TempDir(), mode)
		data, err := Read("token", path, 8)
		if exposed {
			require.ErrorIs(t, err, ErrExposed, "%o", mode)
			require.ErrorContains(t, err, path)
			require.ErrorAs(t, err, new(Unusable), "trying again ends the same")
			continue
		}
		require.NoError(t, err, "%o", mode)
		require.Equal(t, "12345678", string(data))
		data, info, err := ReadAny("token", path, 8)
		require.NoError(t, err)
		require.Equal(t, "12345678", string(data))
		require.Equal(t, mode, info.Mode().Perm())
	}
}

// systemd shows a service's right to read a credential as the group's.
func TestACredentialsGroupMayRead(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir+"/")
	_, err := Read("token", write(t, dir, 0o440), 8)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		_, err = Read("token", write(t, dir, 0o444), 8)
		require.ErrorIs(t, err, ErrExposed)
		_, err = Read("token", write(t, t.TempDir(), 0o440), 8)
		require.ErrorIs(t, err, ErrExposed)
	}
}

func TestWhatIsNoSuchFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	_, err := Read("token", filepath.Join(dir, "none"), 8)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorAs(t, err, new(Unusable))
	_, err = Read("token", dir, 8)
	require.ErrorContains(t, err, "not a regular file")
	_, err = Read("token", write(t, dir, 0o600), 7)
	require.ErrorContains(t, err, "more than 7 bytes")
	require.ErrorAs(t, err, new(Unusable))
}
