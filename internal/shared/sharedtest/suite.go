// Package sharedtest has the suite that every shared.Store has to pass.
package sharedtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
)

// Suite is what every store has to pass. Open gives each case an empty store of its own.
func Suite(t *testing.T, open func(t *testing.T) shared.Store) {
	for name, run := range map[string]func(*testing.T, shared.Store){
		"a new store has nothing":                    empty,
		"a ban is stored and lifted":                 bans,
		"a ban runs out":                             runsOut,
		"a ban's times are this machine's":           ownTimes,
		"a ban takes the place of one like it":       replaces,
		"there are so many bans and no more":         fills,
		"a wallet is stopped once and goes on":       halts,
		"verdicts are replaced by instance":          verdicts,
		"a wish is one per instance":                 wishes,
		"each change of a list has a version":        versions,
		"changes at once have a version each":        together,
		"texts are bounded and fit for any database": texts,
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t)) })
	}
}

// newPeer draws a peer.
func newPeer(t *testing.T) peer.ID {
	_, public, err := crypto.GenerateSecp256k1Key(rand.Reader)
	require.NoError(t, err)
	id, err := peer.IDFromPublicKey(public)
	require.NoError(t, err)
	return id
}

func operator(n byte) chain.Operator { return chain.Operator{n, 0xab} }

// moved shows which topics' versions changed between two looks, and by how much.
func moved(t *testing.T, s shared.Store, change func()) shared.Versions {
	before, err := s.Versions(t.Context())
	require.NoError(t, err)
	change()
	after, err := s.Versions(t.Context())
	require.NoError(t, err)
	require.Len(t, after, len(shared.Topics()))
	by := make(shared.Versions)
	for topic, version := range after {
		require.GreaterOrEqual(t, version, before[topic], topic)
		if version != before[topic] {
			by[topic] = version - before[topic]
		}
	}
	return by
}

func empty(t *testing.T, s shared.Store) {
	versions, err := s.Versions(t.Context())
	require.NoError(t, err)
	for _, topic := range shared.Topics() {
		version, known := versions[topic]
		require.True(t, known, topic)
		require.Zero(t, version, topic)
	}
	bans, err := s.Bans(t.Context())
	require.NoError(t, err)
	halts, err := s.Halts(t.Context())
	require.NoError(t, err)
	verdicts, err := s.Verdicts(t.Context())
	require.NoError(t, err)
	wishes, err := s.Wishes(t.Context())
	require.NoError(t, err)
	require.Zero(t, len(bans)+len(halts)+len(verdicts)+len(wishes))
}

func bans(t *testing.T, s shared.Store) {
	first, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1), Reason: "lies", By: "operator"}, 0)
	require.NoError(t, err)
	require.False(t, first.Since.IsZero())
	require.True(t, first.Until.IsZero(), "until it is lifted")
	second, err := s.AddBan(t.Context(), shared.Ban{Peer: newPeer(t), By: "score"}, time.Hour)
	require.NoError(t, err)
	require.Equal(t, second.Since.Add(time.Hour), second.Until)

	list, err := s.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Ban{first, second}, list, "as they were answered, oldest first")

	require.NoError(t, s.RemoveBan(t.Context(), shared.Ban{Operator: operator(1)}))
	require.ErrorIs(t, s.RemoveBan(t.Context(), shared.Ban{Operator: operator(1)}), shared.ErrNotBanned)
	require.ErrorIs(t, s.RemoveBan(t.Context(), shared.Ban{Peer: newPeer(t)}), shared.ErrNotBanned)
	list, err = s.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Ban{second}, list)

	for _, bad := range []shared.Ban{{}, {Operator: operator(1), Peer: newPeer(t)}} {
		_, err := s.AddBan(t.Context(), bad, 0)
		require.Error(t, err, "one of operator and peer is banned")
	}
	_, err = s.AddBan(t.Context(), shared.Ban{Operator: operator(1)}, -time.Second)
	require.Error(t, err, "it would be over before it began")
}

func runsOut(t *testing.T, s shared.Store) {
	_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1)}, time.Millisecond)
	require.NoError(t, err)
	lasting, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(2)}, time.Hour)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := s.Bans(t.Context())
		return err == nil && len(list) == 1 && list[0] == lasting
	}, 30*time.Second, 5*time.Millisecond)
	require.ErrorIs(t, s.RemoveBan(t.Context(), shared.Ban{Operator: operator(1)}), shared.ErrNotBanned, "it has run out")
}

// ownTimes is a test of the clocks only where the database has another one; where it has this machine's nothing is shifted.
func ownTimes(t *testing.T, s shared.Store) {
	before := time.Now().Truncate(time.Microsecond)
	_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1)}, time.Hour)
	require.NoError(t, err)
	after := time.Now()
	list, err := s.Bans(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	took := time.Since(before) // by so much the way of a question can mislead a store
	require.WithinRange(t, list[0].Since, before.Add(-took), after.Add(took))
	require.Equal(t, time.Hour, list[0].Until.Sub(list[0].Since))
}

func replaces(t *testing.T, s shared.Store) {
	_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1), Reason: "idle", By: "score"}, time.Hour)
	require.NoError(t, err)
	last, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1), Reason: "lies", By: "operator"}, 0)
	require.NoError(t, err)
	list, err := s.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Ban{last}, list)
}

func fills(t *testing.T, s shared.Store) {
	var adding sync.WaitGroup
	for n := range shared.MaxBans {
		adding.Go(func() {
			_, err := s.AddBan(t.Context(), shared.Ban{Operator: chain.Operator{byte(n), byte(n >> 8), 1}}, time.Hour)
			if err != nil {
				t.Error(err)
			}
		})
	}
	adding.Wait()
	_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1)}, 0)
	require.ErrorIs(t, err, shared.ErrTooManyBans)
	_, err = s.AddBan(t.Context(), shared.Ban{Operator: chain.Operator{0, 0, 1}}, time.Millisecond)
	require.NoError(t, err, "one in the place of another needs no room")
	require.Eventually(t, func() bool { // and once it has run out, there is room
		_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1)}, 0)
		return err == nil
	}, 30*time.Second, 5*time.Millisecond)
}

func halts(t *testing.T, s shared.Store) {
	a, b := chain.WalletID{0xa}, chain.WalletID{0xb}
	first := shared.Halt{Wallet: b, Window: 900, Reason: "somebody speaks with our key", By: "instance-1"}
	require.NoError(t, s.AddHalt(t.Context(), first))
	require.Empty(t, moved(t, s, func() {
		require.NoError(t, s.AddHalt(t.Context(), shared.Halt{Wallet: b, Window: 1800, Reason: "again", By: "instance-2"}))
	}), "a wallet that is stopped stays as it is")
	require.NoError(t, s.AddHalt(t.Context(), shared.Halt{Wallet: a, Window: 1800, By: "instance-2"}))
	list, err := s.Halts(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.False(t, list[0].Since.IsZero())
	require.False(t, list[1].Since.Before(list[0].Since))
	first.Since = list[0].Since
	require.Equal(t, first, list[0], "the oldest first")
	require.Equal(t, a, list[1].Wallet)

	require.NoError(t, s.RemoveHalt(t.Context(), b))
	require.ErrorIs(t, s.RemoveHalt(t.Context(), b), shared.ErrNotHalted)
	list, err = s.Halts(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func verdicts(t *testing.T, s shared.Store) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	one := []shared.Verdict{
		{Instance: "one", Endpoint: "b", Status: "healthy", At: at},
		{Instance: "one", Endpoint: "a", Status: "lagging", Detail: "3 blocks", At: at.Add(time.Second)},
	}
	two := []shared.Verdict{{Instance: "two", Endpoint: "a", Status: "forked"}}
	require.NoError(t, s.SetVerdicts(t.Context(), "one", one))
	require.NoError(t, s.SetVerdicts(t.Context(), "two", two))
	list, err := s.Verdicts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Verdict{one[1], two[0], one[0]}, list, "by endpoint and instance")

	require.NoError(t, s.SetVerdicts(t.Context(), "one", one[:1]))
	list, err = s.Verdicts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Verdict{two[0], one[0]}, list)
	require.NoError(t, s.SetVerdicts(t.Context(), "two", nil))
	list, err = s.Verdicts(t.Context())
	require.NoError(t, err)
	require.Equal(t, one[:1], list)

	twice := []shared.Verdict{one[0], one[0]}
	require.Error(t, s.SetVerdicts(t.Context(), "one", twice), "one verdict per endpoint")
	list, err = s.Verdicts(t.Context())
	require.NoError(t, err)
	require.Equal(t, one[:1], list, "and nothing of a list that is refused")
}

func wishes(t *testing.T, s shared.Store) {
	require.NoError(t, s.SetWish(t.Context(), "one", shared.Drain))
	require.NoError(t, s.SetWish(t.Context(), "two", shared.Resign))
	require.NoError(t, s.SetWish(t.Context(), "one", shared.Resign))
	list, err := s.Wishes(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "one", list[0].Instance)
	require.Equal(t, shared.Resign, list[0].Desire)
	require.False(t, list[0].At.IsZero())
	require.NoError(t, s.SetWish(t.Context(), "one", shared.None))
	require.NoError(t, s.SetWish(t.Context(), "three", shared.None), "nothing to take back")
	list, err = s.Wishes(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "two", list[0].Instance)
	require.Error(t, s.SetWish(t.Context(), "one", "dance"))
}

func versions(t *testing.T, s shared.Store) {
	p := newPeer(t)
	for _, step := range []struct {
		name string
		want shared.Versions
		do   func() error
	}{
		{"ban", shared.Versions{shared.TopicBans: 1}, func() error {
			_, err := s.AddBan(t.Context(), shared.Ban{Peer: p}, 0)
			return err
		}},
		{"lift", shared.Versions{shared.TopicBans: 1}, func() error { return s.RemoveBan(t.Context(), shared.Ban{Peer: p}) }},
		{"halt", shared.Versions{shared.TopicHalts: 1}, func() error { return s.AddHalt(t.Context(), shared.Halt{Wallet: chain.WalletID{1}}) }},
		{"resume", shared.Versions{shared.TopicHalts: 1}, func() error { return s.RemoveHalt(t.Context(), chain.WalletID{1}) }},
		{"verdicts", shared.Versions{shared.TopicVerdicts: 1}, func() error { return s.SetVerdicts(t.Context(), "one", []shared.Verdict{{Endpoint: "a"}}) }},
		{"wish", shared.Versions{shared.TopicWishes: 1}, func() error { return s.SetWish(t.Context(), "one", shared.Drain) }},
		{"no wish", shared.Versions{shared.TopicWishes: 1}, func() error { return s.SetWish(t.Context(), "one", shared.None) }},
	} {
		require.Equal(t, step.want, moved(t, s, func() { require.NoError(t, step.do()) }), step.name)
	}
	require.Empty(t, moved(t, s, func() {
		require.Error(t, s.RemoveBan(t.Context(), shared.Ban{Peer: p}))
		require.Error(t, s.RemoveHalt(t.Context(), chain.WalletID{1}))
	}), "what changed nothing has no version")
}

func together(t *testing.T, s shared.Store) {
	const writers = 16
	by := moved(t, s, func() {
		var adding sync.WaitGroup
		for n := range writers {
			adding.Go(func() {
				_, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(byte(n))}, 0)
				err = errors.Join(err, s.AddHalt(t.Context(), shared.Halt{Wallet: chain.WalletID{byte(n)}}))
				err = errors.Join(err, s.SetVerdicts(t.Context(), fmt.Sprint(n), nil))
				if err != nil {
					t.Error(err)
				}
			})
		}
		adding.Wait()
	})
	require.Equal(t, shared.Versions{shared.TopicBans: writers, shared.TopicHalts: writers, shared.TopicVerdicts: writers}, by)
}

func texts(t *testing.T, s shared.Store) {
	long := "\x00\xff" + strings.Repeat("ü", shared.MaxText)
	added, err := s.AddBan(t.Context(), shared.Ban{Operator: operator(1), Reason: long, By: long}, 0)
	require.NoError(t, err)
	require.NoError(t, s.AddHalt(t.Context(), shared.Halt{Wallet: chain.WalletID{1}, Reason: long, By: long}))
	require.NoError(t, s.SetVerdicts(t.Context(), "one", []shared.Verdict{{Instance: "one", Endpoint: "a", Status: "up", Detail: long}}))
	bans, err := s.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shared.Ban{added}, bans)
	halts, err := s.Halts(t.Context())
	require.NoError(t, err)
	verdicts, err := s.Verdicts(t.Context())
	require.NoError(t, err)
	for _, text := range []string{bans[0].Reason, bans[0].By, halts[0].Reason, halts[0].By, verdicts[0].Detail} {
		require.LessOrEqual(t, len(text), shared.MaxText)
		require.True(t, strings.HasPrefix(long[2:], text), "no half letter, nothing a database refuses")
		require.Greater(t, len(text), shared.MaxText/2)
	}
}
