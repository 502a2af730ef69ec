package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/systemd"
)

// surroundings are what tells of a node while it runs: its API and the notifications to systemd. They outlive the
// node's context, so that one can see it drain.
type surroundings struct {
	stop    context.CancelFunc
	running errgroup.Group
}

// surround takes the API's address and begins to answer and to notify. Neither can end the node: what goes wrong later is
// logged.
func surround(ctx context.Context, cfg config.Config, n *node.Node, feed *api.Feed, levels *levelBook, reloads *reloader) (*surroundings, error) {
	notifier, err := systemd.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, err
	}
	listener, err := api.Listen(ctx, cfg.APIAddress())
	if err != nil {
		_ = notifier.Close() // nothing was sent on it
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // ended by end, once the node has stopped
	s := &surroundings{stop: stop}
	server := api.Server{Records: n.Records(), Live: n, Feed: feed, Log: levels, Reload: reloads.Reload, Logger: logger("node")}
	s.running.Go(func() error {
		if err := server.Serve(ctx, listener); err != nil {
			logger("node").Error("The API no longer answers; the node goes on", "error", err)
		}
		return nil
	})
	s.running.Go(func() error {
		defer notifier.Close() //nolint:errcheck // nothing is pending on a datagram socket
		describe := func() systemd.Report { return report(ctx, n) }
		if err := notifier.Follow(ctx, n.Stage().Changed, describe); err != nil {
			logger("node").Error("systemd hears no more of the node, and may end it", "error", err)
		}
		return nil
	})
	return s, nil
}

// end stops what surrounds the node and waits for it.
func (s *surroundings) end() {
	s.stop()
	_ = s.running.Wait() // neither returns an error
}

// report tells systemd how the node fares. It is ready once everything is acquired and joined: a node that waits for its
// chain must not be ended by systemd for starting slowly, since starting again would not help. Readiness reads clock,
// store and network, so that a node that hangs in one of them gives no sign of life.
func report(ctx context.Context, n *node.Node) systemd.Report {
	state, _ := n.Stage().State()
	parts := []string{fmt.Sprintf("%s, block %d", state, n.Clock().Height())}
	for _, c := range n.Readiness(ctx).Failing() {
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
