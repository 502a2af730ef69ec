package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// enclaves is a configuration with two signers; key is the client's key file.
func enclaves(t *testing.T) string {
	t.Helper()
	return complete + fmt.Sprintf(`
[signing]
client_cert_file = '~/client.pem'
client_key_file = %q

[[signers]]
id = 'enclave-1'
url = 'https://10.0.0.7:9720'
fingerprint = '%s'

[[signers]]
id = 'enclave-2'
url = 'https://10.0.0.8:9720/'
backup_url = 'https://enclave-2.example:9720'
fingerprint = '%s'
weight = 3
state = 'retired'
`, secret(t, "key"), strings.Repeat("a1", 32), strings.Repeat("B2", 32))
}

func TestSignersAreReadWithTheirDefaults(t *testing.T) {
	t.Setenv("HOME", "/home/operator")
	c, err := Load(write(t, enclaves(t)), nil, nil)
	require.NoError(t, err)
	require.Equal(t, []Signer{
		{ID: "enclave-1", URL: "https://10.0.0.7:9720", Fingerprint: strings.Repeat("a1", 32), Weight: 1, State: "active"},
		{
			ID: "enclave-2", URL: "https://10.0.0.8:9720/", BackupURL: "https://enclave-2.example:9720",
			Fingerprint: strings.Repeat("b2", 32), Weight: 3, State: "retired",
		},
	}, c.Signers)
	require.Equal(t, "/home/operator/client.pem", c.Signing.ClientCertFile)
	require.False(t, c.HasEmbeddedSigner(), "there are others")
	require.Empty(t, c.Warnings())

	var out strings.Builder
	require.NoError(t, WriteTOML(&out, c.Settings(), true))
	again, err := Load(write(t, out.String()), nil, nil)
	require.NoError(t, err)
	require.Equal(t, c.Signers, again.Signers)
}

func TestASignerIsEmbeddedWhereNothingIsSaidAndTheDatabaseIsTheNodesOwn(t *testing.T) {
	for name, c := range map[string]struct {
		base, embedded string
		want           bool
	}{
		"nothing is said":          {complete, "auto", true},
		"off":                      {complete, "off", false},
		"a shared database":        {sharing, "auto", false},
		"a shared database, off":   {sharing, "off", false},
		"there are signers":        {enclaves(t), "auto", false},
		"beside signers, if asked": {enclaves(t), "on", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Load(write(t, c.base), []string{"WALLETNODE_SIGNING_EMBEDDED=" + c.embedded}, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, cfg.HasEmbeddedSigner())
			signs := c.want || len(cfg.Signers) > 0
			var states []string
			for _, w := range cfg.Warnings() {
				states = append(states, w.State)
			}
			if signs {
				require.NotContains(t, states, noSigners)
			} else {
				require.Contains(t, states, noSigners)
			}
		})
	}
}

func TestAnEmbeddedSignerStaysForItsWalletsWhenSignersAreAdded(t *testing.T) {
	dir := t.TempDir()
	load := func(base, embedded string) Config {
		c, err := Load(write(t, base), []string{"WALLETNODE_SIGNING_EMBEDDED=" + embedded, "WALLETNODE_SIGNING_DIR=" + dir}, nil)
		require.NoError(t, err)
		return c
	}
	require.False(t, load(enclaves(t), "auto").HasEmbeddedSigner(), "there is none to keep")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte("drawn"), 0o600))
	require.False(t, load(enclaves(t), "auto").HasEmbeddedSigner(), "a password is no signer")
	require.NoError(t, os.WriteFile(filepath.Join(dir, signerFile), nil, 0o600))

	kept := load(enclaves(t), "auto")
	require.True(t, kept.HasEmbeddedSigner())
	require.Equal(t, "retired", kept.EmbeddedState(), "new wallets go to the others")
	require.False(t, load(enclaves(t), "off").HasEmbeddedSigner(), "it was said")
	require.False(t, load(sharing, "auto").HasEmbeddedSigner(), "no instance may use it alone")
	for base, embedded := range map[string]string{complete: "auto", enclaves(t): "on"} {
		c := load(base, embedded)
		require.True(t, c.HasEmbeddedSigner())
		require.Equal(t, "active", c.EmbeddedState())
	}
}

func TestPathsOfTheEmbeddedSignerAreInTheDataDirectory(t *testing.T) {
	c := Default()
	c.Node.DataDir = "/data"
	require.Equal(t, "/data/signer", c.SignerDir())
	require.Equal(t, "/data/signer/password", c.SignerPasswordFile())
	require.Equal(t, "/data/transactions", c.TransactionsDir())
	c.Signing.Dir, c.Bitcoin.Transactions = "/vault", "/bitcoin"
	require.Equal(t, "/vault/password", c.SignerPasswordFile())
	require.Equal(t, "/bitcoin", c.TransactionsDir())
	c.Signing.PasswordFile = "/run/credentials/password"
	require.Equal(t, "/run/credentials/password", c.SignerPasswordFile())
}

func TestBadInputOfSignersIsNamedWithItsReason(t *testing.T) {
	all := enclaves(t)
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(all) }
	for name, c := range map[string]struct{ text, want string }{
		"no id":                 {change("id = 'enclave-1'", ""), "signers[1].id: required, and not set"},
		"an odd id":             {change("'enclave-1'", "'Enclave 1'"), "signers[1].id: want 1 to 32 of a-z, 0-9 and -"},
		"the embedded one's id": {change("'enclave-1'", "'embedded'"), `signers[1].id: "embedded" is taken`},
		"an id twice":           {change("'enclave-2'", "'enclave-1'"), "signers[2].id: the same id as signers[1].id"},
		"no URL":                {change("url = 'https://10.0.0.7:9720'", ""), "signers[1].url: required, and not set"},
		"an insecure URL":       {change("https://10.0.0.7:9720", "http://10.0.0.7:9720"), "signers[1].url: want the URL of a signer like https://"},
		"a URL with a path":     {change("https://10.0.0.7:9720", "https://10.0.0.7:9720/v1"), "signers[1].url: want the URL of a signer"},
		"a URL twice":           {change("10.0.0.7", "10.0.0.8"), "signers[2].url: the same URL as signers[1].url"},
		"a backup that is no other": {
			change("enclave-2.example", "10.0.0.8"), "signers[2].backup_url: the same URL as signers[2].url",
		},
		"no fingerprint":      {change("fingerprint = '"+strings.Repeat("a1", 32)+"'", ""), "signers[1].fingerprint: required, and not set"},
		"a short fingerprint": {change(strings.Repeat("a1", 32), "a1"), "signers[1].fingerprint: want 64 hex digits"},
		"no hex":              {change(strings.Repeat("a1", 32), strings.Repeat("xy", 32)), "signers[1].fingerprint: want 64 hex digits"},
		"a fingerprint twice": {change(strings.Repeat("B2", 32), strings.Repeat("A1", 32)), "signers[2].fingerprint: the same key as signers[1].fingerprint"},
		"no weight":           {change("weight = 3", "weight = 0"), "signers[2].weight: want at least 1, have 0"},
		"a great weight":      {change("weight = 3", "weight = 1001"), "signers[2].weight: want at most 1000, have 1001"},
		"an odd state":        {change("'retired'", "'gone'"), `signers[2].state: want one of active, retired, failed, have "gone"`},
		"an unknown key":      {change("weight = 3", "wieght = 3"), "signers[2].wieght: unknown key (did you mean weight?)"},
		"no certificate":      {change("client_cert_file = '~/client.pem'", "", "client_key_file", "# "), "signing.client_cert_file: there are [[signers]]"},
		"a key alone":         {change("client_cert_file = '~/client.pem'", ""), "signing.client_key_file: set signing.client_cert_file as well"},
		"a certificate alone": {change("client_key_file", "# "), "signing.client_cert_file: set signing.client_key_file as well"},
		"no such key file":    {change("client_key_file = ", "client_key_file = '/none' #"), "signing.client_key_file: "},
		"an odd placement":    {change("[signing]", "[signing]\nplacement = 'by_hand'"), `signing.placement: want one of derived, least_loaded, random, have "by_hand"`},
		"an odd embedded":     {change("[signing]", "[signing]\nembedded = 'yes'"), `signing.embedded: want one of auto, on, off, have "yes"`},
		"no time":             {change("[signing]", "[signing]\ntimeout_health = '1ms'"), "signing.timeout_health: want at least 100ms, have 1ms"},
		"embedded and shared": {sharing + "[signing]\nembedded = 'on'", "signing.embedded: an embedded signer cannot serve the instances that share a database"},
		"no list":             {complete + "[signers]\nid = 'a'", "signers: want a list of tables: [[signers]]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, c.text), nil, nil)
			require.ErrorContains(t, err, c.want)
			var wrong Complaints
			require.ErrorAs(t, err, &wrong)
			require.Len(t, wrong, 1, "one mistake is one complaint")
		})
	}
	_, err := Load(write(t, complete), []string{"WALLETNODE_SIGNERS=x"}, nil)
	require.ErrorContains(t, err, "a list of tables can stand in a file only")
}

func TestSignersTakeARestart(t *testing.T) {
	path := write(t, enclaves(t))
	before, err := Load(path, nil, nil)
	require.NoError(t, err)
	require.Equal(t, Diff{}, before.Diff(before))
	later := before
	later.Signers = append([]Signer{{ID: "enclave-0"}}, before.Signers...)
	later.Signing.TimeoutSign = 7 * time.Second
	require.Equal(t, Diff{Restart: []string{"signing.timeout_sign", "signers"}}, before.Diff(later))
	later = before
	later.Signers = nil
	require.Equal(t, Diff{Restart: []string{"signers"}}, before.Diff(later))
	require.Equal(t, filepath.Dir(path), filepath.Dir(before.Origin("signers[1].id").Name))
}
