package devnet

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// The functions here say why the deeds on one wallet are not the misdeed a scenario is about; empty if they are. They
// hold the log against the chain, so that a devnet whose adversary did nothing, or nothing wrong, fails.

// statements decodes what was said; a complaint if something else was done, or it was not heard as a message of this
// wallet.
func statements(e election, deeds []deed) ([]proposal.Message, string) {
	messages := make([]proposal.Message, len(deeds))
	for i, d := range deeds {
		if d.Kind != deedStatement {
			return nil, fmt.Sprintf("%v is no statement", d)
		}
		m, err := d.said()
		switch {
		case err != nil:
			return nil, fmt.Sprintf("%v cannot be decoded: %v", d, err)
		case d.Key.Operator() != d.Operator || !e.wallet.Holds(d.Operator):
			return nil, fmt.Sprintf("%v is not signed by an operator of the wallet", d)
		case m.Wallet != e.wallet.ID():
			return nil, fmt.Sprintf("%v is about another wallet", d)
		case d.Peers == 0:
			return nil, fmt.Sprintf("%v was said to nobody", d)
		}
		messages[i] = m
	}
	return messages, ""
}

func refuteSilence(e election, deeds []deed) string {
	for _, d := range deeds {
		if d.Kind != deedSilence || d.Operator != e.leader {
			return fmt.Sprintf("%v is not the leader's silence", d)
		}
	}
	return ""
}

func refuteMistake(e election, deeds []deed) string {
	messages, complaint := statements(e, deeds)
	switch {
	case complaint != "":
		return complaint
	case len(messages) != 1 || deeds[0].Operator != e.leader:
		return "not one statement of the leader"
	}
	m := messages[0]
	wrong := m.Sender != e.wallet.LowestSeat(e.leader) || !e.allows(m.Proposal.Kind()) || refusable(e, m.Proposal)
	if !wrong {
		return fmt.Sprintf("the leader's %v is no mistake", m.Proposal.Kind())
	}
	return ""
}

// refusable reports whether the validator contract refuses a proposal at every head of the window. Of what is on a
// checklist the devnet's leaders only get redemptions wrong.
func refusable(e election, p proposal.Proposal) bool {
	redemption, ok := p.(proposal.Redemption)
	if !ok {
		return false
	}
	if !redemption.TxFee.IsInt64() || redemption.TxFee.Int64() >= greedyFee {
		return true
	}
	return slices.ContainsFunc(redemption.OutputScripts, func(script []byte) bool { return !holds(e.due, script) })
}

func holds(scripts [][]byte, script []byte) bool {
	return slices.ContainsFunc(scripts, func(s []byte) bool { return bytes.Equal(s, script) })
}

func refuteImpostor(e election, deeds []deed) string {
	messages, complaint := statements(e, deeds)
	if complaint != "" {
		return complaint
	}
	var claimed []chain.Seat
	for i, d := range deeds {
		if d.Operator == e.leader || d.Operator != deeds[0].Operator {
			return "not the statements of one operator other than the leader"
		}
		claimed = append(claimed, messages[i].Sender)
	}
	if !slices.Contains(claimed, e.wallet.LowestSeat(e.leader)) || !slices.Contains(claimed, e.wallet.LowestSeat(deeds[0].Operator)) {
		return "not both the leader's seat and the impostor's own were claimed"
	}
	return ""
}

func refuteTwoFaces(e election, deeds []deed) string {
	messages, complaint := statements(e, deeds)
	switch {
	case complaint != "":
		return complaint
	case len(messages) != 2 || messages[0].Digest() == messages[1].Digest():
		return "not two differing statements"
	}
	for i, d := range deeds {
		m := messages[i]
		valid := m.Sender == e.wallet.LowestSeat(e.leader) && e.allows(m.Proposal.Kind()) && !refusable(e, m.Proposal)
		if d.Operator != e.leader || !valid {
			return fmt.Sprintf("%v is not a valid proposal of the leader", d)
		}
	}
	return ""
}
