package pipeline

import (
	"context"

	"github.com/walletnode/walletnode/net/feed"
)

// router gives each record to its wallet's receiver.
type router struct {
	feed    *Feed
	in      <-chan batch
	out     []chan batch
	reports chan<- report
	came    []feed.Record // room for what a batch brings
}

func (r *router) run(ctx context.Context) error {
	gate := newGate(len(r.out), byShard)
	for {
		select {
		case b := <-r.in:
			if b.end != nil {
				if err := r.end(ctx, gate, b.end); err != nil {
					return err
				}
				continue
			}
			r.came = append(r.came[:0], b.records...)
			for i, records := range r.feed.logic.route(r.came, len(r.out)) {
				if len(records) == 0 {
					continue
				}
				part := batch{records: records, hashes: rehash(records, b)}
				for _, h := range part.hashes {
					gate.trees[i].Add(h)
				}
				if err := send(ctx, r.out[i], part); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// end passes the mark on to every receiver, to each with what it was given.
func (r *router) end(ctx context.Context, gate *gate, e *ending) error {
	saw := feed.Commitment{Actor: r.feed.cfg.Signer.Actor(feed.Router, 0), Epoch: e.term.Epoch, In: e.gave, Out: gate.take()}
	for i, out := range r.out {
		own := *e
		own.gave = nil
		for _, t := range saw.Out {
			if int(t.Label.Shard) == i {
				own.gave = []feed.Tally{t}
			}
		}
		if err := send(ctx, out, batch{end: &own}); err != nil {
			return err
		}
	}
	if e.term.Subscriptions == nil {
		return nil
	}
	return r.feed.report(ctx, r.reports, saw, report{})
}

// route sorts records by their wallets' receivers.
func route(records []feed.Record, shards int) [][]feed.Record {
	sizes := make([]int, shards)
	for i := range records {
		sizes[feed.ShardOf(records[i].Item.Wallet, shards)]++
	}
	parts := make([][]feed.Record, shards)
	for i, n := range sizes {
		parts[i] = make([]feed.Record, 0, n)
	}
	for i := range records {
		s := feed.ShardOf(records[i].Item.Wallet, shards)
		parts[s] = append(parts[s], records[i])
	}
	return parts
}
