package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/systemd"
	"github.com/walletnode/walletnode/internal/view"
)

// surroundings are what tells of a node: its API, its metrics and the notifications to systemd. They are there before the
// node, so that one can see it start, and outlive its context, so that one can see it drain. None of them can end the
// node: what goes wrong with them once it runs is logged.
type surroundings struct {
	running  errgroup.Group
	notifier systemd.Notifier
	metrics  *metrics.Server
	entrance *api.Entrance
	page     *dashboard.Server
}

// surround takes the addresses of the API and the metrics, so that one in use is told at once, and tells that the node
// starts. ctx is the surroundings' own.
func surround(ctx context.Context, cfg config.Config, assembly node.Config, notifier systemd.Notifier) (*surroundings, error) {
	doors, err := openDoors(ctx, cfg)
	if err != nil {
		return nil, err
	}
	server, err := metrics.Listen(ctx, cfg.Metrics.Listen, logger("node"))
	if err != nil {
		return nil, errors.Join(err, closeDoors(doors))
	}
	page, pages, err := openDashboard(ctx, cfg)
	if err != nil {
		server.Close()
		return nil, errors.Join(err, closeDoors(doors))
	}
	begun := time.Now()
	s := &surroundings{
		notifier: notifier, metrics: server,
		entrance: api.NewEntrance(func() view.Status { return node.StartingStatus(assembly, begun) }, logger("node")),
	}
	s.showPage(ctx, page, pages)
	for _, d := range doors {
		s.running.Go(func() error {
			if err := s.entrance.Serve(ctx, d.listener, d.guard); err != nil {
				logger("node").Error("The API no longer answers; the node goes on", "address", d.address, "error", err)
			}
			return nil
		})
	}
	s.running.Go(func() error {
		if err := s.metrics.Serve(ctx); err != nil {
			logger("node").Error("Metrics are no longer served; the node goes on", "error", err)
		}
		return nil
	})
	if err := notifier.Status(string(node.Starting) + ": asking the chain, opening the store"); err != nil {
		logger("node").Error("systemd does not hear of the node", "error", err)
	}
	return s, nil
}

// tell lets a node that was made answer for itself.
func (s *surroundings) tell(ctx context.Context, n *node.Node, feed *api.Feed, levels *levelBook, reloads *reloader) {
	server := &api.Server{Records: n.Records(), Live: n, Cluster: n.Cluster(), Feed: feed, Log: levels, Reload: reloads.Reload, Logger: logger("node")}
	server.Feeds = n.Feeds()
	if pool := n.Signers(); pool != nil { // a nil pool would be no nil interface
		server.Signers = pool
	}
	if exchange := n.Evidence(); exchange != nil {
		server.Evidence = exchange
	}
	if ceremonies := n.Keygen(); ceremonies != nil {
		server.Keygens = ceremonies
	}
	s.entrance.Open(server)
	s.metrics.Open(n.Metrics())
	s.page.Open(node.NewBoard(n))
	s.running.Go(func() error {
		describe := func() systemd.Report { return report(ctx, n) }
		if err := s.notifier.Follow(ctx, n.Stage().Changed, describe); err != nil {
			logger("node").Error("systemd hears no more of the node, and may end it", "error", err)
		}
		return nil
	})
}

// wait returns once what surrounds the node has ended with its context.
func (s *surroundings) wait() {
	_ = s.running.Wait() // none returns an error
	s.metrics.Close()
}

// report tells systemd how the node fares. It is ready once everything is acquired and joined: a node that waits for its
// chain must not be ended by systemd for starting slowly, since starting again would not help. Readiness reads clock,
// store and network, so that a node that hangs in one of them gives no sign of life.
func report(ctx context.Context, n *node.Node) systemd.Report {
	if state, _ := n.Stage().State(); state == node.Stopped { // its parts are closed and would all be ill
		return systemd.Report{Stopping: true, Status: string(state)}
	}
	ready := n.Readiness(ctx)
	state := node.State(ready.State)
	parts := []string{fmt.Sprintf("%s, block %d", state, n.Clock().Height())}
	for _, c := range ready.Failing() {
		if c.Name != "state" {
			parts = append(parts, c.Reason)
		}
	}
	return systemd.Report{
		Ready:    state != node.Starting,
		Stopping: state == node.Draining || state == node.Stopped,
		Status:   strings.Join(parts, "; "),
	}
}
