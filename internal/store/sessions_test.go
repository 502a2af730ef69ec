package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

func names(t *testing.T, s *Store) (ids []cluster.InstanceID) {
	t.Helper()
	for _, m := range viewOf(t, s).Members {
		ids = append(ids, m.Instance)
	}
	return ids
}

func TestRowsOfInstancesThatAreLongGoneAreRemoved(t *testing.T) {
	s := steered(t)
	openedFor(t, s, "gone", time.Minute)
	s.pass(memberRest)
	openedFor(t, s, "a", time.Minute)
	require.Equal(t, []cluster.InstanceID{"a", "gone"}, names(t, s.Store))
	s.pass(2 * time.Minute)
	openedFor(t, s, "b", time.Minute)
	require.Equal(t, []cluster.InstanceID{"a", "b"}, names(t, s.Store))

	// The rows of a backup say what was when it was made: how long their instances are gone is not known.
	s.set(`history = history + 1`)
	s.pass(2 * memberRest)
	c := openedFor(t, s, "c", time.Hour)
	require.Equal(t, []cluster.InstanceID{"a", "b", "c"}, names(t, s.Store))
	_, err := s.Reconcile(t.Context(), c, nil, 900)
	require.NoError(t, err)
	s.pass(cluster.Mourning / 2)
	openedFor(t, s, "d", time.Hour)
	require.Equal(t, []cluster.InstanceID{"a", "b", "c", "d"}, names(t, s.Store))
	s.pass(cluster.Mourning / 2)
	openedFor(t, s, "e", time.Minute)
	require.Equal(t, []cluster.InstanceID{"c", "d", "e"}, names(t, s.Store))
}

func TestAnInstancesWordsAreBounded(t *testing.T) {
	for _, s := range []*Store{openCluster(t, embeddedInTests(t)), openCluster(t, mustRemote(t, pgtest.Database(t)))} {
		h := cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}
		_, err := s.OpenSession(t.Context(), cluster.Opening{Holder: h, TTL: time.Hour, Profile: cluster.Profile{URLs: []string{strings.Repeat("x", maxText)}}})
		require.ErrorContains(t, err, "addresses")
		g, err := s.OpenSession(t.Context(), cluster.Opening{
			Holder: h, TTL: time.Hour, Profile: cluster.Profile{URLs: []string{"https://a\x00\"\\"}, Version: "v\x00\xff1"}, Status: cluster.Status{Detail: "\x00no\xff"},
		})
		require.NoError(t, err)
		m := viewOf(t, s).Members[0]
		require.Equal(t, []string{"https://a\x00\"\\"}, m.URLs)
		require.Equal(t, "v1", m.Version)
		require.Equal(t, "no", m.Detail)
		require.NoError(t, s.RenewSession(t.Context(), cluster.Renewal{Holder: h, Generation: g, TTL: time.Hour, Status: cluster.Status{Detail: "\x00still\xff"}}))
		require.Equal(t, "still", viewOf(t, s).Members[0].Detail)

		_, err = s.writes.db.ExecContext(t.Context(), `UPDATE instances SET urls = 'nonsense'`)
		require.NoError(t, err)
		_, err = s.View(t.Context())
		require.ErrorIs(t, err, ErrCorrupt)
	}
}
