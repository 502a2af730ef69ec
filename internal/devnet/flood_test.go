package devnet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

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
