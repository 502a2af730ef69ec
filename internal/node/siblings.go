package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net"
)

// ClusterConfig is an instance's place among the operator's instances on one database.
type ClusterConfig struct {
	Instance cluster.InstanceID
	// URLs are where clients and siblings reach this instance's API, the preferred one first.
	URLs []string
	// Standby keeps the instance in reserve.
	Standby bool
	Timing  cluster.Timing
	// Dir is the instance's own directory, which exists.
	Dir string
}

// The paces of an instance among its siblings.
const (
	// keeperPoll is the time between two looks at who has which wallet: a session that ended is noticed so much later, and
	// a wallet that is given away is served again within a second.
	keeperPoll = 250 * time.Millisecond
	// attention is the time between two looks at this instance's own state.
	attention = 250 * time.Millisecond
	// mending is the time between two tries to open a broken journal.
	mending = 5 * time.Second
	// deskRetry is the pause after a request to the shared store whose outcome is not known.
	deskRetry = 250 * time.Millisecond
)

// errResigned says that the instance was asked to end, and has given its wallets away.
var errResigned = errors.New("resigned")

// siblingsConfig is what siblings need of the node; every field is required.
type siblingsConfig struct {
	ClusterConfig
	Home  *home
	Store cluster.Store
	// SetWish changes what an instance is asked to do.
	SetWish func(ctx context.Context, instance string, d shared.Desire) error
	Halts   *halts
	// Watch reads the shared lists. Its handler of wishes calls siblings.wished.
	Watch *shared.Watch
	// Wallets returns the active wallets that the operator holds seats of.
	Wallets func(context.Context) ([]chain.WalletID, error)
	// Height returns the chain's height; false while it is not known.
	Height func() (chain.Height, bool)
	// Ill says what keeps the node from serving wallets, as far as chain and peers are concerned. It must return at once.
	Ill    func() []string
	Logger *slog.Logger
}

// siblings is what makes a node one of many instances: its session, the keeper of the shared assignment, the desk that
// claims windows, and the custody that follows from them.
type siblings struct {
	cfg     siblingsConfig
	sent    *sentLog
	session *cluster.Session
	keeper  *cluster.Keeper
	desk    *cluster.Desk
	custody *custody
	log     *slog.Logger

	wishes atomic.Pointer[map[cluster.InstanceID]shared.Desire] // nil before they were read
	began  atomic.Pointer[time.Time]                            // of the session, nil between sessions
	era    atomic.Pointer[era]                                  // the present one, as far as is known; nil before any
	// alarms counts contradictions and strangers since the start.
	alarms atomic.Uint64
}

// era is when this process first saw a generation of the database.
type era struct {
	generation cluster.Generation
	since      time.Time
}

// newSiblings puts the parts together. Nothing runs before Run.
func newSiblings(cfg siblingsConfig) (s *siblings, err error) {
	s = &siblings{cfg: cfg, sent: cfg.Home.sent, log: cfg.Logger, custody: newCustody(cfg.Halts.stopped)}
	cfg.Halts.changed = s.custody.reconsider
	if s.session, err = cluster.NewSession(cluster.SessionConfig{
		Instance: cfg.Instance, Profile: cluster.Profile{URLs: cfg.URLs, Version: version()}, Timing: cfg.Timing,
		Store: cfg.Store, Status: s.status, Now: time.Now, Logger: s.log,
	}); err != nil {
		return nil, err
	}
	if s.keeper, err = cluster.NewKeeper(cluster.KeeperConfig{
		Store: cfg.Store, Journal: journals{s.sent, cfg.Home.heads}, Wallets: cfg.Wallets, Height: cfg.Height, Schedule: coordination.RFC12(),
		Rules: cluster.Rules{Settle: cfg.Timing.TTL, Pace: cluster.DefaultPace},
		Poll:  keeperPoll, Timeout: cfg.Timing.Renewal, Now: time.Now, Contradicted: s.contradicted, Logger: s.log,
	}); err != nil {
		return nil, err
	}
	s.desk, err = cluster.NewDesk(cluster.DeskConfig{
		Claims: cfg.Store, Journal: s.sent, Status: s.status, Timeout: cfg.Timing.Renewal, Retry: deskRetry, Logger: s.log,
	})
	return s, err
}

// Run is this instance among its siblings until ctx ends; then its wallets are given back before it returns nil. It returns
// errResigned once the instance was asked to end and has no wallets any more, and cluster.ErrInstanceTaken or
// cluster.ErrCloned if another process runs under its name.
func (s *siblings) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.session.Run(ctx, s.hold) })
	g.Go(func() error { return s.attend(ctx) })
	return g.Wait()
}

// hold is one session: the lists are read, so that nobody who is banned and no wallet that is stopped is served; then wallets
// are taken, and terms begin.
func (s *siblings) hold(ctx context.Context, t *cluster.Tenure) error {
	began := time.Now()
	s.began.Store(&began)
	defer s.began.Store(nil)
	if err := s.sent.heal(); err != nil {
		s.log.Error("The journal of what is sent cannot be written: this instance serves no wallets", "error", err)
	}
	if err := s.cfg.Watch.Await(ctx, began); err != nil {
		return nil // the session is over, which its loop knows
	}
	s.custody.begin(t)
	defer s.custody.end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.keeper.Run(ctx, t) })
	g.Go(func() error { return s.follow(ctx) })
	return g.Wait()
}

// follow makes terms of what the keeper sees. They end with the session before the keeper has returned, which may be
// waiting for an answer of the store.
func (s *siblings) follow(ctx context.Context) error {
	for {
		held, changed := s.keeper.Holdings()
		if g, known := held.View.Generation, s.era.Load(); known == nil || known.generation != g {
			s.era.Store(&era{g, time.Now()})
		}
		s.custody.hold(held)
		select {
		case <-changed:
		case <-ctx.Done():
			s.custody.end()
			return nil
		}
	}
}

// attend watches over this instance: a changed state is told to the siblings at once, a broken journal is mended, and a wish
// to end is granted.
func (s *siblings) attend(ctx context.Context) error {
	ticker := time.NewTicker(attention)
	defer ticker.Stop()
	told, tried := s.status(), time.Now()
	var leaving time.Time // since when it is asked to end
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if s.sent.broken() != nil && time.Since(tried) >= mending {
			tried = time.Now()
			if err := s.sent.heal(); err != nil {
				s.log.Error("The journal of what is sent cannot be written: this instance serves no wallets", "error", err)
			}
		}
		if now := s.status(); now != told {
			s.log.Info("State told to the other instances", "healthy", now.Healthy, "draining", now.Draining, "detail", now.Detail)
			told = now
			s.session.Nudge()
			s.keeper.Nudge()
		}
		switch {
		case s.desire() != shared.Resign:
			leaving = time.Time{}
		case leaving.IsZero():
			leaving = time.Now()
		case s.given(leaving):
			return s.resign(ctx)
		}
	}
}

// given reports whether all wallets have been given away since a moment. Where nobody takes them it says so after a lease:
// whoever ends does not wait for a sibling that may never come.
func (s *siblings) given(since time.Time) bool {
	held, _ := s.keeper.Holdings()
	return held.At.After(since) && len(held.Mine) == 0 || time.Since(since) > s.cfg.Timing.TTL
}

// resign takes the wish back, for the next start, and ends the instance.
func (s *siblings) resign(ctx context.Context) error {
	request, cancel := context.WithTimeout(ctx, s.cfg.Timing.Renewal)
	defer cancel()
	if err := s.cfg.SetWish(request, string(s.cfg.Instance), shared.None); err != nil {
		s.log.Warn("Could not take the wish to end back: it holds at the next start, too", "error", err)
	}
	s.log.Info("Resigned: the other instances have the wallets")
	return errResigned
}

// wished takes what the instances are asked to do.
func (s *siblings) wished(list []shared.Wish) {
	wishes := make(map[cluster.InstanceID]shared.Desire, len(list))
	for _, w := range list {
		wishes[cluster.InstanceID(w.Instance)] = w.Desire
	}
	s.wishes.Store(&wishes)
}

// asked returns what each instance is asked to do.
func (s *siblings) asked() map[cluster.InstanceID]shared.Desire {
	if wishes := s.wishes.Load(); wishes != nil {
		return *wishes
	}
	return nil
}

func (s *siblings) desire() shared.Desire { return s.asked()[s.cfg.Instance] }

// status is what the siblings are told.
func (s *siblings) status() cluster.Status {
	ill := s.ill()
	return cluster.Status{
		Healthy: len(ill) == 0, Detail: strings.Join(ill, "; "), Standby: s.cfg.Standby,
		Draining: s.desire() != shared.None,
	}
}

// ill says what keeps this instance from serving wallets: what the node says of itself, the journal, and loops that do not
// come round any more although the session is held.
func (s *siblings) ill() []string {
	ill := s.cfg.Ill()
	if err := s.sent.broken(); err != nil {
		ill = append(ill, fmt.Sprintf("journal: %v", err))
	}
	began := s.began.Load()
	if began == nil {
		return ill
	}
	overdue := func(last time.Time) bool {
		if last.Before(*began) {
			last = *began
		}
		return time.Since(last) > s.cfg.Timing.TTL
	}
	if overdue(s.cfg.Watch.LastSeen()) {
		ill = append(ill, "bans and stopped wallets cannot be read")
	}
	if held, _ := s.keeper.Holdings(); overdue(held.At) {
		ill = append(ill, "the wallets' owners cannot be looked after")
	}
	return ill
}

// doubt reports whether siblings may still have to put back what the database had forgotten when it was asked for something:
// until each of them has compared its journal, and for a lease, in which those show themselves that were forgotten
// altogether. Whether it is the database of before shows only in what the keeper saw after the question.
func (s *siblings) doubt(asked time.Time) bool {
	held, _ := s.keeper.Holdings()
	now := s.era.Load()
	if !held.At.After(asked) || now == nil || now.generation != held.View.Generation || time.Since(now.since) < s.cfg.Timing.TTL {
		return true
	}
	return slices.ContainsFunc(held.View.Members, func(m cluster.Member) bool { return !m.Reconciled && m.Left > -cluster.Mourning })
}

// said reports whether this instance itself said something, by its journal.
func (s *siblings) said(m net.Message) bool {
	entries, err := s.sent.Entries()
	return err == nil && slices.ContainsFunc(entries, func(e cluster.Entry) bool {
		if e.Wallet != m.Wallet || e.Window != m.Window {
			return false
		}
		slot, err := inspect(e.Own.Payload)
		return err == nil && slot.Digest == m.Digest
	})
}

// contradicted takes what was sent although the store has something else.
func (s *siblings) contradicted(entries []cluster.Entry) {
	for _, e := range entries {
		s.alarms.Add(1)
		s.log.Error("Two proposals of this operator are known for one window: one was sent, and the database has another",
			"wallet", e.Wallet, "window", e.Window, "sent", fmt.Sprintf("%x", e.Digest))
	}
}
