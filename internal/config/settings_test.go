package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrintedSettingsAreReadBack(t *testing.T) {
	c, err := Load(write(t, complete), []string{
		"WALLETNODE_NODE_DATA_DIR=/a \"quoted\"\\ \x7f\x01 dir", "WALLETNODE_NETWORK_LISTEN=/ip4/127.0.0.1/tcp/1,/ip6/::1/tcp/2",
		"WALLETNODE_ETHEREUM_REQUESTS_PER_SECOND=3", "WALLETNODE_ETHEREUM_CHAIN_ID=11155111",
	}, nil)
	require.NoError(t, err)
	for _, origins := range []bool{false, true} {
		var out strings.Builder
		require.NoError(t, WriteTOML(&out, c.Settings(), origins))
		again, err := Load(write(t, out.String()), nil, nil)
		require.NoError(t, err)
		have, want := again, c
		have.origins, want.origins = nil, nil
		require.Equal(t, want, have)
		require.Equal(t, origins, strings.Contains(out.String(), `max_header_age = "2m0s" # default`))
		require.Equal(t, origins, strings.Contains(out.String(), "chain_id = 11155111 # WALLETNODE_ETHEREUM_CHAIN_ID"))
	}
}

func TestAnAddressThatIsNotSetIsAComment(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteTOML(&out, Default().Settings(), true))
	require.Contains(t, out.String(), "# bridge is not set\n")
	_, err := Read(write(t, out.String()), nil, nil)
	require.ErrorContains(t, err, "ethereum.url", "an empty endpoint that is written down is judged")
}

func TestRedactedHidesADatabasesPassword(t *testing.T) {
	for dsn, want := range map[string]string{
		"":                                   "",
		"sqlite:/var/lib/a://b.db":           "sqlite:/var/lib/a://b.db",
		"postgres://u:secret@h:5432/db":      "postgres://h:5432/REDACTED",
		"postgres:///db?password=secret":     "REDACTED",
		"postgres://u:secret@/db?host=/run":  "REDACTED",
		"postgres://h/db?sslpassword=secret": "postgres://h/REDACTED",
	} {
		c := Config{Store: Store{DSN: dsn}}
		require.Equal(t, want, c.Redacted().Store.DSN)
	}
}

func TestRedactedHidesWhatCanHoldAnAccessKey(t *testing.T) {
	for url, want := range map[string]string{
		"wss://mainnet.example.org/v3/secret": "wss://mainnet.example.org/REDACTED",
		"https://user:secret@host:8545":       "https://host:8545/REDACTED",
		"https://host/?key=secret":            "https://host/REDACTED",
		"ws://127.0.0.1:8546":                 "ws://127.0.0.1:8546",
		"ws://127.0.0.1:8546/":                "ws://127.0.0.1:8546/",
		"/run/geth.ipc":                       "/run/geth.ipc",
		"":                                    "",
		"http://[::1/secret":                  "REDACTED",
	} {
		c := Default()
		c.Ethereum.URL = url
		require.Equal(t, want, c.Redacted().Ethereum.URL)
		require.Equal(t, url, c.Ethereum.URL)
	}
}

func TestFillKeepsCommentsAndSetsKeys(t *testing.T) {
	sample, err := os.ReadFile(samplePath)
	require.NoError(t, err)
	const dir = `/srv/a "b"`
	filled, err := Fill(string(sample), map[string]string{"node.data_dir": dir, "operator.key_file": dir + "/k"}, "ethereum.url", "ethereum.bridge")
	require.NoError(t, err)
	require.Equal(t, strings.Count(string(sample), "\n"), strings.Count(filled, "\n"))
	require.Contains(t, filled, "\n# url = \"ws://127.0.0.1:8546\"\n")

	_, err = Load(write(t, filled), nil, nil)
	var wrong Complaints
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong, 2)
	c, err := Read(write(t, filled), nil, nil)
	require.NoError(t, err)
	require.Equal(t, dir, c.Node.DataDir)
	require.Equal(t, time.Minute, c.Node.ShutdownGrace)

	_, err = Fill(string(sample), map[string]string{"node.none": ""})
	require.ErrorContains(t, err, "node.none")
	_, err = Fill(string(sample), nil, "none.at_all")
	require.ErrorContains(t, err, "none.at_all")
	_, err = Fill("= 1", nil)
	require.ErrorContains(t, err, "not TOML")
}

func TestFindLooksInTheDataDirectoryOrElseInTheUsualPlaces(t *testing.T) {
	home, here, data := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(here)
	put := func(dir string) string {
		require.NoError(t, os.MkdirAll(dir, 0o700))
		path := filepath.Join(dir, FileName)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		return path
	}
	require.Empty(t, Find(data))
	atHome := put(filepath.Join(home, ".walletnode"))
	require.Equal(t, atHome, Find(""))
	put(here)
	require.Equal(t, FileName, Find(""))
	require.Empty(t, Find(data), "a data directory leaves no other place")
	require.Equal(t, put(data), Find(data))
}
