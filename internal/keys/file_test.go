package keys

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

func TestInspectTellsWhatAFileSaysWithoutItsPassword(t *testing.T) {
	path, op, _ := lightKey(t)
	f, err := Inspect(path)
	require.NoError(t, err)
	require.Equal(t, File{Path: path, Address: op.Address, Derivation: Derivation{Function: "scrypt", N: 4096, R: 8, P: 6}, Mode: 0o600}, f)
	require.Equal(t, "scrypt n=4096 r=8 p=6, 4 MiB", f.Derivation.String())
	require.True(t, f.Derivation.Weak())
	require.False(t, Derivation{Function: "scrypt", N: 1 << 18, R: 8, P: 1}.Weak())
	require.False(t, Derivation{Function: "pbkdf2", C: 262144}.Weak())
	require.True(t, Derivation{Function: "pbkdf2", C: 1000}.Weak())
	require.Equal(t, "pbkdf2 c=1000", Derivation{Function: "pbkdf2", C: 1000}.String())

	require.NoError(t, os.Chmod(path, 0o644))
	f, err = Inspect(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), f.Mode)
	_, err = Inspect(filepath.Dir(path))
	require.ErrorContains(t, err, "not a regular file")
}

func TestListFindsKeystoresAmongOtherFiles(t *testing.T) {
	path, op, _ := lightKey(t)
	dir := filepath.Dir(path)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("{}"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "below"), 0o700))
	files, err := List(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.Equal(t, op.Address, files[0].Address)

	files, err = List(filepath.Join(dir, "none"))
	require.NoError(t, err)
	require.Empty(t, files)
	_, err = List(path)
	require.Error(t, err)
}

func TestImportCopiesAKeystoreThatOpens(t *testing.T) {
	from, op, content := lightKey(t)
	to := filepath.Join(t.TempDir(), "new", "operator.json")
	_, err := ImportOperator(to, from, "wrong")
	require.ErrorIs(t, err, ErrWrongPassword)
	require.NoFileExists(t, to)

	imported, err := ImportOperator(to, from, password)
	require.NoError(t, err)
	require.Equal(t, op.Address, imported.Address)
	copied, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, content, string(copied))

	_, err = ImportOperator(to, from, password)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, os.Chmod(from, 0o644))
	_, err = ImportOperator(to+"2", from, password)
	require.ErrorIs(t, err, ErrExposed)
}

func TestChangePasswordReplacesTheFileOrLeavesIt(t *testing.T) {
	path, op, before := lightKey(t)
	for _, c := range []struct{ old, new string }{{"wrong", "next"}, {password, ""}} {
		_, err := ChangePassword(path, c.old, c.new, Light)
		require.Error(t, err)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, string(after))
	}
	changed, err := ChangePassword(path, password, "next", Light)
	require.NoError(t, err)
	require.Equal(t, op.Address, changed.Address)
	_, err = LoadOperator(path, password)
	require.ErrorIs(t, err, ErrWrongPassword)
	opened, err := LoadOperator(path, "next")
	require.NoError(t, err)
	require.True(t, op.Key.Equal(opened.Key))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left behind")
}

func TestParsePrivateKeyNeverRepeatsIt(t *testing.T) {
	_, op, _ := lightKey(t)
	text := hex.EncodeToString(crypto.FromECDSA(op.Key))
	for _, s := range []string{text, "0x" + text + "\n"} {
		key, err := ParsePrivateKey(s)
		require.NoError(t, err)
		require.True(t, op.Key.Equal(key))
	}
	for _, s := range []string{"", text[1:], text + "00", "ff" + text[2:] + "x", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"} {
		_, err := ParsePrivateKey(s)
		require.ErrorContains(t, err, "not a private key")
		if s != "" {
			require.NotContains(t, err.Error(), s)
		}
	}
}

func TestCredentialsOfAServiceMayShowTheirListInTheGroupBits(t *testing.T) {
	path, _, _ := lightKey(t)
	require.NoError(t, os.Chmod(path, 0o440))
	_, err := LoadOperator(path, password)
	require.ErrorIs(t, err, ErrExposed)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path)+"/")
	_, err = LoadOperator(path, password)
	require.NoError(t, err)
	for _, mode := range []fs.FileMode{0o444, 0o460} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = LoadOperator(path, password)
		require.ErrorIs(t, err, ErrExposed, "%o", mode)
	}
}

func TestReadInstanceMakesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadInstance(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoFileExists(t, InstanceFile(dir))
	made, err := LoadInstance(dir)
	require.NoError(t, err)
	read, err := ReadInstance(dir)
	require.NoError(t, err)
	require.True(t, made.Equals(read))
}
