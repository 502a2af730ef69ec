// Package net is the node's network: a libp2p host, the operator's identity on it, one broadcast channel per
// wallet, retransmission and admission. It moves statements of operators and knows nothing of what they
// mean; the standard library's package net is imported as stdnet.
package net

import (
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Slot is what the network must know of a coordination message to bound and relay it: which window it is for, and
// which statement it makes (rule R2). The node injects the decoder that derives it (Inspector).
type Slot struct {
	Wallet chain.WalletID // as claimed inside the message
	Window chain.Height   // coordination block
	Seat   chain.Seat     // as claimed inside the message; it may not be the author's
	Digest [32]byte       // of the canonical statement: equal digests are equal statements
}

// Inspector derives the slot of a coordination message's payload; an error says that it cannot be decoded.
type Inspector func(payload []byte) (Slot, error)

// Message is one accepted coordination message of a member of the wallet.
type Message struct {
	Slot
	Author     chain.Operator // whose key signed it; a member of the wallet
	Payload    []byte         // the coordination message
	Sequence   uint64         // the envelope's sequence number
	Signed     []byte         // the signed pubsub message, unknown fields included, s low, no key: evidence
	ArrivedAt  chain.Height   // height known when it arrived (rule R1)
	ReceivedAt time.Time
}

// Sight is how much of a wallet's, or a topic's, group this node can see.
type Sight struct {
	Subscribed bool // the wallet's channel is joined, the topic open
	Operators  int  // other operators of it with at least one connected, admitted instance
	// Since is the height known when Operators last rose from zero; 0 if no head was known then. While Operators is
	// above zero, the node has been connected to somebody without a break since that height.
	Since chain.Height
}

// count notes an operator that has come into sight at a height, or gone out of it.
func (s *Sight) count(by int, height chain.Height) {
	if s.Operators == 0 {
		s.Since = height
	}
	s.Operators += by
	if s.Operators == 0 {
		s.Since = 0
	}
}
