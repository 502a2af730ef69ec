package vault

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// frequency is the distance between windows in blocks, and signingEnd after how many of them from a window's coordination block
// all signing for it has ended: 100 to its end, 600 to the expiry of every kind that is signed, less 300 (RFC 12).
const (
	frequency  chain.Height = 900
	signingEnd chain.Height = 400
)

// maxStatement is the most bytes of a signed message that nodes keep and relay, as package net has it.
const maxStatement = 64 << 10

// proposed reads the leader's message out of an intent: signed by an operator who holds the seat that it speaks from, on the
// wallet's channel, about this wallet and this window.
func proposed(k key, intent signer.Intent) (proposal.Proposal, error) {
	if intent.Window == 0 || intent.Window%frequency != 0 {
		return nil, signer.Refuse(signer.RuleStatement, "no window begins at block %d", intent.Window)
	}
	if len(intent.Statement) > maxStatement {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message has %d bytes, and no node relays more than %d", len(intent.Statement), maxStatement)
	}
	message, err := wire.ParsePubsub(intent.Statement)
	if err != nil {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message: %v", err)
	}
	author, err := message.Verify()
	if err != nil {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message: %v", err)
	}
	if message.Topic() != wire.ChannelName(k.public()) {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message is not of the wallet's channel, but of %.200q", message.Topic())
	}
	envelope, err := wire.DecodeEnvelope(message.Data(), message.From())
	if err != nil {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message: %v", err)
	}
	said, err := proposal.DecodeMessage(envelope.Payload)
	if err != nil {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message: %v", err)
	}
	if said.Wallet != intent.Wallet || said.Block != intent.Window {
		return nil, signer.Refuse(signer.RuleStatement, "the leader's message is about wallet %v and window %d, the intent about %v and %d",
			said.Wallet, said.Block, intent.Wallet, intent.Window)
	}
	if holder, ok := k.holder(said.Sender); !ok || holder != author.Operator() {
		return nil, signer.Refuse(signer.RuleStatement, "%v, who signed the leader's message, does not hold seat %d", author.Operator(), said.Sender)
	}
	return said.Proposal, nil
}
