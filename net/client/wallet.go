package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Redirect is the body of a 307: who serves the wallet that was asked about.
type Redirect struct {
	Wallet chain.WalletID `json:"wallet"`
	Owner  string         `json:"owner"` // an instance's id
	URLs   []string       `json:"urls"`  // where it is reached, the preferred one first
	Epoch  uint64         `json:"epoch"` // of the wallet; it grows with each change of its owner
}

// errBehind says that an instance told of an owner whom another one has followed already.
var errBehind = errors.New("the instance knows an older owner of the wallet than another did")

// Wallet asks the instance that is responsible for a wallet. While nobody is, or the one that was does not answer, it waits
// and asks again until ctx ends: ErrNoOwner then. The caller closes the answer's body.
//
// ErrUnreachable if no instance answers at all, ErrForeignHost and ErrTooManyHops if that is all that was heard,
// ErrUnanswered as it says.
func (c *Client) Wallet(ctx context.Context, wallet chain.WalletID, r Request) (*http.Response, error) {
	pause := firstPause
	for {
		response, wait, err := c.round(ctx, wallet, r)
		var later laterError
		if err == nil || !errors.As(err, &later) {
			return response, err
		}
		if wait == 0 {
			wait, pause = pause, min(2*pause, lastPause)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w: %w: %w", ErrNoOwner, ctx.Err(), later.error)
		}
	}
}

// laterError is why there is no answer yet, and may be one later.
type laterError struct{ error }

func (e laterError) Unwrap() error { return e.error }

// round begins at each known instance once, the wallet's owner first. A laterError says to try again, after wait if an instance
// said when.
func (c *Client) round(ctx context.Context, wallet chain.WalletID, r Request) (_ *http.Response, wait time.Duration, _ error) {
	var failed failures
	var later error
	starts := c.places()
	if at := c.allowed(c.owner(wallet).at); at != nil {
		starts = slices.Insert(starts, 0, at)
	}
	for _, start := range starts {
		response, after, err := c.walk(ctx, wallet, start, r)
		var again laterError
		switch {
		case err == nil:
			return response, 0, nil
		case ctx.Err() != nil:
			return nil, 0, fmt.Errorf("%w: %w", ErrNoOwner, errors.Join(ctx.Err(), later))
		case errors.Is(err, ErrUnanswered):
			return nil, 0, err
		case errors.As(err, &again):
			later = errors.Join(later, err)
			if after > 0 && (wait == 0 || after < wait) {
				wait = after
			}
		default:
			failed.add(err)
		}
	}
	if later != nil {
		return nil, wait, laterError{later}
	}
	return nil, 0, failed.err()
}

// walk asks one instance, and goes where it sends the client, for at most MaxHops.
func (c *Client) walk(ctx context.Context, wallet chain.WalletID, at place, r Request) (_ *http.Response, wait time.Duration, _ error) {
	for hops := 0; ; hops++ {
		response, err := c.send(ctx, at, r, c.cfg.Timeout)
		if err != nil {
			c.lose(wallet, at)
			if hops > 0 && !errors.Is(err, ErrUnanswered) { // a failover: somebody else will be named soon
				err = laterError{err}
			}
			return nil, 0, err
		}
		switch after := response.Header.Get("Retry-After"); {
		case response.StatusCode == http.StatusServiceUnavailable: // nobody has the wallet, or the instance only starts
			closeBody(response)
			return nil, retryAfter(after), laterError{fmt.Errorf("%v answers that it cannot tell now", at[0])}
		case response.StatusCode != http.StatusTemporaryRedirect:
			return response, 0, nil
		}
		to, err := readRedirect(response)
		if err != nil {
			return nil, 0, err
		}
		next, err := c.follow(ctx, wallet, at, to)
		if err != nil {
			return nil, 0, err
		}
		if hops == MaxHops {
			c.lose(wallet, next)
			return nil, 0, fmt.Errorf("%w: %d redirects, the last to %.80q", ErrTooManyHops, hops+1, to.Owner)
		}
		at = next
	}
}

// retryAfter reads a header of that name; 0 if it says nothing that one could follow.
func retryAfter(text string) time.Duration {
	seconds, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

func readRedirect(response *http.Response) (to Redirect, err error) {
	defer closeBody(response)
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxRedirect+1))
	if err != nil {
		return to, fmt.Errorf("read redirect: %w", err)
	}
	if err := json.Unmarshal(raw, &to); err != nil || len(raw) > maxRedirect {
		return to, fmt.Errorf("%w: the redirect names no instance", ErrForeignHost)
	}
	return to, nil
}

// follow returns where a redirect leads, if its hosts are the operator's and no newer owner is known, and remembers it.
func (c *Client) follow(ctx context.Context, wallet chain.WalletID, from place, to Redirect) (place, error) {
	if to.Epoch < c.owner(wallet).epoch {
		return nil, laterError{errBehind}
	}
	at, err := c.vouched(ctx, from, to)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.owners[wallet]; !known && len(c.owners) >= maxOwners {
		for some := range c.owners {
			delete(c.owners, some)
			break
		}
	}
	c.owners[wallet] = owner{max(to.Epoch, c.owners[wallet].epoch), at}
	return at, nil
}

func (c *Client) owner(wallet chain.WalletID) owner {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[wallet]
}

// lose forgets where the wallet's owner was, if that is where it did not answer. Its epoch stays known.
func (c *Client) lose(wallet chain.WalletID, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.owners[wallet]; ok && slices.Equal(known.at, at) {
		c.owners[wallet] = owner{epoch: known.epoch}
	}
}
