package net

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	"golang.org/x/sync/errgroup"
)

// Connecting to configured peers.
const (
	dialTimeout = 10 * time.Second
	firstRedial = time.Second
	lastRedial  = time.Minute
	// steady is how long a connection must have held for its loss to be an accident: the next dial is early again.
	steady = time.Minute
)

// contacts are the peers that we look for ourselves: those configured, each kept connected by a loop of its own, and those that mDNS finds.
// Nothing in it changes once it is made.
type contacts struct {
	host   host.Host
	table  *table
	static []peer.AddrInfo
	mdns   bool
	log    *slog.Logger
}

// newContacts enters the configured peers into the table, which forgets none of them.
func newContacts(h host.Host, t *table, static []peer.AddrInfo, mdns bool, log *slog.Logger) *contacts {
	for _, p := range static {
		t.addStatic(p.ID)
	}
	return &contacts{host: h, table: t, static: static, mdns: mdns, log: log}
}

// run looks for peers until ctx ends.
func (c *contacts) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range c.static {
		g.Go(func() error { return c.keepConnected(ctx, p) })
	}
	if c.mdns {
		g.Go(func() error { return c.discover(ctx) })
	}
	return g.Wait()
}

// keepConnected dials a configured peer whenever it is not connected and not banned, ever less often while that fails or
// does not hold. Delays are jittered by half, so that a restarted peer is not dialed by all at once.
func (c *contacts) keepConnected(ctx context.Context, info peer.AddrInfo) error {
	if info.ID == c.host.ID() {
		return nil // one list of peers may serve all instances
	}
	redial := backoff.NewExponentialBackOff()
	redial.InitialInterval, redial.MaxInterval = firstRedial, lastRedial
	for {
		if lifted := c.table.barred(info.ID); lifted != nil {
			select {
			case <-lifted:
				redial.Reset()
				continue
			case <-ctx.Done():
				return nil
			}
		}
		c.dial(ctx, info)
		began := time.Now()
		if gone := c.table.gone(info.ID); gone != nil {
			select {
			case <-gone:
			case <-ctx.Done():
				return nil
			}
			if time.Since(began) >= steady {
				redial.Reset()
			}
		}
		if c.table.barred(info.ID) != nil {
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
func (c *contacts) dial(ctx context.Context, info peer.AddrInfo) {
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := c.host.Connect(network.WithForceDirectDial(dialCtx, "configured peer"), info); err != nil && ctx.Err() == nil {
		c.table.failed(info.ID, fmt.Errorf("dial: %w", err), time.Now())
		c.log.Debug("Peer cannot be reached", "peer", info.ID, "error", err)
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
func (c *contacts) discover(ctx context.Context) error {
	peers := make(found, 16)
	service := mdns.NewMdnsService(c.host, mdnsService, peers)
	if err := service.Start(); err != nil {
		return errors.Join(fmt.Errorf("start mDNS: %w", err), service.Close())
	}
	defer func() { _ = service.Close() }() // nothing depends on how it ended
	return c.dialFound(ctx, peers)
}

func (c *contacts) dialFound(ctx context.Context, peers <-chan peer.AddrInfo) error {
	for {
		select {
		case info := <-peers:
			if info.ID != c.host.ID() {
				c.dial(ctx, info)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
