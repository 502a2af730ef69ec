package api

import (
	"errors"
	"sync"

	"github.com/walletnode/walletnode/internal/view"
)

// Bounds of a Feed.
const (
	// maxWatchers may watch at once; further ones are refused.
	maxWatchers = 16
	// backlog is how many events wait for one watcher: those of a window that ends for 1000 wallets at once. Who
	// is further behind is dropped, so that the node never waits for a client.
	backlog = 1024
)

var errTooManyWatchers = errors.New("too many clients are watching")

// Feed hands events to whoever watches. The zero value is ready.
type Feed struct {
	mu       sync.Mutex
	watchers map[*watcher]struct{}
}

// watcher receives events; its channel is closed when it was dropped. The Feed sends, the request's handler receives.
type watcher struct{ events chan view.Event }

// Publish hands an event to every watcher and returns at once; a watcher whose backlog is full is dropped.
func (f *Feed) Publish(e view.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		select {
		case w.events <- e:
		default:
			delete(f.watchers, w)
			close(w.events)
		}
	}
}

func (f *Feed) join() (*watcher, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.watchers) >= maxWatchers {
		return nil, errTooManyWatchers
	}
	if f.watchers == nil {
		f.watchers = make(map[*watcher]struct{})
	}
	w := &watcher{make(chan view.Event, backlog)}
	f.watchers[w] = struct{}{}
	return w, nil
}

func (f *Feed) leave(w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watchers, w)
}
