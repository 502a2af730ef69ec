package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Who may follow mailboxes at once; further ones are refused.
const (
	maxFollowers    = 64 // all together
	maxFollowersOne = 8  // with the token of one subscriber, so that none takes all the places
)

var (
	errTooManyFollowers = errors.New("too many subscribers follow at once")
	errTooManyOfOne     = fmt.Errorf("this token follows with %d streams already; end one of them", maxFollowersOne)
)

// followers counts the streams under way.
type followers struct {
	mu  sync.Mutex
	all int
	by  map[string]int // of each subscriber; the operator's own are in all alone
}

// enter takes a place, until leave is called.
func (f *followers) enter(by *Subscriber) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if by != nil && f.by[by.Name] >= maxFollowersOne {
		return nil, errTooManyOfOne
	}
	if f.all >= maxFollowers {
		return nil, errTooManyFollowers
	}
	f.add(by, 1)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.add(by, -1)
	}, nil
}

func (f *followers) add(by *Subscriber, n int) {
	f.all += n
	if by == nil {
		return
	}
	if f.by == nil {
		f.by = map[string]int{}
	}
	if f.by[by.Name] += n; f.by[by.Name] == 0 {
		delete(f.by, by.Name)
	}
}

// position is where a subscriber goes on; found says that it said so.
func (q *query) position() (at pipeline.Position, found bool) {
	number := parsed(q, "number", parseCount)
	epoch := parsed(q, "epoch", parseCount)
	at.Instance = q.text("instance")
	if (number == nil) != (at.Instance == "") || epoch != nil && number == nil {
		q.wrong("number", errFresh)
	}
	if at.Instance != "" {
		if err := feed.CheckName(at.Instance); err != nil {
			q.wrong("instance", err)
		}
	}
	at.Number, at.Sealed, at.Epoch = feed.Number(value(number)), epoch != nil, feed.Epoch(value(epoch))
	return at, number != nil
}

func parseCount(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("want a number, have %q", s)
	}
	return n, nil
}

// followMailbox sends news, one per line, until the client goes, is too slow, or the node stops. Whoever comes again goes on where it was.
func (s *Server) followMailbox(w http.ResponseWriter, r *http.Request, q *query) (any, error) {
	if _, err := s.feeds(); err != nil {
		return nil, err
	}
	at, known := q.position()
	if err := q.done(); err != nil {
		return nil, invalid{err}
	}
	leave, err := s.followers.enter(caller(r))
	if err != nil {
		return nil, err
	}
	defer leave()
	m, err := here(r.Context(), s.Feeds, r.PathValue("mailbox"))
	if err != nil {
		return nil, moved(w, err)
	}
	begins := m.Instance // what comes first is verified as this one's
	if !known {
		at.Number, begins = max(m.First, 1)-1, cmp.Or(m.Begins, m.Instance)
	} else if at.Number > m.Last {
		return nil, fmt.Errorf("mailbox %s ends with %d, and to go on after %d %w", m.Mailbox, m.Last, at.Number, pipeline.ErrFuture)
	}
	w.Header().Set("Content-Type", mediaLines)
	w.Header().Set("Cache-Control", "no-store")
	out := lineWriter{w, http.NewResponseController(w)}
	if err := out.control.SetReadDeadline(time.Time{}); err != nil { // the server's would end the request
		return nil, err
	}
	if err := out.line(feedclient.Line{Begin: &feedclient.Begin{Mailbox: m.Mailbox, Instance: begins, Number: at.Number, Acknowledged: m.Acknowledged}}); err != nil {
		return nil, err
	}
	return nil, s.deliver(r.Context(), out, m.Mailbox, at)
}

// deliver sends what is followed, and signs of life between.
func (s *Server) deliver(ctx context.Context, out lineWriter, mailbox string, at pipeline.Position) error {
	ctx, cancel := context.WithCancel(ctx)
	news, ended := make(chan pipeline.News), make(chan error, 1)
	go func() {
		ended <- s.Feeds.Follow(ctx, mailbox, at, func(n pipeline.News) error {
			select {
			case news <- n:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(news)
	}()
	defer func() { // what reads the log has ended before the answer has
		cancel()
		for range news {
		}
	}()
	alive := time.NewTicker(signOfLife)
	defer alive.Stop()
	for {
		select {
		case n, open := <-news:
			if !open {
				return out.end(ctx, <-ended)
			}
			if err := out.line(feedclient.LineOf(n)); err != nil {
				return err
			}
		case <-alive.C:
			if err := out.send(nil); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (l lineWriter) line(line feedclient.Line) error {
	raw, err := marshal(line)
	if err != nil {
		return brokenAnswer{err}
	}
	return l.send(raw[:len(raw)-1])
}

// end tells why nothing more comes.
func (l lineWriter) end(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // nobody listens any more
	}
	code := feedclient.EndFailed
	switch {
	case errors.Is(err, errElsewhere), errors.Is(err, ErrNoOwner), errors.Is(err, pipeline.ErrNoMailbox):
		code = feedclient.EndMoved
	case errors.Is(err, pipeline.ErrCollected):
		code = feedclient.EndCollected
	case errors.Is(err, pipeline.ErrStopped):
		code = feedclient.EndStopped
	}
	return l.line(feedclient.Line{End: &feedclient.End{Code: code, Message: err.Error()}})
}
