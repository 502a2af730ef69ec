package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
)

// sharing is a configuration of an instance beside others.
const sharing = complete + "[store]\ndsn = 'postgres://u:hunter2@h/db'\n"

// secret writes a file that its owner alone may read.
func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

var goodToken = strings.Repeat("0123456789abcdef", 2)

func TestAnInstanceIsNamedAfterItsHostIfNothingIsSaid(t *testing.T) {
	for host, want := range map[string]string{
		"node-1":                       "node-1",
		"Node_1.Example.ORG":           "node_1.example.org",
		"-_.node 1é":                   "node-1-",
		strings.Repeat("abcdefgh", 10): strings.Repeat("abcdefgh", 8)[:63],
		"wörker":                       "w-rker",
		"0":                            "0",
	} {
		got, err := instanceIDOf(host)
		require.NoError(t, err, host)
		require.Equal(t, want, got)
	}
	for _, host := range []string{"", "...", "日本"} {
		_, err := instanceIDOf(host)
		require.ErrorContains(t, err, "set cluster.instance_id")
	}
	c := Default()
	c.Cluster.InstanceID = "chosen"
	got, err := c.InstanceID()
	require.NoError(t, err)
	require.Equal(t, "chosen", got)
}

func TestTheDefaultLeaseIsThatOfTheCluster(t *testing.T) {
	require.Equal(t, cluster.DefaultTiming(), Default().Cluster.Timing())
}

func TestSharedIsADatabaseOfAServer(t *testing.T) {
	for dsn, shared := range map[string]bool{"": false, "sqlite:/a.db": false, "postgres://h/db": true, "postgresql://h/db": true} {
		require.Equal(t, shared, Config{Store: Store{DSN: dsn}}.Shared(), dsn)
	}
}

func TestBadInputOfInstancesIsNamedWithItsReason(t *testing.T) {
	const needsSharing = "needs a database that instances share: set store.dsn to postgres://..., or remove this"
	for name, c := range map[string]struct{ base, text, want string }{
		"a file is not shared: name":    {complete, "instance_id = 'a'", "cluster.instance_id: " + needsSharing},
		"a file is not shared: URLs":    {complete, "urls = ['https://a:1']", "cluster.urls: " + needsSharing},
		"a file is not shared: standby": {complete, "standby = true", "cluster.standby: " + needsSharing},
		"a file is not shared: lease":   {complete, "lease_ttl = '20s'", "cluster.lease_ttl: " + needsSharing},
		"a lease without two renewals":  {sharing, "lease_renewal = '4.5s'", "cluster.lease_ttl: lease ttl 10s less its margin 1.5s leaves no room for two renewals of 4.5s"},
		"a short lease":                 {sharing, "lease_ttl = '3s'", "11:1: cluster.lease_ttl: want at least 4s, have 3s"},
		"a long lease":                  {sharing, "lease_ttl = '3m'", "cluster.lease_ttl: want at most 2m, have 3m0s"},
		"too many renewals":             {sharing, "lease_renewal = '100ms'", "cluster.lease_renewal: want at least 200ms, have 100ms"},
		"no margin":                     {sharing, "lease_margin = '0s'", "cluster.lease_margin: want at least 500ms, have 0s"},
		"an odd name":                   {sharing, "instance_id = 'Node 1'", `cluster.instance_id: instance id "Node 1": want 1 to 63 of a-z, 0-9, dot, dash and underscore`},
		"a URL with a path":             {sharing, "urls = ['https://a:1/x']", `cluster.urls: "https://a:1/x": want the URL of an instance's API`},
		"a URL with a fragment":         {sharing, "bootstrap = ['https://a:1#x']", `cluster.bootstrap: "https://a:1#x": want the URL of an instance's API`},
		"no URL":                        {sharing, "bootstrap = ['a:1']", `cluster.bootstrap: "a:1": want the URL of an instance's API`},
		"no token":                      {sharing, "urls = ['https://a:1']", "cluster.urls: others reach the API there, and nothing asks who they are: set api.token_file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.base+"[cluster]\n"+c.text), nil, nil)
			require.ErrorContains(t, err, c.want)
			var wrong Complaints
			require.ErrorAs(t, err, &wrong)
			if name != "a file is not shared: URLs" { // which lack a token besides
				require.Len(t, wrong, 1, "one mistake is one complaint")
			}
		})
	}
}

func TestAnInstanceThatNobodyIsToldHowToReachIsAWarning(t *testing.T) {
	c, err := Load(write(t, sharing), nil, nil)
	require.NoError(t, err)
	require.Len(t, c.Warnings(), 2)
	require.Equal(t, noClusterURLs, c.Warnings()[0].State)
	c.Cluster.URLs = []string{"https://a:1"}
	require.Len(t, c.Warnings(), 1)
	require.Equal(t, noSigners, c.Warnings()[0].State)
	require.Empty(t, Default().Warnings())
}

func TestBootstrapIsForCommandsAnywhere(t *testing.T) {
	_, err := Load(write(t, complete+"[cluster]\nbootstrap = ['https://a:1', 'http://a.onion']\nurls = []"), nil, nil)
	require.NoError(t, err)
}

func TestWhatOthersReachHasAPasswordAndIsNotReadOnTheWay(t *testing.T) {
	token := "token_file = '" + secret(t, goodToken+"\n") + "'\n"
	const tls, open, onion = "tls_cert_file = 'c'\ntls_key_file = 'k'\n", "listen = '0.0.0.0:9602'\n", "listen = '127.0.0.1:9602'\n"
	urls := sharing + "[cluster]\nurls = ['http://a.onion']\n"
	for name, c := range map[string]struct{ text, want string }{
		"open with all":                 {complete + "[api]\n" + open + token + tls, ""},
		"open without a token":          {complete + "[api]\n" + open + tls, "api.listen: other machines reach this address"},
		"open without TLS":              {complete + "[api]\n" + open + token, "api.listen: other machines reach this address"},
		"a name without TLS":            {complete + "[api]\nlisten = 'example.org:9602'\n" + token, "api.listen: other machines reach this address"},
		"loopback":                      {complete + "[api]\n" + onion, ""},
		"loopback by name":              {complete + "[api]\nlisten = 'localhost:9602'\n", ""},
		"loopback of IPv6":              {complete + "[api]\nlisten = '[::1]:9602'\n", ""},
		"an onion service":              {urls + "[api]\n" + onion + token, ""},
		"an onion service for everyone": {urls + "[api]\n" + onion, "cluster.urls: others reach the API there"},
		"a key alone":                   {complete + "[api]\ntls_key_file = 'k'", "api.tls_key_file: set api.tls_cert_file as well"},
		"a certificate alone":           {complete + "[api]\ntls_cert_file = 'c'", "api.tls_cert_file: set api.tls_key_file as well"},
		"the page":                      {complete + "[dashboard]\nlisten = '127.0.0.1:0'", ""},
		"the page for everyone":         {complete + "[dashboard]\nlisten = '0.0.0.0:9603'", "dashboard.listen: other machines reach this address: set api.token_file"},
		"the page with a password":      {complete + "[dashboard]\nlisten = '0.0.0.0:9603'\n[api]\n" + token, ""},
		"the page without a host":       {complete + "[dashboard]\nlisten = ':9603'", "dashboard.listen: no address before the port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.text), nil, nil)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			var wrong Complaints
			require.ErrorAs(t, err, &wrong)
			require.Len(t, wrong, 1)
		})
	}
}

func TestTheTokenIsOneWordThatItsOwnerAloneMayRead(t *testing.T) {
	read := func(text string) (string, error) {
		return Config{API: API{TokenFile: secret(t, text)}}.APIToken()
	}
	for _, text := range []string{goodToken, goodToken + "\n", goodToken + "\r\n"} {
		got, err := read(text)
		require.NoError(t, err)
		require.Equal(t, goodToken, got)
	}
	for text, want := range map[string]string{
		"":                             "fewer than 32 characters",
		goodToken[1:] + "\n":           "fewer than 32 characters",
		goodToken + " x":               "one word",
		goodToken + "\n\n":             "one word",
		goodToken + "é":                "one word",
		strings.Repeat(goodToken, 200): "more than 4096 bytes",
	} {
		_, err := read(text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), goodToken[1:])
	}
	exposed := secret(t, goodToken)
	require.NoError(t, os.Chmod(exposed, 0o644))
	_, err := Load(write(t, complete+"[api]\ntoken_file = '"+exposed+"'"), nil, nil)
	require.ErrorContains(t, err, "api.token_file: read API token: ")
	none, err := Config{}.APIToken()
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestBansAreBounded(t *testing.T) {
	for text, want := range map[string]string{
		"score = 1": "bans.score: want at least 2, have 1", "windows = 10001": "bans.windows: want at most 10000", "lasts = '1s'": "bans.lasts: want at least 1m",
	} {
		_, err := Load(write(t, complete+"[bans]\n"+text), nil, nil)
		require.ErrorContains(t, err, want)
	}
	c, err := Load(write(t, complete), nil, nil)
	require.NoError(t, err)
	require.Equal(t, Bans{Score: 10, Windows: 56, Lasts: 24 * time.Hour}, c.Bans)
}

func TestTheProxysPasswordIsNotTold(t *testing.T) {
	c := Default()
	for proxy, want := range map[string]string{
		"": "", "socks5://127.0.0.1:9050": "socks5://127.0.0.1:9050", "socks5://u:hunter2@h:1": "socks5://h:1/REDACTED",
	} {
		c.Network.Proxy = proxy
		require.Equal(t, want, c.Redacted().Network.Proxy)
	}
	_, err := Load(write(t, complete+"[network]\nproxy = 'http://u:hunter2@h:1'"), nil, nil)
	require.ErrorContains(t, err, "network.proxy: want a SOCKS5 proxy like socks5://127.0.0.1:9050")
	require.NotContains(t, err.Error(), "hunter2")
}
