package net

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// address is what a configuration names a host by.
func address(h host.Host) string { return fmt.Sprintf("%v/p2p/%v", h.Addrs()[0], h.ID()) }

func TestABannedOperatorIsNeitherHeardNorRelayedNorLetIn(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, d := c.add(1), c.add(3)
		onA, onD := a.join(t, w), d.join(t, w)
		author, forwarder := c.operatorHost(2), c.operatorHost(3)
		c.connect(author, a.lh) // author – a – d: what he says reaches d only through a
		c.connect(a.lh, d.lh)
		c.connect(forwarder, a.lh)
		c.settle()
		word := func(text string, n uint64) *pb.Message {
			return forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, text)), n)
		}
		inject(t, author, a.ID(), word("before", 1))
		require.Equal(t, []string{"before"}, said(onA.Take(900)))
		require.Equal(t, []string{"before"}, said(onD.Take(900)))
		require.Equal(t, 2, onA.Sight().Operators)

		require.NoError(t, a.SetBans([]Ban{{Operator: operator(2), Reason: "it knows why"}}))
		c.settle()
		require.True(t, a.banned(operator(2)))
		require.False(t, a.banned(operator(3)))
		require.False(t, c.connected(a.lh, author))
		require.Equal(t, PeerRefused, a.peer(t, author).State)
		require.Equal(t, "operator is banned: it knows why", a.peer(t, author).LastError)
		require.Equal(t, 1, onA.Sight().Operators)
		require.True(t, c.connected(a.lh, d.lh), "others stay")
		require.EqualValues(t, 1, a.Counters().JoinFailures.Banned)

		before := a.Counters()
		inject(t, forwarder, a.ID(), word("through another", 2))
		before.Banned++
		require.Equal(t, before, a.Counters(), "it is dropped unread")
		require.Empty(t, onA.Take(900))
		require.Empty(t, onD.Take(900))
		require.True(t, c.connected(a.lh, forwarder), "and nobody else pays for it")

		_, err := c.mn.ConnectPeers(author.ID(), a.ID())
		require.NoError(t, err)
		c.settle()
		require.False(t, c.connected(a.lh, author))
		another := c.add(2) // with a key of its own, which says nothing before the proof
		c.connect(another.lh, a.lh)
		c.settle()
		require.False(t, c.connected(a.lh, another.lh))
		require.Equal(t, "operator is banned: it knows why", a.peer(t, another.lh).LastError)
	})
}

func TestABannedPeerIsKeptAwayAloneAndThoughItBeConfigured(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		b, sister := c.add(2), c.add(2)
		a := c.add(1, func(cfg *Config) { cfg.Peers = []string{address(b.lh)} })
		onA, onB, onSister := a.join(t, w), b.join(t, w), sister.join(t, w)
		c.connect(a.lh, b.lh)
		c.connect(a.lh, sister.lh)
		c.connect(b.lh, sister.lh)
		c.settle()
		require.NoError(t, a.SetBans([]Ban{{Peer: b.ID(), Reason: "its key is out"}}))
		c.settle()
		require.False(t, c.connected(a.lh, b.lh))
		require.Equal(t, "peer is banned: its key is out", a.peer(t, b.lh).LastError)
		require.True(t, c.connected(a.lh, sister.lh))
		require.False(t, a.banned(operator(2)))

		say(t, onB, 900, "from the peer")
		say(t, onSister, 1800, "from its sister")
		c.settle()
		require.Equal(t, []string{"from the peer"}, said(onA.Take(900)), "the operator's words come by another way")
		require.Equal(t, []string{"from its sister"}, said(onA.Take(1800)))
	})
}

// The list ends the ban, or its time does: either way who was banned is let in at once, dialed at once if it is configured,
// and heard. The mock network loses track of streams that are opened while their connection is cut, so the banned host has no
// pubsub here; whole nodes meet again in TestBansOverRealSockets.
func TestABanEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, a *member, until time.Time){
		"by the list": func(t *testing.T, a *member, until time.Time) {
			time.Sleep(time.Until(until) - time.Minute)
			require.NoError(t, a.SetBans(nil))
		},
		"by time": func(_ *testing.T, _ *member, until time.Time) { time.Sleep(time.Until(until)) },
	} {
		for kind, of := range map[string]func(b host.Host) Ban{
			"operator": func(host.Host) Ban { return Ban{Operator: operator(2)} },
			"peer":     func(b host.Host) Ban { return Ban{Peer: b.ID()} },
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				withCluster(t, func(t *testing.T, c *cluster) {
					w := testWallet(t, 1, 1, 2)
					b := c.operatorHost(2)
					a := c.add(1, func(cfg *Config) { cfg.Peers = []string{address(b)} })
					ch := a.join(t, w)
					_, err := c.mn.LinkPeers(a.ID(), b.ID())
					require.NoError(t, err)
					time.Sleep(lastRedial)
					synctest.Wait()
					require.Equal(t, PeerAdmitted, a.peer(t, b).State)

					ban, until := of(b), time.Now().Add(time.Hour)
					ban.Until = until
					require.NoError(t, a.SetBans([]Ban{ban}))
					for range 3 { // it is not dialed, and when it comes it is sent away
						time.Sleep(2 * lastRedial)
						synctest.Wait()
						require.False(t, c.connected(a.lh, b))
						require.Equal(t, PeerRefused, a.peer(t, b).State)
						_, err := c.mn.ConnectPeers(b.ID(), a.ID())
						require.NoError(t, err)
					}
					end(t, a, until)
					synctest.Wait()
					require.True(t, c.connected(a.lh, b), "dialed at once")
					require.Equal(t, PeerAdmitted, a.peer(t, b).State)
					require.False(t, a.banned(operator(2)))
					require.Empty(t, a.table.bans.Load().operators)
					require.Empty(t, a.table.bans.Load().peers)
					inject(t, b, a.ID(), forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, "after")), 1))
					require.Equal(t, []string{"after"}, said(ch.Take(900)))
				})
			})
		}
	}
}

func TestBadInputBansThatCannotBe(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, sibling := c.add(1), c.add(1)
		a.join(t, w)
		sibling.join(t, w)
		c.connect(a.lh, sibling.lh)
		c.settle()
		err := a.SetBans([]Ban{
			{Operator: operator(1)},
			{Peer: a.ID()},
			{},
			{Operator: operator(3), Peer: "p"},
			{Operator: operator(2)},
			{Operator: operator(4), Until: time.Now()},
		})
		require.ErrorIs(t, err, ErrBan)
		require.ErrorContains(t, err, "our own operator")
		require.ErrorContains(t, err, "this very peer")
		require.ErrorContains(t, err, "an operator or a peer, one of the two")
		c.settle()
		require.True(t, c.connected(a.lh, sibling.lh))
		require.False(t, a.banned(operator(1)))
		require.False(t, a.banned(operator(3)))
		require.False(t, a.banned(operator(4)), "it was over before it began")
		require.True(t, a.banned(operator(2)), "the others are in force")

		many := make([]Ban, maxBans+1)
		for i := range many {
			many[i].Peer = peer.ID(fmt.Sprint(i))
		}
		require.ErrorIs(t, a.SetBans(many), errTooManyBans)
		require.True(t, a.banned(operator(2)), "nothing changes then")
		require.NoError(t, a.SetBans(many[1:]))
		require.False(t, a.banned(operator(2)))
	})
}

func TestOfTwoBansOfOneSubjectTheLongerCounts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	short, long, endless := now.Add(time.Hour), now.Add(2*time.Hour), time.Time{}
	for _, order := range [][]time.Time{{short, long}, {long, short}, {short, endless}, {endless, short}} {
		l := newBanList()
		for _, until := range order {
			l.add(Ban{Operator: operator(2), Until: until}, now)
			l.add(Ban{Peer: "p", Until: until}, now)
		}
		_, banned := l.operator(operator(2), short)
		require.True(t, banned, order)
		_, banned = l.of(&entry{id: "p"}, short)
		require.True(t, banned, order)
	}
	require.Equal(t, "peer is banned until 2027-01-15 08:00:00 UTC: why", Ban{Peer: "p", Until: now, Reason: "why"}.String())
}

// The two kinds of bans do not know of each other: neither's end is the other's.
func TestABanByListStandsBesideTheOneForAFlood(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1)
		a.join(t, w)
		author, forwarder := c.operatorHost(2), c.operatorHost(3)
		c.connect(author, a.lh)
		c.connect(forwarder, a.lh)
		c.settle()
		var flood []*pb.Message
		for n := range uint64(50) {
			flood = append(flood, forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, fmt.Sprint(n))), n))
		}
		inject(t, forwarder, a.ID(), flood...)
		c.settle()
		comesIn := func() bool {
			_, err := c.mn.ConnectPeers(author.ID(), a.ID())
			require.NoError(t, err)
			c.settle()
			return c.connected(a.lh, author)
		}
		require.False(t, comesIn())
		require.NoError(t, a.SetBans([]Ban{{Operator: operator(2)}}))
		require.NoError(t, a.SetBans(nil))
		require.False(t, comesIn(), "the flood's ban goes on")
		require.NoError(t, a.SetBans([]Ban{{Operator: operator(2)}}))
		a.clock.set(1800)
		require.False(t, comesIn(), "and the list's")
		require.Equal(t, "operator is banned", a.peer(t, author).LastError)
		require.NoError(t, a.SetBans(nil))
		require.True(t, comesIn())
	})
}

// Over real sockets nothing is in time: each state is waited for, and each word is said until it is heard. Either side may
// be the one that dials.
func TestBansOverRealSockets(t *testing.T) {
	for _, dialer := range []string{"who bans", "who is banned"} {
		t.Run("dialed by "+dialer, func(t *testing.T) {
			noLeaks(t)
			w := testWallet(t, 1, 1, 2)
			var a, b *Host
			if dialer == "who bans" {
				b = start(t, 2, 2)
				a = start(t, 1, 1, func(cfg *Config) { cfg.Peers = b.Addrs() })
			} else {
				a = start(t, 1, 1)
				b = start(t, 2, 2, func(cfg *Config) { cfg.Peers = a.Addrs() })
			}
			onA, err := a.Join(w)
			require.NoError(t, err)
			onB, err := b.Join(w)
			require.NoError(t, err)
			hears := func(text string) {
				t.Helper()
				envelope, err := onB.Seal(testPayload(w.ID(), 900, text), 1)
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					require.NoError(t, onB.Publish(t.Context(), envelope))
					return slices.Contains(said(onA.Take(900)), text)
				}, time.Minute, 100*time.Millisecond)
			}
			refuses := func() bool {
				all := a.Peers()
				i := slices.IndexFunc(all, func(p PeerInfo) bool { return p.ID == b.ID() })
				return all[i].State == PeerRefused && all[i].ConnectedSince.IsZero()
			}
			hears("before")
			require.NoError(t, a.SetBans([]Ban{{Operator: operator(2), Reason: "a test"}}))
			require.Eventually(t, refuses, time.Minute, 10*time.Millisecond)
			require.Zero(t, onA.Sight().Operators)
			for range 20 { // nobody waits for what follows
				require.NoError(t, a.SetBans(nil))
				require.NoError(t, a.SetBans([]Ban{{Operator: operator(2)}}))
			}
			require.NoError(t, a.SetBans(nil))
			hears("after")
		})
	}
}

// banned reports whether an operator is on the list of bans now: nothing of his is heard.
func (h *Host) banned(op chain.Operator) bool {
	_, banned := h.table.bans.Load().operator(op, time.Now())
	return banned
}
