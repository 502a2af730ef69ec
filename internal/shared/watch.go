package shared

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Pause is the time between two looks at the versions, so that a change is known everywhere within a second.
const Pause = 250 * time.Millisecond

// maxPause bounds the pause between two looks while the database fails.
const maxPause = 2 * time.Second

// WatchConfig is what a Watch needs; every field is required.
type WatchConfig struct {
	Versions func(context.Context) (Versions, error)
	// Handlers read a topic's list again. One that fails is called again at the next look; topics without one are not
	// watched.
	Handlers map[Topic]func(context.Context) error
	// Pause is the time between two looks, Timeout how long one look is waited for, its handlers included.
	Pause, Timeout time.Duration
	Logger         *slog.Logger
}

// Watch keeps what an instance knows of the shared lists up to date.
type Watch struct {
	cfg    WatchConfig
	nudged chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge
	known  Versions      // of the lists as they were last read; absent for one that is to be read. Run's loop owns it.

	mu   sync.Mutex
	seen time.Time
	next chan struct{} // closed by the next change of seen
}

// NewWatch checks the configuration.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	if cfg.Versions == nil || cfg.Handlers == nil || cfg.Logger == nil {
		return nil, errors.New("watch: a dependency is missing")
	}
	if cfg.Pause <= 0 || cfg.Timeout <= 0 {
		return nil, fmt.Errorf("watch: pause %v and timeout %v must be positive", cfg.Pause, cfg.Timeout)
	}
	return &Watch{cfg: cfg, nudged: make(chan struct{}, 1), known: make(Versions), next: make(chan struct{})}, nil
}

// Nudge has the versions looked at without waiting for their turn.
func (w *Watch) Nudge() {
	select {
	case w.nudged <- struct{}{}:
	default:
	}
}

// LastSeen returns when the last look began after which every list was known: they are no older than that. It is zero
// before the first.
func (w *Watch) LastSeen() time.Time {
	seen, _ := w.look()
	return seen
}

func (w *Watch) look() (seen time.Time, next <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen, w.next
}

// Await waits until every list was read since a moment; an error says that ctx ended first.
func (w *Watch) Await(ctx context.Context, since time.Time) error {
	w.Nudge()
	for {
		seen, next := w.look()
		if seen.After(since) {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run looks at the versions until ctx ends, and returns nil. Each topic's handler is called once at the start, and again
// whenever its version is another one. After a look that failed everything is read anew: the database that comes back may
// be a restored one, whose versions mean other lists.
func (w *Watch) Run(ctx context.Context) error {
	pause := w.cfg.Pause
	for {
		began := time.Now()
		err := w.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whatever failed, it was told to end
		case err == nil:
			pause = w.cfg.Pause
			w.saw(began)
		default:
			if pause == w.cfg.Pause { // once: what fails for an hour is one piece of news
				w.cfg.Logger.Warn("Could not read what the instances share", "error", err)
			}
			pause = min(2*pause, max(maxPause, w.cfg.Pause))
		}
		if !w.rest(ctx, pause) {
			return nil
		}
	}
}

func (w *Watch) saw(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = at
	close(w.next)
	w.next = make(chan struct{})
}

// rest waits for the next look; false if ctx ended first.
func (w *Watch) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.nudged:
		return true
	case <-ctx.Done():
		return false
	}
}

// round reads the versions and then each list whose version is not the known one. The version is that from before the
// list was read: a change in between is read once more.
func (w *Watch) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	versions, err := w.cfg.Versions(ctx)
	if err != nil {
		clear(w.known)
		return fmt.Errorf("read versions: %w", err)
	}
	var errs []error
	for _, topic := range slices.Sorted(maps.Keys(w.cfg.Handlers)) { // in one order: two runs of a simulation ask alike
		handle := w.cfg.Handlers[topic]
		known, read := w.known[topic]
		if read && known == versions[topic] {
			continue
		}
		delete(w.known, topic)
		if err := handle(ctx); err != nil {
			errs = append(errs, fmt.Errorf("read %s: %w", topic, err))
			continue
		}
		w.known[topic] = versions[topic]
	}
	return errors.Join(errs...)
}
