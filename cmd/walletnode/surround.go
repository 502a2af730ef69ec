package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/systemd"
)

// surroundings are what tells of a node while it runs: its API, its metrics and the notifications to systemd. They outlive
// the node's context, so that one can see it drain.
type surroundings struct {
	stop    context.CancelFunc
	running errgroup.Group
}

// outlets are where a node's surroundings tell of it. All are acquired before it runs, so that an address in use is told
// at once.
type outlets struct {
	notifier systemd.Notifier
	metrics  *metrics.Server
	feed     *api.Feed
	levels   *levelBook
	reloads  *reloader
}

// surround takes the API's address and begins to answer and to notify. None of it can end the node: what goes wrong later
// is logged.
func surround(ctx context.Context, cfg config.Config, n *node.Node, out outlets) (*surroundings, error) {
	listener, err := api.Listen(ctx, cfg.APIAddress())
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // ended by end, once the node has stopped
	s := &surroundings{stop: stop}
	server := api.Server{Records: n.Records(), Live: n, Feed: out.feed, Log: out.levels, Reload: out.reloads.Reload, Logger: logger("node")}
	s.running.Go(func() error {
		if err := server.Serve(ctx, listener); err != nil {
			logger("node").Error("The API no longer answers; the node goes on", "error", err)
		}
		return nil
	})
	s.running.Go(func() error {
		if err := out.metrics.Serve(ctx, n.Metrics()); err != nil {
			logger("node").Error("Metrics are no longer served; the node goes on", "error", err)
		}
		return nil
	})
	s.running.Go(func() error {
		describe := func() systemd.Report { return report(ctx, n) }
		if err := out.notifier.Follow(ctx, n.Stage().Changed, describe); err != nil {
			logger("node").Error("systemd hears no more of the node, and may end it", "error", err)
		}
		return nil
	})
	return s, nil
}

// end stops what surrounds the node and waits for it.
func (s *surroundings) end() {
	s.stop()
	_ = s.running.Wait() // none returns an error
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
