package sim

import (
	"context"
	"sync"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
)

// berth is an instance's place on the network: all that a node has of one.
type berth struct {
	*nettest.Member
	of   *process
	said func(envelope []byte) // told of each envelope that leaves, or may have left
	gone func()                // when the node ends
	runs func()                // when it runs: who offers something before then has nobody to offer it to
	once *sync.Once
}

// newBerth gives a process a place on the network.
func newBerth(on *nettest.Network, of *process, cfg net.Config, deps net.Deps, said func([]byte)) berth {
	m := on.Add(cfg.Operator, deps.Height)
	b := berth{Member: m, of: of, said: said, gone: func() { on.Remove(m) }, once: new(sync.Once)}
	if deps.Spoken != nil {
		m.OnSpoken(deps.Spoken)
	}
	b.runs = func() { m.OnInvited(deps.Invited) }
	inquiries := make([]net.Inquiry, len(deps.Inquiries))
	for i, q := range deps.Inquiries {
		inquiries[i] = q
		inquiries[i].Answer = func(ctx context.Context, from chain.Operator, request []byte) ([]byte, error) {
			if err := of.pass(ctx); err != nil {
				return nil, err
			}
			return q.Answer(ctx, from, request)
		}
	}
	m.OnInquired(inquiries)
	return b
}

// Run implements node.Network.
func (b berth) Run(ctx context.Context) error {
	b.runs()
	<-ctx.Done()
	return b.Close()
}

// Close implements node.Network.
func (b berth) Close() error {
	b.once.Do(b.gone)
	return nil
}

// Join implements node.Network.
func (b berth) Join(w chain.Wallet) (executor.Channel, error) {
	ch, err := b.Member.Join(w)
	if err != nil {
		return nil, err
	}
	return mouthpiece{ch, b}, nil
}

// mouthpiece is a wallet's channel, whose every word is noted.
type mouthpiece struct {
	*nettest.Channel
	berth berth
}

// Publish implements executor.Channel.
func (m mouthpiece) Publish(ctx context.Context, envelope []byte) error {
	m.berth.of.pace("say", digestOf(envelope))
	if err := m.berth.leave(ctx); err != nil {
		return err
	}
	m.berth.said(envelope)
	if err := m.Channel.Publish(ctx, envelope); err != nil {
		return err
	}
	return m.berth.of.at(afterSend)
}

func (b berth) leave(ctx context.Context) error {
	if err := b.of.pass(ctx); err != nil {
		return err
	}
	return b.of.at(beforeSend)
}

// OpenTopic implements node.Forum.
func (b berth) OpenTopic(cfg net.TopicConfig) (node.Talk, error) {
	topic, err := b.Member.OpenTopic(cfg)
	if err != nil {
		return nil, err
	}
	return lectern{topic, b}, nil
}

// lectern is a topic that is spoken on.
type lectern struct {
	*nettest.Topic
	berth berth
}

// Publish implements node.Talk.
func (l lectern) Publish(ctx context.Context, data []byte) error {
	l.berth.of.pace("tell", digestOf(data))
	if err := l.berth.leave(ctx); err != nil {
		return err
	}
	if err := l.Topic.Publish(ctx, data); err != nil {
		return err
	}
	return l.berth.of.at(afterSend)
}

// Inquire implements node.Inquirer.
func (b berth) Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error) {
	b.of.pace("inquire", name, of)
	if err := b.of.pass(ctx); err != nil {
		return nil, err
	}
	line, err := b.Member.Inquire(ctx, protocol.ID(name), of)
	if err != nil {
		return nil, err
	}
	return cord{line, b.of}, nil
}

// cord is a line to another operator.
type cord struct {
	*nettest.Line
	of *process
}

// Ask implements exchange.Line.
func (c cord) Ask(ctx context.Context, request []byte) ([]byte, error) {
	c.of.pace("ask", digestOf(request))
	return c.Line.Ask(ctx, request)
}
