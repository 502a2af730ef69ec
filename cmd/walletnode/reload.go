package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/view"
)

// reloader reads the configuration again, from where start read it, and has the node take over its chain endpoints. It
// takes over nothing else: what the operator changed beside them is named, and waits for the next start.
type reloader struct {
	read     func() (config.Config, error)
	takeOver func(context.Context, config.Config) error // view.ErrConfiguration if the configuration is to blame

	mu      sync.Mutex // one reload at a time
	running config.Config
}

// Reload implements api.Server.Reload. Nothing changes unless all of the configuration is valid.
func (r *reloader) Reload(ctx context.Context) (view.Reload, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done, err := r.reload(ctx)
	if err != nil {
		logger("node").Error("The configuration was not taken over", "error", err)
		return view.Reload{}, err
	}
	logger("node").Info("Chain endpoints taken over from the configuration",
		"added", done.Added, "removed", done.Removed, "changed", done.Changed)
	for _, key := range done.Restart {
		logger("node").Warn("A changed setting needs a restart", "key", key)
	}
	return done, nil
}

func (r *reloader) reload(ctx context.Context) (view.Reload, error) {
	if !r.running.Ethereum.Multi.Enabled {
		return view.Reload{}, view.ErrOneEndpoint
	}
	later, err := r.read()
	if err == nil && !later.Ethereum.Multi.Enabled {
		err = errors.New("ethereum.multi.enabled: turning it off needs a restart")
	}
	if err != nil {
		return view.Reload{}, fmt.Errorf("%w:\n%w", view.ErrConfiguration, err)
	}
	next := r.running.WithEndpoints(later)
	if err := r.takeOver(ctx, next); err != nil {
		return view.Reload{}, fmt.Errorf("take over the chain endpoints: %w", err)
	}
	diff := r.running.Diff(later)
	r.running = next
	done := view.Reload{
		Added: orNone(diff.Added), Removed: orNone(diff.Removed), Changed: orNone(diff.Changed), Restart: orNone(diff.Restart), Warnings: []string{},
	}
	for _, w := range next.Warnings() {
		done.Warnings = append(done.Warnings, w.State+": "+w.Why)
	}
	return done, nil
}

// orNone makes a list that JSON never shows as null.
func orNone(list []string) []string { return append([]string{}, list...) }

// until reloads at each signal until ctx ends. What goes wrong has been logged, and ends nothing.
func (r *reloader) until(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			_, _ = r.Reload(ctx)
		case <-ctx.Done():
			return
		}
	}
}
