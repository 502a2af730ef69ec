package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxLine is the longest line of a stream, in bytes: an event of a wallet with 255 faults has 50 kB.
const maxLine = 1 << 20

// Update is one line of a stream of events.
type Update struct {
	// Line is a JSON object, valid until the next Update. It is empty for a gap.
	Line []byte
	// Gap says that the stream goes on through a new connection, perhaps at another instance: what happened since Since may be
	// missing, and lists have it.
	Gap   bool
	Since time.Time
}

// Watch reads a stream of events from any instance and calls see with each. When the stream ends or says nothing any more
// it is taken up at another instance, and see is told of the gap. It returns ctx's error once that ends, and what see returns;
// for the first connection also ErrUnreachable, and an AnswerError if the instances answer something else.
func (c *Client) Watch(ctx context.Context, path string, see func(Update) error) error {
	pause, gap := firstPause, time.Time{}
	for {
		err := c.stream(ctx, path, func(u Update) error {
			pause = firstPause
			return see(u)
		}, &gap)
		var seen seenError
		var refused *AnswerError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &seen):
			return seen.error
		case gap.IsZero(): // not even once
			return err
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError: // the token, say, is another one by now
			return err
		}
		timer := time.NewTimer(pause)
		pause = min(2*pause, lastPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// seenError is what see returned.
type seenError struct{ error }

// stream reads one connection until it ends. *gap is when the last one ended, zero for the first; it is set when this one does.
func (c *Client) stream(ctx context.Context, path string, see func(Update) error, gap *time.Time) error {
	response, err := c.any(ctx, Request{Method: http.MethodGet, Path: path}, c.cfg.Silence)
	if err != nil {
		return err
	}
	defer closeBody(response)
	if response.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(response.Body, maxRedirect))
		if err != nil {
			return err
		}
		return &AnswerError{response.StatusCode, raw}
	}
	if !gap.IsZero() {
		if err := see(Update{Gap: true, Since: *gap}); err != nil {
			return seenError{err}
		}
	}
	last := time.Now()
	defer func() { *gap = last }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		last = time.Now()
		if len(lines.Bytes()) == 0 {
			continue // a sign of life
		}
		if err := see(Update{Line: lines.Bytes()}); err != nil {
			return seenError{err}
		}
	}
	return lines.Err()
}
