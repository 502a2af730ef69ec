package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/walletnode/walletnode/net/feed"
)

// records are a log's from a number on, to the last one. An error ends them.
func records(ctx context.Context, log Log, from feed.Seq) iter.Seq2[feed.Record, error] {
	return func(yield func(feed.Record, error) bool) {
		for {
			page, err := log.Records(ctx, from, pageSize)
			if err != nil {
				yield(feed.Record{}, fmt.Errorf("read records: %w", err))
				return
			}
			if len(page) == 0 {
				return
			}
			for _, rec := range page {
				if from = rec.Seq + 1; !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// setOf are numbers to look up.
func setOf(list []feed.Seq) map[feed.Seq]bool {
	set := make(map[feed.Seq]bool, len(list))
	for _, seq := range list {
		set[seq] = true
	}
	return set
}

// inForce reads which subscriptions held in an epoch. It keeps those that were asked for last: epochs of records only ascend.
type inForce struct {
	log   Log
	epoch feed.Epoch
	subs  *feed.Subscriptions
}

func (h *inForce) of(ctx context.Context, e feed.Epoch) (*feed.Subscriptions, error) {
	if h.subs != nil && h.epoch == e {
		return h.subs, nil
	}
	subs, err := subscriptionsOf(ctx, h.log, e)
	if err != nil {
		return nil, err
	}
	h.epoch, h.subs = e, subs
	return subs, nil
}

// subscriptionsOf reads what held in an epoch.
func subscriptionsOf(ctx context.Context, log Log, e feed.Epoch) (*feed.Subscriptions, error) {
	subs, err := log.Subscriptions(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("read subscriptions of epoch %d: %w", e, err)
	}
	return subs, nil
}

// downTo is the first of the epochs up to one in all of which something holds, as far back as the log goes; one more than the last if
// it does not hold in that.
func downTo(ctx context.Context, log Log, last feed.Epoch, holds func(*feed.Subscriptions) bool) (feed.Epoch, error) {
	for e := last; ; e-- {
		subs, err := subscriptionsOf(ctx, log, e)
		if errors.Is(err, ErrOrder) || errors.Is(err, ErrCollected) {
			return e + 1, nil
		}
		if err != nil {
			return 0, err
		}
		if !holds(subs) {
			return e + 1, nil
		}
		if e == 0 {
			return 0, nil
		}
	}
}

// firstOf is the first record of an epoch that was opened, or the one that it would have been.
func firstOf(ctx context.Context, log Log, s State, e feed.Epoch) (feed.Seq, error) {
	if s.Sealed != nil && s.Sealed.Epoch >= e {
		seal, err := sealBefore(ctx, log, e+1)
		if err != nil {
			return 0, err
		}
		if seal == nil {
			return 0, fmt.Errorf("seal of epoch %d: %w", e, ErrCollected)
		}
		return seal.First, nil
	}
	next := s.First
	for rec, err := range records(ctx, log, s.First) {
		if err != nil {
			return 0, err
		}
		if rec.Epoch >= e {
			return rec.Seq, nil
		}
		next = rec.Seq + 1
	}
	return next, nil
}

// sealBefore returns the seal of the epoch before one; nil if it is not kept any more.
func sealBefore(ctx context.Context, log Log, e feed.Epoch) (*feed.Seal, error) {
	if e < 2 {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	s, err := log.NextSeal(ctx, e-2)
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if s == nil || s.Epoch >= e {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	return s, nil
}
