package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUntilSignalReturnsWhatTheCommandReturns(t *testing.T) {
	broken := errors.New("broken")
	for _, want := range []error{nil, broken} {
		err := untilSignal(t.Context(), nil, time.Minute, io.Discard, func(context.Context) error { return want })
		require.Equal(t, want, err)
	}
}

func TestFirstSignalDrainsWithinTheGraceAndIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		err := untilSignal(t.Context(), signals, time.Minute, io.Discard, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(59 * time.Second) // virtual: the work in flight
			return ctx.Err()
		})
		require.NoError(t, err)
		require.Equal(t, codeOK, exitCode(err))
	})
}

func TestAFailureWhileDrainingIsReported(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	broken := errors.New("flush")
	err := untilSignal(t.Context(), signals, time.Minute, io.Discard, func(ctx context.Context) error {
		<-ctx.Done()
		return broken
	})
	require.Equal(t, broken, err)
}

func TestGraceThatPassesIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		stuck := make(chan struct{})
		var stacks bytes.Buffer
		begun := time.Now()
		err := untilSignal(t.Context(), signals, time.Minute, &stacks, func(context.Context) error { <-stuck; return nil })
		require.Contains(t, stacks.String(), "TestGraceThatPassesIsAFailure", "who reads it learns what hung")
		require.ErrorIs(t, err, errGrace)
		require.Equal(t, codeFailure, exitCode(err))
		require.Equal(t, time.Minute, time.Since(begun))
		close(stuck)
	})
}

func TestSecondSignalEndsAtOnceWithCode130(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 2)
		signals <- syscall.SIGINT
		signals <- syscall.SIGINT
		stuck := make(chan struct{})
		begun := time.Now()
		err := untilSignal(t.Context(), signals, time.Minute, io.Discard, func(context.Context) error { <-stuck; return nil })
		require.Equal(t, codeInterrupted, exitCode(err))
		require.Zero(t, time.Since(begun))
		close(stuck)
	})
}
