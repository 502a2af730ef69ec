package mailbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// line is the way to the instances, which knows whether a stream is open. It implements feedclient.Instances.
type line struct {
	instances feedclient.Instances
	log       *slog.Logger
	mailbox   string

	mu    sync.Mutex
	open  int    // streams
	why   string // none is
	quiet bool   // that was told, since one was open
}

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
		response.Body = &stream{ReadCloser: response.Body, ended: l.ended}
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

func (l *line) opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	l.why, l.quiet = "", false
	l.log.Info("Mailbox is followed", "mailbox", l.mailbox)
}

func (l *line) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open--; l.open == 0 {
		l.why = "the stream has ended"
	}
}

// failed keeps why nothing is followed, and tells of the first reason in a row.
func (l *line) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.quiet {
		l.quiet = true
		l.log.Warn("Mailbox is not followed", "mailbox", l.mailbox, "error", err)
	}
	l.why = err.Error()
}

// stream is an answer that tells when it is over.
type stream struct {
	io.ReadCloser
	once  sync.Once
	ended func()
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.once.Do(s.ended)
	return s.ReadCloser.Close()
}
