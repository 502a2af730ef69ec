package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"filippo.io/age"

	"github.com/walletnode/walletnode/internal/secretfile"
)

// Errors of opening, told apart with errors.Is.
var (
	ErrLocked   = errors.New("another process has the vault open")
	ErrPassword = errors.New("the password is not the right one")
)

// The files of a vault.
const (
	masterFile   = "master.age"
	databaseFile = "vault.sqlite"
	lockFile     = "lock"
)

// Bounds of scrypt's cost, as binary logarithms; age's own default is 18.
const (
	minWork     = 10
	defaultWork = 18
	maxWork     = 22
)

// maxPassword is more than any password has, in bytes.
const maxPassword = 4096

// masterSize is the length of the key that encrypts a vault's rows, in bytes.
const masterSize = 32

func readPassword(path string) (string, error) {
	data, err := secretfile.Read("the vault's password", path, maxPassword)
	if err != nil {
		return "", err
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if password == "" {
		return "", secretfile.Unusable{Err: fmt.Errorf("read the vault's password: %s is empty", path)}
	}
	return password, nil
}

// checkPrivate refuses a directory that others than its owner may enter.
func checkPrivate(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the vault's directory: %w", err)
	}
	// Windows keeps permissions elsewhere.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return secretfile.Unusable{Err: fmt.Errorf("the vault's directory %s has mode %#o: %w (chmod 700)", dir, mode, secretfile.ErrExposed)}
	}
	return nil
}

// encrypt puts data under a password. work is the binary logarithm of scrypt's cost.
func encrypt(data []byte, password string, work int) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(password)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	recipient.SetWorkFactor(work)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// decrypt undoes encrypt; what comes out is at most most bytes. ErrPassword if the password is another one.
func decrypt(data []byte, password string, most int64) ([]byte, error) {
	if password == "" {
		return nil, fmt.Errorf("decrypt: %w: it is empty", ErrPassword)
	}
	identity, err := age.NewScryptIdentity(password)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	identity.SetMaxWorkFactor(maxWork)
	r, err := age.Decrypt(bytes.NewReader(data), identity)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return nil, fmt.Errorf("decrypt: %w", ErrPassword)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	if int64(len(plain)) > most {
		return nil, fmt.Errorf("decrypt: more than %d bytes", most)
	}
	return plain, nil
}

// readMaster reads the key that encrypts the rows; fs.ErrNotExist if there is no vault yet.
func readMaster(path, password string) ([]byte, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := secretfile.Read("the vault's master key", path, maxPassword)
	if err != nil {
		return nil, err
	}
	master, err := decrypt(data, password, masterSize)
	if err != nil {
		return nil, secretfile.Unusable{Err: fmt.Errorf("read the vault's master key: %w", err)}
	}
	if len(master) != masterSize {
		return nil, secretfile.Unusable{Err: fmt.Errorf("read the vault's master key: it has %d bytes, not %d", len(master), masterSize)}
	}
	return master, nil
}

// create makes a vault. The master key's file comes last and whole: while it is missing there is no vault, and a database
// that has no keys is what a creation left that was cut short.
func create(ctx context.Context, cfg Config, password string) ([]byte, error) {
	path := filepath.Join(cfg.Dir, databaseFile)
	if err := discardUnfinished(ctx, path); err != nil {
		return nil, err
	}
	master := make([]byte, masterSize)
	_, _ = rand.Read(master) // never fails
	sealed, err := encrypt(master, password, cfg.Work)
	if err != nil {
		return nil, fmt.Errorf("make the vault's master key: %w", err)
	}
	b, err := newBox(master)
	if err != nil {
		return nil, err
	}
	if err := createLedger(ctx, path, b); err != nil {
		return nil, fmt.Errorf("make the vault's database: %w", err)
	}
	if err := writeWhole(filepath.Join(cfg.Dir, masterFile), sealed); err != nil {
		return nil, fmt.Errorf("write the vault's master key: %w", err)
	}
	return master, nil
}

// discardUnfinished removes the database of a creation that was cut short, and refuses to remove one with keys.
func discardUnfinished(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	keys, err := countAnyKeys(ctx, path)
	if err != nil {
		return fmt.Errorf("the vault's master key (%s) is missing; put it back: %w", masterFile, err)
	}
	if keys > 0 {
		return fmt.Errorf("the vault's master key (%s) is missing, and its database has %d keys; put the file back", masterFile, keys)
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a start that was cut short left behind: %w", err)
		}
	}
	return nil
}

// writeWhole writes a file of which there is never a part: it is on the disk when it has its name.
func writeWhole(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
