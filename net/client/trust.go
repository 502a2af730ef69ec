package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// allowed returns those of the addresses that the directory has; nil for none.
func (c *Client) allowed(list []origin) (at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.directory.valid(time.Now()) != nil {
		return nil
	}
	known := c.directory.origins()
	for _, o := range list {
		if known[o] && len(at) < MaxURLs {
			at = append(at, o)
		}
	}
	return at
}

// refresh asks an instance for the directory, and keeps it if it is newer than the one known.
func (c *Client) refresh(ctx context.Context, from place) error {
	response, err := c.send(ctx, from, Request{Method: http.MethodGet, Path: "/v1/directory"}, c.cfg.Timeout)
	if err != nil {
		return unheardError{fmt.Errorf("read directory: %w", err)}
	}
	defer closeBody(response)
	raw, err := io.ReadAll(io.LimitReader(response.Body, MaxDirectory+1))
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: asked for it, %w", ErrDirectory, &AnswerError{Status: response.StatusCode, Body: raw[:min(len(raw), maxRedirect)]})
	}
	d, err := DecodeDirectory(raw)
	if err != nil {
		return err
	}
	return c.trust(d)
}

// trust takes over a directory. Its operator is the one of the configuration, or else the first that had a valid one.
func (c *Client) trust(d Directory) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	operator := c.operator
	if operator.IsZero() {
		operator = d.Operator
	}
	if err := d.Verify(operator, time.Now()); err != nil {
		return err
	}
	c.operator = operator
	if d.Issued.After(c.directory.Issued) { // an older one may be somebody's copy, from before an instance was given up
		c.directory = d
	}
	return nil
}

// unheardError says that an instance did not answer.
type unheardError struct{ error }

func (e unheardError) Unwrap() error { return e.error }

// Directory returns the newest list of instances, asked for at any of them; ErrUnreachable if none answers, an *AnswerError if one
// answers something else.
func (c *Client) Directory(ctx context.Context) (Directory, error) {
	var errs []error
	heard := false
	for _, p := range c.places() {
		err := c.refresh(ctx, p)
		if err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.directory, nil
		}
		if ctx.Err() != nil {
			return Directory{}, ctx.Err()
		}
		var unheard unheardError
		heard = heard || !errors.As(err, &unheard)
		errs = append(errs, err)
	}
	if !heard {
		errs = append([]error{ErrUnreachable}, errs...)
	}
	return Directory{}, errors.Join(errs...)
}

// reached is where the directory has an instance. It is asked for anew if it does not have that, or is too old.
func (c *Client) reached(ctx context.Context, id string) (place, error) {
	if at := c.listed(id); at != nil {
		return at, nil
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	if at := c.listed(id); at != nil {
		return at, nil
	}
	return nil, fmt.Errorf("%w: %.80q", ErrNotListed, id)
}

// listed is where the directory that is known has an instance; nil if it does not, or has expired.
func (c *Client) listed(id string) place {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.directory.valid(time.Now()) != nil {
		return nil
	}
	for _, e := range c.directory.Instances {
		if at := originsOf(e.URLs); e.ID == id && len(at) > 0 {
			return at
		}
	}
	return nil
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
