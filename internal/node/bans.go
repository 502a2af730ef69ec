package node

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
)

// bans is who is kept away, as the shared list says.
type bans struct {
	read    func(context.Context) ([]shared.Ban, error)
	enforce func([]shared.Ban) // has the network keep them away

	mu   sync.Mutex
	list []shared.Ban
}

// reread takes the shared list over.
func (b *bans) reread(ctx context.Context) error {
	list, err := b.read(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.list = list
	b.mu.Unlock()
	b.enforce(list)
	return nil
}

// all returns the list as it was last read, without those that have run out since.
func (b *bans) all() []shared.Ban {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, list := time.Now(), []shared.Ban{}
	for _, ban := range b.list {
		if ban.Until.IsZero() || now.Before(ban.Until) {
			list = append(list, ban)
		}
	}
	return list
}

// banned reports whether an operator is kept away.
func (b *bans) banned(op chain.Operator) bool {
	for _, ban := range b.all() {
		if ban.Peer == "" && ban.Operator == op {
			return true
		}
	}
	return false
}

// AutomaticBans is whether, and for what, the node keeps operators away by itself.
type AutomaticBans struct {
	On bool
	// Score attributed faults within the last Windows windows are too many.
	Score, Windows int
	Lasts          time.Duration
}

const (
	// reviewPause is the time between two looks at the scores, however many faults are stored meanwhile.
	reviewPause = 5 * time.Second
	// reviewTimeout bounds a look.
	reviewTimeout = 10 * time.Second
	// issuedByScore is shared.Ban.By of an automatic ban.
	issuedByScore = "score"
)

// referee keeps operators away whose faults have become too many. Every instance has one: the bans are the same, and the
// second one finds the first's.
type referee struct {
	cfg    AutomaticBans
	self   chain.Operator
	height func() chain.Height
	faults func(context.Context, faults.Filter) ([]faults.Record, error)
	banned func(chain.Operator) bool
	ban    func(context.Context, shared.Ban, time.Duration) error
	log    *slog.Logger

	woken chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge
	// counted is how many faults an operator had at the last look. Only new ones lead to a ban, so that one that a person
	// lifted does not come back by itself. Run's loop owns it; nil before the first look.
	counted map[chain.Operator]int
}

// look has the scores looked at soon: faults were stored.
func (r *referee) look(context.Context) error {
	select {
	case r.woken <- struct{}{}:
	default:
	}
	return nil
}

// Run looks at the scores whenever faults were stored, until ctx ends, and returns nil.
func (r *referee) Run(ctx context.Context) error {
	ticker := time.NewTicker(reviewPause)
	defer ticker.Stop()
	for {
		select {
		case <-r.woken:
		case <-ctx.Done():
			return nil
		}
		if err := r.review(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("Could not look at the operators' scores", "error", err)
			_ = r.look(ctx) // again after the pause
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// review bans whoever has new faults and too many.
func (r *referee) review(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	schedule := coordination.RFC12()
	w, _ := schedule.At(r.height())
	attributed := true
	filter := faults.Filter{Attributed: &attributed}
	if span := chain.Height(r.cfg.Windows-1) * schedule.Frequency; w.Block > span {
		filter.From = w.Block - span
	}
	records, err := r.faults(ctx, filter)
	if err != nil {
		return fmt.Errorf("read faults: %w", err)
	}
	counts := make(map[chain.Operator]int)
	for _, f := range records {
		counts[f.Culprit]++
	}
	before := r.counted
	for op, count := range counts {
		if before == nil || count <= before[op] || count < r.cfg.Score || op == r.self || r.banned(op) {
			continue
		}
		reason := fmt.Sprintf("%d attributed faults within %d windows", count, r.cfg.Windows)
		if err := r.ban(ctx, shared.Ban{Operator: op, Reason: reason, By: issuedByScore}, r.cfg.Lasts); err != nil {
			return fmt.Errorf("ban operator %s: %w", op, err)
		}
		r.log.Warn("Operator banned for its faults", "operator", op, "faults", count, "lasts", r.cfg.Lasts)
	}
	r.counted = counts
	return nil
}
