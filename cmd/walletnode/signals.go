package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"
)

// errGrace says that what was in flight did not end within the time an operator allows.
var errGrace = errors.New("did not stop in time")

// stopSignals returns the signals that stop a command, two of which may wait, until deaf is called.
func stopSignals() (signals <-chan os.Signal, deaf func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// untilStopped returns a context that the first of these signals ends.
func untilStopped(ctx context.Context) (_ context.Context, deaf context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// untilSignal runs a long-lived command. The first signal cancels run's context, so that it finishes what is in flight and
// returns; that is a success. The second ends the command at once with code 130, and grace passing without run
// having returned is a failure: then run is left behind, because the process is about to end, and what every goroutine
// does is written to stacks, since there is no other moment to find out what did not end.
func untilSignal(ctx context.Context, signals <-chan os.Signal, grace time.Duration, stacks io.Writer, run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1) // buffered: run may end after nobody waits for it any more
	go func() { ended <- run(ctx) }()

	select {
	case err := <-ended:
		return err
	case <-signals:
		cancel()
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	case <-timer.C:
		return errors.Join(fmt.Errorf("%w: shutdown_grace of %v has passed; what had not ended stands above", errGrace, grace),
			pprof.Lookup("goroutine").WriteTo(stacks, 1))
	case <-signals:
		return exit(codeInterrupted, errors.New("interrupted before everything had ended"))
	}
}
