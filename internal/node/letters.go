package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal/action/signer/mailbox"
)

// letters is the way of the signer in this process to what leaders propose: its own mailbox of the feed, verified as any other signer's. It
// keeps no place: each start reads what the mailbox still holds, so that a database that was put back cannot contradict it.
func (n *Node) letters() (*mailbox.Reader, error) {
	if n.cfg.Feed == nil {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return mailbox.New(mailbox.Config{
		Instances: &inward{n: n}, Mailbox: feed.Resident(SignerMailbox(embeddedSigner), n.feedName()), Operator: n.cfg.Operator.Address, Logger: n.cfg.Logger("signer"),
	})
}

// inward asks this node's own API without a network: the answers are those that a subscriber gets. It implements feedclient.Instances.
type inward struct {
	n    *Node
	once sync.Once
	api  http.Handler
}

// Located implements feedclient.Instances.
func (i *inward) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	i.once.Do(func() { i.api = (&api.Server{Feeds: i.n.Feeds(), Logger: i.n.cfg.Logger("signer")}).Handler() })
	ctx, cancel := context.WithCancel(ctx)
	body, out := io.Pipe()
	to := "http://localhost" + r.Path
	if len(r.Query) > 0 {
		to += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, to, bytes.NewReader(r.Body))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("ask this node: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	a := &answer{header: http.Header{}, begun: make(chan struct{}), out: out}
	done := make(chan struct{})
	go func() { // until the answer is complete, or its reader has closed it
		defer close(done)
		i.api.ServeHTTP(a, request)
		a.WriteHeader(http.StatusOK)
		_ = out.Close() // it never fails
	}()
	<-a.begun
	end := func() {
		cancel()
		_ = body.CloseWithError(errors.New("nobody reads on"))
		<-done
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: &answered{body, end}}, nil
}

// answer is written by the API and read by who asked, at the same time.
type answer struct {
	header http.Header
	status int
	begun  chan struct{} // closed once the status is there
	once   sync.Once
	out    *io.PipeWriter
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status = status
		close(a.begun)
	})
}

// Write implements http.ResponseWriter. It waits for the reader.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.out.Write(p)
}

// FlushError, SetReadDeadline and SetWriteDeadline are what the API asks of a connection. Here is none: nothing is kept back, and the reader
// is of this process.
func (a *answer) FlushError() error {
	a.WriteHeader(http.StatusOK)
	return nil
}

// SetReadDeadline does nothing.
func (a *answer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (a *answer) SetWriteDeadline(time.Time) error { return nil }

// answered is an answer's body. Closing it ends the API's work for it.
type answered struct {
	*io.PipeReader
	end func()
}

// Close implements io.Closer.
func (a *answered) Close() error {
	a.end()
	return nil
}
