package devnet

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net"
)

// observer is an instance on the network that says nothing and writes down everything that it hears, byte for byte. It
// holds the key of an operator whose node runs beside it: a member, whom everybody tells everything.
type observer struct {
	wallets  map[chain.WalletID]chain.Wallet
	host     *net.Host
	channels []*net.Channel
	stop     context.CancelFunc
	work     sync.WaitGroup

	mu    sync.Mutex
	heard map[topic]*hearing
}

// topic is what at most one thing may be said about by one operator.
type topic struct {
	operator chain.Operator
	wallet   chain.WalletID
	window   chain.Height
}

// hearing is what was heard of one topic.
type hearing struct {
	payloads [][sha256.Size]byte // digests of the distinct payloads, in the order of arrival; they are never more than maxPayloads
	times    int                 // how often one of them came, repetitions included
}

// maxPayloads bounds what is kept of one topic: the second is one too many already.
const maxPayloads = 16

// observe starts an observer with an operator's key that connects to peers and joins the wallets' channels.
func observe(
	ctx context.Context, o *operator, peers []string, wallets []chain.Wallet, genesis chain.Hash, clock *chain.Clock, log *slog.Logger,
) (*observer, error) {
	instance, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of the observer: %w", err)
	}
	it := &observer{wallets: make(map[chain.WalletID]chain.Wallet), heard: make(map[topic]*hearing)}
	for _, w := range wallets {
		it.wallets[w.ID()] = w
	}
	cfg := node.Terms(net.Config{
		Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Announce: []string{unreachable}, Instance: instance,
		Operator: secp256k1.PrivKeyFromBytes(ethcrypto.FromECDSA(o.key)), Peers: peers,
	}, localchain.ChainID, genesis)
	if it.host, err = net.New(cfg, net.Deps{Height: clock.Height, Inspect: it.inspect, Log: log}); err != nil {
		return nil, fmt.Errorf("start the observer: %w", err)
	}
	for _, w := range wallets {
		channel, err := it.host.Join(w)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the observer: %w", err), it.host.Close())
		}
		it.channels = append(it.channels, channel)
	}
	ctx, it.stop = context.WithCancel(ctx)
	it.work.Go(func() { _ = it.host.Run(ctx) }) // ends with ctx alone
	return it, nil
}

// inspect is the network's look into each message whose signature was verified, the fifth copy of one included.
func (it *observer) inspect(payload []byte) (net.Slot, error) {
	slot, err := node.Inspect(payload)
	if err == nil {
		it.enter(slot, payload)
	}
	return slot, err
}

// enter books a payload for the operator whose seat it claims. Nobody here claims another's: who does is found out by the
// nodes' own records.
func (it *observer) enter(slot net.Slot, payload []byte) {
	speaker, seated := it.wallets[slot.Wallet].At(slot.Seat)
	if !seated {
		return
	}
	about := topic{speaker, slot.Wallet, slot.Window}
	it.mu.Lock()
	defer it.mu.Unlock()
	h := it.heard[about]
	if h == nil {
		h = new(hearing)
		it.heard[about] = h
	}
	h.times++
	if digest := sha256.Sum256(payload); !slices.Contains(h.payloads, digest) && len(h.payloads) < maxPayloads {
		h.payloads = append(h.payloads, digest)
	}
}

// of returns what was heard of a topic.
func (it *observer) of(about topic) (payloads, times int) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if h := it.heard[about]; h != nil {
		return len(h.payloads), h.times
	}
	return 0, 0
}

// admitted returns how many instances of an operator have admitted the observer.
func (it *observer) admitted(by chain.Operator) int { return admitting(it.host)[by] }

// forget drops what was heard before a window, and what lies in the inboxes: nobody takes part here.
func (it *observer) forget(before chain.Height) {
	it.mu.Lock()
	for about := range it.heard {
		if about.window < before {
			delete(it.heard, about)
		}
	}
	it.mu.Unlock()
	for _, c := range it.channels {
		c.Take(before)
	}
}

// close ends the observer.
func (it *observer) close() error {
	it.stop()
	it.work.Wait()
	return it.host.Close()
}
