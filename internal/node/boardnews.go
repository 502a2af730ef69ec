package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// What a window's time changes is written down some moments later, and the feed carries nothing of it: it is looked for so often, so far
// apart.
const (
	turnLooks = 5
	turnPause = time.Second
)

// errFull says that the mailbox of live events tells nothing more.
var errFull = errors.New("the mailbox of live events is full")

// News implements dashboard.Source: it follows the instance's own mailbox of live events, as "windows watch" does. What is told there is shown
// as it was told. The store is wanted for what was before that, whenever a window's time changes something, and for what the feed cannot tell.
func (b *Board) News(ctx context.Context, changed func()) error {
	if b.n.feed == nil {
		return api.ErrNoFeed
	}
	name := b.n.LiveMailbox()
	list, err := b.n.Feeds().Mailboxes(ctx)
	if err != nil {
		return fmt.Errorf("look for the mailbox of live events: %w", err)
	}
	at := slices.IndexFunc(list, func(m view.Mailbox) bool { return m.Mailbox == name && m.Self })
	if at < 0 {
		return fmt.Errorf("mailbox %s: %w", name, pipeline.ErrNoMailbox)
	}
	if list[at].Closed {
		return errFull
	}
	wanted := func() {
		b.want()
		changed()
	}
	b.follows(true)
	defer b.follows(false)
	wanted() // what is in the mailbox now is in the store: the store is read after this, and what comes meanwhile is kept
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.turns(ctx, wanted) })
	g.Go(func() error {
		return b.n.feed.instance.Follow(ctx, name, pipeline.Position{Instance: list[at].Instance, Number: list[at].Last}, func(n pipeline.News) error {
			switch {
			case n.Handover != nil: // the database was put back: what it was known to hold may be gone
				wanted()
			case n.Delivered == nil: // an epoch's end
			case n.Delivered.Entry.Gap != nil:
				return errFull
			case !b.hear(*n.Delivered):
				wanted()
			}
			return nil
		})
	})
	return g.Wait()
}

// turns tells when the chain's height says something new of windows: one begins or ends, or who leads it can be known.
func (b *Board) turns(ctx context.Context, tell func()) error {
	type turn struct {
		window        chain.Height
		active        bool
		seeded, knows bool
	}
	at := func() turn {
		height := b.n.chain.clock.Height()
		w, active := coordination.RFC12().At(height)
		return turn{w.Block, active, height >= w.SeedBlock, height >= coordination.RFC12().Next(height).SeedBlock}
	}
	last := at()
	for {
		changed := b.n.chain.clock.Changed()
		if now := at(); now != last {
			last = now
			for range turnLooks {
				tell()
				if err := pause.For(ctx, turnPause); err != nil {
					return err
				}
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Board) follows(told bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told, b.behind = told, time.Time{}
}

// want says that the store has something that is not told.
func (b *Board) want() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = true
	if b.behind.IsZero() {
		b.behind = time.Now()
	}
}

// hear shows what the feed has told. False: the store has to be read to know what it comes to.
func (b *Board) hear(d pipeline.Delivered) bool {
	t, err := newTiding(d)
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.since.keep(t)
	if err != nil {
		return false
	}
	return b.add(t) && kept
}

// add adds to what is shown what the feed has told. False: the store has to be read to know what it comes to. b.mu is held.
func (b *Board) add(t tiding) bool {
	if b.shown == nil {
		return true // it is in the store, which is read next
	}
	changed, known := b.shown.add(t)
	b.changed, b.added = b.changed || changed, b.added || changed
	return known
}

// age is how old the records are that are shown. While the feed tells what changes they are no older than what it told last. b.mu is held.
func (b *Board) age() time.Duration {
	switch {
	case !b.told || b.trouble != "":
		return time.Since(b.readAt)
	case b.behind.IsZero():
		return 0
	}
	return time.Since(b.behind)
}
