package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/net/client"
)

// Times and bounds of a Follower.
const (
	firstPause, lastPause = 250 * time.Millisecond, 10 * time.Second // between two attempts to connect
	// tellEvery is after how many entries their delivery is written down and acknowledged also if more wait.
	tellEvery = 256
	maxAnswer = 64 << 10 // bytes of an answer that is no stream
)

// Run follows until ctx ends, whose error it returns. Instances that do not answer are asked again; it ends with a
// *client.AnswerError if one refuses, with a feed.Blame if the mailbox's chain is broken, with feed.ErrUnverified where the policy is to
// hold and there are no peers, with ErrCollected, and with what Deliver or Sealed returned.
func (f *Follower) Run(ctx context.Context) error {
	comparing, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.others.run(comparing)
	}()
	err := f.follow(ctx)
	stop()
	<-ended
	return err
}

// follow reads one stream after the other.
func (f *Follower) follow(ctx context.Context) error {
	wait := firstPause
	for {
		heard, err := f.connection(ctx)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), f.tell(context.WithoutCancel(ctx), false))
		}
		var again againError
		if err != nil && !errors.As(err, &again) {
			return errors.Join(err, f.tell(ctx, false))
		}
		if heard {
			wait = firstPause
		}
		f.cfg.Logger.Debug("Stream of the mailbox has ended, and is taken up again", "mailbox", f.at.Mailbox, "error", err)
		timer := time.NewTimer(wait)
		wait = min(2*wait, lastPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), f.tell(context.WithoutCancel(ctx), false)) // the stream may have broken off within a line
		}
	}
}

// againError is why a stream ended that is taken up again.
type againError struct{ error }

func (e againError) Unwrap() error { return e.error }

// connection reads one stream to its end; heard says that it was one.
func (f *Follower) connection(ctx context.Context) (heard bool, _ error) {
	query := url.Values{}
	if f.known {
		at := f.at.start()
		if f.reader != nil {
			at = f.reader.At()
		}
		query.Set("instance", f.instance())
		query.Set("number", strconv.FormatUint(uint64(at.Number), 10))
		if at.Sealed {
			query.Set("epoch", strconv.FormatUint(uint64(at.Epoch), 10))
		}
	}
	response, err := f.cfg.Instances.Located(ctx, client.Request{Method: http.MethodGet, Path: f.path(""), Query: query, Stream: true})
	if err != nil {
		return false, again(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		return false, refused(response)
	}
	lines := newLines(response.Body)
	for {
		raw, err := lines.next()
		if err != nil {
			return heard, againError{fmt.Errorf("read mailbox: %w", err)}
		}
		heard = true
		if len(raw) > 0 {
			if err := f.line(ctx, raw); err != nil {
				return heard, err
			}
		}
		if f.dirty > 0 && (f.dirty >= tellEvery || lines.idle()) {
			if err := f.tell(ctx, true); err != nil {
				return heard, err
			}
		}
	}
}

// instance is whose numbers and seals are read.
func (f *Follower) instance() string {
	if f.reader == nil {
		return f.at.Instance
	}
	return f.reader.Instance()
}

// again tells errors of the way there, which may be over later, from what will not change.
func again(err error) error {
	if errors.Is(err, client.ErrForeignHost) || errors.Is(err, client.ErrOtherOperator) {
		return err
	}
	return againError{err}
}

// refused is an answer that is none: what the instance says about itself may change.
func refused(response *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return againError{err}
	}
	answer := &client.AnswerError{Status: response.StatusCode, Body: raw}
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTemporaryRedirect {
		return againError{answer}
	}
	return answer
}

func (f *Follower) path(end string) string { return "/v1/feed/mailboxes/" + f.at.Mailbox + end }

func (f *Follower) write() error {
	if err := f.shelf.write(f.at); err != nil {
		return fmt.Errorf("write the subscriber's place: %w", err)
	}
	return nil
}

// tell writes down what was delivered, and acknowledges it if it is to be.
func (f *Follower) tell(ctx context.Context, acknowledge bool) error {
	if f.dirty > 0 && f.known && f.at.Keys != nil {
		if err := f.write(); err != nil {
			return err
		}
	}
	f.dirty = 0
	if !acknowledge || !f.cfg.Acknowledge || f.at.Delivered <= f.told {
		return nil
	}
	body := fmt.Appendf(nil, `{"number":%d}`, uint64(f.at.Delivered))
	response, err := f.cfg.Instances.Located(ctx, client.Request{Method: http.MethodPost, Path: f.path("/acknowledge"), Body: body})
	if err != nil { // the next one says it too
		f.cfg.Logger.Debug("Could not acknowledge what was delivered", "mailbox", f.at.Mailbox, "error", err)
		return nil
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		err := refused(response)
		if errors.As(err, new(againError)) {
			return nil
		}
		return fmt.Errorf("acknowledge entry %d: %w", f.at.Delivered, err)
	}
	f.told = f.at.Delivered
	return nil
}
