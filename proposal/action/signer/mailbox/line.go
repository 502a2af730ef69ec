package mailbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// line is the way to the instances, which knows whether a stream is open. It implements feedclient.Instances.
type line struct {
	instances feedclient.Instances
	log       *slog.Logger
	mailbox   string
	lost      func() // told when the last stream has ended; nil: nobody

	mu    sync.Mutex
	open  int       // streams
	why   string    // none is
	since time.Time // when that began to be told; zero while one is open
	quiet bool      // it was logged
}

// patience is for how long nothing may be followed before that is worth a line: a mailbox opens within a second of its node's first start.
const patience = 5 * time.Second

// Located implements feedclient.Instances.
func (l *line) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	response, err := l.instances.Located(ctx, r)
	switch {
	case !r.Stream:
	case err != nil:
		l.failed(err)
	case response.StatusCode != http.StatusOK:
		l.failed(fmt.Errorf("the instance answers %d", response.StatusCode))
	default:
		l.opened()
		response.Body = &stream{response.Body, sync.OnceFunc(l.ended)}
	}
	return response, err
}

// state tells whether the mailbox is followed at this moment.
func (l *line) state() (state signer.FeedState, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open > 0:
		return signer.FeedFollows, ""
	case l.why == "":
		return signer.FeedAway, "no instance has answered yet"
	}
	return signer.FeedAway, l.why
}

// follows is whether the mailbox is followed at this moment.
func (l *line) follows() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open > 0
}

// away is for how long it could not be followed; zero if it is, or nothing has failed yet.
func (l *line) away() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open > 0 || l.since.IsZero() {
		return 0
	}
	return time.Since(l.since)
}

func (l *line) opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	l.why, l.since, l.quiet = "", time.Time{}, false
	l.log.Info("Mailbox is followed", "mailbox", l.mailbox)
}

func (l *line) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open--; l.open > 0 {
		return
	}
	l.why = "the stream has ended"
	if l.lost != nil {
		l.lost()
	}
}

// failed keeps why nothing is followed, and tells of it once.
func (l *line) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = err.Error()
	if l.since.IsZero() {
		l.since = time.Now()
	}
	if !l.quiet && time.Since(l.since) >= patience {
		l.quiet = true
		l.log.Warn("Mailbox cannot be followed; what comes through no other one is not signed", "mailbox", l.mailbox, "error", err)
	}
}

// stream is an answer that tells when it is over.
type stream struct {
	io.ReadCloser
	ended func() // tells once, however often the answer is closed
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.ended()
	return s.ReadCloser.Close()
}
