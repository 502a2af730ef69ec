package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tokenFile writes a token file.
func tokenFile(t *testing.T, word string) string {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(word+"\n"), 0o600))
	return path
}

func TestMailboxesAndSubscribersStandInTheFile(t *testing.T) {
	own, others := tokenFile(t, strings.Repeat("a", 32)), tokenFile(t, strings.Repeat("b", 32))
	c, err := Load(samplePath, []string{"WALLETNODE_API_TOKEN_FILE=" + own}, nil)
	require.NoError(t, err)
	require.Empty(t, c.Feed.Mailboxes)
	load := func(doc string) (Config, error) {
		sample, err := os.ReadFile(samplePath)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "config.toml")
		require.NoError(t, os.WriteFile(path, append(sample, doc...), 0o600))
		return Load(path, []string{"WALLETNODE_API_TOKEN_FILE=" + own}, nil)
	}
	mailbox := "\n[[feed.mailboxes]]\nname = \"m.1\"\nwallets = [\"" + strings.Repeat("0a", 20) + "\"]\nkinds = [\"result\"]\n"
	subscriber := func(token string) string {
		return fmt.Sprintf("\n[[feed.subscribers]]\nname = \"s\"\ntoken_file = %q\nmailboxes = [\"m.1\", \"*\"]\nmay = [\"follow\"]\n", token)
	}
	c, err = load(mailbox + subscriber(others))
	require.NoError(t, err)
	require.Equal(t, []Mailbox{{Name: "m.1", Wallets: []string{strings.Repeat("0a", 20)}, Kinds: []string{"result"}}}, c.Feed.Mailboxes)
	require.Equal(t, "m.1", c.Feed.Subscribers[0].Mailboxes[0])
	word, err := c.SubscriberToken(c.Feed.Subscribers[0])
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("b", 32), word)
	before := c
	before.Feed.Subscribers = nil
	require.Equal(t, Diff{Restart: []string{"feed.subscribers"}}, before.Diff(c))

	for want, doc := range map[string]string{
		"a mailbox of this name":  mailbox + mailbox,
		"the same token":          subscriber(own),
		"fewer than 32":           subscriber(tokenFile(t, "short")),
		"dot, dash and":           strings.Replace(mailbox, "m.1", "M 1", 1),
		"want one of proposal":    strings.Replace(mailbox, `"result"`, `"results"`, 1),
		"feed.mailboxes[1].walle": strings.Replace(mailbox, "0a0a", "xx", 1),
		"want one of follow, ack": strings.Replace(subscriber(others), `"follow"`, `"write"`, 1),
	} {
		_, err := load(doc)
		require.ErrorContains(t, err, want)
	}
	_, err = Load(samplePath, nil, nil)
	require.NoError(t, err)
	c.API.TokenFile = ""
	require.ErrorContains(t, c.Validate(), "set api.token_file")
}
