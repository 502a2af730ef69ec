package net

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// ErrNotConnected says that there is no connection to a peer.
var ErrNotConnected = errors.New("not connected to the peer")

// ErrPeerID says that a text is no peer ID.
var ErrPeerID = errors.New("not a peer ID")

// Ping measures the time to a connected peer and back. It connects to nobody: ErrNotConnected.
func (h *Host) Ping(ctx context.Context, text string) (time.Duration, error) {
	id, err := peer.Decode(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPeerID, err)
	}
	if h.host.Network().Connectedness(id) != network.Connected {
		return 0, ErrNotConnected
	}
	ctx, cancel := context.WithCancel(network.WithNoDial(ctx, "ping"))
	defer cancel() // ends the pings after the first
	select {
	case result := <-ping.Ping(ctx, h.host, id):
		return result.RTT, result.Error
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
