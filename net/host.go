package net

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	stdnet "net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Host is one instance of the operator on the network. It listens, joins channels and relays from New on; admission
// and connecting to peers are the work of Run. It makes its parts, which work by themselves, and ends them.
type Host struct {
	host  host.Host
	owned bool               // we made the libp2p host, so we close it
	stop  context.CancelFunc // ends pubsub, and what streams of peers wait for
	key   wire.PublicKey     // the operator's
	log   *slog.Logger

	table       *table
	admission   *admission
	contacts    *contacts
	traffic     *traffic
	inboxes     *inboxes
	repeats     *repeats
	invitations *invitations
	inquiries   *inquiries

	joining sync.Mutex // one Join or Leave at a time
	visits  visits
}

// New makes a libp2p host from cfg and starts listening, once everything is in place to answer whoever calls. Whoever does not call Run must call Close.
func New(cfg Config, deps Deps) (*Host, error) {
	if cfg.Instance == nil {
		return nil, errors.New("network configuration: instance: no key")
	}
	announced, err := cfg.announced()
	if err != nil {
		return nil, fmt.Errorf("network configuration: %w", err)
	}
	manager, err := connmgr.NewConnManager(256, 512) // room for 100 operators with a few instances each; those admitted beyond are not trimmed
	if err != nil {
		return nil, fmt.Errorf("make connection manager: %w", err)
	}
	h, err := libp2p.New(
		libp2p.Identity(cfg.Instance),
		libp2p.NoListenAddrs,
		// Without SO_REUSEPORT: with it two instances on one port would share out the callers between them, unnoticed.
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.ConnectionManager(manager),
		libp2p.UserAgent("walletnode"),
		libp2p.DisableRelay(),
		libp2p.AddrsFactory(func(listening []ma.Multiaddr) []ma.Multiaddr {
			if len(announced) > 0 {
				return announced
			}
			return listening
		}),
		libp2p.DisableMetrics(),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start libp2p host: %w", err), manager.Close())
	}
	node, err := newHost(h, true, cfg, deps)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if err := node.listen(cfg.Listen); err != nil {
		return nil, errors.Join(err, node.Close())
	}
	return node, nil
}

// listen opens each address by itself: libp2p is content if one of several opens, an operator is not.
func (h *Host) listen(on []string) error {
	for _, s := range on {
		addr, err := ma.NewMultiaddr(s)
		if err != nil {
			return fmt.Errorf("read listen address: %w", err)
		}
		if err := h.host.Network().Listen(addr); err != nil {
			return fmt.Errorf("listen on %s: %w", s, systemError(addr, err))
		}
	}
	return nil
}

// systemError returns what the system says about an address, for libp2p tells it as a text only, and what an operator can
// do depends on it. What fails for another reason keeps libp2p's error.
func systemError(addr ma.Multiaddr, told error) error {
	network, address, err := manet.DialArgs(addr)
	if err != nil {
		return told
	}
	var bound io.Closer
	if strings.HasPrefix(network, "udp") {
		bound, err = stdnet.ListenPacket(network, address)
	} else {
		bound, err = stdnet.Listen(network, address)
	}
	if err == nil {
		return errors.Join(told, bound.Close())
	}
	return err
}

// NewWithHost uses a libp2p host that exists, such as one of the mock network. The host stays the caller's: neither
// Run nor Close closes it. Config.Listen and Config.Instance are not used.
func NewWithHost(h host.Host, cfg Config, deps Deps) (*Host, error) {
	return newHost(h, false, cfg, deps)
}

func newHost(lh host.Host, owned bool, cfg Config, deps Deps) (*Host, error) {
	cfg = cfg.withDefaults()
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, fmt.Errorf("network configuration: %w", err)
	}
	static, err := cfg.staticPeers()
	if err != nil {
		return nil, err
	}
	key := wire.PublicKeyOf(cfg.Operator)
	h := &Host{
		host: lh, owned: owned, key: key, log: deps.Log,
		table:   newTable(key.Operator(), cfg, deps.Height, protection(lh)),
		repeats: newRepeats(),
	}
	h.inboxes = newInboxes(cfg, deps, h.table.self, h.table.keys)
	h.invitations = newInvitations(lh, h.table, cfg.ProofTimeout, deps.Invited, deps.Log)
	h.admission = &admission{
		host: lh, table: h.table, timeout: cfg.ProofTimeout, log: deps.Log,
		mandate: newMandate(cfg.Operator, lh.ID(), cfg.DelegationLifetime),
		met:     h.invitations.nudge,
		wake:    make(chan struct{}, 1),
	}
	h.inquiries = &inquiries{host: lh, table: h.table, kinds: slices.Clone(deps.Inquiries), log: deps.Log}
	h.contacts = newContacts(lh, h.table, static, cfg.MDNS, deps.Log)
	ctx, stop := context.WithCancel(context.Background()) // pubsub lives from here until Run or Close ends it
	h.stop = stop
	h.traffic = &traffic{
		host: lh, operator: cfg.Operator, table: h.table, admission: h.admission, height: deps.Height, log: deps.Log,
	}
	if h.traffic.pubsub, err = h.traffic.newPubSub(ctx, peer.ID(key.PeerID())); err != nil {
		stop()
		return nil, fmt.Errorf("start pubsub: %w", err)
	}
	h.admission.mandate.renew(time.Now())
	h.answer(ctx, delegationProtocol, h.admission.serve)
	h.answer(ctx, invitationProtocol, h.invitations.invited)
	for _, q := range h.inquiries.kinds {
		h.answer(ctx, q.Protocol, func(ctx context.Context, s network.Stream) { h.inquiries.asked(ctx, q, s) })
	}
	lh.Network().Notify(notifiee{h.admission})
	for _, c := range lh.Network().Conns() {
		notifiee{h.admission}.Connected(lh.Network(), c) // made before we listened
	}
	return h, nil
}

// protection keeps admitted peers from being trimmed by the connection manager when strangers crowd in.
func protection(lh host.Host) func(peer.ID, bool) {
	const tag = "walletnode-admitted"
	return func(id peer.ID, admitted bool) {
		if admitted {
			lh.ConnManager().Protect(id, tag)
		} else {
			lh.ConnManager().Unprotect(id, tag)
		}
	}
}

// ID returns the instance's peer ID.
func (h *Host) ID() peer.ID { return h.host.ID() }

// Operator returns the operator that the instance speaks for.
func (h *Host) Operator() chain.Operator { return h.table.self }

// Addrs returns the addresses that peers are told to reach the host at (those it listens on, if it announces no others), each ending in /p2p/ and its peer ID.
func (h *Host) Addrs() []string {
	addrs, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: h.host.ID(), Addrs: h.host.Addrs()})
	if err != nil {
		return nil // only for an ID that is none
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts
}

// Run admits, connects and disconnects peers, repeats what topics have to say and offers invitations, until ctx ends; then it ends everything that New and Run started and
// returns. It is called once.
func (h *Host) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.admission.run(ctx) })
	g.Go(func() error { return h.repeats.run(ctx, h.log) })
	g.Go(func() error { return h.invitations.offer(ctx) })
	g.Go(func() error { return h.contacts.run(ctx) })
	err := g.Wait()
	return errors.Join(err, h.Close())
}

// Close ends pubsub, refuses further exchanges and waits for running ones; it closes the libp2p host if New made it.
// Run does it at its end; whoever does not call Run calls Close. It may be called more than once.
func (h *Host) Close() error {
	if !h.visits.end() {
		return nil
	}
	h.host.RemoveStreamHandler(delegationProtocol)
	h.host.RemoveStreamHandler(invitationProtocol)
	for _, q := range h.inquiries.kinds {
		h.host.RemoveStreamHandler(q.Protocol)
	}
	h.host.Network().StopNotify(notifiee{h.admission})
	h.stop()
	h.table.silenceTopics()
	h.visits.wait()
	if !h.owned {
		return nil
	}
	if err := h.host.Close(); err != nil {
		return fmt.Errorf("close libp2p host: %w", err)
	}
	return nil
}

// answer has the streams of a protocol served until the host is closed, each in the goroutine that libp2p makes for it.
func (h *Host) answer(ctx context.Context, p protocol.ID, serve func(context.Context, network.Stream)) {
	h.host.SetStreamHandler(p, func(s network.Stream) {
		if !h.visits.enter() {
			_ = s.Reset()
			return
		}
		defer h.visits.exit()
		h.admission.meet(s.Conn().RemotePeer())
		serve(ctx, s)
	})
}
