package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
)

// line takes one line in.
func (f *Follower) line(ctx context.Context, raw []byte) error {
	l, n, err := ParseLine(raw)
	switch {
	case err != nil:
		return err
	case l.Begin != nil:
		return f.begin(ctx, *l.Begin)
	case l.End != nil && l.End.Code == EndCollected:
		return fmt.Errorf("%w: %s", ErrCollected, l.End.Message)
	case l.End != nil:
		return againError{fmt.Errorf("the instance ends the stream: %s", l.End.Message)}
	case f.at.Keys == nil:
		return fmt.Errorf("mailbox: %w: the stream does not say what it is", feed.ErrMalformed)
	case n.Handover != nil:
		return f.handover(ctx, *n.Handover)
	case n.Delivered != nil:
		return f.entry(ctx, n.Delivered.Entry, n.Delivered.Payload)
	default:
		return f.seal(ctx, *n.Seal, n.Subscriptions)
	}
}

// begin learns which instance has the mailbox, and its key.
func (f *Follower) begin(ctx context.Context, b Begin) error {
	if b.Mailbox != f.at.Mailbox || feed.CheckName(b.Instance) != nil {
		return fmt.Errorf("mailbox: %w: it is %.40q of %.40q", feed.ErrMalformed, b.Mailbox, b.Instance)
	}
	if err := f.know(ctx, b.Instance); err != nil {
		return err
	}
	if !f.known {
		f.mu.Lock()
		f.at.Instance, f.at.Number, f.known = b.Instance, b.Number, true
		f.mu.Unlock()
		if f.cfg.Acknowledge { // a subscriber that lost its place goes on where it said it was
			f.at.Delivered, f.told, f.again = b.Acknowledged, b.Acknowledged, b.Acknowledged
		}
	}
	return nil
}

// know has an instance's key, or asks for it.
func (f *Follower) know(ctx context.Context, instance string) error {
	if f.ring[instance] == nil {
		if err := f.fetchKeys(ctx); err != nil {
			return err
		}
	}
	if f.ring[instance] == nil {
		return fmt.Errorf("%s: %w", instance, feed.ErrUnknownInstance)
	}
	return nil
}

// first makes the reader, with the first thing that is read.
func (f *Follower) first(head feed.Hash) error {
	if f.reader != nil {
		return nil
	}
	f.at.Head = head
	if err := f.shelf.open(f.at); err != nil {
		return fmt.Errorf("make the subscriber's directory: %w", err)
	}
	return f.resume(nil)
}

func (f *Follower) entry(ctx context.Context, e feed.Entry, payload []byte) error {
	if err := f.first(e.Previous); err != nil {
		return err
	}
	wrong := f.renewed(ctx, func() error { return f.reader.Entry(e, payload) })
	if wrong != nil && !errors.Is(wrong, feed.ErrPayload) {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, wrong)
	}
	d := Delivery{Instance: f.reader.Instance(), Entry: e, Payload: payload, Wrong: wrong, Again: e.Number <= f.again}
	if wrong != nil || e.Gap != nil {
		d.Payload = nil
	}
	if e.Number <= f.at.Delivered && (!d.Again || !f.cfg.Again) {
		return nil
	}
	if err := f.cfg.Deliver(ctx, d); err != nil {
		return err
	}
	f.at.Delivered = max(f.at.Delivered, e.Number)
	f.dirty++
	return nil
}

func (f *Follower) seal(ctx context.Context, s feed.Seal, subs *feed.Subscriptions) error {
	var head feed.Hash
	if h, named := s.HeadOf(f.at.Mailbox); named && h.Number == f.at.Number {
		head = h.Chain
	}
	if err := f.first(head); err != nil {
		return err
	}
	blames, err := f.verify(ctx, s, subs)
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, err)
	}
	select {
	case f.sealed <- struct{}{}:
	default:
	}
	if f.reader.Settled() {
		f.at.stand(f.reader.At())
		if err := f.write(); err != nil {
			return err
		}
	}
	if f.cfg.Sealed == nil {
		return nil
	}
	return f.cfg.Sealed(ctx, s, blames)
}

// verify takes a seal in, and waits first where the policy is to hold and there are others to compare with.
func (f *Follower) verify(ctx context.Context, s feed.Seal, subs *feed.Subscriptions) ([]feed.Blame, error) {
	for {
		var blames []feed.Blame
		err := f.renewed(ctx, func() (err error) {
			blames, err = f.take(s, subs)
			return err
		})
		if !errors.Is(err, feed.ErrUnverified) || len(f.cfg.Peers) == 0 {
			return blames, err
		}
		f.cfg.Logger.Info("No more is read until an epoch is verified", "mailbox", f.at.Mailbox, "epoch", uint64(s.Epoch))
		select {
		case <-f.freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *Follower) take(s feed.Seal, subs *feed.Subscriptions) ([]feed.Blame, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	blames, err := f.reader.Seal(s, subs)
	if err != nil {
		return nil, err
	}
	// Epochs first, then the place that says they are there: what a crash leaves over is read again.
	if err := f.shelf.keep(f.at, f.reader.Kept()); err != nil {
		return nil, fmt.Errorf("keep epoch %d: %w", s.Epoch, err)
	}
	return blames, nil
}

// handover goes on with the instance that has the mailbox now. Nothing is open then: one can begin here.
func (f *Follower) handover(ctx context.Context, h feed.Handover) error {
	if err := f.know(ctx, h.To); err != nil {
		return err
	}
	if err := f.first(h.Head); err != nil {
		return err
	}
	was, at := f.reader.Instance(), f.reader.At()
	err := f.renewed(ctx, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.reader.Handover(h)
	})
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, err)
	}
	switch {
	case f.reader.Instance() != was:
	case f.reader.At() == at: // it was taken before
		return nil
	default:
		f.cfg.Logger.Warn("The instance has lost data: what came of the mailbox after the last seal is void, and may come again", "mailbox", f.at.Mailbox, "instance", was, "entry", uint64(h.Number))
	}
	if !h.Loss() {
		f.cfg.Logger.Info("Mailbox goes on at another instance", "mailbox", f.at.Mailbox, "from", was, "to", h.To, "entry", uint64(h.Number))
	}
	f.mu.Lock()
	f.at.Instance, f.at.Moves = h.To, f.at.Moves+1
	f.mu.Unlock()
	f.at.stand(f.reader.At())
	if err := f.shelf.open(f.at); err != nil {
		return fmt.Errorf("make the subscriber's directory: %w", err)
	}
	if err := f.write(); err != nil || !h.Loss() || f.cfg.Lost == nil {
		return err
	}
	return f.cfg.Lost(ctx, h)
}
