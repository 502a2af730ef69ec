package nettest

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// Channel is one wallet's channel as one member sees it. It has the methods of *net.Channel, with the same promises.
type Channel struct {
	member *Member
	wallet chain.Wallet
	inbox  *net.Inbox

	sight net.Sight // guarded by the network's mutex
}

// look sees anew; the network calls it with its mutex held.
func (c *Channel) look(members []*Member) {
	c.member.see(&c.sight, members, func(m *Member) bool { return m.channels[c.wallet.ID()] != nil && c.wallet.Holds(m.Operator()) })
}

// Wallet returns the channel's wallet.
func (c *Channel) Wallet() chain.Wallet { return c.wallet }

// Take removes and returns what has arrived for a window.
func (c *Channel) Take(window chain.Height) []net.Message { return c.inbox.Take(window) }

// Return puts back what was taken for a window.
func (c *Channel) Return(window chain.Height, messages []net.Message) {
	c.inbox.Return(window, messages)
}

// Arrived returns a channel that is closed at the next arrival.
func (c *Channel) Arrived() <-chan struct{} { return c.inbox.Arrived() }

// Seal puts a coordination message into an envelope from the member's operator.
func (c *Channel) Seal(payload []byte, sequence uint64) ([]byte, error) {
	envelope := net.Seal(c.member.public, payload, sequence)
	if len(envelope) > net.MaxEnvelope {
		return nil, fmt.Errorf("seal message: %w: %d bytes", wire.ErrTooLarge, len(envelope))
	}
	return envelope, nil
}

// Publish signs an envelope as a new pubsub message and sends it to all others.
func (c *Channel) Publish(ctx context.Context, envelope []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	m := c.member
	if m.channel(c.wallet.ID()) != c {
		return fmt.Errorf("publish: %w", net.ErrLeft)
	}
	nth, luck := m.utter(wire.ChannelName(c.wallet.Key()), envelope)
	signed := wire.SignPubsub(m.key, wire.ChannelName(c.wallet.Key()), envelope, wireSeqno(m.index, nth))
	m.known(signed)
	c.inbox.Offer(net.Arrival{From: signed.From(), Data: signed.Data(), ID: signed.ID(), Height: m.height(), Own: true})
	m.network.broadcast(packet{wallet: c.wallet.ID(), signed: signed.Bytes(), nth: nth, luck: luck}, m)
	return nil
}

// Sight returns how much of the wallet's group the member sees.
func (c *Channel) Sight() net.Sight {
	c.member.network.mu.Lock()
	defer c.member.network.mu.Unlock()
	return c.sight
}

// Mismatched returns what SetMismatched has set for the operator.
func (c *Channel) Mismatched(op chain.Operator) bool {
	c.member.network.mu.Lock()
	defer c.member.network.mu.Unlock()
	return c.member.mismatched[op]
}
