package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// member is one operator's node: its network on real sockets and an executor for each wallet, as a node has them, with
// records that are kept in memory. What a store costs is measured by itself.
type member struct {
	self     chain.Operator
	lh       host.Host
	net      *net.Host
	clock    *chain.Clock
	layer    *coordination.Layer
	channels []*net.Channel
	stop     context.CancelFunc
	done     chan error
}

// quiet is a logger that is asked and says nothing, as one at level info is for what happens often.
var quiet = slog.New(slog.DiscardHandler)

// newMember starts the node of operator n on loopback; it dials the given peers.
func newMember(n int, wallets []chain.Wallet, peers []string, traffic metrics.Reporter, stage *stage) (*member, error) {
	instance, err := work.Instance(n)
	if err != nil {
		return nil, err
	}
	lh, err := libp2p.New(
		libp2p.Identity(instance),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.BandwidthReporter(traffic),
	)
	if err != nil {
		return nil, fmt.Errorf("start libp2p host: %w", err)
	}
	m := &member{
		self: work.Operator(n), lh: lh, done: make(chan error, 1),
		clock: chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0),
	}
	schedule := coordination.RFC12()
	cfg := net.Config{
		Operator: work.OperatorKey(n),
		Peers:    peers,
		Schedule: net.Schedule{Frequency: schedule.Frequency, Duration: schedule.Active + schedule.Passive},
	}
	if m.net, err = net.NewWithHost(lh, cfg, net.Deps{Height: m.clock.Height, Inspect: node.Inspect, Log: quiet}); err != nil {
		return nil, errors.Join(err, lh.Close())
	}
	if err = m.join(wallets); err == nil {
		err = m.assemble(wallets, stage)
	}
	if err != nil {
		return nil, errors.Join(err, m.net.Close(), lh.Close())
	}
	return m, nil
}

func (m *member) join(wallets []chain.Wallet) error {
	for _, w := range wallets {
		ch, err := m.net.Join(w)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		m.channels = append(m.channels, ch)
	}
	return nil
}

// assemble wires a layer as internal/node does.
func (m *member) assemble(wallets []chain.Wallet, stage *stage) (err error) {
	channels, electorates := make(map[chain.WalletID]*net.Channel), new(executor.Electorates)
	for _, ch := range m.channels {
		channels[ch.Wallet().ID()] = ch
	}
	validator := &witness{stage: stage, self: m.self, inner: proposal.NewValidator(agreeable{})}
	m.layer, err = coordination.NewLayer(coordination.LayerConfig{
		Schedule: coordination.RFC12(), Clock: m.clock, Registry: registry(wallets), Log: memory{}, Custody: coordination.Alone{}, Logger: quiet,
		Executor: func(w chain.Wallet) (coordination.Executor, error) {
			return executor.New(executor.Config{
				Wallet: w, Electorate: electorates.Of(w), Self: m.self, Clock: m.clock, Headers: blocks{}, Channel: channels[w.ID()],
				Journal: memory{}, Generator: stage, Validator: validator, Logger: quiet,
			})
		},
	})
	return err
}

// run runs network and layer until stop is called; reports go to the stage.
func (m *member) run(ctx context.Context, reports chan<- coordination.Report) {
	ctx, m.stop = context.WithCancel(ctx)
	var layer sync.WaitGroup
	layer.Go(func() { _ = m.layer.Run(ctx, reports) }) // it ends with ctx and has no other error
	go func() {
		err := m.net.Run(ctx)
		layer.Wait()
		m.done <- errors.Join(err, m.lh.Close())
	}()
}

// sees reports whether every channel sees so many other operators.
func (m *member) sees(operators int) bool {
	for _, ch := range m.channels {
		if ch.Sight().Operators != operators {
			return false
		}
	}
	return true
}
