package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/view"
)

// endpointsOf is a configuration of the primary and two others.
func endpointsOf(t *testing.T) config.Config {
	t.Helper()
	headers := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(headers, []byte("Authorization: Bearer hunter2\n"), 0o600))
	c := config.Default()
	c.Ethereum.URL = "ws://127.0.0.1:1/hunter2"
	c.Ethereum.ChainID = 5
	c.Ethereum.Multi.Enabled = true
	c.Ethereum.Multi.Endpoints = []config.Endpoint{
		{Name: "one", URL: "https://one.example.org/hunter2", VoteGroup: "provider", HeadersFile: headers},
		{Name: "two", URL: "https://two.example.org/", Roles: []string{"vote"}, RPS: 3},
	}
	return c
}

func TestConfiguredEndpointsBecomeMembers(t *testing.T) {
	c := endpointsOf(t)
	got, err := multi(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, []any{uint64(5), 5 * time.Second, 2 * time.Second, 30 * time.Second, 3},
		[]any{got.ChainID, got.PollEvery, got.Deadline, got.PeersEvery, got.MinPeers})
	require.NoError(t, got.Validate())
	all := []quorum.Role{quorum.RoleRead, quorum.RoleVote, quorum.RoleSend}
	for i, want := range []quorum.Member{
		{Name: "primary", Group: "primary", Roles: all, Primary: true, Shown: "ws://127.0.0.1:1/REDACTED"},
		{Name: "one", Group: "provider", Roles: all, Shown: "https://one.example.org/REDACTED"},
		{Name: "two", Group: "two", Roles: []quorum.Role{quorum.RoleVote}, Shown: "https://two.example.org/"},
	} {
		have := got.Members[i]
		require.NotContains(t, fmt.Sprint(have.Key), "hunter2")
		endpoint, err := have.Open()
		require.NoError(t, err)
		endpoint.Close()
		have.Key, have.Open = "", nil
		require.Equal(t, want, have)
	}

	c.Ethereum.Multi.Enabled = false
	got, err = multi(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Nil(t, got, "off: one endpoint, as ever")
}

// What a reload keeps is known by its key: a changed address, rate or token is another connection, another vote is not.
func TestTheKeyOfAMemberIsThatOfItsConnection(t *testing.T) {
	key := func(change func(*config.Config)) string {
		c := endpointsOf(t)
		change(&c)
		members, err := Members(c, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		return members[1].Key
	}
	same := key(func(*config.Config) {})
	require.Equal(t, same, key(func(c *config.Config) { c.Ethereum.Multi.Endpoints[0].VoteGroup = "another" }))
	require.Equal(t, same, key(func(c *config.Config) { c.Ethereum.Multi.Endpoints[0].Roles = []string{"read"} }))
	for name, change := range map[string]func(*config.Config){
		"name": func(c *config.Config) { c.Ethereum.Multi.Endpoints[0].Name = "uno" },
		"URL":  func(c *config.Config) { c.Ethereum.Multi.Endpoints[0].URL += "x" },
		"rate": func(c *config.Config) { c.Ethereum.Multi.Endpoints[0].RPS = 1 },
		"token": func(c *config.Config) {
			require.NoError(t, os.WriteFile(c.Ethereum.Multi.Endpoints[0].HeadersFile, []byte("Authorization: Bearer other\n"), 0o600))
		},
	} {
		require.NotEqual(t, same, key(change), name)
	}
}

func TestAFileOfHeadersThatCannotBeReadIsNamedWithItsEndpoint(t *testing.T) {
	c := endpointsOf(t)
	require.NoError(t, os.WriteFile(c.Ethereum.Multi.Endpoints[0].HeadersFile, []byte("hunter2"), 0o600))
	_, err := Members(c, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "endpoint one: read headers: ")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestReloadEndpointsTakesOverThoseOfAConfiguration(t *testing.T) {
	pool := newFakePool()
	n := &Node{chain: &followed{endpoints: pool}, cfg: Config{Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) }}}
	c := endpointsOf(t)
	require.NoError(t, n.ReloadEndpoints(t.Context(), c))
	require.Len(t, pool.members, 3)
	require.NoError(t, os.Remove(c.Ethereum.Multi.Endpoints[0].HeadersFile))
	err := n.ReloadEndpoints(t.Context(), c)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, err, view.ErrConfiguration)
	require.Len(t, pool.members, 3)
}

// A pool that ends while it is told of others is not the operator's mistake.
func TestAReloadBlamesTheConfigurationForItsEndpointsOnly(t *testing.T) {
	pool := newFakePool()
	n := &Node{chain: &followed{endpoints: pool}, cfg: Config{Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) }}}
	pool.err = fmt.Errorf("%w: two of one name", quorum.ErrMembers)
	require.ErrorIs(t, n.ReloadEndpoints(t.Context(), endpointsOf(t)), view.ErrConfiguration)
	pool.err = errors.New("closed")
	err := n.ReloadEndpoints(t.Context(), endpointsOf(t))
	require.ErrorIs(t, err, pool.err)
	require.NotErrorIs(t, err, view.ErrConfiguration)
}

func TestANodeOpensAPoolOnlyIfManyEndpointsAreOn(t *testing.T) {
	c := endpointsOf(t)
	c.Ethereum.ChainID, c.Ethereum.Multi.PollDeadline = 0, 50*time.Millisecond
	c.Ethereum.Multi.Endpoints[0].URL, c.Ethereum.Multi.Endpoints[1].URL = "http://127.0.0.1:2", "http://127.0.0.1:3"
	log := slog.New(slog.DiscardHandler)
	endpoints, err := multi(c, log)
	require.NoError(t, err)
	cfg := Config{Ethereum: oneEndpoint(c), Multi: endpoints, Logger: func(string) *slog.Logger { return log }}
	many, err := openChain(t.Context(), cfg)
	require.NoError(t, err, "a node starts while its endpoints are away")
	defer many.Close()
	require.IsType(t, new(quorum.Pool), many)

	cfg.Multi = nil
	one, err := openChain(t.Context(), cfg)
	require.NoError(t, err)
	defer one.Close()
	require.IsType(t, new(ethereum.Client), one)
}
