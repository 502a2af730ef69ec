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
		return f.entry(ctx, n.Delivered.Entry, n.Delivered.Payload, n.Delivered.Witness)
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

// first makes the reader, with the first thing that is read.
func (f *Follower) first(head feed.Hash) error {
	if f.reader != nil {
		return nil
	}
	f.at.Head = head
	if err := f.shelf.open(f.at); err != nil {
		return fmt.Errorf("make the subscriber's directory: %w", err)
	}
	return f.resume([]feed.Stay{{Moves: f.at.Moves, Instance: f.at.Instance}})
}

func (f *Follower) entry(ctx context.Context, e feed.Entry, payload []byte, w *feed.Witness) error {
	if err := f.first(e.Previous); err != nil {
		return err
	}
	wrong := f.renewed(ctx, func() error { return f.reader.Entry(e, payload) })
	if wrong != nil && !errors.Is(wrong, feed.ErrPayload) {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, wrong)
	}
	if err := f.witness(ctx, w); err != nil {
		return err
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
	f.asked = 0
	f.others.nudge()
	if f.reader.Settled() {
		f.at.stand(f.reader.At())
		if err := f.write(); err != nil {
			return err
		}
	}
	if f.cfg.Sealed != nil {
		if err := f.cfg.Sealed(ctx, s, blames); err != nil {
			return err
		}
	}
	if err := f.fetchKeys(ctx); err != nil { // a key may have been replaced, of which no signature tells
		f.cfg.Logger.Debug("Could not ask for the list of keys", "mailbox", f.at.Mailbox, "error", err)
	}
	return nil
}

// verify takes a seal in, and waits first where the policy is to hold and there are others to compare with.
func (f *Follower) verify(ctx context.Context, s feed.Seal, subs *feed.Subscriptions) (blames []feed.Blame, _ error) {
	err := f.withRoom(ctx, func() (err error) {
		blames, err = f.take(s, subs)
		return err
	})
	return blames, err
}

// withRoom verifies what comes next, once there is room for it: who holds waits for that where there are others to compare with.
func (f *Follower) withRoom(ctx context.Context, verify func() error) error {
	for {
		err := f.renewed(ctx, verify)
		if !errors.Is(err, feed.ErrUnverified) || len(f.cfg.Peers) == 0 {
			return err
		}
		f.cfg.Logger.Info("No more is read until an epoch is verified", "mailbox", f.at.Mailbox, "instance", f.reader.Instance())
		select {
		case <-f.freed:
		case <-ctx.Done():
			return ctx.Err()
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
	if err := f.shelf.keep(f.at.Mailbox, f.reader.Stays()); err != nil {
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
	err := f.withRoom(ctx, func() error {
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
		f.cfg.Logger.Warn("The instance has lost data: what came of the mailbox after the last seal is void, and may come again",
			"mailbox", f.at.Mailbox, "instance", was, "entry", uint64(h.Number))
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
