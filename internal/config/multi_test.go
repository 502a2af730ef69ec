package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode"
)

// many is a configuration of five endpoints in three groups.
const many = complete + `
[ethereum.multi]
enabled = true
primary_vote_group = "own"
[[ethereum.multi.endpoints]]
name = "one"
url = "wss://one.example.org/v3/hunter2"
vote_group = "provider"
rps = 5
[[ethereum.multi.endpoints]]
name = "two"
url = "https://two.example.org"
vote_group = "provider"
roles = ["read", "vote"]
[[ethereum.multi.endpoints]]
name = "three"
url = "/run/geth.ipc"
[[ethereum.multi.endpoints]]
name = "four"
url = "https://four.example.org"
roles = ["send"]
`

func TestManyEndpointsAreReadWithTheirDefaults(t *testing.T) {
	path := write(t, many)
	c, err := Load(path, nil, nil)
	require.NoError(t, err)
	all := []string{roleRead, roleVote, roleSend}
	require.Equal(t, []Endpoint{
		{Name: "primary", URL: "wss://example.org/secret", VoteGroup: "own", Roles: all, RPS: 25},
		{Name: "one", URL: "wss://one.example.org/v3/hunter2", VoteGroup: "provider", Roles: all, RPS: 5},
		{Name: "two", URL: "https://two.example.org", VoteGroup: "provider", Roles: []string{"read", "vote"}, RPS: 25},
		{Name: "three", URL: "/run/geth.ipc", VoteGroup: "three", Roles: all, RPS: 25},
		{Name: "four", URL: "https://four.example.org", VoteGroup: "four", Roles: []string{"send"}, RPS: 25},
	}, c.ChainEndpoints())
	require.Equal(t, 5*time.Second, c.Ethereum.Multi.PollInterval)
	require.Equal(t, path+":21:1", c.Origin("ethereum.multi.endpoints[2].roles").String())
	require.Empty(t, c.Warnings(), "own, provider and three: who only sends does not vote")
}

func TestWithManyOffThePrimaryIsAlone(t *testing.T) {
	c, err := Load(write(t, strings.Replace(many, "enabled = true", "enabled = false", 1)), nil, nil)
	require.NoError(t, err)
	require.Len(t, c.ChainEndpoints(), 1)
	require.Equal(t, c.Ethereum.URL, c.ChainEndpoints()[0].URL)
	require.Empty(t, c.Warnings())
}

func TestAnInlineListOfEndpointsIsTheSame(t *testing.T) {
	path := write(t, complete+`multi = { enabled = true, endpoints = [
  { name = "one", url = "http://one" },
  { name = "two", url = "http://two", rolls = ["read"] } ] }`)
	_, err := Load(path, nil, nil)
	require.EqualError(t, err, path+":10:39: ethereum.multi.endpoints[2].rolls: unknown key (did you mean roles?)")
}

func TestBadInputEndpointsAreNamedWithTheirReason(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.WriteFile(open, nil, 0o600))
	require.NoError(t, os.Chmod(open, 0o644)) //nolint:gosec // it is to be too open
	const item = "[[ethereum.multi.endpoints]]\n"
	const on = "[ethereum.multi]\nenabled = true\n"
	const good = on + item + "name = 'a'\nurl = 'http://a'\n" // lines 1 to 5
	many := strings.Repeat(item+"name = 'a'\nurl = 'http://a'\n", 17)
	for name, c := range map[string]struct{ text, want string }{
		"key of an item":          {item + "name = 'a'\nvote-group = 'b'", "3:1: ethereum.multi.endpoints[1].vote-group: unknown key (did you mean vote_group?)"},
		"key of the second item":  {good + item + "\n role = 1", "8:2: ethereum.multi.endpoints[2].role: unknown key (did you mean roles?)"},
		"name of the list":        {"[[ethereum.multi.endpoint]]", "1:3: ethereum.multi.endpoint: unknown key (did you mean ethereum.multi.endpoints?)"},
		"list elsewhere":          {"[[ethereum.endpoints]]", "1:3: ethereum.endpoints: unknown key (did you mean ethereum.multi.endpoints?)"},
		"name of the table":       {"[ethereum.mutli]", "1:2: ethereum.mutli: unknown key (did you mean ethereum.multi?)"},
		"key of the table":        {"[ethereum.multi]\npoll_intervall = '1s'", "2:1: ethereum.multi.poll_intervall: unknown key (did you mean ethereum.multi.poll_interval?)"},
		"table as a value":        {"[ethereum]\nmulti = true", "2:1: ethereum.multi: want a table: [ethereum.multi]"},
		"one table for the list":  {"[ethereum.multi.endpoints]\nname = 'a'", "1:2: ethereum.multi.endpoints: want a list of tables: [[ethereum.multi.endpoints]]"},
		"item that is no table":   {"[ethereum.multi]\nendpoints = ['http://hunter2']", "2:1: ethereum.multi.endpoints: item 1: want a table"},
		"wrong kind in an item":   {item + "rps = 'fast'", `2:1: ethereum.multi.endpoints[1].rps: want a number, have the string "fast"`},
		"no name":                 {good + item + "url = 'http://b'", "6:3: ethereum.multi.endpoints[2].name: required, and not set"},
		"no URL":                  {item + "name = 'b'", "1:3: ethereum.multi.endpoints[1].url: required, and not set"},
		"odd name":                {item + "name = 'Provider One'", `2:1: ethereum.multi.endpoints[1].name: want 1 to 32 of a-z, 0-9 and -, have "Provider One"`},
		"long name":               {item + "name = '" + strings.Repeat("a", 33) + "'", "2:1: ethereum.multi.endpoints[1].name: want 1 to 32"},
		"odd group":               {item + "vote_group = 'a_b'", "2:1: ethereum.multi.endpoints[1].vote_group: want 1 to 32"},
		"no group of the primary": {"[ethereum.multi]\nprimary_vote_group = ''", "2:1: ethereum.multi.primary_vote_group: want 1 to 32"},
		"one name twice":          {good + item + "name = 'a'\nurl = 'http://b'", `7:1: ethereum.multi.endpoints[2].name: "a" is the name of ethereum.multi.endpoints[1] already`},
		"name of the primary":     {item + "name = 'primary'", `2:1: ethereum.multi.endpoints[1].name: "primary" is the name of ethereum.url already`},
		"one URL twice":           {good + item + "name = 'b'\nurl = 'HTTP://A:80/'", "8:1: ethereum.multi.endpoints[2].url: the same URL as ethereum.multi.endpoints[1].url"},
		"URL of the primary":      {"[ethereum]\nurl = 'http://h/hunter2'\n" + item + "url = 'http://h/hunter2/'", "4:1: ethereum.multi.endpoints[1].url: the same URL as ethereum.url"},
		"URL without scheme":      {item + "url = 'one.example.org:8545/hunter2'", "2:1: ethereum.multi.endpoints[1].url: want a URL with its scheme"},
		"relative socket":         {item + "url = 'hunter2.ipc'", "2:1: ethereum.multi.endpoints[1].url: want a URL with its scheme (ws, wss, http or https), or the absolute path of an IPC socket"},
		"scheme":                  {item + "url = 'ftp://h/hunter2'", `2:1: ethereum.multi.endpoints[1].url: want ws, wss, http or https or the path of an IPC socket, have the scheme "ftp"`},
		"role":                    {item + "roles = ['read', 'veto']", `2:1: ethereum.multi.endpoints[1].roles: "veto": want one of read, vote, send`},
		"role twice":              {item + "roles = ['read', 'read']", "2:1: ethereum.multi.endpoints[1].roles: has an item twice"},
		"rate":                    {item + "rps = -1", "2:1: ethereum.multi.endpoints[1].rps: want at least 0, have -1"},
		"seventeen endpoints":     {many, "1:3: ethereum.multi.endpoints: want at most 16 items"},
		"none":                    {on, "2:1: ethereum.multi.enabled: enabled, and there is no [[ethereum.multi.endpoints]]"},
		"one group":               {good + "vote_group = 'primary'", `3:3: ethereum.multi.endpoints: all endpoints that vote are in one vote group, "primary"`},
		"one that votes":          {good + "roles = ['read']", `3:3: ethereum.multi.endpoints: all endpoints that vote are in one vote group, "primary"`},
		"no headers file":         {good + "headers_file = '/none'", "6:1: ethereum.multi.endpoints[1].headers_file: read headers: open /none: no such file or directory"},
		"directory of headers":    {good + "headers_file = '/'", "6:1: ethereum.multi.endpoints[1].headers_file: read headers: /: not a regular file"},
		"headers for everybody":   {good + "headers_file = '" + open + "'", "6:1: ethereum.multi.endpoints[1].headers_file: read headers: " + open + ": its mode is 0644: others than its owner may open it (chmod 600)"},
		"rate below the polls":    {good + "rps = 1", "6:1: ethereum.multi.endpoints[1].rps: 1 requests per second do not suffice for polls: want at least 4.8, or a longer ethereum.multi.poll_interval"},
		"rate of all below them":  {good + "[ethereum]\nrequests_per_second = 2", "7:1: ethereum.requests_per_second: 2 requests per second do not suffice for polls"},
		"deadline":                {on + "poll_deadline = '6s'", "3:1: ethereum.multi.poll_deadline: want at most poll_interval"},
		"peers":                   {on + "peers_interval = '4s'", "3:1: ethereum.multi.peers_interval: want at least poll_interval"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, c.text)
			_, err := Load(path, nil, nil)
			require.ErrorContains(t, err, path+":"+c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestTheListOfEndpointsHasNoVariable(t *testing.T) {
	_, err := Load(write(t, many), []string{"WALLETNODE_ETHEREUM_MULTI_ENDPOINTS=http://a"}, nil)
	require.EqualError(t, err, "WALLETNODE_ETHEREUM_MULTI_ENDPOINTS: ethereum.multi.endpoints: a list of tables can stand in a file only")
	c, err := Load(write(t, many), []string{"WALLETNODE_ETHEREUM_MULTI_ENABLED=false"}, nil)
	require.NoError(t, err)
	require.False(t, c.Ethereum.Multi.Enabled)
}

func TestAnEvenNumberOfVoteGroupsIsAWarning(t *testing.T) {
	path := write(t, strings.Replace(many, `roles = ["send"]`, `roles = ["vote"]`, 1))
	c, err := Load(path, nil, nil)
	require.NoError(t, err)
	warnings := c.Warnings()
	require.Len(t, warnings, 1)
	require.Equal(t, evenVoteGroups, warnings[0].State)
	require.Contains(t, warnings[0].String(), path+":12:3: ethereum.multi.endpoints: 4 vote groups, an even number: 1 of them may fail, as of 3")
}

func TestPrintedEndpointsAreReadBack(t *testing.T) {
	c, err := Load(write(t, many), nil, nil)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, WriteTOML(&out, c.Settings(), true))
	again, err := Load(write(t, out.String()), nil, nil)
	require.NoError(t, err, out.String())
	have, want := again, c
	have.origins, want.origins = nil, nil
	require.Equal(t, want, have)

	out.Reset()
	require.NoError(t, WriteTOML(&out, c.Redacted().Settings(), false))
	require.NotContains(t, out.String(), "hunter2")
	require.Contains(t, out.String(), `url = "wss://one.example.org/REDACTED"`)
	require.Equal(t, "wss://one.example.org/v3/hunter2", c.Ethereum.Multi.Endpoints[0].URL, "redaction is of a copy")
}

// The sample's endpoints are comments, which no strict parser guards: here they are uncommented and read.
func TestTheSamplesEndpointsAreValid(t *testing.T) {
	_, example, ok := strings.Cut(walletnode.SampleConfig, "\n# [[ethereum.multi.endpoints]]\n")
	require.True(t, ok)
	example, rest, _ := strings.Cut(example, "\n\n")
	text := strings.ReplaceAll("\n# [[ethereum.multi.endpoints]]\n"+example, "\n# ", "\n")
	text = strings.ReplaceAll(walletnode.SampleConfig, "enabled = false", "enabled = true") + "\n" + strings.ReplaceAll(text, "\n#\n", "\n")
	require.Contains(t, rest, "[network]")
	c, err := Load(write(t, text), nil, nil)
	require.NoError(t, err)
	require.Len(t, c.ChainEndpoints(), 3)
	for _, key := range []string{"name", "url", "vote_group", "roles", "headers_file", "rps"} {
		require.Equal(t, FromFile, c.Origin("ethereum.multi.endpoints[1]."+key).Source, key)
	}
}
