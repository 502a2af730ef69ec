package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/view"
)

// pace is how often a snapshot is made, and the store is looked at while the feed does not tell what happens; a page marks what is older
// than two seconds.
const pace = time.Second

// slowPace is how often the store is looked at although the feed tells what happens: for what the feed does not carry, such as wallets that
// were imported or stopped.
const slowPace = 15 * time.Second

// grace is how long the first viewer waits for the store to be looked at, lest the page begins with records of long ago.
const grace = 500 * time.Millisecond

// refreshTimeout bounds one look at the store. A database that does not answer costs the page its records' freshness, which
// it says, and nothing else.
const refreshTimeout = 10 * time.Second

var errTooManyViewers = errors.New("too many viewers are watching")

// snapshot is what all viewers are shown of one moment, as JSON. It does not change; next is closed by the following one.
type snapshot struct {
	at      time.Time
	live    []byte // nil before the first
	records []byte // nil before any were read
	version uint64 // of the records
	next    chan struct{}
}

// hub holds the newest snapshot and knows whether anybody wants one: without viewers nothing is made.
type hub struct {
	mu      sync.Mutex
	newest  *snapshot
	viewers int
	// wanted has a token when the first viewer comes, for the loop that looks at the store; that one puts a token into due, for
	// the loop that makes snapshots. listen has one then, too, for the loop that follows the feed, which puts one into news when the store
	// is wanted. A token that finds one waiting is the same wish.
	wanted, due, listen, news chan struct{}
	told                      bool          // the feed tells what happens
	nobody                    chan struct{} // closed when the last viewer leaves
}

func newHub() *hub {
	return &hub{
		newest: &snapshot{next: make(chan struct{})}, nobody: make(chan struct{}),
		wanted: make(chan struct{}, 1), due: make(chan struct{}, 1), listen: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
}

func put(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

func (h *hub) join() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers == maxViewers {
		return errTooManyViewers
	}
	h.viewers++
	if h.viewers == 1 {
		h.nobody = make(chan struct{})
		put(h.wanted)
		put(h.listen)
	}
	return nil
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers--; h.viewers == 0 {
		close(h.nobody)
	}
}

// tells says whether the feed tells what happens.
func (h *hub) tells(told bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = told
	put(h.news)
}

// watchedAt returns how long the store may go without a look, and what is closed when nobody watches any more; false if nobody does.
func (h *hub) watchedAt() (every time.Duration, nobody <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told {
		return slowPace, h.nobody, h.viewers > 0
	}
	return pace, h.nobody, h.viewers > 0
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.viewers > 0
}

// latest returns the newest snapshot. One made before the viewers left is older than it need be, and as good as none.
func (h *hub) latest() *snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.newest.at) > 2*pace {
		return &snapshot{next: h.newest.next}
	}
	return h.newest
}

// show makes a board the newest snapshot.
func (h *hub) show(b view.Board) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &snapshot{at: time.Now(), version: b.Records.Version, records: h.newest.records, next: make(chan struct{})}
	var err error
	if s.live, err = json.Marshal(b.Live); err != nil {
		return fmt.Errorf("encode the board: %w", err)
	}
	if s.version != h.newest.version { // a snapshot without records has version 0
		if s.records, err = json.Marshal(b.Records); err != nil {
			return fmt.Errorf("encode the board's records: %w", err)
		}
	}
	close(h.newest.next)
	h.newest = s
	return nil
}

// Run makes the snapshots until ctx ends, then returns nil. It works only while somebody watches.
func (s *Server) Run(ctx context.Context) error {
	var loops errgroup.Group
	loops.Go(func() error {
		s.look(ctx)
		return nil
	})
	loops.Go(func() error {
		s.listen(ctx)
		return nil
	})
	loops.Go(func() error {
		s.every(ctx, s.hub.due, func(source Source) {
			if err := s.hub.show(source.Board()); err != nil {
				s.cfg.Logger.Error("The dashboard shows nothing new", "error", err)
			}
		})
		return nil
	})
	return loops.Wait()
}

func (s *Server) refresh(ctx context.Context, source Source) {
	reading, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if err := source.Refresh(reading); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Debug("The dashboard's records could not be read", "error", err) // the page says so
	}
}

// look reads the records anew while somebody watches: when what follows the feed wants it, at most once per pace, and now and then.
func (s *Server) look(ctx context.Context) {
	timer := time.NewTimer(pace)
	defer timer.Stop()
	var last time.Time
	for {
		first := false
		select {
		case <-timer.C:
		case <-s.hub.wanted:
			first = true
		case <-s.hub.news:
			if since := time.Since(last); since < pace {
				timer.Reset(pace - since)
				continue
			}
		case <-ctx.Done():
			return
		}
		source := s.source.Load()
		_, _, watched := s.hub.watchedAt()
		if source == nil || !watched {
			timer.Stop()
			continue
		}
		last = time.Now()
		s.lookOnce(ctx, *source, first)
		every, _, _ := s.hub.watchedAt()
		timer.Reset(max(0, every-time.Since(last)))
	}
}

func (s *Server) lookOnce(ctx context.Context, source Source, first bool) {
	if first {
		defer put(s.hub.due)
		defer time.AfterFunc(grace, func() { put(s.hub.due) }).Stop()
	}
	s.refresh(ctx, source)
}

// listen follows the feed while somebody watches.
func (s *Server) listen(ctx context.Context) {
	for {
		source := s.source.Load()
		_, nobody, watched := s.hub.watchedAt()
		if source == nil || !watched {
			select {
			case <-s.hub.listen:
				continue
			case <-ctx.Done():
				return
			}
		}
		s.follow(ctx, *source, nobody)
		if pause.For(ctx, pace) != nil {
			return
		}
	}
}

// follow follows the feed until nobody watches any more, or it ends by itself.
func (s *Server) follow(ctx context.Context, source Source, nobody <-chan struct{}) {
	own, cancel := context.WithCancel(ctx)
	left := make(chan struct{})
	go func() {
		defer close(left)
		select {
		case <-nobody:
			cancel()
		case <-own.Done():
		}
	}()
	err := source.News(own, func() { s.hub.tells(true) })
	s.hub.tells(false)
	if own.Err() == nil {
		s.cfg.Logger.Debug("The feed does not tell the dashboard what happens; the store is looked at every second", "error", err)
	}
	cancel()
	<-left
}

// every works once per pace while somebody watches, and waits for a token while nobody does.
func (s *Server) every(ctx context.Context, token <-chan struct{}, work func(source Source)) {
	timer := time.NewTimer(pace)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-token:
		case <-ctx.Done():
			return
		}
		source := s.source.Load()
		if source == nil || !s.hub.watched() {
			timer.Stop()
			continue
		}
		timer.Reset(pace)
		work(*source)
	}
}
