// Package net is the node's network: a libp2p host, the operator's identity on it, one broadcast channel per
// wallet, retransmission and admission. It moves statements of operators and knows nothing of what they
// mean; the standard library's package net is imported as stdnet.
//
// What comes in is bounded before it is believed: a peer by its admission, a message by its forwarder, then by its author, then by
// what it says. What is dropped for that is counted, and its cause is of a closed list.
//
//	config.go, host.go, pubsub.go, sign.go                 what a host is given; what it starts, and how it is told of by pubsub
//	pubsubhost.go                                          the host without what pubsub does for each message and nobody needs
//	message.go, identity.go, secp256k1.go                  what is said: a statement of an operator, its ID, its signature
//	line.go, inboxes.go                                    a topic as it is held; how what waits in it is made
//	channel.go, inbox.go, return.go                        a wallet's topic, and what waits in it
//	topic.go, topicinbox.go, repeat.go                     a topic of a group of operators; what waits in it, and is said again
//	schedule.go, retransmission.go                         for which windows something counts, and when it is sent again
//	slots.go, chaff.go, ledger.go, meter.go, counters.go   what one author may say and one peer forward, what all may hold; what came of it
//	sieve.go, flights.go, redundant.go, spurned.go         what is dropped before its signature is verified
//	relaying.go                                            what neighbours relay of each author, as far as one can see
//	authors.go, spoken.go                                  whose key a message is signed by; what is said with our own
//	table.go, peers.go, groups.go, terms.go                who is admitted: peers, wallets and topics they are in, what each tells of itself
//	admission.go, dialogue.go, delegation.go               how they are met and tell, and prove, for whom they speak
//	static.go, ping.go                                     how they are kept
//	mandate.go, visits.go                                  the own proof; exchanges that peers run with us, which the end waits for
//	bans.go, cutoff.go                                     who is kept away: by a list, and for a flood
//	invite.go                                              documents that are handed to operators whom one shares no wallet with
//	inquiry.go, inquirers.go                               questions of one operator to another, and how many
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
