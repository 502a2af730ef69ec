package main

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

// What an instance says it sealed is listed, and held against the seals that a subscriber was given: another database under the instance's name
// and key has sealed the same epoch otherwise, and is noticed.
func TestHeadsOfEpochsAreHeldAgainstWhatASubscriberKeeps(t *testing.T) {
	dir, p := posted(t)
	state := subscribed(t, dir, "a")
	heads, err := p.Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Len(t, heads.Heads, 1)
	require.Contains(t, succeed(t, "", "feed", "heads", "--data-dir", dir), heads.Heads[0].Seal)
	require.NotContains(t, succeed(t, "", "feed", "heads", "--from", "2", "--data-dir", dir), heads.Heads[0].Seal)
	require.NotContains(t, succeed(t, "", "feed", "heads", "--instance", "beta", "--data-dir", dir), heads.Heads[0].Seal)
	require.Equal(t, "1 epochs are the same, 0 are not kept by their instances any more, 0 differ\n", succeed(t, "", "feed", "heads", "--state", state, "--data-dir", dir))

	twin := t.TempDir()
	serveAPI(t, twin, &api.Server{Feeds: office(t, "alpha", "something else"), Logger: slog.New(slog.DiscardHandler)})
	got := call(t, "", "feed", "heads", "--state", state, "--data-dir", twin)
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "0 epochs are the same, 0 are not kept by their instances any more, 1 differ\n  epoch 1 of alpha: the subscriber was given the seal "+heads.Heads[0].Seal)
	got = call(t, "", "feed", "heads", "--json", "--state", state, "--data-dir", twin)
	var held view.FeedHeadsHeld
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &held))
	require.Len(t, held.Differ, 1)
	require.Equal(t, heads.Heads[0].Seal, held.Differ[0].Kept)

	away := t.TempDir() // an instance that has nothing of it
	serveAPI(t, away, &api.Server{Feeds: office(t, "beta", "something else"), Logger: slog.New(slog.DiscardHandler)})
	got = call(t, "", "feed", "heads", "--state", state, "--data-dir", away)
	require.Equal(t, codeUnusable, got.code, "nothing could be compared")
	require.Contains(t, got.stdout, "0 epochs are the same, 1 are not kept")
	for _, args := range [][]string{{"--state", state, "--from", "1"}, {"--state", state, "--instance", "alpha"}, {"more"}} {
		require.Equal(t, codeUsage, call(t, "", append([]string{"feed", "heads", "--data-dir", dir}, args...)...).code)
	}
	require.Equal(t, codeUnusable, call(t, "", "feed", "heads", "--state", t.TempDir(), "--data-dir", dir).code)
}
