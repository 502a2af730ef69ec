package devnet

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// What nobody puts up with: two statements of an author are heard for each window, sixteen more are ignored, and then it
// is cut off; who forwards may send four bursts of 4096 messages.
const (
	leastFresh   = 2 + 16 + 1
	leastReplays = 4 * 4096
)

// shuns demands that a node refuses the instance that flooded, and nobody of another operator.
func (j *judge) shuns(n nodeFacts) {
	floods := slices.DeleteFunc(slices.Clone(j.facts.Deeds), func(d deed) bool { return d.Kind != deedFlood })
	for _, d := range floods {
		if n.Refuses[d.Instance] != d.Operator {
			j.differ("operator %v has not cut off %v", n.Operator, d)
		}
	}
	for instance, op := range n.Refuses {
		if !slices.ContainsFunc(floods, func(d deed) bool { return d.Operator == op }) {
			j.differ("operator %v refuses instance %s of operator %v, which did not flood", n.Operator, instance, op)
		}
	}
}

// refuteFlood says why the deeds on a wallet are not one flood by an operator that does not lead it.
func refuteFlood(e election, deeds []deed) string {
	i := slices.IndexFunc(deeds, func(d deed) bool { return d.Kind == deedFlood })
	if i < 0 {
		return "there is no flood"
	}
	d, said := deeds[i], slices.Delete(slices.Clone(deeds), i, i+1)
	switch {
	case d.Operator == e.leader || !e.wallet.Holds(d.Operator):
		return fmt.Sprintf("not by an operator of the wallet other than the leader: %v", d)
	case d.Peers == 0:
		return fmt.Sprintf("nobody was connected: %v", d)
	case len(d.Replayed) > 0:
		return refuteReplays(e, d, said)
	default:
		return refuteFresh(e, d, said)
	}
}

func refuteFresh(e election, d deed, said []deed) string {
	messages, complaint := statements(e, said)
	if complaint != "" {
		return complaint
	}
	digests := make(map[[32]byte]bool)
	for i, m := range messages {
		if said[i].Operator != d.Operator {
			return fmt.Sprintf("%v is another operator's", said[i])
		}
		digests[m.Digest()] = true
	}
	if len(digests) < leastFresh || d.Sent != len(said) {
		return fmt.Sprintf("%d statements in %d messages are no flood", len(digests), d.Sent)
	}
	return ""
}

// refuteReplays demands that what was replayed is what others signed on this wallet's channel.
func refuteReplays(e election, d deed, said []deed) string {
	if len(said) > 0 {
		return fmt.Sprintf("%v, beside replays", said[0])
	}
	for _, signed := range d.Replayed {
		author, envelope, err := verified(signed)
		if err != nil {
			return err.Error()
		}
		if author.Operator() == d.Operator || !speaksOf(e.wallet.ID(), author, envelope) {
			return fmt.Sprintf("what was replayed is no message of another operator about the wallet: %v", d)
		}
	}
	if d.Sent < leastReplays {
		return fmt.Sprintf("%d replays are no flood", d.Sent)
	}
	return ""
}

// speaksOf reports whether an author's envelope holds a message about a wallet.
func speaksOf(wallet chain.WalletID, author wire.PublicKey, envelope []byte) bool {
	opened, err := wire.DecodeEnvelope(envelope, author.PeerID())
	if err != nil {
		return false
	}
	m, err := proposal.DecodeMessage(opened.Payload)
	return err == nil && m.Wallet == wallet
}
