package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Located asks for what one instance alone has: any instance is asked, and where that answers 307 and which one it is, that one. It
// follows only to hosts of the directory. Instances that do not answer, or answer 503, are passed over; if nobody else answers, a 503 is
// the answer. The caller closes the answer's body.
//
// ErrUnreachable if no instance answers at all, ErrForeignHost and ErrTooManyHops if that is all that was heard, ErrUnanswered as it says.
func (c *Client) Located(ctx context.Context, r Request) (*http.Response, error) {
	return c.first(ctx, func(p place) (*http.Response, error) { return c.locate(ctx, p, r) })
}

// Instance asks one instance by its name, where the operator's directory has it, and nobody else in its place. The caller closes the
// answer's body.
//
// ErrUnreachable if it does not answer, ErrNotListed if the directory does not have it, ErrUnanswered as it says; what is wrong with the
// directory, if there is none.
func (c *Client) Instance(ctx context.Context, id string, r Request) (*http.Response, error) {
	at, err := c.reached(ctx, id)
	if err != nil {
		return nil, err
	}
	response, err := c.send(ctx, at, r, c.silence(r))
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrUnanswered) {
		return response, err
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, id, err)
}

// locate asks one instance, and goes where it sends the client, for at most MaxHops.
func (c *Client) locate(ctx context.Context, at place, r Request) (*http.Response, error) {
	for hops := 0; ; hops++ {
		response, err := c.send(ctx, at, r, c.silence(r))
		if err != nil || response.StatusCode != http.StatusTemporaryRedirect {
			return response, err
		}
		to, err := readRedirect(response)
		if err != nil {
			return nil, err
		}
		if hops == MaxHops {
			return nil, fmt.Errorf("%w: %d redirects, the last to %.80q", ErrTooManyHops, hops+1, to.Owner)
		}
		if at, err = c.vouched(ctx, at, to); err != nil {
			return nil, err
		}
	}
}

// silence is how long an instance may say nothing while it answers.
func (c *Client) silence(r Request) time.Duration {
	if r.Stream {
		return c.cfg.Silence
	}
	return c.cfg.Timeout
}
