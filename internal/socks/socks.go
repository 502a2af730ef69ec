// Package socks dials through a SOCKS5 proxy (RFC 1928), such as Tor's. The proxy looks names up: those that end in .onion
// exist nowhere else, and whom the node talks to is nobody's business.
package socks

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Dial connects to an address (host:port) on a network of TCP, until ctx ends.
type Dial func(ctx context.Context, network, address string) (stdnet.Conn, error)

// What a dial may take when its context has no end, as that of net/http's dials: they outlive the request that wanted them.
const (
	directTimeout = 30 * time.Second // net/http's own
	proxyTimeout  = 2 * time.Minute  // for which Tor tries to reach an onion service
)

// maxCredential is how long a user name and a password may be in bytes: the protocol has one byte for their length.
const maxCredential = 255

// Check says what is wrong with the URL of a proxy, socks5://[user:password@]host:port, without repeating it: it may hold a
// password.
func Check(proxyURL string) error {
	_, _, err := parse(proxyURL)
	return err
}

// Dialer returns what dials through a proxy, and directly if proxyURL is empty. Loopback addresses are dialed directly in
// any case: to the proxy they would be its own.
func Dialer(proxyURL string) (Dial, error) {
	direct := &stdnet.Dialer{Timeout: directTimeout}
	if proxyURL == "" {
		return direct.DialContext, nil
	}
	address, auth, err := parse(proxyURL)
	if err != nil {
		return nil, err
	}
	made, err := proxy.SOCKS5("tcp", address, auth, direct)
	if err != nil {
		return nil, fmt.Errorf("make SOCKS5 dialer: %w", err)
	}
	through, ok := made.(proxy.ContextDialer)
	if !ok {
		return nil, errors.New("make SOCKS5 dialer: it does not heed contexts")
	}
	return func(ctx context.Context, network, address string) (stdnet.Conn, error) {
		if isLoopback(address) {
			return direct.DialContext(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(ctx, proxyTimeout)
		defer cancel()
		return through.DialContext(ctx, network, address)
	}, nil
}

// parse reads the URL of a proxy: where it is, and what it is shown; nil for nothing.
func parse(proxyURL string) (address string, auth *proxy.Auth, err error) {
	u, err := url.Parse(proxyURL)
	if err != nil || u.Scheme != "socks5" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", nil, errors.New("want a SOCKS5 proxy like socks5://127.0.0.1:9050")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return "", nil, errors.New("want a SOCKS5 proxy with its port, like socks5://127.0.0.1:9050")
	}
	if u.User == nil {
		return u.Host, nil, nil
	}
	password, _ := u.User.Password()
	auth = &proxy.Auth{User: u.User.Username(), Password: password}
	if auth.User == "" || len(auth.User) > maxCredential || len(auth.Password) > maxCredential {
		return "", nil, fmt.Errorf("the proxy's user name must have 1 to %d bytes, its password at most %d", maxCredential, maxCredential)
	}
	return u.Host, auth, nil
}

// isLoopback reports whether an address is this machine's alone.
func isLoopback(address string) bool {
	host, _, err := stdnet.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := stdnet.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
