package devnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/wire"
)

// What is replayed stands in the RPC byte for byte, and pubsub reads it.
func TestAReplayIsTheSameBytes(t *testing.T) {
	w := newWorld(t, 1, 1)
	e := w.stage.elections[0]
	signed := [][]byte{w.sign(e, e.leader, []byte("one")), w.sign(e, e.leader, []byte("two"))}
	framed := bufio.NewReader(bytes.NewReader(replayRPC(signed)))
	length, err := binary.ReadUvarint(framed)
	require.NoError(t, err)
	raw, err := io.ReadAll(framed)
	require.NoError(t, err)
	require.Len(t, raw, int(length))
	require.Less(t, len(raw), wire.MaxMessage)
	var rpc pb.RPC
	require.NoError(t, proto.Unmarshal(raw, &rpc))
	require.Len(t, rpc.Publish, replaysAtOnce)
	require.Empty(t, rpc.ProtoReflect().GetUnknown())
	for i, m := range rpc.Publish {
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, signed[i%2], again)
	}
}

// While the flooder has nothing to replay the chain does not stand still: nodes try again with each head what has failed, and leaders repeat
// what somebody missed. Once it has, the chain waits for it.
func TestTheChainGoesOnForAFlooderWithNothingToReplay(t *testing.T) {
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	window, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	held := window.Block + floodBy
	require.NoError(t, c.Mine(ctx, int(held-1-c.Height()))) //nolint:gosec // less than a window
	clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, c.Height())
	ended := make(chan error, 2)
	go func() { ended <- c.Run(ctx) }()
	go func() { // the director's own follower
		ended <- until(ctx, func() (bool, error) {
			head, err := c.Header(c.Height())
			clock.Observe(head)
			return false, err
		})
	}()
	a := &act{devnet: &devnet{ground: ground{chain: c, clock: clock}}, window: window}
	require.NoError(t, a.standStill(ctx, held))

	it := &actor{begun: make(chan struct{}), flooded: make(chan struct{})}
	encouraged := make(chan error, 1)
	go func() { encouraged <- a.encourage(ctx, it, time.Millisecond) }()
	require.NoError(t, clock.Until(ctx, held+5))
	close(it.begun)
	require.NoError(t, <-encouraged)
	at := c.Height()
	require.ErrorContains(t, c.Mine(ctx, 1), "held", "it stands still")

	silent := &actor{begun: make(chan struct{}), flooded: make(chan struct{})}
	a.window.Block = at - floodBy
	require.NoError(t, a.encourage(ctx, silent, time.Millisecond), "a flood that begins this late has room left")
	require.Equal(t, window.ActiveEnd-floodBy, c.Height())
	cancel()
	for range cap(ended) {
		require.True(t, errors.Is(<-ended, context.Canceled))
	}
}
