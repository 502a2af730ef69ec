package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Tail tells a Feed what comes into an instance's own mailbox: what all instances record of windows, in the order of the feed.
type Tail struct {
	Feeds   Feeds
	Mailbox string
	Feed    *Feed
	Logger  *slog.Logger

	begun bool
	at    feed.Number // the last entry that was told
	read  feed.Number // the last one that was acknowledged
	last  time.Time   // when the last event was told
}

// Times and bounds of a Tail.
const (
	tailPause = time.Second // from one attempt to follow to the next
	// tailEvery is after how many events they are acknowledged: far less than a mailbox holds, and seldom enough for the store.
	tailEvery = 512
)

// Run tells until ctx ends. What was there when it began is history, and not told. A feed that cannot be followed, because there is no
// database or no session, is waited for; what comes meanwhile is told then.
func (t *Tail) Run(ctx context.Context) error {
	for {
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		t.Logger.Debug("The live events' mailbox cannot be followed now", "mailbox", t.Mailbox, "error", err)
		if pause.For(ctx, tailPause) != nil {
			return nil //nolint:nilerr // it was told to end
		}
	}
}

func (t *Tail) follow(ctx context.Context) error {
	m, err := here(ctx, t.Feeds, t.Mailbox)
	if err != nil {
		return err
	}
	if !t.begun {
		t.begun, t.at, t.last = true, m.Last, time.Now()
	}
	if err := t.acknowledge(ctx); err != nil {
		return err
	}
	return t.Feeds.Follow(ctx, t.Mailbox, pipeline.Position{Instance: m.Instance, Number: t.at}, func(n pipeline.News) error {
		if n.Delivered == nil { // an epoch has ended
			return t.acknowledge(ctx)
		}
		t.at = n.Delivered.Entry.Number
		if e, ok := t.event(*n.Delivered); ok {
			t.Feed.Publish(e)
			t.last = time.Now()
		}
		if t.at-t.read < tailEvery {
			return nil
		}
		return t.acknowledge(ctx)
	})
}

func (t *Tail) acknowledge(ctx context.Context) error {
	if t.at == t.read {
		return nil
	}
	if err := t.Feeds.Acknowledge(ctx, t.Mailbox, t.at); err != nil {
		return fmt.Errorf("acknowledge live events: %w", err)
	}
	t.read = t.at
	return nil
}

// event reads what is told of windows: that they have opened, results, and what was learned afterwards. What becomes of actions stands in lists.
func (t *Tail) event(d pipeline.Delivered) (e view.Event, ok bool) {
	if d.Entry.Gap != nil {
		return view.NewGap(view.Time(t.last), view.Time(time.Now())), true
	}
	switch d.Entry.Record.Item.Kind {
	case feed.KindResult, feed.KindFault:
		err := json.Unmarshal(d.Payload, &e)
		return e, err == nil && (e.Event == view.EventOpened || e.Event == view.EventResult || e.Event == view.EventAmendment)
	}
	return e, false
}
