package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"sync"
	"time"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
	netclient "github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

var _ feedclient.Instances = (*follower)(nil)

var errNoLine = errors.New("connection refused: the line is cut")

// desk is where one life of an instance answers followers: by the API that any subscriber is answered by.
type desk struct {
	ctx context.Context // the process's
	of  *process
	api http.Handler
}

// opens has an instance answer followers, as long as its process lives.
func (i *instance) opens(ctx context.Context) {
	if i.serves() {
		i.desk.Store(&desk{ctx, i.life, (&api.Server{Feeds: i.node.Feeds(), Logger: i.logger()("api")}).Handler()})
	}
}

// Located implements feedclient.Instances, as package net/client does for programs: any instance is asked, and then the one that it names.
func (f *follower) Located(ctx context.Context, r netclient.Request) (*http.Response, error) {
	var unwell *http.Response
	wrong := netclient.ErrUnreachable
	for n := range f.of.crew {
		to := f.of.crew[(f.k+n)%len(f.of.crew)]
		response, err := f.ask(ctx, to, r)
		for hops := 0; err == nil && response.StatusCode == http.StatusTemporaryRedirect && hops < netclient.MaxHops; hops++ {
			if to, err = f.named(response); err == nil {
				response, err = f.ask(ctx, to, r)
			}
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, netclient.ErrUnanswered):
			return nil, errors.Join(ctx.Err(), err)
		case err != nil:
			wrong = fmt.Errorf("%w: %w", netclient.ErrUnreachable, err)
		case response.StatusCode == http.StatusServiceUnavailable:
			unwell = response
		default:
			return response, nil
		}
	}
	if unwell != nil {
		return unwell, nil
	}
	return nil, wrong
}

// named is the instance that a redirect names.
func (f *follower) named(response *http.Response) (*instance, error) {
	var home view.MailboxHome
	if err := json.NewDecoder(response.Body).Decode(&home); err != nil {
		return nil, err
	}
	for _, i := range f.of.crew {
		if i.name() == home.Owner {
			return i, response.Body.Close()
		}
	}
	return nil, fmt.Errorf("no instance %q", home.Owner)
}

// ask asks one instance. Its answer is read while it is written.
func (f *follower) ask(ctx context.Context, to *instance, r netclient.Request) (*http.Response, error) {
	f.life.pace("ask", to.name(), r.Method, r.Path, r.Query.Encode(), string(r.Body))
	at := to.desk.Load()
	if at == nil || at.ctx.Err() != nil || f.cut.Load() || ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), errNoLine)
	}
	silence := netclient.DefaultTimeout
	if r.Stream {
		silence = netclient.DefaultSilence
	}
	own, cancel := context.WithCancel(at.ctx)
	in, out := stdnet.Pipe()
	s := &stream{Conn: in, out: out, f: f, desk: at, ctx: own, cancel: cancel, silence: silence, header: http.Header{}, begun: make(chan struct{})}
	context.AfterFunc(own, func() { _ = out.Close() }) // it never fails
	s.unheard = context.AfterFunc(ctx, cancel)
	request, err := http.NewRequestWithContext(own, r.Method, "http://localhost"+r.Path+"?"+r.Query.Encode(), bytes.NewReader(r.Body))
	if err != nil {
		cancel()
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	f.mu.Lock()
	f.streams[s] = struct{}{}
	if r.Stream {
		f.asked++
	}
	f.mu.Unlock()
	over := make(chan struct{})
	go func() { // until the answer is complete, or nobody reads on
		defer close(over)
		if s.passes() == nil {
			at.api.ServeHTTP(s, request)
		}
		s.cancel()
	}()
	patience := time.NewTimer(silence)
	defer patience.Stop()
	select {
	case <-s.begun:
		return &http.Response{StatusCode: s.status, Header: s.header, Body: s}, nil
	case <-over:
		err = io.ErrUnexpectedEOF
	case <-patience.C:
		err = errors.New("no answer in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if wrong := s.Close(); wrong != nil {
		return nil, wrong
	}
	if r.Method != http.MethodGet { // it may have been carried out
		err = fmt.Errorf("%w: %w", netclient.ErrUnanswered, err)
	}
	return nil, err
}

// stream is an answer on its way: an instance writes it, a follower reads it.
type stream struct {
	stdnet.Conn // the follower's end
	out         stdnet.Conn
	f           *follower
	desk        *desk
	ctx         context.Context
	cancel      context.CancelFunc
	unheard     func() bool // lets the answer outlive who asked, once it is closed
	silence     time.Duration
	header      http.Header
	status      int
	once        sync.Once
	begun       chan struct{} // closed once the status is there
	until       time.Time     // by when the instance gives up to write; zero for never
}

// passes waits until something can pass.
func (s *stream) passes() error {
	ctx, cancel := s.ctx, context.CancelFunc(func() {})
	if !s.until.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, s.until)
	}
	defer cancel()
	if err := s.desk.of.pass(ctx); err != nil {
		return err
	}
	return s.f.line.pass(ctx)
}

// Header implements http.ResponseWriter.
func (s *stream) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *stream) WriteHeader(status int) {
	s.once.Do(func() {
		s.status = status
		close(s.begun)
	})
}

// Write implements http.ResponseWriter. It waits for the follower.
func (s *stream) Write(p []byte) (int, error) {
	s.desk.of.pace("tell", s.f.name(), digestOf(p))
	if err := s.passes(); err != nil {
		return 0, err
	}
	s.WriteHeader(http.StatusOK)
	return s.out.Write(p)
}

// FlushError is asked for by the API: nothing is kept back.
func (s *stream) FlushError() error { return nil }

// SetReadDeadline is of the request, which is there already.
func (s *stream) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements what the API asks of a connection.
func (s *stream) SetWriteDeadline(at time.Time) error {
	s.until = at
	return s.out.SetWriteDeadline(at)
}

// Read implements io.Reader, for as long as something comes.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.Conn.SetReadDeadline(time.Now().Add(s.silence)); err != nil {
		return 0, err
	}
	return s.Conn.Read(p)
}

// Close ends the answer.
func (s *stream) Close() error {
	s.f.mu.Lock()
	delete(s.f.streams, s)
	s.f.mu.Unlock()
	s.unheard()
	s.cancel()
	return s.Conn.Close()
}
