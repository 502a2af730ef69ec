package net

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

// Connecting to configured peers.
const (
	dialTimeout = 10 * time.Second
	firstRedial = time.Second
	lastRedial  = time.Minute
	// steady is how long a connection must have held for its loss to be an accident: the next dial is early again.
	steady = time.Minute
)

// keepConnected dials a configured peer whenever it is not connected and not banned, ever less often while that fails or
// does not hold. Delays are jittered by half, so that a restarted peer is not dialed by all at once.
func (h *Host) keepConnected(ctx context.Context, info peer.AddrInfo) error {
	if info.ID == h.host.ID() {
		return nil // one list of peers may serve all instances
	}
	redial := backoff.NewExponentialBackOff()
	redial.InitialInterval, redial.MaxInterval = firstRedial, lastRedial
	for {
		if lifted := h.table.barred(info.ID); lifted != nil {
			select {
			case <-lifted:
				redial.Reset()
				continue
			case <-ctx.Done():
				return nil
			}
		}
		h.dial(ctx, info)
		began := time.Now()
		if gone := h.table.gone(info.ID); gone != nil {
			select {
			case <-gone:
			case <-ctx.Done():
				return nil
			}
			if time.Since(began) >= steady {
				redial.Reset()
			}
		}
		if h.table.barred(info.ID) != nil {
			continue // it is dialed as soon as its ban is lifted
		}
		pause := time.NewTimer(redial.NextBackOff())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

// dial connects to a peer unless it is connected, and notes a failure beside the peer.
func (h *Host) dial(ctx context.Context, info peer.AddrInfo) {
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := h.host.Connect(network.WithForceDirectDial(dialCtx, "configured peer"), info); err != nil && ctx.Err() == nil {
		h.table.failed(info.ID, fmt.Errorf("dial: %w", err), time.Now())
		h.log.Debug("Peer cannot be reached", "peer", info.ID, "error", err)
	}
}

// mdnsService is the name under which nodes find each other on a local network.
const mdnsService = "_walletnode._udp"

// found hands peers from mDNS to the dialing loop. What finds it full is dropped: mDNS repeats itself.
type found chan peer.AddrInfo

// HandlePeerFound implements mdns.Notifee.
func (f found) HandlePeerFound(info peer.AddrInfo) {
	select {
	case f <- info:
	default:
	}
}

// discover dials peers that mDNS finds, one at a time. Being found admits nobody.
func (h *Host) discover(ctx context.Context) error {
	peers := make(found, 16)
	service := mdns.NewMdnsService(h.host, mdnsService, peers)
	if err := service.Start(); err != nil {
		return errors.Join(fmt.Errorf("start mDNS: %w", err), service.Close())
	}
	defer func() { _ = service.Close() }() // nothing depends on how it ended
	return h.dialFound(ctx, peers)
}

func (h *Host) dialFound(ctx context.Context, peers <-chan peer.AddrInfo) error {
	for {
		select {
		case info := <-peers:
			if info.ID != h.host.ID() {
				h.dial(ctx, info)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
