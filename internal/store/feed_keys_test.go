package store

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Instances that come and go under new names do not crowd out those that are there.
func TestTheKeysOfInstancesThatWereThereLastAreListed(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	for i := range 20 {
		key := make(ed25519.PublicKey, ed25519.PublicKeySize)
		key[0] = byte(i)
		name := fmt.Sprintf("pod-%02d", i)
		require.NoError(t, s.SayFeedKey(t.Context(), nil, name, key))
		_, err := s.writes.db.ExecContext(t.Context(), `UPDATE feeds SET seen = $1 WHERE instance = $2`, 100-i, name)
		require.NoError(t, err)
	}
	keys, err := s.RecentFeedKeys(t.Context(), 3)
	require.NoError(t, err)
	require.Len(t, keys, 3)
	for _, name := range []string{"pod-00", "pod-01", "pod-02"} {
		require.Contains(t, keys, name)
	}
	all, err := s.FeedKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 20, "instances verify each other's facts with all")
}
