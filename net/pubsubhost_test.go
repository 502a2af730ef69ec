package net

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/stretchr/testify/require"
)

// deadlines is a stream that remembers what its deadline was set to.
type deadlines struct {
	network.Stream
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestAWriteDeadlineIsPutOffOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := new(deadlines)
		s := &unhurried{Stream: below}
		const patience = 30 * time.Second
		for range 1000 { // ten a second, for 100 s
			require.NoError(t, s.SetWriteDeadline(time.Now().Add(patience)))
			require.Greater(t, time.Until(below.set[len(below.set)-1]), patience-writeSlack, "a write has nearly as long as it was given")
			time.Sleep(100 * time.Millisecond)
		}
		require.Len(t, below.set, 20, "once in five seconds")

		time.Sleep(time.Hour)
		require.NoError(t, s.SetWriteDeadline(time.Now().Add(patience)))
		require.Equal(t, patience, time.Until(below.set[len(below.set)-1]), "after silence it has all of it")
		require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Second)))
		require.Equal(t, time.Second, time.Until(below.set[len(below.set)-1]), "one that is sooner is sooner")
		require.NoError(t, s.SetWriteDeadline(time.Time{}))
		require.Zero(t, below.set[len(below.set)-1], "and none is none")
	})
}

// guarded is a connection manager that remembers whom it protects, and refuses to tally.
type guarded struct {
	connmgr.NullConnMgr
	connmgr.Decayer // nil: whoever asks for a tally panics
}

func (guarded) Close() error { return nil }

func TestPubsubTalliesNobodysDeliveries(t *testing.T) {
	decayer, ok := connmgr.SupportsDecay(untallied{guarded{}})
	require.True(t, ok, "or pubsub complains of each message")
	tag, err := decayer.RegisterDecayingTag("deliveries", time.Minute, nil, nil)
	require.NoError(t, err)
	require.NoError(t, tag.Bump("peer", 1))
	require.NoError(t, tag.Remove("peer"))
	require.NoError(t, tag.Close())
	require.Equal(t, "deliveries", tag.Name())
	require.Equal(t, time.Minute, tag.Interval())
}
