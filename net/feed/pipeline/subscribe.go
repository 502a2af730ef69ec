package pipeline

import (
	"context"

	"github.com/walletnode/walletnode/net/feed"
)

// subscribing is a wish for other subscriptions, and where its answer goes.
type subscribing struct {
	list []feed.Subscription
	done chan subscribed // room for one
}

// subscribed answers it.
type subscribed struct {
	from feed.Epoch
	err  error
}

// Subscribe replaces who gets what from the next epoch on, and returns that epoch; 0 if none was opened yet. It holds until the next
// call, also after a restart from the moment that the epoch has begun.
func (f *Feed) Subscribe(ctx context.Context, list []feed.Subscription) (feed.Epoch, error) {
	s := subscribing{list: list, done: make(chan subscribed, 1)}
	select {
	case f.subscriptions <- s:
	case <-f.stopped:
		return 0, ErrStopped
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	d := <-s.done // the sequencer answers at once
	return d.from, d.err
}

// subscribe has subscriptions hold from the next epoch on.
func (s *sequencer) subscribe(r subscribing) {
	subs, err := feed.NewSubscriptions(s.wanted.Version()+1, r.list)
	if err != nil {
		r.done <- subscribed{err: err}
		return
	}
	s.wanted = subs
	d := subscribed{}
	if s.open {
		d.from = s.term.Epoch + 1
	}
	r.done <- d
}
