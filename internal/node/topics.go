package node

import (
	"context"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// Talk is a topic on which some operators speak; a net.Topic is one.
type Talk interface {
	Publish(ctx context.Context, data []byte) error
	Next(ctx context.Context) (net.Said, error)
	Forget(data []byte)
	Close() error
}

// Forum is a network on which operators can talk about more than what they agree on in windows. A Network that is none leaves
// its node without signatures.
type Forum interface {
	OpenTopic(cfg net.TopicConfig) (Talk, error)
	// Invite offers a document to every peer until it is withdrawn.
	Invite(doc []byte) error
	Withdraw(doc []byte)
}

// OpenTopic implements Forum.
func (l libp2pNetwork) OpenTopic(cfg net.TopicConfig) (Talk, error) {
	topic, err := l.Host.OpenTopic(cfg)
	if err != nil {
		return nil, err // not the nil *net.Topic, which as an interface would not be nil
	}
	return topic, nil
}

// forum is a Forum as signatures and key generations use it.
type forum struct {
	Forum
	log *slog.Logger
}

const (
	// keygenMessages and signingMessages are how many messages of one operator a topic knows at a time, and how many new ones
	// he can say in ten minutes. A key generation has a handful of rounds, its documents and complaints; a signature has some in
	// each attempt, for each input.
	keygenMessages, signingMessages = 64, 256
)

// open opens a topic as the one and the other need it.
func (f forum) open(name string, operators []chain.Operator, messages int) (talk, error) {
	t, err := f.Forum.OpenTopic(net.TopicConfig{Name: name, Operators: operators, MaxMessage: net.MaxTopicMessage, PerOperator: messages})
	return talk{t}, err
}

// OpenTopic implements keygen.Network.
func (f forum) OpenTopic(name string, operators []chain.Operator) (keygen.Topic, error) {
	t, err := f.open(name, operators, keygenMessages)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Invite implements keygen.Network.
func (f forum) Invite(doc []byte) {
	if err := f.Forum.Invite(doc); err != nil {
		f.log.Warn("An invitation cannot be offered to peers", "error", err)
	}
}

// of opens the topic of a wallet's signatures.
func (f forum) of(w chain.Wallet) (signing.Topic, error) {
	t, err := f.open(signer.SigningTopic(w.ID()), w.Operators(), signingMessages)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// talk is a Talk as a signer.Channel.
type talk struct{ Talk }

// Next implements signer.Channel.
func (t talk) Next(ctx context.Context) (signer.Said, error) {
	said, err := t.Talk.Next(ctx)
	return signer.Said{By: said.By, Data: said.Data, Signed: said.Signed}, err
}
