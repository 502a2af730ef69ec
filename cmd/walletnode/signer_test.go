package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

const someFingerprint = "00000000000000000000000000000000000000000000000000000000000000ab"

// preparedDir is a signer's directory that init has made, without a mailbox unless args name a node.
func preparedDir(t *testing.T, args ...string) (dir string, p preparedSigner) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "signer")
	if !slices.Contains(args, "--node") {
		args = append(args, "--without-feed")
	}
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", append([]string{"signer", "init", "--dir", dir, "--json"}, args...)...)), &p))
	return dir, p
}

func TestSignerInitPreparesAllThatASignerNeeds(t *testing.T) {
	dir, p := preparedDir(t, "--listen", "0.0.0.0:9720")
	require.Equal(t, dir, p.Dir)
	require.Equal(t, "https://THIS-MACHINE:9720", p.URL)
	require.NotEmpty(t, p.BackendID)
	certificate, err := os.Open(filepath.Join(dir, "signer.crt")) //nolint:gosec // the test's own
	require.NoError(t, err)
	defer certificate.Close()
	fingerprint, err := daemon.ReadFingerprint(certificate)
	require.NoError(t, err)
	require.Equal(t, fingerprint.String(), p.Fingerprint)
	settings, _, err := daemon.ReadSettings(p.Settings)
	require.NoError(t, err)
	require.Empty(t, settings.Clients, "nobody may ask yet")
	require.Equal(t, "0.0.0.0:9720", settings.Listen)
	for _, file := range []string{"signer.toml", "signer.key", "password"} {
		info, err := os.Stat(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}

	require.Equal(t, daemon.FeedSettings{Mode: daemon.FeedOff}, settings.Feed)

	got := call(t, "", "signer", "init", "--dir", dir, "--without-feed")
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "there already, and not empty; nothing was changed")

	told := succeed(t, "", "signer", "init", "--dir", filepath.Join(t.TempDir(), "s"), "--without-feed")
	require.Contains(t, told, "takes the node's word")
	require.Contains(t, told, "[[signers]]")
	require.Contains(t, told, `url = "https://127.0.0.1:9720"`)
}

func TestSignerInitLeavesAPasswordWhereItIs(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("correct horse\n"), 0o600))
	dir, p := preparedDir(t, "--password-file", password)
	require.Equal(t, password, p.Password)
	require.NoFileExists(t, filepath.Join(dir, "password"))
	require.Contains(t, succeed(t, "", "signer", "keys", "list", "--dir", dir), "WALLET")

	require.NoError(t, os.WriteFile(password, []byte("another\n"), 0o600))
	got := call(t, "", "signer", "keys", "list", "--dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "the password is not the right one")

	credential := filepath.Join(t.TempDir(), "credential")
	require.NoError(t, os.WriteFile(credential, []byte("correct horse"), 0o600))
	t.Setenv(signerPasswordVariable, credential)
	succeed(t, "", "signer", "keys", "list", "--dir", dir)
}

// Without another word a signer takes what leaders propose from its own mailbox, with a token of its own.
func TestSignerInitNamesTheMailbox(t *testing.T) {
	operator := chain.Operator{7}
	dir, p := preparedDir(t, "--node", "https://a.example:9602", "--node", "https://b.example:9602", "--operator", operator.String(), "--id", "s2")
	settings, _, err := daemon.ReadSettings(p.Settings)
	require.NoError(t, err)
	require.Equal(t, daemon.FeedSettings{
		Mode: daemon.FeedOn, URLs: []string{"https://a.example:9602", "https://b.example:9602"}, Operator: operator, Mailbox: "signer.s2",
		TokenFile: filepath.Join(dir, "feed-token"), State: filepath.Join(dir, "feed"), Wait: daemon.Duration(5 * time.Second),
	}, settings.Feed)
	require.Equal(t, []string{"s2", "signer.s2", settings.Feed.TokenFile}, []string{p.ID, p.Mailbox, p.Token})
	word, err := os.ReadFile(p.Token)
	require.NoError(t, err)
	require.Greater(t, len(word), 32, "the node refuses a shorter one")
	info, err := os.Stat(p.Token)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	succeed(t, "", "signer", "client", "add", "node", "--dir", dir, "--fingerprint", strings.Repeat("ab", 32))
	settings, _, err = daemon.ReadSettings(p.Settings)
	require.NoError(t, err)
	require.Len(t, settings.Clients, 1, "what is added stands behind the table")

	given := filepath.Join(t.TempDir(), "word")
	told := succeed(t, "", "signer", "init", "--dir", filepath.Join(t.TempDir(), "s"), "--node", "http://localhost:9602", "--operator", operator.String(), "--token-file", given)
	require.Contains(t, told, "[[feed.subscribers]]\nname = \"signer-1\"\ntoken_file = \"THE-NODE'S-COPY-OF "+given+"\"\nmailboxes = [\"signer.signer-1\"]\nmay = [\"follow\", \"acknowledge\"]\n")
}

func TestClientsAreListedInTheSettings(t *testing.T) {
	dir, p := preparedDir(t)
	var made madeClient
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signer", "client", "new", "--out", filepath.Join(dir, "node"), "--json")), &made))
	told := succeed(t, "", "signer", "client", "add", "node-a", "--dir", dir, "--fingerprint", made.Fingerprint)
	require.Contains(t, told, "roles read, sign, dkg, wallets *")
	other := succeed(t, "", "signer", "client", "new", "--out", filepath.Join(dir, "other"))
	require.Contains(t, other, "client_key_file")
	succeed(t, "", "signer", "client", "add", "auditor", "--dir", dir, "--certificate", filepath.Join(dir, "other", "client.crt"),
		"--roles", "read", "--wallets", walletID+","+walletID)

	settings, _, err := daemon.ReadSettings(p.Settings)
	require.NoError(t, err)
	require.Len(t, settings.Clients, 2)
	require.Equal(t, made.Fingerprint, settings.Clients[0].Fingerprint.String())
	require.Equal(t, []daemon.Role{daemon.RoleRead}, settings.Clients[1].Roles)
	text, err := os.ReadFile(p.Settings)
	require.NoError(t, err)
	require.Contains(t, string(text), "# Where the node reaches the signer.", "comments stay")

	list := succeed(t, "", "signer", "client", "list", "--dir", dir)
	require.Contains(t, list, "node-a")
	require.Contains(t, list, made.Fingerprint)
	var document struct {
		Clients []signerClient `json:"clients"`
	}
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signer", "client", "list", "--dir", dir, "--json")), &document))
	require.Equal(t, []string{"read"}, document.Clients[1].Roles)

	for why, args := range map[string][]string{
		"there are two of this name; nothing was changed": {"node-a", "--fingerprint", someFingerprint},
		"one key, one client":                             {"node-b", "--fingerprint", made.Fingerprint},
		`there is no role "root"`:                         {"node-b", "--fingerprint", someFingerprint, "--roles", "read,root"},
		"wallet public key hash":                          {"node-b", "--fingerprint", someFingerprint, "--wallets", "0x12"},
		"64 hex digits":                                   {"node-b", "--fingerprint", "12"},
		"needs --fingerprint":                             {"node-b"},
		"or --certificate FILE":                           {"node-b", "--fingerprint", someFingerprint, "--certificate", "x"},
		"no such file":                                    {"node-b", "--certificate", "/none"},
		"no certificate in PEM":                           {"node-b", "--certificate", p.Settings},
		"a name has 1 to 64":                              {"no de", "--fingerprint", someFingerprint},
		"no fingerprint: nobody":                          {"node-b", "--fingerprint", strings.Repeat("0", 64)},
	} {
		got := call(t, "", append([]string{"signer", "client", "add", "--dir", dir}, args...)...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, why)
	}
	after, err := os.ReadFile(p.Settings)
	require.NoError(t, err)
	require.Equal(t, string(text), string(after), "what is refused changes nothing")

	got := call(t, "", "signer", "client", "new", "--out", filepath.Join(dir, "node"))
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "nothing is replaced")
}

func TestBadInputOfTheSignersCommands(t *testing.T) {
	dir, p := preparedDir(t)
	export := func(args ...string) []string {
		return append([]string{"signer", "export", walletID, "--dir", dir}, args...)
	}
	there := filepath.Join(dir, "signer.toml")
	fresh := filepath.Join(dir, "export")
	password := []string{"--password-file", filepath.Join(dir, "password")}
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	open := filepath.Join(dir, "open")
	require.NoError(t, os.WriteFile(open, []byte("x"), 0o644)) //nolint:gosec // that it is refused is the point
	for name, row := range map[string]struct {
		code int
		why  string
		args []string
	}{
		"no directory":        {codeUsage, "walletnode signer init makes it", []string{"signer", "run", "--dir", filepath.Join(dir, "none")}},
		"an empty directory":  {codeUsage, "--dir: want a directory", []string{"signer", "run", "--dir", ""}},
		"no port":             {codeUsage, "--listen: want a host and a port", []string{"signer", "init", "--dir", fresh, "--listen", "9720", "--without-feed"}},
		"no way to the feed":  {codeUsage, "--node and --operator: want", []string{"signer", "init", "--dir", fresh}},
		"no operator":         {codeUsage, "--operator: ", []string{"signer", "init", "--dir", fresh, "--node", "http://a:1", "--operator", "0x12"}},
		"no URL":              {codeUsage, "--node: ", []string{"signer", "init", "--dir", fresh, "--node", "unix:///a", "--operator", chain.Operator{7}.String()}},
		"no name":             {codeUsage, "--id: want 1 to 25", []string{"signer", "init", "--dir", fresh, "--node", "http://a:1", "--operator", chain.Operator{7}.String(), "--id", "A"}},
		"a name with a dot":   {codeUsage, "--id: want 1 to 25", []string{"signer", "init", "--dir", fresh, "--node", "http://a:1", "--operator", chain.Operator{7}.String(), "--id", "a.b"}},
		"both ways":           {codeUsage, "for nothing", []string{"signer", "init", "--dir", fresh, "--node", "http://a:1", "--without-feed"}},
		"a word too many":     {codeUsage, "one argument too many", []string{"signer", "keys", "list", "x", "--dir", dir}},
		"no wallet":           {codeUsage, "needs WALLET", []string{"signer", "protection", "show", "--dir", dir}},
		"no wallet's name":    {codeUsage, "wallet public key hash", []string{"signer", "protection", "show", "0x12", "--dir", dir}},
		"an unknown wallet":   {codeNotFound, "does not hold this key", []string{"signer", "protection", "show", walletID, "--dir", dir}},
		"nowhere to export":   {codeUsage, "needs --to FILE", export()},
		"a file that is":      {codeUsage, "is not overwritten", export("--to", there, "--yes")},
		"without a yes":       {codeUsage, "for ever", export(append(password, "--to", fresh)...)},
		"no password":         {codeUsage, "name its file with --password-file", export("--to", fresh, "--yes")},
		"an empty password":   {codeUsage, "the password is empty", export("--to", fresh, "--yes", "--password-file", empty)},
		"an open password":    {codeUsage, "others than its owner", export("--to", fresh, "--yes", "--password-file", open)},
		"export of nothing":   {codeNotFound, "does not hold this key", export(append(password, "--to", fresh, "--yes")...)},
		"import of nothing":   {codeUsage, "no such file", append([]string{"signer", "import", fresh, "--dir", dir}, password...)},
		"import of something": {codeFailure, "", append([]string{"signer", "import", there, "--dir", dir}, password...)},
		"import, exposed":     {codeUsage, "others than its owner", append([]string{"signer", "import", open, "--dir", dir}, password...)},
		"client, nowhere":     {codeUsage, "needs --out", []string{"signer", "client", "new"}},
	} {
		got := call(t, "", row.args...)
		require.Equal(t, row.code, got.code, "%s: %s", name, got.stderr)
		require.Contains(t, got.stderr, row.why, name)
		require.Empty(t, got.stdout, name)
	}
	require.NoFileExists(t, fresh)

	text, err := os.ReadFile(p.Settings)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.Settings, append(text, "colour = 1\n"...), 0o600))
	got := call(t, "", "signer", "run", "--dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, `there is no key "feed.colour"`)
	require.NoError(t, os.WriteFile(p.Settings, text, 0o600))
	require.NoError(t, os.Chmod(p.Settings, 0o644)) //nolint:gosec // that it is refused is the point
	got = call(t, "", "signer", "run", "--dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "chmod 600", "who can write it decides who signs")
}

// A page must not name what is not there.
func TestEveryCommandOfTheSignersPageExists(t *testing.T) {
	page, err := os.ReadFile("../../docs/signer.md")
	require.NoError(t, err)
	told := regexp.MustCompile("(?m)(?:^|`|-u walletnode-signer )walletnode (signer [^`\n]*)").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(told), 8)
	for _, m := range told {
		var path, flags []string
		for _, word := range strings.Fields(m[1]) {
			switch {
			case strings.HasPrefix(word, "--"):
				flags = append(flags, word)
			case len(flags) == 0 && regexp.MustCompile(`^[a-z]+$`).MatchString(word) && word != "node":
				path = append(path, word)
			}
		}
		help := succeed(t, "", append(path, "--help")...)
		require.Contains(t, help, "walletnode "+strings.Join(path, " ")+" - ", m[1])
		for _, flag := range flags {
			require.Contains(t, help, flag+" ", m[1])
		}
	}
}
