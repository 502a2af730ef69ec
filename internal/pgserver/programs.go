package pgserver

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// ErrNotInstalled says that this machine has no programs of a PostgreSQL server.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: no initdb in PATH nor in /usr/lib/postgresql/*/bin (Debian package postgresql)")

// programs finds the directory of initdb and postgres: of several versions the newest.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", ErrNotInstalled
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		found = []string{path}
	}
	return filepath.Dir(found[0]), nil
}

// version reads the number in /usr/lib/postgresql/15/bin/initdb; 0 if it is none.
func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// unprivileged returns the account a server runs as, because it refuses root; nil if that is who we are.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"nobody", "postgres"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no account nobody or postgres")
}
