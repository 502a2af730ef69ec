package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// place is one instance: where it is reached, in order of preference.
type place []origin

// Request is what an instance is asked.
type Request struct {
	Method string
	Path   string // from /
	Query  url.Values
	Body   []byte // JSON; nil for none
	// Stream says that the answer goes on for as long as there is something to tell: it may be silent for Config.Silence.
	Stream bool
}

// repeatable reports whether a request that may have been carried out can be sent again.
func (r Request) repeatable() bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// errSilent is why a request ends that gets no more of its answer.
var errSilent = errors.New("nothing more came")

func newTransport(cfg Config) *http.Transport {
	dial := cfg.Dial
	if dial == nil {
		dial = (&stdnet.Dialer{Timeout: cfg.Timeout}).DialContext
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: cfg.TLS, TLSHandshakeTimeout: cfg.Timeout, ForceAttemptHTTP2: true,
		IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 64 << 10,
	}
}

// send asks one instance at the first of its addresses that answers. silence is how long it may say nothing. With an error
// nothing of the answer is known; it is an ErrUnanswered if the request must not be sent anywhere else then.
func (c *Client) send(ctx context.Context, p place, r Request, silence time.Duration) (*http.Response, error) {
	var errs []error
	for _, o := range p {
		response, sent, err := c.sendTo(ctx, o, r, silence)
		switch {
		case err == nil:
			return response, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case sent && !r.repeatable():
			return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// sendTo asks at one address. sent says that the instance may have heard the request.
func (c *Client) sendTo(ctx context.Context, o origin, r Request, silence time.Duration) (_ *http.Response, sent bool, _ error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var written atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	target := url.URL{Scheme: o.scheme, Host: o.host, Path: r.Path, RawQuery: r.Query.Encode()}
	if raw, err := url.PathUnescape(r.Path); err == nil {
		target.Path, target.RawPath = raw, r.Path
	}
	request, err := http.NewRequestWithContext(traced, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		cancel(nil)
		return nil, false, err
	}
	if r.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	patience := time.AfterFunc(c.cfg.Timeout, func() { cancel(errSilent) })
	response, err := c.http.Do(request)
	patience.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%v: %w", o, cause)
		}
		cancel(nil)
		return nil, written.Load(), err
	}
	response.Body = &patientBody{response.Body, func() bool { return errors.Is(context.Cause(ctx), errSilent) }, cancel, silence}
	return response, true, nil
}

// patientBody is an answer's body that ends with an error once nothing has come for a while. How long its reader takes
// between two reads does not count.
type patientBody struct {
	io.ReadCloser
	givenUp func() bool // the request was ended because nothing came
	cancel  context.CancelCauseFunc
	silence time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	patience := time.AfterFunc(b.silence, func() { b.cancel(errSilent) })
	n, err := b.ReadCloser.Read(p)
	patience.Stop()
	if err != nil && b.givenUp() {
		err = errSilent
	}
	return n, err
}

func (b *patientBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
