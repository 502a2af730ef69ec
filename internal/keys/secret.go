// Package keys reads and makes the two keys of a node: the operator's, an Ethereum keystore file that signs every
// message, and the instance's own libp2p key, which only names this process on the network.
package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxSecretFile is the largest key or password file read, in bytes; a keystore has about 500. A larger file is an
// error: it is not what its name says.
const maxSecretFile = 64 << 10

// ErrExposed says that others than its owner may open a file that holds a secret.
var ErrExposed = errors.New("others than its owner may open it")

// readSecret reads a file that its owner alone may open. what names it in errors.
func readSecret(what, path string) ([]byte, error) {
	data, info, err := readFile(what, path)
	if err != nil {
		return nil, err
	}
	if err := checkMode(path, info); err != nil {
		return nil, fmt.Errorf("read %s: %s: %w", what, path, err)
	}
	return data, nil
}

// readFile reads a regular file of at most maxSecretFile bytes. info is of what was read, whatever the name stands for
// by now.
func readFile(what, path string) (data []byte, info fs.FileInfo, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer file.Close() //nolint:errcheck // only read from
	if info, err = file.Stat(); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("read %s: %s: not a regular file", what, path)
	}
	data, err = io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	if len(data) > maxSecretFile {
		return nil, nil, fmt.Errorf("read %s: %s has more than %d bytes", what, path, maxSecretFile)
	}
	return data, info, nil
}

// checkMode refuses a file that others than its owner may open.
func checkMode(path string, info fs.FileInfo) error {
	forbidden := fs.FileMode(0o077)
	if isCredential(path) {
		// systemd lets a service read its credentials by an access control list, whose mask shows as the group's bits.
		forbidden = 0o037
	}
	// Windows keeps permissions elsewhere; its mode bits say nothing about other users.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&forbidden != 0 {
		return fmt.Errorf("its mode is %#o: %w (chmod 600)", mode, ErrExposed)
	}
	return nil
}

// isCredential reports whether a file lies in the directory of credentials that the service manager made for this
// process alone (LoadCredential= of systemd).
func isCredential(path string) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && filepath.Dir(filepath.Clean(path)) == filepath.Clean(dir)
}

// writeSecret stores a new file that its owner alone may open. It is there whole or not at all, also after a power
// cut: the bytes are on the disk before the name is, and the name is before writeSecret returns. A file that is
// there already is never replaced; the error is fs.ErrExist then.
func writeSecret(path string, data []byte) error {
	// A link, unlike a rename, does not replace a key that another process made in the meantime.
	return placeSecret(path, data, os.Link)
}

// replaceSecret does what writeSecret does and takes the place of a file that is there.
func replaceSecret(path string, data []byte) error { return placeSecret(path, data, os.Rename) }

func placeSecret(path string, data []byte, place func(from, to string) error) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(temp.Name()); err == nil && !errors.Is(removed, fs.ErrNotExist) {
			err = removed
		}
	}()
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := place(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir puts the names in a directory on the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the directory of a file the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
