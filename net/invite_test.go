package net

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// letters collects what a node is told of.
type letters struct {
	mu  sync.Mutex
	all []string
}

func (l *letters) take(doc []byte, _ peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(doc))
}

func (l *letters) taken() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

// invitee adds a node that listens to invitations.
func (c *cluster) invitee(op byte) (*member, *letters) {
	c.t.Helper()
	got := new(letters)
	clock := newHeights(900)
	deps := testDeps(clock.Height)
	deps.Invited = got.take
	return c.run(c.bareHost(instanceKey(c.t, c.n+1)), testConfig(op), deps, clock), got
}

// offers writes documents as a peer may, whether or not they are legal; it reports whether all were taken.
func offers(t *testing.T, from host.Host, to peer.ID, docs ...string) bool {
	t.Helper()
	s, err := from.NewStream(t.Context(), to, invitationProtocol)
	if err != nil {
		return false
	}
	defer func() { _ = s.Reset() }()
	for _, d := range docs {
		if writeFrame(s, []byte(d)) != nil {
			return false
		}
		if _, err := s.Read(make([]byte, 1)); err != nil {
			return false
		}
	}
	if s.CloseWrite() != nil {
		return false
	}
	_, err = s.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func TestStrangersAreInvitedBeforeTheyAreCutOff(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		b, got := c.invitee(2)
		require.NoError(t, a.Invite([]byte("to come")))
		require.NoError(t, a.Invite([]byte("to come")), "twice is once")
		c.connect(b.lh, a.lh)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.False(t, c.connected(a.lh, b.lh), "nothing was admitted by it")
		require.Equal(t, []string{"to come"}, got.taken())

		require.NoError(t, c.mn.UnlinkPeers(a.ID(), b.ID()))
		require.NoError(t, a.Invite([]byte("to come soon")))
		c.connect(a.lh, b.lh)
		synctest.Wait()
		require.Equal(t, []string{"to come soon", "to come"}, got.taken(), "again on a new connection, the newest first")
	})
}

func TestInvitationsAreOfferedOnceToWhoStaysConnected(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		b, got := c.invitee(2)
		a.opens(t, testTopic(1, 2))
		b.opens(t, testTopic(1, 2))
		c.connect(a.lh, b.lh)
		c.settle()
		for i := range 10 {
			require.NoError(t, a.Invite(fmt.Append(nil, i)))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		all := got.taken()
		require.Len(t, all, 10, "slowly, but all: %v", all)
		require.NoError(t, a.Invite([]byte("new")))
		synctest.Wait()
		require.Equal(t, []string{"new"}, got.taken())
		a.Withdraw([]byte("new"))
		require.Len(t, a.invitations.list(), 10)
		time.Sleep(time.Hour)
		require.Empty(t, got.taken())
		require.True(t, c.connected(a.lh, b.lh))
	})
}

func TestInvitationsThatCannotBeOffered(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		require.ErrorContains(t, a.Invite(nil), "1 .. 65536 bytes")
		require.ErrorContains(t, a.Invite(make([]byte, MaxInvitation+1)), "1 .. 65536 bytes")
		for i := range maxInvitations {
			require.NoError(t, a.Invite(fmt.Append(nil, i)))
		}
		require.ErrorIs(t, a.Invite([]byte("one more")), errInvitations)
		a.Withdraw([]byte("0"))
		require.NoError(t, a.Invite([]byte("one more")))
	})
}

// Whoever sends nothing but documents is heard of little, however often he comes back, and so are all strangers together.
func TestSpamIsBounded(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, got := c.invitee(1)
		spammer := c.bareHost(instanceKey(t, 100))
		c.connect(spammer, a.lh)
		synctest.Wait()
		docs := func(n int) (all []string) {
			for i := range n {
				all = append(all, fmt.Sprint(i))
			}
			return all
		}
		require.False(t, offers(t, spammer, a.ID(), docs(9)...))
		require.Len(t, got.taken(), 8)
		for range 5 {
			require.False(t, offers(t, spammer, a.ID(), "more"))
			c.disconnect(a.lh, spammer)
			time.Sleep(2 * time.Second)
			c.connect(spammer, a.lh)
			synctest.Wait()
		}
		require.Empty(t, got.taken())
		time.Sleep(time.Second) // strangers' common budget is whole again
		heard := 0
		for i := range 20 {
			another := c.bareHost(instanceKey(t, 200+i))
			c.connect(another, a.lh)
			synctest.Wait()
			offers(t, another, a.ID(), docs(8)...)
			heard += len(got.taken())
		}
		require.LessOrEqual(t, heard, strangeBurst)
		require.Greater(t, heard, strangeBurst/2)
	})
}

func TestIllegalInvitationsAreRefused(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, got := c.invitee(1)
		deaf := c.add(3)
		guest := c.bareHost(instanceKey(t, 100))
		c.connect(guest, a.lh)
		c.connect(guest, deaf.lh)
		synctest.Wait()
		require.False(t, offers(t, guest, a.ID(), string(make([]byte, MaxInvitation+1))))
		require.False(t, offers(t, guest, a.ID(), ""))
		require.Empty(t, got.taken())
		require.True(t, offers(t, guest, a.ID()), "nothing is no offence")
		require.True(t, offers(t, guest, a.ID(), string(make([]byte, MaxInvitation))))
		require.Len(t, got.taken(), 1)
		require.True(t, offers(t, guest, deaf.ID(), "x"), "whoever does not listen reads it all the same")

		hanging, err := guest.NewStream(t.Context(), a.ID(), invitationProtocol)
		require.NoError(t, err)
		require.NoError(t, writeFrame(hanging, []byte("half")))
		synctest.Wait()
		require.Equal(t, []string{"half"}, got.taken(), "told of as it comes")
		_, err = hanging.Read(make([]byte, 2))
		require.NoError(t, err, "the answer to it")
		require.False(t, offers(t, guest, a.ID(), "beside"), "one stream at a time")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		_, err = hanging.Read(make([]byte, 1))
		require.Error(t, err, "not for longer than a stranger has")
	})
}

func TestPeersThatDoNotTakeInvitationsAreAskedAgain(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		bare := c.operatorHost(2) // a node of another make
		a := c.add(1)
		a.opens(t, testTopic(1, 2))
		c.connect(bare, a.lh)
		require.NoError(t, a.Invite([]byte("x")))
		c.settle()
		var asked []time.Time
		got := new(letters)
		bare.SetStreamHandler(invitationProtocol, func(s network.Stream) {
			asked = append(asked, time.Now())
			if len(asked) < 3 {
				_ = s.Reset()
				return
			}
			_ = readInvitations(bufio.NewReader(s), func() bool { return true }, func(doc []byte) error {
				got.take(doc, "")
				_, err := s.Write([]byte{1})
				return err
			})
			_ = s.Close()
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, asked, 3)
		require.Equal(t, offerAgain, asked[1].Sub(asked[0]))
		require.Equal(t, []string{"x"}, got.taken())
	})
}

func TestInvitationsOverRealSockets(t *testing.T) {
	noLeaks(t)
	got := new(letters)
	cfg := testConfig(2)
	cfg.Listen, cfg.Instance = []string{"/ip4/127.0.0.1/tcp/0"}, instanceKey(t, 2)
	deps := testDeps(newHeights(900).Height)
	deps.Invited = got.take
	b, err := New(cfg, deps)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	a := start(t, 1, 1, func(cfg *Config) { cfg.Peers = b.Addrs() })
	doc := bytes.Repeat([]byte("x"), MaxInvitation)
	require.NoError(t, a.Invite(doc))
	var all []string
	heard := func() bool {
		all = append(all, got.taken()...)
		return len(all) > 0
	}
	require.Eventually(t, heard, 3*time.Minute, 20*time.Millisecond)
	require.Equal(t, string(doc), all[0])
}

func FuzzReadInvitations(f *testing.F) {
	frames := func(docs ...[]byte) []byte {
		var b bytes.Buffer
		for _, d := range docs {
			_ = writeFrame(&b, d) // a buffer's Write never fails
		}
		return b.Bytes()
	}
	f.Add([]byte{}, 9)
	f.Add(frames([]byte("one"), []byte("two")), 1)
	f.Add(frames([]byte("")), 9)
	f.Add(frames(bytes.Repeat([]byte("x"), 300), make([]byte, MaxInvitation)), 9)
	f.Add(frames(make([]byte, MaxInvitation+1)), 9)
	f.Add(bytes.Repeat(frames([]byte("x")), maxOffered+1), 20)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 9)
	f.Add([]byte{0x05, 'a'}, 9)
	f.Fuzz(func(t *testing.T, data []byte, budget int) {
		may := rate.NewLimiter(0, min(max(budget, 0), 100))
		var told [][]byte
		err := readInvitations(bufio.NewReader(bytes.NewReader(data)), may.Allow, func(doc []byte) error {
			told = append(told, doc)
			return nil
		})
		require.LessOrEqual(t, len(told), min(maxOffered, 1+max(budget, 0)))
		for _, doc := range told {
			require.NotEmpty(t, doc)
			require.LessOrEqual(t, len(doc), MaxInvitation)
		}
		if err != nil {
			return
		}
		var again [][]byte
		r := bufio.NewReader(bytes.NewReader(frames(told...)))
		require.NoError(t, readInvitations(r, func() bool { return true }, func(doc []byte) error {
			again = append(again, doc)
			return nil
		}))
		require.Equal(t, told, again)
	})
}
