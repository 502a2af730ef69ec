package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	stdnet "net"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxAnswer bounds an answer, as maxBody bounds what it answers.
const maxAnswer = 16 << 20

// The pauses between attempts: a round has seconds in all.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second

	longestPause = 5 * time.Second // that a backend may ask for
)

// question is one call.
type question struct {
	method, path string
	body         any           // nil for none
	within       time.Duration // all attempts together
	once         bool          // each URL is tried once
}

// ask asks until there is an answer or the time is over, at each URL in turn, always with the same bytes: what a backend has
// done it does not do again. It returns the bytes that were sent. Without an answer to decode, an empty one is expected.
func (d *Client) ask(ctx context.Context, q question, answer any) ([]byte, error) {
	var body []byte
	if q.body != nil {
		var err error
		if body, err = marshal(q.body); err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		if len(body) > maxBody {
			return nil, errTooLarge // the backend would say the same
		}
	}
	if !q.once { // health must be told however much there is to do
		select {
		case d.slots <- struct{}{}:
			defer func() { <-d.slots }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	within, cancel := context.WithTimeout(ctx, q.within)
	defer cancel()
	var last error
	pauses := &backoff.ExponentialBackOff{InitialInterval: firstPause, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: lastPause}
	tries := uint(0) // until the time is over
	if q.once {
		tries = 1
	}
	_, err := backoff.Retry(within, func() (struct{}, error) {
		last = d.anywhere(within, q, body, answer)
		var later told
		switch {
		case last != nil && !again(last):
			return struct{}{}, backoff.Permanent(last)
		case errors.As(last, &later) && later.after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: later.after}
		}
		return struct{}{}, last
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(tries), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return nil, ctx.Err() // the caller's own wish
	case last == nil: // there was no time for an attempt
		return nil, fmt.Errorf("%w within %v", ErrUnreachable, q.within)
	case errors.Is(last, ErrUnreachable) && !q.once:
		return nil, fmt.Errorf("%w (tried for %v)", last, q.within)
	}
	return nil, last
}

// again reports whether the same question may have a better answer in a moment.
func again(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, signer.ErrBusy)
}

// anywhere asks at the URL that answered last, and at the other one where it does not. Health begins with the first, so that
// the first is used again once it answers.
func (d *Client) anywhere(ctx context.Context, q question, body []byte, answer any) error {
	begin := int(d.usable.Load())
	if q.once {
		begin = 0
	}
	var unreachable error
	for i := range d.urls {
		at := (begin + i) % len(d.urls)
		err := d.attempt(ctx, d.urls[at], q, body, answer)
		if !errors.Is(err, ErrUnreachable) {
			d.usable.Store(int32(at)) //nolint:gosec // one of two
			return err
		}
		if unreachable == nil {
			unreachable = err
		} else {
			unreachable = fmt.Errorf("%w; %w", unreachable, err)
		}
	}
	return unreachable
}

// attempt asks once at one URL.
func (d *Client) attempt(ctx context.Context, base string, q question, body []byte, answer any) error {
	// Each URL has its part of the time, so that one that swallows requests leaves some for the other.
	ctx, cancel := context.WithTimeout(ctx, q.within/time.Duration(len(d.urls)))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, q.method, base+q.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	if q.body != nil {
		request.Header.Set("Content-Type", mediaJSON)
	}
	response, err := d.http.Do(request)
	if errors.Is(err, ErrOtherBackend) {
		return fmt.Errorf("%s: %w", base, errors.Unwrap(err))
	}
	if err != nil {
		if alert := d.alert(ctx, request.URL.Host, err); alert != nil {
			return fmt.Errorf("%w: %s ended the handshake: %w; does it list the client with the fingerprint %v (walletnode signer client add)?",
				signer.ErrForbidden, base, alert, d.own)
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%w: read the answer of %s: %w", ErrUnreachable, base, err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("%w: it has more than %d bytes", errUnfit, maxAnswer)
	}
	return judge(response, raw, answer)
}

// alert returns the alert of TLS with which a backend refused us once it had looked at our certificate; nil if it did not. Under
// TLS 1.3 that comes after our side of the handshake is done, and net/http tells at times of it and at times only that there was no
// connection: then one more handshake asks.
func (d *Client) alert(ctx context.Context, host string, err error) *stdnet.OpError {
	switch alert, ok := errors.AsType[*stdnet.OpError](err); {
	case ok && alert.Op == "remote error":
		return alert
	case ok && alert.Op == "dial", ctx.Err() != nil:
		return nil // it was not reached
	}
	conn, err := d.shake(ctx, host)
	if err == nil {
		defer conn.Close() //nolint:errcheck // nothing was written
		deadline, _ := ctx.Deadline()
		_ = conn.SetReadDeadline(deadline)
		_, err = conn.Read(make([]byte, 1)) // who lets us in speaks first, too
	}
	if alert, ok := errors.AsType[*stdnet.OpError](err); ok && alert.Op == "remote error" {
		return alert
	}
	return nil
}

// judge reads an answer, or makes the error of it that the backend had.
func judge(response *http.Response, raw []byte, answer any) error {
	if answer == nil && response.StatusCode == http.StatusNoContent {
		return nil
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != mediaJSON {
		return fmt.Errorf("%w: status %d with content %.80q", errUnfit, response.StatusCode, response.Header.Get("Content-Type"))
	}
	if answer != nil && response.StatusCode == http.StatusOK {
		return decodeAnswer(raw, answer)
	}
	// A backend that cannot write says so in its health, which has no error in it.
	var p Problem
	if err := decodeAnswer(raw, &p); err != nil {
		return err
	}
	if h, ok := answer.(*signer.Health); ok && p.Code == "" && response.StatusCode == http.StatusInsufficientStorage {
		return decodeAnswer(raw, h)
	}
	err := errorOf(response.StatusCode, p)
	var known told
	if errors.As(err, &known) && known.kind == signer.ErrBusy { //nolint:errorlint // its kind is the sentinel itself
		known.after = pause(response.Header.Get("Retry-After"))
		return known
	}
	return err
}

// pause reads for how many seconds a backend wants to be left alone; it is given less if it asks for much.
func pause(text string) time.Duration {
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestPause)
}

// decodeAnswer reads one JSON document. Fields that this version does not know are passed over: newer backends have more.
func decodeAnswer(raw []byte, answer any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("%w: decode it: %w", errUnfit, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it answers twice", errUnfit)
	}
	return nil
}
