package vault

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// startTime is when vaults of tests begin to count.
var startTime = time.Unix(1_800_000_000, 0).UTC()

func writePassword(t testing.TB, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(path, []byte(password+"\n"), 0o600))
	return path
}

// testConfig is of a vault in a directory of its own, whose clock stands still.
func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		Dir:          filepath.Join(t.TempDir(), "vault"),
		PasswordFile: writePassword(t, "correct horse"),
		Version:      "1",
		Work:         minWork,
		Now:          func() time.Time { return startTime },
	}
}

func openVault(t testing.TB, cfg Config) *Vault {
	t.Helper()
	v, err := Open(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = v.Close() }) // some tests have closed it before
	return v
}

func health(t testing.TB, v *Vault) signer.Health {
	t.Helper()
	h, err := v.Health(t.Context())
	require.NoError(t, err)
	return h
}

func TestAVaultKeepsItsIdentity(t *testing.T) {
	cfg := testConfig(t)
	cfg.Capacity = 3
	v := openVault(t, cfg)
	first := health(t, v)
	require.NotEmpty(t, first.BackendID)
	sealTo, err := v.SealTo(t.Context(), signer.SessionID{1})
	require.NoError(t, err)
	require.NoError(t, checkSealTo(sealTo))
	other, err := v.SealTo(t.Context(), signer.SessionID{2})
	require.NoError(t, err)
	require.NotEqual(t, sealTo, other, "each key generation has its own")
	require.True(t, first.StoreOK)
	require.True(t, first.Accepting)
	require.Equal(t, 3, first.Capacity)
	require.Equal(t, signer.Schemes(), first.Schemes)
	require.NoError(t, v.Close())

	v = openVault(t, cfg)
	second := health(t, v)
	require.NotEqual(t, first.BootID, second.BootID, "it was opened again")
	again, err := v.SealTo(t.Context(), signer.SessionID{1})
	require.NoError(t, err)
	require.Equal(t, sealTo, again)
	second.BootID = first.BootID
	require.Equal(t, first, second)
}

func TestOneProcessHasAVault(t *testing.T) {
	cfg := testConfig(t)
	v := openVault(t, cfg)
	_, err := Open(t.Context(), cfg)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, v.Close())
	openVault(t, cfg)
}

func TestTheWrongPasswordOpensNothing(t *testing.T) {
	cfg := testConfig(t)
	require.NoError(t, openVault(t, cfg).Close())
	cfg.PasswordFile = writePassword(t, "incorrect horse")
	_, err := Open(t.Context(), cfg)
	require.ErrorIs(t, err, ErrPassword)
	cfg.PasswordFile = writePassword(t, "")
	_, err = Open(t.Context(), cfg)
	require.ErrorContains(t, err, "is empty")
}

func TestWhatOthersMayReadIsRefused(t *testing.T) {
	cfg := testConfig(t)
	require.NoError(t, openVault(t, cfg).Close())
	for path, mode := range map[string]os.FileMode{cfg.PasswordFile: 0o644, cfg.Dir: 0o750, filepath.Join(cfg.Dir, masterFile): 0o640} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(path, mode))
		_, err = Open(t.Context(), cfg)
		require.ErrorIs(t, err, secretfile.ErrExposed, path)
		require.ErrorContains(t, err, path)
		require.NoError(t, os.Chmod(path, info.Mode().Perm()))
	}
	v := openVault(t, cfg)
	for _, name := range []string{masterFile, databaseFile, lockFile} {
		info, err := os.Stat(filepath.Join(cfg.Dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	require.NoError(t, v.Close())
}

// A creation that is cut short before the master key has its name leaves a database without keys.
func TestACreationThatWasCutShortBeginsAnew(t *testing.T) {
	cfg := testConfig(t)
	require.NoError(t, openVault(t, cfg).Close())
	require.NoError(t, os.Remove(filepath.Join(cfg.Dir, masterFile)))
	require.True(t, health(t, openVault(t, cfg)).StoreOK)
}

func TestAMissingDatabaseIsNotMadeAnew(t *testing.T) {
	cfg := testConfig(t)
	require.NoError(t, openVault(t, cfg).Close())
	require.NoError(t, os.Remove(filepath.Join(cfg.Dir, databaseFile)))
	_, err := Open(t.Context(), cfg)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "put it back")
}

func TestAConfigThatCannotBe(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Dir = "" },
		func(c *Config) { c.PasswordFile = "" },
		func(c *Config) { c.Work = 9 },
		func(c *Config) { c.Work = 23 },
		func(c *Config) { c.Capacity = -1 },
		func(c *Config) { c.BlockTime = -1 },
	} {
		cfg := testConfig(t)
		change(&cfg)
		_, err := Open(t.Context(), cfg)
		require.ErrorContains(t, err, "vault: ")
	}
}

// A secret that is moved to another row, or changed, is not taken for that row's.
func TestASecretBelongsToItsRow(t *testing.T) {
	b, err := newBox(make([]byte, masterSize))
	require.NoError(t, err)
	sealed := b.seal([]byte("share"), place("keys", 1, 2))
	plain, err := b.open(sealed, place("keys", 1, 2))
	require.NoError(t, err)
	require.Equal(t, "share", string(plain))
	_, err = b.open(sealed, place("keys", 1, 3))
	require.ErrorIs(t, err, errDamaged)
	_, err = b.open(sealed, place("replies", 1, 2))
	require.ErrorIs(t, err, errDamaged)
	for i := range sealed {
		sealed[i] ^= 1
		_, err = b.open(sealed, place("keys", 1, 2))
		require.ErrorIs(t, err, errDamaged)
		sealed[i] ^= 1
	}
	_, err = b.open(sealed[:10], place("keys", 1, 2))
	require.ErrorIs(t, err, errDamaged)
}

// Whoever serves requests recovers from a panic. The one connection to the database must not stay behind in a transaction then:
// no request would ever be answered again.
func TestAPanicInATransactionLeavesTheLedgerOpen(t *testing.T) {
	v := openVault(t, testConfig(t))
	require.Panics(t, func() { _ = v.ledger.write(t.Context(), func(*tx) error { panic("a row that nobody thought of") }) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := v.Keys(ctx, nil, 1)
	require.NoError(t, err)
}
