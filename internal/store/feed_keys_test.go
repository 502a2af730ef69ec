package store

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/net/feed"
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
	keys, _, err := s.RecentFeedKeys(t.Context(), 3)
	require.NoError(t, err)
	require.Len(t, keys, 3)
	for _, name := range []string{"pod-00", "pod-01", "pod-02"} {
		require.Contains(t, keys, name)
	}
	all, err := s.FeedKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 20, "instances verify each other's facts with all")
}

// A key that another one replaces is good for what is older: until the epoch that is open, and the end of the series of numbers that the instance tells
// in. The list's version grows with each change, whatever the clock says, and one that is signed with again is good again.
func TestAKeyThatIsReplacedIsGoodForWhatIsOlder(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := way.make(t, Retention{})()
			instance, prove := "node", (func() (cluster.Seal, error))(nil)
			if !way.alone {
				sibling := newSibling(t, s, "a")
				instance, prove = "a", func() (cluster.Seal, error) { return sibling.seal, nil }
			}
			one, two := make(ed25519.PublicKey, ed25519.PublicKeySize), make(ed25519.PublicKey, ed25519.PublicKeySize)
			one[0], two[0] = 1, 2
			versions := uint64(0)
			read := func(newer bool) (keys map[byte]*feed.Until) {
				ring, version, err := s.RecentFeedKeys(t.Context(), 10)
				require.NoError(t, err)
				all, err := s.FeedKeys(t.Context())
				require.NoError(t, err)
				require.ElementsMatch(t, all[instance], ring[instance])
				require.Equal(t, newer, version > versions)
				versions, keys = version, map[byte]*feed.Until{}
				for _, k := range ring[instance] {
					keys[k.Public[0]] = k.Until
				}
				return keys
			}
			say := func(key ed25519.PublicKey, open feed.Epoch) {
				require.NoError(t, s.SayFeedKey(t.Context(), prove, instance, key))
				require.NoError(t, s.ReplaceFeedKeys(t.Context(), prove, instance, key, open))
			}
			last := func() uint64 {
				origins, err := s.Origins(t.Context())
				require.NoError(t, err)
				return origins[instance]
			}
			say(one, 3)
			require.Equal(t, map[byte]*feed.Until{1: nil}, read(true))
			require.Zero(t, last(), "who had no other key tells on as before")
			say(one, 4)
			read(false)
			_, err := s.writes.db.ExecContext(t.Context(), `INSERT INTO feed_origins (origin, last) VALUES ($1, 77)`, instance)
			require.NoError(t, err)
			_, err = s.writes.db.ExecContext(t.Context(), `UPDATE feed_keys SET changed = changed + 1000000000000`) // a clock that was ahead
			require.NoError(t, err)
			read(true)

			say(two, 5)
			keys := read(true)
			require.Nil(t, keys[2])
			require.Equal(t, feed.Epoch(5), keys[1].Epoch)
			require.Equal(t, last(), keys[1].Number)
			require.Greater(t, last(), uint64(77))
			require.True(t, feed.BeginsSeries(last()+1))
			before := last()
			say(two, 6)
			require.Equal(t, keys, read(false))
			require.Equal(t, before, last())

			say(one, 7) // its disk came back
			keys = read(true)
			require.Nil(t, keys[1])
			require.Equal(t, feed.Epoch(7), keys[2].Epoch)
			require.Greater(t, last(), before)
		})
	}
}
