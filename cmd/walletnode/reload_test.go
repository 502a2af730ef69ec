package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/view"
)

// twoEndpoints is a configuration that a node runs with.
func twoEndpoints() config.Config {
	c := config.Default()
	c.Ethereum.URL = "ws://a"
	c.Ethereum.Multi.Enabled = true
	c.Ethereum.Multi.Endpoints = []config.Endpoint{{Name: "b", URL: "ws://b"}, {Name: "c", URL: "ws://c"}}
	return c
}

func TestReloadTakesOverAllOrNothing(t *testing.T) {
	var taken []config.Config
	var refuses, unreadable error
	later := twoEndpoints()
	r := &reloader{
		running: twoEndpoints(),
		read:    func() (config.Config, error) { return later, unreadable },
		takeOver: func(_ context.Context, c config.Config) error {
			if refuses == nil {
				taken = append(taken, c)
			}
			return refuses
		},
	}
	later.Ethereum.Multi.Endpoints = append(later.Ethereum.Multi.Endpoints[:1:1], config.Endpoint{Name: "d", URL: "ws://d"})
	later.Log.Level = "debug"

	unreadable = config.Complaints{{Key: "log.level", Why: "loud"}}
	_, err := r.Reload(t.Context())
	require.ErrorIs(t, err, view.ErrConfiguration)
	require.ErrorContains(t, err, "log.level: loud")
	require.Equal(t, codeUsage, exitCode(err))
	unreadable, refuses = nil, fmt.Errorf("%w: no reader", view.ErrConfiguration)
	_, err = r.Reload(t.Context())
	require.ErrorContains(t, err, "no reader")
	require.Equal(t, codeUsage, exitCode(err))
	refuses = errors.New("the node ends") // which is no mistake of the configuration
	_, err = r.Reload(t.Context())
	require.ErrorContains(t, err, "the node ends")
	require.Equal(t, codeFailure, exitCode(err))
	require.Empty(t, taken)

	refuses = nil
	for range 2 { // what needs a restart needs it until there is one
		done, err := r.Reload(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"log.level"}, done.Restart)
	}
	require.Len(t, taken, 2)
	require.Equal(t, later.ChainEndpoints(), taken[0].ChainEndpoints())
	require.Equal(t, "info", taken[0].Log.Level)

	later.Ethereum.Multi.Enabled = false
	_, err = r.Reload(t.Context())
	require.ErrorContains(t, err, "ethereum.multi.enabled: turning it off needs a restart")
	require.Len(t, taken, 2)
}

func TestWithOneEndpointThereIsNothingToReload(t *testing.T) {
	r := &reloader{running: config.Default(), read: func() (config.Config, error) { return twoEndpoints(), nil }}
	_, err := r.Reload(t.Context())
	require.ErrorIs(t, err, view.ErrOneEndpoint)
}

func TestEachHangupReloadsUntilTheNodeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		r := &reloader{running: twoEndpoints(), read: func() (config.Config, error) { reads++; return config.Config{}, errors.New("away") }}
		ctx, cancel := context.WithCancel(t.Context())
		hangups, ended := make(chan os.Signal), make(chan struct{})
		go func() { r.until(ctx, hangups); close(ended) }()
		hangups <- syscall.SIGHUP
		hangups <- syscall.SIGHUP
		synctest.Wait()
		require.Equal(t, 2, reads, "a reload that fails ends nothing")
		cancel()
		<-ended
	})
}
