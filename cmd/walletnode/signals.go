package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// errGrace says that what was in flight did not end within the time an operator allows.
var errGrace = errors.New("did not stop in time")

// untilSignal runs a long-lived command. The first signal cancels run's context, so that it finishes what is in flight and
// returns; that is a success. The second ends the command at once with code 130, and grace passing without run
// having returned is a failure: then run is left behind, because the process is about to end.
func untilSignal(ctx context.Context, signals <-chan os.Signal, grace time.Duration, run func(context.Context) error) error {
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
		return fmt.Errorf("%w: shutdown_grace of %v has passed", errGrace, grace)
	case <-signals:
		return exit(codeInterrupted, errors.New("interrupted before everything had ended"))
	}
}
