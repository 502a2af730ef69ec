package rpcfault

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/quorum"
)

// Vendors do not tell of their peers. That says nothing of the chain they show.
func TestAnEndpointThatRefusesToTellItsPeersIsHealthy(t *testing.T) {
	patiently(t, shortest, func(t *testing.T, every time.Duration) string {
		w, complaint := newWatch(t, newChain(t, 300), every)
		if complaint != "" {
			return complaint
		}
		require.False(t, w.pool.Snapshot().Endpoints[0].PeersUnknown, "it tells")
		w.sicken(Faults{PeersRefused: true})
		var s *quorum.Snapshot
		if complaint := w.soon("its peers are unknown", func(shown *quorum.Snapshot) bool {
			s = shown
			return s.Endpoints[0].PeersUnknown
		}); complaint != "" {
			return complaint
		}
		e := s.Endpoints[0]
		if e.Status != quorum.Healthy || e.Reason != quorum.OK || !e.Votes || s.Serving != endpointNames[0] {
			return fmt.Sprintf("it is %s (%s), votes: %t, and %s serves", e.Status, e.Reason, e.Votes, s.Serving)
		}
		require.Equal(t, "peers unknown", e.Detail)
		require.Nil(t, e.Peers)
		require.Positive(t, w.rigs[0].Log()[KindPeers].Times)
		return ""
	})
}
