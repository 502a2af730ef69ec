package node

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// Bans implements api.Cluster.
func (s *sharing) Bans(ctx context.Context) (view.Bans, time.Duration, error) {
	list, age, err := recalled(ctx, s, s.lists.store.Bans, s.lists.bans.all)
	shown := view.Bans{Bans: []view.Ban{}}
	for _, b := range list {
		shown.Bans = append(shown.Bans, viewBan(b))
	}
	return shown, age, err
}

// Halts implements api.Cluster.
func (s *sharing) Halts(ctx context.Context) (view.Halts, time.Duration, error) {
	list, age, err := recalled(ctx, s, s.lists.store.Halts, s.lists.halts.all)
	shown := view.Halts{Halts: []view.Halt{}}
	for _, h := range list {
		shown.Halts = append(shown.Halts, view.Halt{Wallet: h.Wallet, Window: h.Window, Reason: h.Reason, By: h.By, Since: view.Time(h.Since)})
	}
	return shown, age, err
}

// recalled reads a shared list, or while the database is away remembers it. age is how old the list is: 0 if it was read now. A
// list that was never read is not known.
func recalled[T any](ctx context.Context, s *sharing, read func(context.Context) ([]T, error), remembered func() []T) (list []T, age time.Duration, err error) {
	list, err = read(ctx)
	seen := s.lists.watch.LastSeen()
	if err == nil || s.siblings == nil || seen.IsZero() || !away(err) {
		return list, 0, err
	}
	return remembered(), max(time.Since(seen), 1), nil
}

// away reports whether an error says that the database does not answer, or lets nobody in.
func away(err error) bool {
	return errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrNoAnswer) || errors.Is(err, store.ErrRefused)
}

// all returns the shared list as it was last read, oldest first.
func (h *halts) all() []shared.Halt {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Values(h.listed), func(a, b shared.Halt) int {
		return cmp.Or(a.Since.Compare(b.Since), slices.Compare(a.Wallet[:], b.Wallet[:]))
	})
}
