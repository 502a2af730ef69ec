package quorum

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestSetsOfEndpointsThatAllowNoMajorityAreRefused(t *testing.T) {
	w := newTruth(10)
	good := func() []Member { return members(newFake(w, "a"), newFake(w, "b"), newFake(w, "c")) }
	require.NoError(t, checkMembers(good()))
	for text, spoil := range map[string]func(m []Member) []Member{
		`two endpoints are named "a"`:                 func(m []Member) []Member { m[1].Name = "a"; return m },
		`endpoints "a" and "b" are the same one`:      func(m []Member) []Member { m[1].Key = "a"; return m },
		"2 endpoints are primary, one must be":        func(m []Member) []Member { m[1].Primary = true; return m },
		"0 endpoints are primary, one must be":        func(m []Member) []Member { m[0].Primary = false; return m },
		"endpoint 2 has no name":                      func(m []Member) []Member { m[1].Name = ""; return m },
		`endpoint "b" has no vote group`:              func(m []Member) []Member { m[1].Group = ""; return m },
		`endpoint "c" has the unknown role "sing"`:    func(m []Member) []Member { m[2].Roles = []Role{"sing"}; return m },
		`endpoint "c" cannot be opened`:               func(m []Member) []Member { m[2].Open = nil; return m },
		"no endpoint serves reads":                    func(m []Member) []Member { return withRoles(m, RoleVote) },
		`the primary endpoint "a" does not serve`:     func(m []Member) []Member { m[0].Roles = []Role{RoleVote}; return m },
		"endpoints of 0 vote group":                   func(m []Member) []Member { return withRoles(m, RoleRead) },
		"endpoints of 1 vote group":                   func(m []Member) []Member { m[1].Group, m[2].Group = "a", "a"; return m },
		"33 endpoints, the most is 32":                func(m []Member) []Member { return append(m, make([]Member, 30)...) },
		"endpoints of 0 vote group cannot check each": func([]Member) []Member { return nil },
	} {
		t.Run(text, func(t *testing.T) {
			_, err := New(t.Context(), Config{Members: spoil(good())}, slog.New(slog.DiscardHandler))
			require.ErrorContains(t, err, text)
		})
	}
	_, err := New(t.Context(), Config{Members: append(good()[:2], good()[0]), Deadline: -1}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "two endpoints are named")
	require.ErrorContains(t, err, "2 endpoints are primary", "all complaints at once")
	require.ErrorContains(t, err, "negative")
}

func withRoles(m []Member, roles ...Role) []Member {
	for i := range m {
		m[i].Roles = roles
	}
	return m
}

func TestReloadKeepsWhatStays(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		require.NoError(t, r.Cordon("b"))
		r.fall(ill{refuse: true}, "c")
		time.Sleep(twoPolls)
		before, _ := r.History("c")
		d := newFake(r.truth, "d")
		r.fakes = append(r.fakes, d)
		began := time.Now()
		changed := members(r.fakes[0], r.fakes[1], r.fakes[2], d)
		changed[1].Name, changed[1].Group = "renamed", "other"
		require.NoError(t, r.Reload(t.Context(), changed))
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
		require.Equal(t, Healthy, r.endpoint("d").Status, "warmed before it came in")
		require.Equal(t, Cordoned, r.endpoint("renamed").Reason)
		require.Equal(t, "other", r.endpoint("renamed").Group)
		after, _ := r.History("c")
		require.Equal(t, before, after)
		require.Equal(t, 4, r.Snapshot().Groups)
		_, known := r.History("b")
		require.False(t, known)
	})
}

func TestAnInvalidSetChangesNothing(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		before, d := r.Snapshot(), newFake(r.truth, "d")
		require.ErrorIs(t, r.Reload(t.Context(), members(r.fakes[0])), ErrMembers)
		broken := members(r.fakes[0], r.fakes[1], r.fakes[2], d, newFake(r.truth, "e"))
		broken[4].Open = func() (Endpoint, error) { return nil, errors.New("no such file") }
		err := r.Reload(t.Context(), broken)
		require.ErrorContains(t, err, "open endpoint e: no such file")
		require.ErrorIs(t, err, ErrMembers)
		require.True(t, d.isClosed(), "what was opened before is closed again")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, r.Reload(ctx, members(r.fakes[:2]...)), context.Canceled)
		require.Equal(t, len(before.Endpoints), len(r.Snapshot().Endpoints))
		require.Equal(t, before.Groups, r.Snapshot().Groups)
	})
}

func TestARemovedEndpointEndsItsCallsFirst(t *testing.T) {
	in(t, 4, spoil(ill{slow: 450 * time.Millisecond}, "a", "b", "c", "d"), func(t *testing.T, r *rig) {
		time.Sleep(3 * time.Second) // the ring is filled
		answer := make(chan error)
		go func() {
			_, err := r.RedemptionLimits(t.Context())
			answer <- err
		}()
		synctest.Wait()
		require.Equal(t, 1, r.fakes[0].count("read"))
		set := members(r.fakes[1:]...)
		require.NoError(t, r.Reload(t.Context(), set))
		synctest.Wait()
		require.False(t, r.fakes[0].isClosed(), "a call is in flight")
		require.Equal(t, "b", r.Snapshot().Serving)
		require.NoError(t, <-answer)
		synctest.Wait()
		require.True(t, r.fakes[0].isClosed())
		polls := r.fakes[0].count("look")
		time.Sleep(time.Minute)
		require.Equal(t, polls, r.fakes[0].count("look"), "nobody polls it")
		r.truth.live(time.Minute)
		time.Sleep(2 * time.Second) // answers are slow
		requireUnbroken(t, r.delivered(), 1000, 1005)
	})
}

func TestCordon(t *testing.T) {
	in(t, 4, nil, func(t *testing.T, r *rig) {
		require.ErrorIs(t, r.Cordon("nobody"), errUnknownEndpoint)
		require.NoError(t, r.Cordon("a"))
		a := r.endpoint("a")
		require.Equal(t, Unhealthy, a.Status)
		require.Equal(t, Cordoned, a.Reason)
		require.True(t, a.Cordoned)
		require.Equal(t, "b", r.Snapshot().Serving, "at once")
		time.Sleep(time.Minute)
		require.Equal(t, Cordoned, r.endpoint("a").Reason)
		require.NoError(t, r.Uncordon("a"))
		time.Sleep(8 * time.Second)
		require.Equal(t, Recovering, r.endpoint("a").Reason)
		time.Sleep(time.Minute)
		require.Equal(t, Healthy, r.endpoint("a").Status)
		require.Equal(t, "a", r.Snapshot().Serving)
	})
}

func TestAPoolThatEndedSaysSo(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.stop()
		require.ErrorIs(t, r.Cordon("a"), errClosed)
		require.ErrorIs(t, r.Reload(t.Context(), members(r.fakes...)), errClosed)
		_, err := r.RedemptionLimits(t.Context())
		require.ErrorIs(t, err, errRetired)
		_, err = r.Header(t.Context(), 1)
		require.ErrorIs(t, err, chain.ErrNoQuorum)
	})
}

func TestTransactionsGoToAllHealthyEndpoints(t *testing.T) {
	in(t, 6, func(r *rig, c *Config) {
		c.Members[1].Roles = []Role{RoleRead, RoleVote}
		c.Members[5].Roles = []Role{RoleSend}
		r.fall(ill{refuse: true}, "c", "f")
	}, func(t *testing.T, r *rig) {
		sent := func() (n []int) {
			synctest.Wait()
			for _, f := range r.fakes {
				n = append(n, f.count("broadcast"))
			}
			return n
		}
		want, err := newFake(r.truth, "x").Broadcast(t.Context(), []byte("tx"))
		require.NoError(t, err)
		hash, err := r.Broadcast(t.Context(), []byte("tx"))
		require.NoError(t, err)
		require.Equal(t, want, hash)
		require.Equal(t, []int{1, 0, 0, 1, 1, 1}, sent(), "b may not, c is not healthy, f does nothing else")

		r.fall(ill{hang: true}, "a")
		r.fall(ill{slow: time.Second}, "d")
		began := time.Now()
		_, err = r.Broadcast(t.Context(), []byte("tx"))
		require.NoError(t, err)
		require.Zero(t, time.Since(began), "the first that takes it is enough")

		r.fall(ill{refuse: true}, "a", "d", "e")
		_, err = r.Broadcast(t.Context(), []byte("tx"))
		require.ErrorContains(t, err, "a: connection refused")
		require.ErrorContains(t, err, "f: connection refused")

		time.Sleep(twoPolls)
		before := sent()
		_, err = r.Broadcast(t.Context(), []byte("tx"))
		require.Error(t, err)
		require.Equal(t, before[2]+1, sent()[2], "with none healthy all are tried")
	})
}

func TestASendOnlyEndpointNeitherServesNorVotes(t *testing.T) {
	in(t, 4, func(r *rig, c *Config) {
		c.Members[3].Roles = []Role{RoleSend}
		r.fall(ill{fork: 5}, "d")
	}, func(t *testing.T, r *rig) {
		require.Equal(t, 3, r.Snapshot().Groups)
		r.fall(ill{refuse: true}, "a", "b", "c")
		time.Sleep(twoPolls)
		require.NotEqual(t, "d", r.Snapshot().Serving)
		_, err := r.RedemptionLimits(t.Context())
		require.Error(t, err)
		require.Zero(t, r.fakes[3].count("read"))
	})
}
