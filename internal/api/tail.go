package api

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// Tail tells a Feed what all instances record in the database that they share: an instance's own reports are only those of
// the wallets that it serves. It looks once a second, and only while somebody watches.
type Tail struct {
	Records Records
	Feed    *Feed
	Logger  *slog.Logger
}

// Times and bounds of a Tail.
const (
	tailPause = time.Second
	// tailTimeout bounds one look at the database.
	tailTimeout = 10 * time.Second
	// tailWindows is how many of the newest windows are looked at: one that ends late has the next one beside it.
	tailWindows = 2
)

// Run looks until ctx ends. A database that does not answer is waited for; what was recorded meanwhile is told then, unless it
// is older than the last windows.
func (t *Tail) Run(ctx context.Context) error {
	ticker := time.NewTicker(tailPause)
	defer ticker.Stop()
	var s sights
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-t.Feed.joined(): // what happens from this moment on is news to somebody
		}
		if !t.Feed.watched() {
			s = sights{} // whoever comes next is told of what happens from then on
			continue
		}
		if err := t.look(ctx, &s); err != nil && ctx.Err() == nil {
			t.Logger.Debug("Could not look for what the other instances recorded", "error", err)
		}
	}
}

// sights is what a Tail has told of, or found there when it began.
type sights struct {
	begun   bool
	opened  chain.Height // the newest window
	results map[outcomeKey]int
	faults  map[string]chain.Height // windows of the faults that were told, by ID
}

// outcomeKey names a result; its number of faults is what it is compared by.
type outcomeKey struct {
	window chain.Height
	wallet chain.WalletID
}

// look reads the newest windows and tells what is new in them.
func (t *Tail) look(ctx context.Context, s *sights) error {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	newest, err := t.Records.Windows(ctx, store.WindowFilter{Limit: 1})
	if err != nil || len(newest.Windows) == 0 {
		return err
	}
	from := since(newest.Windows[0].Window)
	list, err := t.Records.Windows(ctx, store.WindowFilter{From: from})
	if err != nil {
		return err
	}
	var misdeeds view.Faults
	if slices.ContainsFunc(list.Windows, func(w view.Window) bool { return s.changed(w) && w.Faults > 0 }) {
		if misdeeds, err = t.Records.Faults(ctx, faults.Filter{From: from}); err != nil {
			return err
		}
	}
	events := s.news(list.Windows, misdeeds.Faults, view.Time(time.Now()))
	if err := t.revocations(ctx, events, from); err != nil {
		t.Logger.Debug("Could not learn which actions are revoked", "error", err)
	}
	for _, e := range events {
		t.Feed.Publish(e)
	}
	s.forget(from)
	return nil
}

// revocations adds to amendments whether the window's action was revoked.
func (t *Tail) revocations(ctx context.Context, events []view.Event, from chain.Height) error {
	if !slices.ContainsFunc(events, func(e view.Event) bool { return e.Event == view.EventAmendment }) {
		return nil
	}
	actions, err := t.Records.Actions(ctx, store.ActionFilter{From: from})
	for _, a := range actions.Actions {
		for i, e := range events {
			if e.Event == view.EventAmendment && *e.Window == a.Window && *e.Wallet == a.Wallet {
				events[i].Revoked = a.Revoked
			}
		}
	}
	return err
}

// since returns the window from which on a Tail looks.
func since(newest chain.Height) chain.Height {
	return newest - min(newest, (tailWindows-1)*coordination.RFC12().Frequency)
}

// changed reports whether a row says more than was told.
func (s *sights) changed(w view.Window) bool {
	if w.State != view.WindowFinished || w.Wallet == nil {
		return false
	}
	told, known := s.results[outcomeKey{w.Window, *w.Wallet}]
	return !known || told != w.Faults
}

// news returns what rows say that was not told yet, oldest first. The first look tells nothing: that is history.
func (s *sights) news(rows []view.Window, misdeeds []view.Fault, now string) []view.Event {
	if s.results == nil {
		s.results, s.faults = map[outcomeKey]int{}, map[string]chain.Height{}
	}
	var events []view.Event
	for _, w := range slices.Backward(rows) {
		if w.Wallet == nil {
			continue // missed
		}
		if w.Window > s.opened {
			s.opened = w.Window
			events = append(events, view.NewSeenOpening(w, now))
		}
		if !s.changed(w) {
			continue
		}
		key := outcomeKey{w.Window, *w.Wallet}
		_, told := s.results[key]
		s.results[key] = w.Faults
		var fresh []view.Fault
		for _, f := range misdeeds {
			if _, told := s.faults[f.ID]; !told && f.Window == w.Window && f.Wallet == *w.Wallet {
				s.faults[f.ID] = f.Window
				fresh = append(fresh, f)
			}
		}
		if !told {
			events = append(events, view.NewSeenResult(w, fresh, now))
			continue
		}
		for _, f := range fresh {
			events = append(events, view.NewSeenAmendment(f))
		}
	}
	if !s.begun {
		s.begun, events = true, nil
	}
	return events
}

// forget drops what lies before the windows that are looked at.
func (s *sights) forget(from chain.Height) {
	maps.DeleteFunc(s.results, func(key outcomeKey, _ int) bool { return key.window < from })
	maps.DeleteFunc(s.faults, func(_ string, window chain.Height) bool { return window < from })
}
