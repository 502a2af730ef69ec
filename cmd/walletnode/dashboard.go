package main

import (
	"context"
	stdnet "net"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/remote"
)

// openDashboard makes the web page and takes its address, if it has one of its own. Who may look is who may ask the API:
// whoever shows its token if it has one, else this machine alone.
func openDashboard(ctx context.Context, cfg config.Config) (*dashboard.Server, stdnet.Listener, error) {
	guard, err := remote.Guard(cfg)
	if err != nil {
		return nil, nil, err
	}
	page, err := dashboard.New(dashboard.Config{Token: guard.Token, TLS: guard.TLS, Logger: logger("node")})
	if err != nil {
		return nil, nil, err
	}
	listener, err := page.Listen(ctx, cfg.Dashboard.Listen)
	return page, listener, err
}

// showPage serves the page at its own address and beside the API, until ctx ends.
func (s *surroundings) showPage(ctx context.Context, page *dashboard.Server, listener stdnet.Listener) {
	s.page = page
	s.entrance.Show(page.Handler())
	s.running.Go(func() error { return page.Run(ctx) }) // it returns none
	s.running.Go(func() error {
		if err := page.Serve(ctx, listener); err != nil {
			logger("node").Error("The dashboard is no longer served; the node goes on", "error", err)
		}
		return nil
	})
}
