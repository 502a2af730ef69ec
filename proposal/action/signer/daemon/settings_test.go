package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
)

const someSettings = `
listen = "10.0.0.7:9720"
vault = "/srv/vault"
capacity = 5
block_time = "200ms"

[feed]
urls = ["https://10.0.0.8:9602"]
operator = "0x0100000000000000000000000000000000000000"
mailbox = "signer.signer-1"
token_file = "feed-token"

[[clients]]
name = "node"
fingerprint = "0100000000000000000000000000000000000000000000000000000000000000"
roles = ["read", "sign"]
wallets = ["*"]
`

func TestSettingsAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), SettingsFile)
	require.NoError(t, os.WriteFile(path, []byte(someSettings), 0o600))
	s, access, err := ReadSettings(path)
	require.NoError(t, err)
	require.Equal(t, Settings{
		Listen: "10.0.0.7:9720", Vault: "/srv/vault", Capacity: 5, BlockTime: Duration(200 * time.Millisecond),
		Certificate: filepath.Join(filepath.Dir(path), "signer.crt"), Key: filepath.Join(filepath.Dir(path), "signer.key"),
		PasswordFile: filepath.Join(filepath.Dir(path), "password"),
		Feed: FeedSettings{
			Mode: FeedOn, URLs: []string{"https://10.0.0.8:9602"}, Operator: chain.Operator{1}, Mailbox: "signer.signer-1",
			TokenFile: filepath.Join(filepath.Dir(path), "feed-token"), State: filepath.Join(filepath.Dir(path), "feed"), Wait: Duration(5 * time.Second),
		},
		Clients: []Permission{{"node", Fingerprint{1}, []Role{RoleRead, RoleSign}, []string{"*"}}},
	}, s)
	who, err := access.find(Fingerprint{1})
	require.NoError(t, err)
	require.Equal(t, "node", who.name)

	require.NoError(t, os.Chmod(path, 0o640)) //nolint:gosec // that it is refused is the point
	_, _, err = ReadSettings(path)
	require.ErrorIs(t, err, secretfile.ErrExposed, "who can write it decides who signs")
}

func TestBadInputSettings(t *testing.T) {
	for text, why := range map[string]string{
		"colour = 1":                            `line 1: there is no key "colour"`,
		"[[clients]]\nnane = \"x\"":             `line 2: there is no key "clients.nane"`,
		"listen = 5":                            "line 1",
		"listen = ":                             "line 1",
		`listen = "9720"`:                       "want a host and a port",
		`vault = ""`:                            "vault: want a path",
		`password_file = ""`:                    "password_file: want a path",
		"capacity = -1":                         "capacity: want 0 or more",
		`block_time = "0s"`:                     "block_time: want more than nothing",
		`block_time = "soon"`:                   "soon",
		"[[clients]]\nfingerprint = \"00\"":     "64 hex digits",
		"[[clients]]\nname = \"a\"":             "no fingerprint",
		"capacity = -1\n[[clients]]\nname=\"\"": "a name has",
		"":                                      `feed.urls: want where the operator's instances are reached; or feed.mode = "off"`,
		"[feed]\nmode = \"maybe\"":              `feed.mode: want "on" or "off", have "maybe"`,
		"[feed]\nmode = \"off\"\nmailbox = \"signer\"": `feed: where mode is "off" nothing else may be said`,
	} {
		_, _, err := ParseSettings([]byte(text))
		require.ErrorContains(t, err, why, text)
	}
	_, _, err := ParseSettings([]byte("[feed]\nmode = \"off\""))
	require.NoError(t, err, "who says so plainly has the node's word taken")
	_, _, err = ReadSettings(filepath.Join(t.TempDir(), "none"))
	require.ErrorAs(t, err, new(secretfile.Unusable))
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(someSettings))
	f.Add([]byte("[[clients]]\nwallets = [\"0x00\"]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, access, err := ParseSettings(raw)
		if err != nil {
			return
		}
		require.Len(t, access.clients, len(s.Clients))
		for _, p := range s.Clients {
			who, err := access.find(p.Fingerprint)
			require.NoError(t, err)
			require.NotEmpty(t, who.roles)
			require.True(t, who.all != (len(who.wallets) > 0), "a client without a list of wallets is one for all that said so")
		}
	})
}

func TestFingerprintsAreThoseOfTheKey(t *testing.T) {
	id, certificate, key := identity(t)
	file, err := os.Open(certificate) //nolint:gosec // the test's own
	require.NoError(t, err)
	defer file.Close()
	have, err := ReadFingerprint(file)
	require.NoError(t, err)
	require.Equal(t, id.Fingerprint, have)
	parsed, err := ParseFingerprint(strings.ToUpper(have.String()))
	require.NoError(t, err)
	require.Equal(t, have, parsed)
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), strings.Repeat("0", 66)} {
		_, err := ParseFingerprint(bad)
		require.ErrorContains(t, err, "64 hex digits")
	}
	for text, why := range map[string]string{
		"": "no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n": "read certificate: x509",
		"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n": "no certificate",
	} {
		_, err := ReadFingerprint(strings.NewReader(text))
		require.ErrorContains(t, err, why)
	}

	info, err := os.Stat(key)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = MakeCertificate("again", certificate, key)
	require.ErrorIs(t, err, os.ErrExist, "nothing is replaced")
	_, err = MakeCertificate("again", certificate, key+".2")
	require.ErrorIs(t, err, os.ErrExist)
	require.NoFileExists(t, key+".2", "a key without its certificate is taken back")

	require.NoError(t, os.Chmod(key, 0o644)) //nolint:gosec // that it is refused is the point
	_, err = LoadIdentity(certificate, key)
	require.ErrorIs(t, err, secretfile.ErrExposed)
}
