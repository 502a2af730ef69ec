// Package config turns the TOML file, the environment and the command line into one checked struct. A value on the
// command line wins over the environment, that over the file, and the file over the default. It does no more
// than that: whoever builds a part of the node takes the values it needs from here.
//
// The file is parsed with go-toml; keys and types are matched here instead of by its decoder, because the decoder
// stops at the first value of a wrong type and forgets where the others stood. For the same reason no layering
// library is used: it would merge the sources into one map and lose the line of each key.
//
//	config.go, multi.go, cluster.go, api.go, signers.go, feed.go  the tables, their defaults and what follows from them
//	load.go, find.go, file.go, environment.go                     where values come from
//	fields.go, assign.go, address.go                              the keys of the struct, and texts as their values
//	origin.go, position.go, suggest.go                            where a value was set, and what is said of a wrong one
//	validate.go, rules.go, multicheck.go                          what is demanded of one value, and of several together
//	settings.go, fill.go, diff.go                                 a configuration as it is shown, written, and compared with another one
package config

import (
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Config is everything an operator can set. Nothing that the protocol fixes is in it: constants of coordination are
// the same for every node or the node would accuse honest peers. Secrets are not in it either, only the names of
// the files that hold them.
//
// The toml tags are the keys of the file, a struct being a table and a list of structs a list of tables; the validate
// tags are the rules that one value can break alone.
type Config struct {
	Node       Node       `toml:"node"`
	Operator   Operator   `toml:"operator"`
	Ethereum   Ethereum   `toml:"ethereum"`
	Network    Network    `toml:"network"`
	Redemption Redemption `toml:"redemption"`
	Bitcoin    Bitcoin    `toml:"bitcoin"`
	Signing    Signing    `toml:"signing"`
	Signers    []Signer   `toml:"signers" validate:"max=64,dive"`
	Feed       Feed       `toml:"feed"`
	Store      Store      `toml:"store"`
	Cluster    Cluster    `toml:"cluster"`
	Bans       Bans       `toml:"bans"`
	API        API        `toml:"api"`
	Dashboard  Dashboard  `toml:"dashboard"`
	Metrics    Metrics    `toml:"metrics"`
	Log        Log        `toml:"log"`

	origins map[string]Origin // where each key was set; absent for a default
}

// Node holds what concerns the process.
type Node struct {
	// DataDir is the directory of everything the node writes. A leading ~/ is the user's home directory.
	DataDir string `toml:"data_dir" validate:"required"`
	// ShutdownGrace is how long the first interrupt may take to finish what is in flight.
	ShutdownGrace time.Duration `toml:"shutdown_grace" validate:"min=1s,max=1h"`
}

// Operator names the operator's key, which signs every message. The password stands in PasswordFile, or in
// the environment as WALLETNODE_OPERATOR_PASSWORD; it is never a key of the file nor a flag.
type Operator struct {
	// KeyFile is an Ethereum keystore file, version 3. It must be readable by its owner alone.
	KeyFile string `toml:"key_file" validate:"required"`
	// PasswordFile holds the password of KeyFile, a final newline excepted. Empty means the environment has it.
	PasswordFile string `toml:"password_file"`
}

// Ethereum is the host chain's endpoint and the two contracts the node reads.
type Ethereum struct {
	// URL is a JSON-RPC endpoint: ws, wss, http or https, or the path of an IPC socket.
	URL string `toml:"url" validate:"required,endpoint"`
	// ChainID is the chain the endpoint must serve; 0 accepts any.
	ChainID uint64 `toml:"chain_id"`
	// Bridge is the address of the tBTC Bridge contract.
	Bridge common.Address `toml:"bridge" validate:"required"`
	// Validator is the address of the WalletProposalValidator contract.
	Validator common.Address `toml:"validator" validate:"required"`
	// PollInterval is the time between two questions for the head where the endpoint cannot push heads.
	PollInterval time.Duration `toml:"poll_interval" validate:"min=100ms,max=1m"`
	// CallTimeout bounds one request to the endpoint.
	CallTimeout time.Duration `toml:"call_timeout" validate:"min=100ms,max=5m"`
	// RequestsPerSecond limits the requests to the endpoint; 0 is no limit.
	RequestsPerSecond float64 `toml:"requests_per_second" validate:"min=0,max=1000000"`
	// StaleAfter is the longest time without a new block before the node stops leading and accusing; at least
	// 5 s (rule R8).
	StaleAfter time.Duration `toml:"stale_after" validate:"min=5s,max=1h"`
	// MaxHeaderAge is the greatest age of the head's own timestamp; 0 switches the check off (rule R8).
	MaxHeaderAge time.Duration `toml:"max_header_age" validate:"min=0s"`
	// Multi adds endpoints to URL, which is the primary then.
	Multi Multi `toml:"multi"`
}

// Network is the node's place on the peer-to-peer network.
type Network struct {
	// Listen holds the multiaddrs the node accepts connections on.
	Listen []string `toml:"listen" validate:"min=1,max=64,dive,multiaddr"`
	// Peers holds multiaddrs with a peer ID (/p2p/...) that are dialled at start and kept connected.
	Peers []string `toml:"peers" validate:"max=256,dive,peeraddr"`
	// Announce holds the multiaddrs that peers are told to reach the node at, without a peer ID; empty for those it
	// listens on.
	Announce []string `toml:"announce" validate:"max=16,dive,multiaddr"`
	// Proxy is a SOCKS5 proxy, socks5://[user:password@]host:port, for what the node dials over HTTP and WebSocket: chain
	// endpoints and other instances. It makes .onion addresses reachable; names are resolved by the proxy.
	Proxy string `toml:"proxy" validate:"proxy"`
	// MDNS looks for peers on the local network.
	MDNS bool `toml:"mdns"`
	// AdmissionDeadline is how long a new peer has to prove for which operator it speaks.
	AdmissionDeadline time.Duration `toml:"admission_deadline" validate:"min=1s,max=10m"`
}

// Redemption is how this node, as a leader, proposes redemptions.
type Redemption struct {
	// FeeRate is the Bitcoin transaction fee proposed, in satoshi per virtual byte.
	FeeRate int64 `toml:"fee_rate" validate:"min=1,max=10000"`
}

// Store is the node's durable memory.
type Store struct {
	// DSN names the database; empty is walletnode.db in the data directory. See Config.StoreDSN.
	DSN string `toml:"dsn" validate:"dsn"`
	// RetentionWindows is how many opened windows results and actions are kept; there are about 8 in a day.
	RetentionWindows int `toml:"retention_windows" validate:"min=1,max=10000000"`
	// RetentionEvidence is how many opened windows faults and their signed evidence are kept; not less than
	// RetentionWindows.
	RetentionEvidence int `toml:"retention_evidence" validate:"min=1,max=10000000"`
	// RetentionMessages is how many opened windows signed messages of others are kept, and what this operator attested of
	// them; not fewer than a head attests. What is in an open dispute is kept longer.
	RetentionMessages int `toml:"retention_messages" validate:"min=64,max=10000000"`
	// RetentionHeads is how many opened windows heads are kept.
	RetentionHeads int `toml:"retention_heads" validate:"min=64,max=10000000"`
}

// Cluster is this instance's place among the operator's instances on one shared database. What differs between them,
// InstanceID, URLs and Standby, is rather given by flags or the environment, so that all have the same file.
type Cluster struct {
	// InstanceID names this instance. It is needed on a shared database; empty is this host's name.
	InstanceID string `toml:"instance_id" validate:"instanceid"`
	// URLs are where clients and siblings reach this instance's API, the preferred one first.
	URLs []string `toml:"urls" validate:"max=8,dive,clusterurl"`
	// Standby keeps this instance in reserve: it is given wallets only while no other can serve them.
	Standby bool `toml:"standby"`
	// Bootstrap are URLs of instances that commands try when they are to reach any.
	Bootstrap []string `toml:"bootstrap" validate:"max=64,dive,clusterurl"`
	// LeaseTTL is how long a dead instance's wallets wait; LeaseRenewal the time between renewals; LeaseMargin how much
	// earlier than the database the holder takes its lease to be over. See cluster.Timing.
	LeaseTTL     time.Duration `toml:"lease_ttl" validate:"min=4s,max=2m"`
	LeaseRenewal time.Duration `toml:"lease_renewal" validate:"min=200ms,max=1m"`
	LeaseMargin  time.Duration `toml:"lease_margin" validate:"min=500ms,max=1m"`
}

// Bans is whether the node keeps operators away by itself.
type Bans struct {
	// Automatic bans an operator whose score reaches Score.
	Automatic bool `toml:"automatic"`
	// Score is how many attributed faults within the last Windows windows are too many. One alone bans nobody: also a proof shows two
	// signatures, and not why.
	Score   int `toml:"score" validate:"min=2,max=1000000"`
	Windows int `toml:"windows" validate:"min=1,max=10000"`
	// Lasts is how long an automatic ban lasts.
	Lasts time.Duration `toml:"lasts" validate:"min=1m,max=8760h"`
}

// Dashboard is the web page that shows all instances.
type Dashboard struct {
	// Listen is the TCP address (host:port) that serves the page; empty for none of its own: it is beside the API in any
	// case, at /dashboard/. One that is not a loopback address needs API.TokenFile.
	Listen string `toml:"listen" validate:"hostport"`
}

// API is where the running node answers the commands and the operator's tools.
type API struct {
	// Listen is unix:// and the absolute path of a socket, or host:port. An address that is not a loopback one needs
	// TokenFile and TLS. Empty is api.sock in the data directory. See Config.APIAddress.
	Listen string `toml:"listen" validate:"apiaddr"`
	// TokenFile holds the word that requests must show, at least 32 characters, as "Authorization: Bearer ..."; its owner
	// alone may read it. Empty asks for none, which only a unix socket or a loopback address may, and not where
	// Cluster.URLs say that others reach it. See Config.APIToken.
	TokenFile string `toml:"token_file"`
	// TLSCertFile and TLSKeyFile are PEM files; with them the API speaks HTTPS.
	TLSCertFile string `toml:"tls_cert_file"`
	TLSKeyFile  string `toml:"tls_key_file"`
}

// Metrics is where the node tells a Prometheus server how it fares.
type Metrics struct {
	// Listen is the TCP address (host:port) that serves /metrics; empty serves none. There is no password, so an
	// address other than a loopback one must be named as such: a port alone, which would be every address, is refused.
	Listen string `toml:"listen" validate:"hostport"`
}

// Log is what the node writes to stderr.
type Log struct {
	// Level is debug, info, warn or error for the node's own lines, optionally followed by
	// subsystem=level pairs: "info,swarm2=debug".
	Level string `toml:"level" validate:"loglevel"`
	// Format is text or json.
	Format string `toml:"format" validate:"oneof=text json"`
}

// Default returns the configuration of a node about which nothing was said. It does not pass Validate: the
// operator's key, the endpoint and the contracts have no default.
func Default() Config {
	return Config{
		// A minute is more than a message or a store transaction takes, and less than the 90 s after which
		// systemd kills a service that does not stop.
		Node:     Node{DataDir: "~/.walletnode", ShutdownGrace: time.Minute},
		Operator: Operator{},
		Ethereum: Ethereum{
			PollInterval:      4 * time.Second, // three times per block of 12 s
			CallTimeout:       10 * time.Second,
			RequestsPerSecond: 25,
			StaleAfter:        time.Minute,     // five blocks
			MaxHeaderAge:      2 * time.Minute, // ten blocks: as many missed slots in a row do not happen
			Multi:             defaultMulti(),
		},
		Network: Network{
			// 3919 is the port the network's operators already have open.
			Listen: []string{
				"/ip4/0.0.0.0/tcp/3919", "/ip6/::/tcp/3919",
				"/ip4/0.0.0.0/udp/3919/quic-v1", "/ip6/::/udp/3919/quic-v1",
			},
			Announce:          []string{},
			Peers:             []string{},
			AdmissionDeadline: 10 * time.Second,
		},
		Redemption: Redemption{FeeRate: 10},
		Signing:    defaultSigning(),
		Signers:    []Signer{},
		Feed:       defaultFeed(),
		// About 250 days, and three and a half years: a wallet's whole life, and long enough for a dispute.
		Store: Store{RetentionWindows: 2_000, RetentionEvidence: 10_000, RetentionMessages: 240, RetentionHeads: 720},
		Cluster: Cluster{
			URLs: []string{}, Bootstrap: []string{},
			// A dead instance's wallets are served again after 1 % of a window's active phase; two renewals may fail.
			LeaseTTL: 10 * time.Second, LeaseRenewal: 2500 * time.Millisecond, LeaseMargin: 1500 * time.Millisecond,
		},
		Bans: Bans{Score: 10, Windows: 56, Lasts: 24 * time.Hour}, // 56 windows are a week
		Log:  Log{Level: "info", Format: "text"},
	}
}

// StoreDSN returns the database to open: Store.DSN, or walletnode.db in the data directory if it is empty.
func (c Config) StoreDSN() string {
	if c.Store.DSN != "" {
		return c.Store.DSN
	}
	return sqliteScheme + filepath.Join(c.Node.DataDir, "walletnode.db")
}

// APIAddress returns where the running node answers: API.Listen, or a unix socket in the data directory if it is empty.
func (c Config) APIAddress() string {
	if c.API.Listen != "" {
		return c.API.Listen
	}
	return unixScheme + filepath.Join(c.Node.DataDir, "api.sock")
}

// unixScheme begins the address of a unix socket; its path follows.
const unixScheme = "unix://"

// sqliteScheme begins the DSN of an embedded database; a path follows.
const sqliteScheme = "sqlite:"
