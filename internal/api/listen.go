package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdnet "net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/walletnode/walletnode/internal/serve"
)

// unixScheme begins the address of a unix socket; its path follows.
const unixScheme = "unix://"

// maxSocketPath is the longest path of a unix socket, in bytes; the system's limit is 107 on Linux, 103 elsewhere.
const maxSocketPath = 103

// ErrInUse says that somebody else answers at the address.
var ErrInUse = errors.New("already in use by another process")

// split returns network and address for Go's dialer and listener.
func split(address string) (network, target string, err error) {
	if path, unix := strings.CutPrefix(address, unixScheme); unix {
		if len(path) > maxSocketPath {
			return "", "", fmt.Errorf("the path of the socket has %d bytes, and the system allows %d (set api.listen to a shorter one): %s", len(path), maxSocketPath, path)
		}
		return "unix", path, nil
	}
	return "tcp", address, nil
}

// Listen takes the address of the API: unix:// and a path, or host:port, of a loopback address unless the guard asks for a
// token. ErrInUse if somebody answers there; a socket that a killed process left behind is taken over. What it accepts
// speaks TLS if the guard does.
func Listen(ctx context.Context, address string, guard Guard) (stdnet.Listener, error) {
	network, target, err := split(address)
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	if network == "tcp" && guard.Token == "" && !serve.Loopback(address) {
		return nil, fmt.Errorf("API: %s is no loopback address: without a token (api.token_file) the API is for this machine alone", address)
	}
	if network == "unix" {
		if err := removeStale(ctx, target); err != nil {
			return nil, fmt.Errorf("API: take %s: %w", target, err)
		}
	}
	l, err := new(stdnet.ListenConfig).Listen(ctx, network, target)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("API: take %s: %w", target, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	if network == "unix" {
		// The data directory, where the socket is unless told otherwise, is its owner's alone in any case.
		if err := os.Chmod(target, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("API: %w", err), l.Close())
		}
	}
	if guard.TLS != nil {
		l = tls.NewListener(l, guard.TLS)
	}
	return l, nil
}

// removeStale removes a socket at which nobody answers. What is no socket is left alone, and the address is in use then.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return errors.New("there is a file that is no socket")
	}
	dialer := stdnet.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() // it has told what it was to tell
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
