package instance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// intake brings what all instances told into this instance's inbox, each one's in its order.
type intake struct {
	*Instance
	feed      *pipeline.Feed
	positions map[string]uint64
	by        feed.Verifier
	read      feed.Epoch        // the epoch in which its keys were read last: one may have been replaced since
	refused   map[string]uint64 // the fact of an instance that was refused last: it is told once
	taken     time.Time         // when something was taken in last
}

func (in *intake) run(ctx context.Context) error {
	in.refused = map[string]uint64{}
	ticker := time.NewTicker(Pace)
	defer ticker.Stop()
	for {
		if now := in.feed.Now(); now.Open && now.Term.Epoch != in.read {
			keys, err := in.Keyring(ctx)
			if err != nil {
				return err
			}
			in.by.Keys, in.read = keys, now.Term.Epoch
		}
		more, err := in.pass(ctx)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-in.cfg.Ledger.Told():
			wait := gather
			if time.Since(in.taken) < gather {
				wait = gatherOn
			}
			if err := pause.For(ctx, wait); err != nil {
				return err
			}
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pass takes in at most one page of each instance's, and reports whether there is more of what there was when it began: what came
// meanwhile is gathered first.
func (in *intake) pass(ctx context.Context) (more bool, err error) {
	origins, err := in.cfg.Ledger.Origins(ctx)
	if err != nil {
		return false, fmt.Errorf("look for what instances told: %w", err)
	}
	for _, origin := range slices.Sorted(maps.Keys(origins)) {
		if origins[origin] <= in.positions[origin] {
			continue
		}
		facts, err := in.cfg.Ledger.Facts(ctx, origin, in.positions[origin], factsPage)
		if err != nil {
			return false, fmt.Errorf("read what %s told: %w", origin, err)
		}
		good, err := in.verify(ctx, origin, facts)
		if err != nil {
			return false, err
		}
		if len(good) == 0 {
			continue
		}
		messages := make([]pipeline.Message, len(good))
		for i, f := range good {
			messages[i] = pipeline.Message{Wallet: f.Wallet, Kind: f.Kind, Payload: f.Payload, Witness: f.Witness}
		}
		if err := in.feed.Submit(ctx, origin, good[0].Number, messages); err != nil {
			return false, fmt.Errorf("take in what %s told: %w", origin, err)
		}
		in.positions[origin] = good[len(good)-1].Number
		in.counts.records.Add(uint64(len(good)))
		in.taken = time.Now()
		more = more || in.positions[origin] < origins[origin]
	}
	return more, nil
}

// verify returns the facts up to the first one that its instance did not sign. That one and what follows are not taken in until there
// is a signature: they are numbered, so none can be passed over.
func (in *intake) verify(ctx context.Context, origin string, facts []Fact) ([]Fact, error) {
	if in.cfg.Alone && origin == in.name { // told within the process
		return facts, nil
	}
	for i, f := range facts {
		err := in.signed(origin, f)
		if errors.Is(err, feed.ErrUnknownInstance) || errors.Is(err, feed.ErrSignature) { // its key may be a new one
			var unread error
			if in.by.Keys, unread = in.Keyring(ctx); unread != nil {
				return nil, unread
			}
			err = in.signed(origin, f)
		}
		if err != nil {
			if in.refused[origin] != f.Number {
				in.refused[origin] = f.Number
				in.counts.refused.Add(1)
				in.cfg.Logger.Error("What an instance told is refused, and what it tells after it waits: look at that instance, and at who can write into the database",
					"origin", origin, "number", f.Number, "error", err)
			}
			return facts[:i], nil
		}
	}
	return facts, nil
}

// signed refuses a fact that its instance did not sign.
func (in *intake) signed(origin string, f Fact) error {
	if f.Witness == nil || f.Witness.Origin != (feed.Origin{Source: origin, Number: f.Number}) {
		return fmt.Errorf("number %d of %s: %w", f.Number, origin, feed.ErrSignature)
	}
	return in.by.Verify(feed.NewItem(f.Origin, f.Number, f.Wallet, f.Kind, f.Payload), *f.Witness)
}
