package net

import (
	"fmt"
	"slices"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// between makes two honest nodes that share wallets, and the hosts of a third operator who wants them apart: mallory is
// connected to both.
func between(t *testing.T, c *cluster, wallets int) (a, b *member, ws []chain.Wallet, mallory host.Host) {
	t.Helper()
	a, b = c.add(1), c.add(2)
	for i := range wallets {
		w := testWallet(t, i+1, 1, 2, 3)
		ws = append(ws, w)
		a.join(t, w)
		b.join(t, w)
	}
	c.connect(a.lh, b.lh)
	mallory = c.operatorHost(3)
	c.connect(mallory, a.lh)
	c.connect(mallory, b.lh)
	c.settle()
	return a, b, ws, mallory
}

func requireTogether(t *testing.T, c *cluster, a, b *member) {
	t.Helper()
	c.settle()
	require.True(t, c.connected(a.lh, b.lh))
	require.Empty(t, a.peer(t, b.lh).LastError)
	require.Empty(t, b.peer(t, a.lh).LastError)
	require.Zero(t, a.Counters().DroppedRPCs)
}

// everything is all that an author can have relayed: two statements in eight copies, for two windows of every wallet.
func everything(ws []chain.Wallet, windows []chain.Height, make func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message) []*pb.Message {
	var all []*pb.Message
	for i, w := range ws {
		for _, window := range windows {
			for s := range 2 {
				for n := range uint64(maxCopies) {
					number := uint64(i)<<32 | uint64(window)<<8 | uint64(s)<<4 | n
					all = append(all, make(w, sealed(3, testPayload(w.ID(), window, fmt.Sprint(s))), number))
				}
			}
		}
	}
	return all
}

// Whatever an author signs and pads, the honest node that relays it is not cut off for it.
func TestR6NobodyIsCutOffForRelayingWhatAnAuthorPads(t *testing.T) {
	for name, padding := range map[string]int{"as long as may be": maxStatement - 1000, "longer": 500_000} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				a, b, ws, mallory := between(t, c, 8)
				flood := everything(ws, []chain.Height{900, 1800}, func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
					return forgeUnknown(t, 3, w, envelope, copyOf, padding)
				})
				for some := range slices.Chunk(flood, 32) { // slowly enough for b not to mind
					inject(t, mallory, b.ID(), some...)
					time.Sleep(10 * time.Second)
				}
				requireTogether(t, c, a, b)
			})
		})
	}
}

func TestR6WhatIsRelayedOfOneAuthorIsBounded(t *testing.T) {
	l, now := newLedger(maxHeld), time.Unix(1_800_000_000, 0)
	relayed := 0
	for range 10_000 {
		if l.relay(operator(3), 500, now) {
			relayed++
		}
	}
	require.Equal(t, relayBurst, relayed)
	require.True(t, l.relay(operator(2), 500, now), "others have budgets of their own")
	bytes := 0
	for now = now.Add(time.Hour); l.relay(operator(3), maxStatement, now); {
		bytes += maxStatement
	}
	require.Equal(t, relayByteBurst, bytes)

	// Beside what 1000 others say at one block, all busy instances of the relaying operator stay within a neighbour's limits.
	limits := defaultLimits()
	require.LessOrEqual(t, busyInstances*(2*relayBurst+2*1000), limits.MessageBurst)
	require.LessOrEqual(t, busyInstances*2*relayRate, int(limits.MessagesPerSecond)/2)
	require.LessOrEqual(t, busyInstances*4*relayByteBurst, limits.ByteBurst)
	require.LessOrEqual(t, busyInstances*4*relayByteRate, int(limits.BytesPerSecond))
}

func TestR6RelayBudgetsAreForgotten(t *testing.T) {
	l, now := newLedger(maxHeld), time.Unix(1_800_000_000, 0)
	for i := range 3 * maxAuthors {
		l.relay(chain.Operator{byte(i), byte(i >> 8), byte(i >> 16)}, 1, now)
		now = now.Add(time.Second)
	}
	require.LessOrEqual(t, len(l.relayed), maxAuthors)
}

// Once the budget is there again, a copy is relayed of what was only delivered.
func TestR3WhatIsNotRelayedNowIsRelayedLater(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	now := time.Unix(1_800_000_000, 0)
	for b.held.relay(operator(1), 1, now) { // until it is used up
	}
	envelope := sealed(1, testPayload(w.ID(), 900, "x"))
	offer := func(n uint64) Ruling {
		a := arrival(1, n, envelope, 900)
		a.Time = now
		require.False(t, asked(b, a, 900, 0), "nobody has it")
		return b.Offer(a)
	}
	require.Equal(t, Ruling{Verdict: VerdictKeep, Cause: CauseNew, Author: operator(1), Window: 900}, offer(1))
	for n := range uint64(2 * maxCopies) {
		require.Equal(t, CauseUnrelayed, offer(n+2).Cause)
	}
	require.Equal(t, []string{"x"}, said(b.Take(900)))
	now = now.Add(time.Minute)
	require.Equal(t, CauseCopy, offer(99).Cause)
	require.True(t, asked(b, arrival(1, 100, envelope, 900), 900, 0))
}

// B's head is one block behind A's at the end of the window, or as many as honest heads can be.
func TestR6NobodyIsCutOffBecauseItsHeadLags(t *testing.T) {
	for _, lag := range []chain.Height{1, 20, 99} {
		t.Run(fmt.Sprint(lag), func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				a, b, ws, mallory := between(t, c, 25)
				a.clock.set(999 + lag)
				b.clock.set(999)
				inject(t, mallory, b.ID(), everything(ws, []chain.Height{900}, func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
					return forge(t, 3, w, envelope, copyOf)
				})...)
				requireTogether(t, c, a, b)
			})
		})
	}
}

// Each of two nodes hears another spelling of the same copies, and relays it to the other.
func TestR6NobodyIsCutOffForTwoSpellingsUnderOneNumber(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		c.mn.SetLinkDefaults(mocknet.LinkOptions{Latency: time.Millisecond})
		a, b, ws, mallory := between(t, c, 25)
		plain := everything(ws, []chain.Height{900}, func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
			return forge(t, 3, w, envelope, copyOf)
		})
		other := everything(ws, []chain.Height{900}, func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
			return forgeUnknown(t, 3, w, envelope, copyOf, 1)
		})
		post(t, mallory, a.ID(), plain...)
		post(t, mallory, b.ID(), other...)
		requireTogether(t, c, a, b)
	})
}

// One node hears the messages when the other's pubsub has forgotten them: what it relays in good faith is no replay of its.
func TestR6NobodyIsCutOffForWhatItHearsLate(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, b, ws, mallory := between(t, c, 25)
		c.disconnect(a.lh, b.lh)
		all := everything(ws, []chain.Height{900}, func(w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
			return forge(t, 3, w, envelope, copyOf)
		})
		inject(t, mallory, a.ID(), all...)
		time.Sleep(seenTTL + time.Minute)
		c.connect(a.lh, b.lh)
		c.settle()
		inject(t, mallory, b.ID(), all...)
		requireTogether(t, c, a, b)
	})
}

func TestR6OnlyWhatIsLongOverIsChargedToItsForwarder(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	late := func(height chain.Height) Blame {
		r := b.Offer(arrival(1, uint64(height), sealed(1, testPayload(w.ID(), 900, "x")), height))
		require.Equal(t, CauseStale, r.Cause)
		return r.Blame
	}
	require.Equal(t, BlameNone, late(1000))
	require.Equal(t, BlameNone, late(1099))
	require.Equal(t, BlameForwarder, late(1100))
}
