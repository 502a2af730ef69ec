// Package bench measures whole windows of the node, in one process on real sockets, and says how each measure relates
// to what cannot be avoided. docs/benchmarks.md has the results and the commands that repeat them.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/bench/timing"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/proposal"
)

// Times of the fake chain: the coordination block is held so long that what the first transmission does stands alone;
// then blocks come fast.
const (
	holdFirst = 2 * time.Second
	blockTime = 50 * time.Millisecond
)

// Swarm is all operators of a number of wallets in one process, each with a network of its own on loopback.
type Swarm struct {
	wallets []chain.Wallet
	members []*member
	stage   *stage
	traffic *metrics.BandwidthCounter
	reports chan coordination.Report
	block   chain.Height
}

// stage is what all members share: what is to be proposed, and who accepted it when.
type stage struct {
	proposal proposal.Proposal // nil: nothing, so that leaders propose a no-op

	mu      sync.Mutex
	began   time.Time
	leaders map[chain.WalletID]chain.Operator
	delays  []time.Duration // of followers, from announcement to acceptance
}

// Generate implements executor.Generator.
func (s *stage) Generate(_ context.Context, kind proposal.Kind, _ proposal.Request) (proposal.Proposal, error) {
	if s.proposal == nil || s.proposal.Kind() != kind {
		return nil, nil //nolint:nilnil // that there is nothing to do is what the interface has nil for
	}
	return s.proposal, nil
}

func (s *stage) accepted(wallet chain.WalletID, by chain.Operator) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaders[wallet] != by {
		s.delays = append(s.delays, now.Sub(s.began))
	}
}

// NewSwarm starts the nodes of all operators of so many wallets and returns when each sees all others. Leaders propose
// p; nil is a no-op.
func NewSwarm(ctx context.Context, operators, wallets int, p proposal.Proposal) (*Swarm, error) {
	all, err := work.Wallets(wallets, operators)
	if err != nil {
		return nil, err
	}
	s := &Swarm{
		wallets: all, stage: &stage{proposal: p}, traffic: metrics.NewBandwidthCounter(),
		reports: make(chan coordination.Report, wallets), // the stage reads between blocks; executors do not wait for it
	}
	var addrs []string
	for n := range operators {
		m, err := newMember(n, all, addrs, s.traffic, s.stage)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.members = append(s.members, m)
		m.run(ctx, s.reports)
		m.clock.Observe(work.Header(899))
		own, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: m.lh.ID(), Addrs: m.lh.Addrs()})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("list addresses: %w", err), s.Close())
		}
		addrs = append(addrs, own[0].String())
	}
	s.block = 900
	return s, s.meet(ctx)
}

// meetTimeout is how long nodes may take to prove their operators to each other.
const meetTimeout = time.Minute

func (s *Swarm) meet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, meetTimeout)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for _, m := range s.members {
		for !m.sees(len(s.members) - 1) {
			select {
			case <-look.C:
			case <-ctx.Done():
				return errors.Join(fmt.Errorf("wait for the operators to meet: %w", ctx.Err()), s.Close())
			}
		}
	}
	return nil
}

// Close ends all nodes.
func (s *Swarm) Close() error {
	for _, m := range s.members {
		m.stop()
	}
	var errs []error
	for _, m := range s.members {
		errs = append(errs, <-m.done)
	}
	return errors.Join(errs...)
}

// WindowStats are the measures of one window over all nodes.
type WindowStats struct {
	Followers int             // wallets times followers
	Delays    []time.Duration // one for each follower that accepted, from the announcement of c
	Missed    int             // followers that had not accepted when block c+1 came
	FirstCPU  time.Duration   // the process's, from the announcement of c to block c+1
	CPU       time.Duration   // to the last result, at c+80
	Bytes     int64           // sent on libp2p streams, by all nodes
	PeakRSS   int64           // bytes; 0 where the system does not tell
	Reasons   map[coordination.Reason]int
}

// Window runs one window: c is announced to all and held, then c+1 .. c+81 follow. It returns once all executors have
// left it, which is not measured.
func (s *Swarm) Window(ctx context.Context) (WindowStats, error) {
	window, _ := coordination.RFC12().Window(s.block)
	s.block += 900
	s.prepare(window)
	st := WindowStats{Followers: len(s.wallets) * (len(s.members) - 1), Reasons: make(map[coordination.Reason]int)}
	resetPeak()
	sent, began := s.traffic.GetBandwidthTotals().TotalOut, CPUTime()

	s.announce(window.Block)
	if err := pause.For(ctx, holdFirst); err != nil {
		return st, err
	}
	st.FirstCPU, st.Missed = CPUTime()-began, st.Followers-s.acceptedSoFar()
	beat := time.NewTicker(blockTime)
	defer beat.Stop()
	for h := window.Block + 1; h <= window.Block+81; h++ {
		s.announce(h)
		select {
		case <-beat.C:
		case <-ctx.Done():
			return st, ctx.Err()
		}
	}
	for range len(s.wallets) * len(s.members) {
		select {
		case r := <-s.reports:
			if result, ok := r.(coordination.Result); ok {
				st.Reasons[result.Reason]++
			}
		case <-ctx.Done():
			return st, ctx.Err()
		}
	}
	st.CPU, st.Bytes, st.PeakRSS = CPUTime()-began, s.traffic.GetBandwidthTotals().TotalOut-sent, peakRSS()
	runtime.GC() // the next window's peak is not to hold this one's garbage
	st.Delays = s.stage.delays
	s.announce(window.End)
	return st, pause.For(ctx, time.Second)
}

func (s *Swarm) prepare(w coordination.Window) {
	safe := work.Header(w.SeedBlock).Hash
	leaders := make(map[chain.WalletID]chain.Operator, len(s.wallets))
	for _, wallet := range s.wallets {
		leaders[wallet.ID()] = executor.Leader(executor.Seed(wallet.ID(), safe), wallet.Roster())
	}
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	s.stage.leaders, s.stage.delays, s.stage.began = leaders, nil, time.Now()
}

func (s *Swarm) acceptedSoFar() int {
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	return len(s.stage.delays)
}

// announce shows a block to all nodes; a coordination block opens its window.
func (s *Swarm) announce(h chain.Height) {
	header := work.Header(h)
	for _, m := range s.members {
		m.clock.Observe(header)
	}
	if h%900 != 0 {
		return
	}
	for _, m := range s.members {
		m.layer.Open(coordination.Opened{Block: h, At: h, Hash: header.Hash, Time: time.Now()})
	}
}

// Worst is the longest delay of a follower in the window.
func (st WindowStats) Worst() time.Duration { return timing.Quantile(st.Delays, 1) }
