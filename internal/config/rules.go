package config

import (
	"errors"
	"fmt"
	stdnet "net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/socks"
)

// rules are the node's own checks of single values, by the name they have in validate tags.
var rules = map[string]func(string) error{
	"endpoint":    checkEndpoint,
	"member":      checkMember,
	"label":       checkLabel,
	"multiaddr":   checkMultiaddr,
	"peeraddr":    checkPeerAddress,
	"dsn":         checkDSN,
	"hostport":    checkHostPort,
	"apiaddr":     checkAPIAddress,
	"proxy":       checkProxy,
	"instanceid":  checkInstanceID,
	"clusterurl":  checkClusterURL,
	"signerurl":   checkSignerURL,
	"fingerprint": checkFingerprint,
	"mailbox":     checkMailbox,
	"mailboxes":   checkMailboxes,
	"wallet":      checkWallet,
	"loglevel":    func(s string) error { _, _, err := ParseLevels(s); return err },
}

// checkEndpoint accepts ws, wss, http and https URLs with a host, and paths of IPC sockets. The text of an endpoint
// is never repeated in an error: providers put their access keys into it.
func checkEndpoint(s string) error {
	if filepath.IsAbs(s) || strings.HasSuffix(s, ".ipc") {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("want a URL of an endpoint, which this is not")
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return fmt.Errorf("want ws, wss, http or https or the path of an IPC socket, have the scheme %q", u.Scheme)
	}
	if u.Hostname() == "" {
		return errors.New("the URL has no host")
	}
	return nil
}

// checkMember accepts what checkEndpoint does, but a socket by its absolute path only: endpoints are told apart by their
// URL, and a relative path is another one in another directory.
func checkMember(s string) error {
	if strings.Contains(s, "://") || filepath.IsAbs(s) {
		return checkEndpoint(s)
	}
	return errors.New("want a URL with its scheme (ws, wss, http or https), or the absolute path of an IPC socket")
}

// maxLabel is the longest name of an endpoint or a vote group, in bytes: it is a column of a table on a terminal.
const maxLabel = 32

// checkLabel accepts names that can be labels of metrics, words of a command and parts of a path as they are.
func checkLabel(s string) error {
	odd := func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	if s == "" || len(s) > maxLabel || strings.ContainsFunc(s, odd) {
		return fmt.Errorf("want 1 to %d of a-z, 0-9 and -, have %q", maxLabel, s)
	}
	return nil
}

func checkMultiaddr(s string) error {
	if _, err := multiaddr.NewMultiaddr(s); err != nil {
		return fmt.Errorf("want a multiaddr like /ip4/192.0.2.1/tcp/3919: %w", err)
	}
	return nil
}

func checkPeerAddress(s string) error {
	if _, err := peer.AddrInfoFromString(s); err != nil {
		return fmt.Errorf("want a multiaddr that ends in /p2p/ and a peer ID: %w", err)
	}
	return nil
}

// checkHostPort accepts nothing, or a host and a port to listen on. Without a host the system would take every address
// of the machine, which is not what who forgets the host wants.
func checkHostPort(s string) error {
	if s == "" {
		return nil
	}
	host, port, err := stdnet.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("want an address and a port like 127.0.0.1:9601, have %q", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("want a port of 0 to 65535, have %q", port)
	}
	if host == "" {
		return fmt.Errorf("no address before the port: want 127.0.0.1%s, or 0.0.0.0%s if every machine may read", s, s)
	}
	return nil
}

// checkDSN accepts what the store can open. The text is not repeated: a DSN may hold a password.
func checkDSN(s string) error {
	if s == "" || (strings.HasPrefix(s, sqliteScheme) && s != sqliteScheme) {
		return nil
	}
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return checkURL(s)
	}
	return errors.New(`want "sqlite:" and a path, "postgres://user:password@host/database", or nothing for the default`)
}

// checkURL accepts what has the form of a database's URL. What its parameters mean the store knows.
func checkURL(s string) error {
	parsed, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL that can be read: percent-encode what is special in its password")
	case strings.Trim(parsed.Path, "/") == "":
		return errors.New(`no database is named: want "postgres://user:password@host/database"`)
	}
	return nil
}

// ParseLevels reads Log.Level: one level for the node's own lines and others by subsystem, separated by commas, as
// GOLOG_LOG_LEVEL has them. Without a level of its own the node's is info.
func ParseLevels(s string) (own golog.LogLevel, subsystems map[string]golog.LogLevel, err error) {
	own, subsystems = golog.LevelInfo, map[string]golog.LogLevel{}
	for part := range strings.SplitSeq(s, ",") {
		subsystem, name, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			subsystem, name = "", subsystem
		}
		level, err := parseLevel(name)
		if err != nil {
			return own, nil, err
		}
		switch {
		case !named:
			own = level
		case subsystem == "":
			return own, nil, fmt.Errorf("no subsystem before %q", part)
		default:
			subsystems[subsystem] = level
		}
	}
	return own, subsystems, nil
}

func parseLevel(name string) (golog.LogLevel, error) {
	switch name {
	case "debug", "info", "warn", "error":
		return golog.Parse(name)
	}
	return 0, fmt.Errorf("want debug, info, warn or error, have the level %q", name)
}

// checkAPIAddress accepts nothing, a unix socket, or an address to listen on. Who may reach it is checkAPI's concern.
func checkAPIAddress(s string) error {
	if s == "" {
		return nil
	}
	if path, unix := strings.CutPrefix(s, unixScheme); unix {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("want the absolute path of a socket after unix://, have %q", path)
		}
		return nil
	}
	return checkHostPort(s)
}

// checkProxy accepts nothing, or a SOCKS5 proxy.
func checkProxy(s string) error {
	if s == "" {
		return nil
	}
	return socks.Check(s)
}

// checkInstanceID accepts nothing, or the name of an instance.
func checkInstanceID(s string) error {
	if s == "" {
		return nil
	}
	_, err := cluster.ParseInstanceID(s)
	return err
}

// checkClusterURL accepts what an instance's API is reached at.
func checkClusterURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want the URL of an instance's API like https://node-1.example:9602, without a path")
	}
	return nil
}
