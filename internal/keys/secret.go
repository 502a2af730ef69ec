// Package keys reads and makes the two keys of a node: the operator's, an Ethereum keystore file that signs every
// message, and the instance's own libp2p key, which only names this process on the network.
package keys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/walletnode/walletnode/internal/secretfile"
)

// maxSecretFile is the largest key or password file read, in bytes; a keystore has about 500. A larger file is an
// error: it is not what its name says.
const maxSecretFile = 64 << 10

// ErrExposed says that others than its owner may open a file that holds a secret.
var ErrExposed = secretfile.ErrExposed

// readSecret reads a file that its owner alone may open. what names it in errors.
func readSecret(what, path string) ([]byte, error) {
	return secretfile.Read(what, path, maxSecretFile)
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
