package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiffTellsEndpointsFromWhatNeedsARestart(t *testing.T) {
	before, err := Load(write(t, many), nil, nil)
	require.NoError(t, err)
	require.Equal(t, Diff{}, before.Diff(before))

	text := strings.NewReplacer(`name = "three"`, `name = "five"`, `vote_group = "provider"
roles`, `vote_group = "two"
roles`, "rps = 5", "rps = 6", "wss://example.org/secret", "wss://example.com/secret").Replace(many)
	after, err := Load(write(t, text), []string{"WALLETNODE_LOG_LEVEL=warn", "WALLETNODE_ETHEREUM_MULTI_POLL_INTERVAL=6s", "WALLETNODE_NETWORK_PEERS="}, nil)
	require.NoError(t, err)
	require.Equal(t, Diff{
		Added: []string{"five"}, Removed: []string{"three"}, Changed: []string{"primary", "one", "two"},
		Restart: []string{"ethereum.multi.poll_interval", "log.level"},
	}, before.Diff(after))

	taken := before.WithEndpoints(after)
	require.Equal(t, Diff{Restart: []string{"ethereum.multi.poll_interval", "log.level"}}, taken.Diff(after), "what was not taken over still needs a restart")
	require.Equal(t, after.ChainEndpoints(), taken.ChainEndpoints())
}

func TestTheRateOfAllEndpointsIsTheirs(t *testing.T) {
	before, err := Load(write(t, many), nil, nil)
	require.NoError(t, err)
	after, err := Load(write(t, many), []string{"WALLETNODE_ETHEREUM_REQUESTS_PER_SECOND=7"}, nil)
	require.NoError(t, err)
	require.Equal(t, Diff{Changed: []string{"primary", "two", "three", "four"}}, before.Diff(after), "one has a rate of its own")
}
