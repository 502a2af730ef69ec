package rpcfault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/quorum"
)

// Vendors do not tell of their peers. That says nothing of the chain they show.
func TestAnEndpointThatRefusesToTellItsPeersIsHealthy(t *testing.T) {
	w := newWatch(t, newChain(t, 300))
	require.False(t, w.pool.Snapshot().Endpoints[0].PeersUnknown, "it tells")
	w.sicken(Faults{PeersRefused: true})
	w.eventually("its peers are unknown", func(s *quorum.Snapshot) bool { return s.Endpoints[0].PeersUnknown })
	e := w.pool.Snapshot().Endpoints[0]
	require.Equal(t, quorum.Healthy, e.Status)
	require.Equal(t, quorum.OK, e.Reason)
	require.Equal(t, "peers unknown", e.Detail)
	require.Nil(t, e.Peers)
	require.True(t, e.Votes)
	require.Positive(t, w.rigs[0].Log()[KindPeers].Times)
	require.Equal(t, endpointNames[0], w.pool.Snapshot().Serving)
}
