package net

import (
	"encoding/binary"
	"testing"
	"testing/synctest"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// All of a wallet's operators speak at one block, and one neighbour passes it on in one breath: far more than pubsub's
// own queue of 32 holds.
func TestABurstAtOneBlockFindsRoom(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		const operators = 200
		seats := make([]byte, operators)
		for i := range seats {
			seats[i] = byte(i + 1)
		}
		w := testWallet(t, 1, seats...)
		a := c.add(1)
		ch := a.join(t, w)
		neighbour := c.operatorHost(2)
		c.connect(neighbour, a.lh)
		synctest.Wait()

		said := make([]*pb.Message, operators-1)
		for i := range said {
			n := byte(i + 2)
			said[i] = forge(t, n, w, sealed(n, testPayload(w.ID(), 900, "x")), 1)
		}
		rpc, err := proto.Marshal(&pb.RPC{Publish: said})
		require.NoError(t, err)
		s, err := neighbour.NewStream(t.Context(), a.ID(), pubsub.FloodSubID)
		require.NoError(t, err)
		_, err = s.Write(append(binary.AppendUvarint(nil, uint64(len(rpc))), rpc...))
		require.NoError(t, err)
		synctest.Wait()
		require.Zero(t, a.Counters().QueueFull)
		require.Len(t, ch.Take(900), operators-1)
	})
}

// A leader of many wallets speaks in all of them at one block.
func TestABurstOfOurOwnIsSent(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		const wallets = 200
		a, b := c.add(1), c.add(2)
		var ours, theirs []*Channel
		for n := range wallets {
			w := testWallet(t, n, 1, 2)
			ours, theirs = append(ours, a.join(t, w)), append(theirs, b.join(t, w))
		}
		c.connect(a.lh, b.lh)
		c.settle()
		for _, ch := range ours {
			say(t, ch, 900, "x")
		}
		synctest.Wait()
		for _, ch := range theirs {
			require.Len(t, ch.Take(900), 1)
		}
	})
}
