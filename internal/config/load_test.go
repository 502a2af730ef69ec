package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

const complete = `
[operator]
key_file = "key.json"
[ethereum]
url = "wss://example.org/secret"
bridge = "0x1111111111111111111111111111111111111111"
validator = "0x2222222222222222222222222222222222222222"
`

// write stores a configuration and returns its path.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	path := write(t, complete+`
[redemption]
fee_rate = 20
[log]
level = "warn"
format = "json"
`)
	environ := []string{"WALLETNODE_LOG_LEVEL=error", "WALLETNODE_REDEMPTION_FEE_RATE=30", "WALLETNODE_NETWORK_MDNS=", "PATH=/bin"}
	flags := Flags{"log.level": {Name: "--log-level", Value: "debug"}}
	c, err := Load(path, environ, flags)
	require.NoError(t, err)

	require.Equal(t, "debug", c.Log.Level)
	require.Equal(t, Origin{Source: FromFlag, Name: "--log-level"}, c.Origin("log.level"))
	require.EqualValues(t, 30, c.Redemption.FeeRate)
	require.Equal(t, "WALLETNODE_REDEMPTION_FEE_RATE", c.Origin("redemption.fee_rate").String())
	require.Equal(t, "json", c.Log.Format)
	require.Equal(t, path+":13:1", c.Origin("log.format").String())
	require.Equal(t, time.Minute, c.Ethereum.StaleAfter)
	require.Equal(t, FromDefault, c.Origin("ethereum.stale_after").Source)
}

func TestEveryKeyCanBeSetByItsVariable(t *testing.T) {
	token := write(t, strings.Repeat("0", minToken))
	environ := []string{
		"WALLETNODE_NODE_DATA_DIR=/data", "WALLETNODE_NODE_SHUTDOWN_GRACE=2s",
		"WALLETNODE_OPERATOR_KEY_FILE=k", "WALLETNODE_OPERATOR_PASSWORD_FILE=p",
		"WALLETNODE_ETHEREUM_URL=http://h", "WALLETNODE_ETHEREUM_CHAIN_ID=18446744073709551615",
		"WALLETNODE_ETHEREUM_BRIDGE=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"WALLETNODE_ETHEREUM_VALIDATOR=0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"WALLETNODE_ETHEREUM_POLL_INTERVAL=1s", "WALLETNODE_ETHEREUM_CALL_TIMEOUT=3s",
		"WALLETNODE_ETHEREUM_REQUESTS_PER_SECOND=0.5", "WALLETNODE_ETHEREUM_STALE_AFTER=5s",
		"WALLETNODE_ETHEREUM_MAX_HEADER_AGE=0s",
		"WALLETNODE_ETHEREUM_MULTI_ENABLED=false", "WALLETNODE_ETHEREUM_MULTI_POLL_INTERVAL=6s",
		"WALLETNODE_ETHEREUM_MULTI_POLL_DEADLINE=3s", "WALLETNODE_ETHEREUM_MULTI_PEERS_INTERVAL=1m",
		"WALLETNODE_ETHEREUM_MULTI_MIN_PEERS=5", "WALLETNODE_ETHEREUM_MULTI_PRIMARY_VOTE_GROUP=own",
		"WALLETNODE_NETWORK_LISTEN=/ip4/127.0.0.1/tcp/0, /ip4/127.0.0.1/udp/0/quic-v1",
		"WALLETNODE_NETWORK_PEERS=/dns4/b/tcp/1/p2p/12D3KooWSHj3RRbBjD15g6wekV8y3mm57Pobmps2g2WJm6F67Lay",
		"WALLETNODE_NETWORK_ANNOUNCE=/dns4/a/tcp/1,/dns4/a/udp/1/quic-v1", "WALLETNODE_NETWORK_PROXY=socks5://127.0.0.1:9050",
		"WALLETNODE_NETWORK_MDNS=true", "WALLETNODE_NETWORK_ADMISSION_DEADLINE=4s",
		"WALLETNODE_REDEMPTION_FEE_RATE=9", "WALLETNODE_BITCOIN_TRANSACTIONS=/tx",
		"WALLETNODE_SIGNING_PLACEMENT=random", "WALLETNODE_SIGNING_CLIENT_CERT_FILE=s.pem", "WALLETNODE_SIGNING_CLIENT_KEY_FILE=" + token,
		"WALLETNODE_SIGNING_TIMEOUT_HEALTH=2s", "WALLETNODE_SIGNING_TIMEOUT_SIGN=3s", "WALLETNODE_SIGNING_TIMEOUT_GENERATE=4m",
		"WALLETNODE_SIGNING_EMBEDDED=off", "WALLETNODE_SIGNING_DIR=/vault", "WALLETNODE_SIGNING_PASSWORD_FILE=/vp",
		"WALLETNODE_SIGNING_CAPACITY=12", "WALLETNODE_FEED_KEEP_EPOCHS=9", "WALLETNODE_FEED_MAILBOX_ENTRIES=77", "WALLETNODE_STORE_DSN=postgres://h/db",
		"WALLETNODE_STORE_RETENTION_WINDOWS=3", "WALLETNODE_STORE_RETENTION_EVIDENCE=4",
		"WALLETNODE_STORE_RETENTION_MESSAGES=65", "WALLETNODE_STORE_RETENTION_HEADS=66",
		"WALLETNODE_CLUSTER_INSTANCE_ID=node-1", "WALLETNODE_CLUSTER_URLS=https://a:1, http://a.onion", "WALLETNODE_CLUSTER_STANDBY=true",
		"WALLETNODE_CLUSTER_BOOTSTRAP=https://b:2", "WALLETNODE_CLUSTER_LEASE_TTL=4s", "WALLETNODE_CLUSTER_LEASE_RENEWAL=1s",
		"WALLETNODE_CLUSTER_LEASE_MARGIN=1s",
		"WALLETNODE_BANS_AUTOMATIC=true", "WALLETNODE_BANS_SCORE=3", "WALLETNODE_BANS_WINDOWS=8", "WALLETNODE_BANS_LASTS=2h",
		"WALLETNODE_API_LISTEN=127.0.0.1:9602", "WALLETNODE_API_TOKEN_FILE=" + token,
		"WALLETNODE_API_TLS_CERT_FILE=c.pem", "WALLETNODE_API_TLS_KEY_FILE=k.pem", "WALLETNODE_DASHBOARD_LISTEN=127.0.0.1:9603",
		"WALLETNODE_METRICS_LISTEN=[::1]:9601",
		"WALLETNODE_LOG_LEVEL=warn,net=debug", "WALLETNODE_LOG_FORMAT=json",
		PasswordVariable + "=not a key of the configuration",
		VerifyEndpointVariable + "=neither",
	}
	c, err := Load("", environ, nil)
	require.NoError(t, err)
	for _, key := range Keys() {
		require.Equal(t, Origin{Source: FromEnvironment, Name: Variable(key)}, c.Origin(key))
	}
	c.origins = nil
	address := common.HexToAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	require.Equal(t, Config{
		Node:     Node{DataDir: "/data", ShutdownGrace: 2 * time.Second},
		Operator: Operator{KeyFile: "k", PasswordFile: "p"},
		Ethereum: Ethereum{
			URL: "http://h", ChainID: 1<<64 - 1, Bridge: address, Validator: address,
			PollInterval: time.Second, CallTimeout: 3 * time.Second, RequestsPerSecond: 0.5,
			StaleAfter: 5 * time.Second,
			Multi: Multi{
				PollInterval: 6 * time.Second, PollDeadline: 3 * time.Second, PeersInterval: time.Minute, MinPeers: 5,
				PrimaryVoteGroup: "own", Endpoints: []Endpoint{},
			},
		},
		Network: Network{
			Listen:   []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"},
			Peers:    []string{"/dns4/b/tcp/1/p2p/12D3KooWSHj3RRbBjD15g6wekV8y3mm57Pobmps2g2WJm6F67Lay"},
			Announce: []string{"/dns4/a/tcp/1", "/dns4/a/udp/1/quic-v1"}, Proxy: "socks5://127.0.0.1:9050",
			MDNS: true, AdmissionDeadline: 4 * time.Second,
		},
		Redemption: Redemption{FeeRate: 9},
		Bitcoin:    Bitcoin{Transactions: "/tx"},
		Signing: Signing{
			Placement: "random", ClientCertFile: "s.pem", ClientKeyFile: token, TimeoutHealth: 2 * time.Second, TimeoutSign: 3 * time.Second,
			TimeoutGenerate: 4 * time.Minute, Embedded: "off", Dir: "/vault", PasswordFile: "/vp", Capacity: 12,
		},
		Signers: []Signer{},
		Feed:    Feed{KeepEpochs: 9, MailboxEntries: 77, Mailboxes: []Mailbox{}, Subscribers: []Subscriber{}},
		Store:   Store{DSN: "postgres://h/db", RetentionWindows: 3, RetentionEvidence: 4, RetentionMessages: 65, RetentionHeads: 66},
		Cluster: Cluster{
			InstanceID: "node-1", URLs: []string{"https://a:1", "http://a.onion"}, Standby: true, Bootstrap: []string{"https://b:2"},
			LeaseTTL: 4 * time.Second, LeaseRenewal: time.Second, LeaseMargin: time.Second,
		},
		Bans:      Bans{Automatic: true, Score: 3, Windows: 8, Lasts: 2 * time.Hour},
		API:       API{Listen: "127.0.0.1:9602", TokenFile: token, TLSCertFile: "c.pem", TLSKeyFile: "k.pem"},
		Dashboard: Dashboard{Listen: "127.0.0.1:9603"},
		Metrics:   Metrics{Listen: "[::1]:9601"},
		Log:       Log{Level: "warn,net=debug", Format: "json"},
	}, c)
	require.Equal(t, "postgres://h/db", c.StoreDSN())
	require.Equal(t, "127.0.0.1:9602", c.APIAddress())
}

func TestBadInputTenMistakesAreTenLines(t *testing.T) {
	path := write(t, `[node]
data_dirr = "x"
shutdown_grace = 60
[ethereum]
  url = "ftp://example.org"
bridge = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"
validator = "0x2222222222222222222222222222222222222222"
stale_after = "1s"
chain_id = "1"
[network]
peers = ["/ip4/127.0.0.1/tcp/1", 7]
mdns = "yes"
[etherum]
[redemption]
fee_rate = 1.5
`)
	_, err := Load(path, []string{"WALLETNODE_LOG_FORMAT=xml", "WALLETNODE_LOG_LEVELL=info", "WALLETNODE_SERVICE_HOST=10.0.0.1"},
		Flags{"log.level": {"--log-level", "loud"}})
	var complaints Complaints
	require.ErrorAs(t, err, &complaints)
	require.Equal(t, []string{
		path + ":2:1: node.data_dirr: unknown key (did you mean node.data_dir?)",
		path + `:3:1: node.shutdown_grace: want a duration with its unit, like "60s"`,
		path + `:5:3: ethereum.url: want ws, wss, http or https or the path of an IPC socket, have the scheme "ftp"`,
		path + ":6:1: ethereum.bridge: address 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD has a wrong EIP-55 checksum; it would be 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		path + ":8:1: ethereum.stale_after: want at least 5s, have 1s",
		path + `:9:1: ethereum.chain_id: want a whole number, 0 or more, have the string "1"`,
		path + ":11:1: network.peers: item 2: want a string, have 7",
		path + `:12:1: network.mdns: want true or false, have the string "yes"`,
		path + ":13:2: etherum: unknown table or key (did you mean ethereum?)",
		path + ":15:1: redemption.fee_rate: want a whole number, have 1.5",
		"WALLETNODE_LOG_LEVELL: unknown variable (did you mean WALLETNODE_LOG_LEVEL?)",
		"WALLETNODE_LOG_FORMAT: log.format: want one of text, json, have \"xml\"",
		`--log-level: log.level: want debug, info, warn or error, have the level "loud"`,
		"operator.key_file: required, and not set",
	}, strings.Split(err.Error(), "\n"))
	require.Len(t, complaints, 14)
}

func TestBadInputValuesAreNamedWithTheirReason(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"key at the top":           {`level = "info"`, "1:1: level: unknown table or key"},
		"table as a value":         {`log = 3`, "1:1: log: want a table: [log]"},
		"key of another table":     {"[log]\nurl = 'x'", "2:1: log.url: unknown key (did you mean ethereum.url?)"},
		"no near key":              {"[log]\ncolourful = true", "2:1: log.colourful: unknown key"},
		"constant of the protocol": {"[coordination]\nfrequency = 100", "1:2: coordination: unknown table or key"},
		"secret in the file":       {"[operator]\npassword = 'x'", "2:1: operator.password: unknown key"},
		"table for a key":          {"[log.level]\nnet = 'debug'", "1:2: log.level: want a string, have a table"},
		"dotted":                   {"log.format = 'xml'", "1:1: log.format: want one of text, json"},
		"quoted dot":               {`"log.level" = 'info'`, `1:1: "log.level": unknown key (did you mean log.level?)`},
		"inline table":             {"log = { level = 'info', format = 'xml' }", "1:25: log.format: want one of text, json"},
		"not TOML":                 {"[log]\nlevel = ", "2:8: not TOML: "},
		"twice":                    {"[log]\nlevel = 'info'\nlevel = 'warn'", "3:1: not TOML: "},
		"negative":                 {"[store]\nretention_windows = -1", "2:1: store.retention_windows: want at least 1, have -1"},
		"not a number":             {"[ethereum]\nrequests_per_second = nan", "2:1: ethereum.requests_per_second: want a number, have NaN"},
		"date":                     {"[log]\nlevel = 2020-01-01", "2:1: log.level: want a string, have a date or time"},
		"no listen address":        {"[network]\nlisten = []", "2:1: network.listen: want at least 1 item"},
		"listen address":           {"[network]\nlisten = ['/ip4/1.2.3.4/tcp/1', 'localhost:1']", `2:1: network.listen: "localhost:1": want a multiaddr`},
		"peer without ID":          {"[network]\npeers = ['/ip4/1.2.3.4/tcp/1']", `2:1: network.peers: "/ip4/1.2.3.4/tcp/1": want a multiaddr that ends in /p2p/`},
		"URL without host":         {"[ethereum]\nurl = 'http://:8545'", "2:1: ethereum.url: the URL has no host"},
		"zero address":             {"[ethereum]\nbridge = '0x0000000000000000000000000000000000000000'", "2:1: ethereum.bridge: required, and not set"},
		"short address":            {"[ethereum]\nbridge = '0x11'", `2:1: ethereum.bridge: want an address (0x and 40 hex digits), have "0x11"`},
		"messages kept too short":  {"[store]\nretention_messages = 63", "2:1: store.retention_messages: want at least 64, have 63"},
		"heads kept too short":     {"[store]\nretention_heads = 63", "2:1: store.retention_heads: want at least 64, have 63"},
		"evidence kept shorter":    {"[store]\nretention_evidence = 10", "2:1: store.retention_evidence: evidence must be kept at least as long"},
		"windows kept too long":    {"[store]\nretention_windows = 10001", "store.retention_evidence: evidence must be kept at least as long"},
		"negative chain":           {"[ethereum]\nchain_id = -1", "2:1: ethereum.chain_id: want a whole number, 0 or more, have -1"},
		"unknown database":         {"[store]\ndsn = 'mysql://u:hunter2@h/db'", `2:1: store.dsn: want "sqlite:" and a path`},
		"database's server alone":  {"[store]\ndsn = 'postgres://u:hunter2@h'", "2:1: store.dsn: no database is named"},
		"database's odd password":  {"[store]\ndsn = 'postgres://u:hunter2%@h/db'", "2:1: store.dsn: not a URL that can be read"},
		"API for everybody":        {"[api]\nlisten = '0.0.0.0:9602'", "2:1: api.listen: other machines reach this address: set api.token_file, api.tls_cert_file and api.tls_key_file"},
		"API without a host":       {"[api]\nlisten = ':9602'", "2:1: api.listen: no address before the port"},
		"API by name":              {"[api]\nlisten = 'example.org:9602'", "2:1: api.listen: other machines reach this address"},
		"API on a relative path":   {"[api]\nlisten = 'unix://api.sock'", `2:1: api.listen: want the absolute path of a socket after unix://, have "api.sock"`},
		"metrics on every address": {"[metrics]\nlisten = ':9601'", "2:1: metrics.listen: no address before the port: want 127.0.0.1:9601, or 0.0.0.0:9601 if every machine may read"},
		"metrics without a port":   {"[metrics]\nlisten = 'localhost'", `2:1: metrics.listen: want an address and a port like 127.0.0.1:9601, have "localhost"`},
		"metrics port":             {"[metrics]\nlisten = '127.0.0.1:http'", `2:1: metrics.listen: want a port of 0 to 65535, have "http"`},
		"level without subsystem":  {"[log]\nlevel = '=debug'", `2:1: log.level: no subsystem before "=debug"`},
		"subsystem's level":        {"[log]\nlevel = 'info,net=loud'", `2:1: log.level: want debug, info, warn or error, have the level "loud"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, c.text)
			_, err := Load(path, nil, nil)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestEndpointIsNeverRepeatedInComplaints(t *testing.T) {
	for _, url := range []string{"wss://[::1/hunter2", "hunter2", "ws:hunter2", "ftp://h/hunter2"} {
		_, err := Load("", []string{"WALLETNODE_ETHEREUM_URL=" + url}, nil)
		require.ErrorContains(t, err, "WALLETNODE_ETHEREUM_URL: ethereum.url: ")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestFilesThatCannotBeReadAreOneClearError(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.toml"), nil, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load(dir, nil, nil)
	require.ErrorContains(t, err, "read configuration")
	_, err = Load(write(t, strings.Repeat("#", maxFile+1)), nil, nil)
	require.ErrorContains(t, err, "larger than")
}

func TestReadNeedsNeitherKeyNorEndpointButRefusesWhatIsWrong(t *testing.T) {
	c, err := Read(write(t, "[node]\ndata_dir = '/data'"), nil, nil)
	require.NoError(t, err)
	require.Equal(t, "sqlite:/data/walletnode.db", c.StoreDSN())
	_, err = Read(write(t, "[node]\ndata-dir = '/data'"), nil, nil)
	require.ErrorContains(t, err, "node.data-dir: unknown key (did you mean node.data_dir?)")
	_, err = Read("", []string{"WALLETNODE_LOG_LEVEL=loud"}, nil)
	require.EqualError(t, err, `WALLETNODE_LOG_LEVEL: log.level: want debug, info, warn or error, have the level "loud"`)
}

func TestHomeDirectoryThatIsNotKnownIsAComplaint(t *testing.T) {
	t.Setenv("HOME", "")
	_, err := Read("", nil, nil)
	require.ErrorContains(t, err, "node.data_dir: no home directory")
}

func FuzzTOML(f *testing.F) {
	sample, err := os.ReadFile(samplePath)
	require.NoError(f, err)
	f.Add(sample)
	f.Add([]byte(complete))
	f.Add([]byte(many))
	f.Add([]byte("ethereum.multi = { endpoints = [{ name = 'a', x.y = [{}] }, 1] }\n[ethereum.multi.endpoints]\n[\"a.b\".\"[2]\"]"))
	f.Add([]byte("[[ethereum.multi.endpoints]]\n[ethereum.multi.endpoints.name]\n[[ethereum.multi.endpoints]]\n[[ethereum.multi.endpoints.roles]]"))
	f.Add([]byte("log = { level = 'info', a.b = [[1]] }\n[[node]]\n[a.b.c]\nd=1979-05-27T07:32:00Z"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		tree, err := parseTOML("fuzz", doc)
		if err != nil {
			return
		}
		c := Default()
		c.origins = map[string]Origin{}
		for _, complaint := range applyTOML(&c, "fuzz", doc, tree) {
			require.Positive(t, complaint.Origin.Line, "%s has no line", complaint.Key)
		}
		for _, complaint := range c.broken() {
			require.NotEmpty(t, complaint.Why)
		}
	})
}
