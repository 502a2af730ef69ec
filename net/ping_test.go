package net

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPingMeasuresTheWayToAConnectedPeerOnly(t *testing.T) {
	noLeaks(t)
	w := testWallet(t, 1, 1, 2)
	a := start(t, 1, 1)
	b := start(t, 2, 2, func(cfg *Config) { cfg.Peers = a.Addrs()[:1] })
	for _, h := range []*Host{a, b} {
		_, err := h.Join(w)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(a.Peers()) == 1 && a.Peers()[0].State == PeerAdmitted }, 10*time.Second, 10*time.Millisecond)
	trip, err := a.Ping(t.Context(), b.ID().String())
	require.NoError(t, err)
	require.Positive(t, trip)

	_, err = a.Ping(t.Context(), "nobody")
	require.ErrorIs(t, err, ErrPeerID)
	_, err = a.Ping(t.Context(), a.ID().String())
	require.ErrorIs(t, err, ErrNotConnected)
}
