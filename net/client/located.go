package client

import (
	"context"
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

// vouched returns those of a redirect's hosts that the operator's directory has, which is asked for anew if it has none of them.
func (c *Client) vouched(ctx context.Context, from place, to Redirect) (place, error) {
	named := originsOf(to.URLs)
	if at := c.allowed(named); at != nil {
		return at, nil
	}
	if err := c.refresh(ctx, from); err != nil { // the instance may be newer than our directory
		return nil, fmt.Errorf("%w: %.80q: %w", ErrForeignHost, to.URLs, err)
	}
	if at := c.allowed(named); at != nil {
		return at, nil
	}
	return nil, fmt.Errorf("%w: %.80q", ErrForeignHost, to.URLs)
}
