// Package secretfile reads the small files that hold a secret: keys, passwords, access tokens. It refuses a file that
// others than its owner may open.
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrExposed says that others than its owner may open a file that holds a secret.
var ErrExposed = errors.New("others than its owner may open it")

// Read reads a file of at most most bytes that its owner alone may open (ErrExposed). what names its content in errors.
// A larger file is an error: it is not what its name says. What only the operator can mend is Unusable.
func Read(what, path string, most int) ([]byte, error) {
	data, info, err := ReadAny(what, path, most)
	if err != nil {
		return nil, err
	}
	if err := checkMode(path, info); err != nil {
		return nil, Unusable{fmt.Errorf("read %s: %s: %w", what, path, err)}
	}
	return data, nil
}

// ReadAny reads a regular file of at most most bytes, whoever may open it. info is of what was read, whatever the name
// stands for by now. What only the operator can mend is Unusable.
func ReadAny(what, path string, most int) (data []byte, info fs.FileInfo, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, Unusable{fmt.Errorf("read %s: %w", what, err)}
	}
	defer file.Close() //nolint:errcheck // only read from
	if info, err = file.Stat(); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, Unusable{fmt.Errorf("read %s: %s: not a regular file", what, path)}
	}
	data, err = io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", what, err)
	}
	if len(data) > most {
		return nil, nil, Unusable{fmt.Errorf("read %s: %s has more than %d bytes", what, path, most)}
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
