package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// KeeperStore is what a Keeper calls of the shared store.
type KeeperStore interface {
	Assignments
	Reconcile(ctx context.Context, by Seal, entries []Entry, horizon chain.Height) (Reconciliation, error)
}

// KeeperConfig is what a Keeper needs; every field is required.
type KeeperConfig struct {
	Store   KeeperStore
	Journal Log
	// Wallets returns the active wallets that the operator holds seats of.
	Wallets func(context.Context) ([]chain.WalletID, error)
	// Height returns the chain's height; false while it is not known. It must return at once.
	Height   func() (chain.Height, bool)
	Schedule coordination.Schedule
	Rules    Rules
	// Poll is the time between two looks at the store: what an expired lease may go unnoticed for.
	Poll time.Duration
	// Timeout is how long one request is waited for.
	Timeout time.Duration
	Now     func() time.Time
	// Contradicted is told what was sent although the store has something else: an alarm. It must return at once.
	Contradicted func([]Entry)
	Logger       *slog.Logger
}

// Keeper keeps the shared assignment of wallets right, together with the keepers of the other instances, and knows which
// wallets are this instance's.
type Keeper struct {
	cfg    KeeperConfig
	nudged chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge

	mu      sync.Mutex
	held    Holdings
	changed chan struct{} // closed by the next change of held
}

// Holdings is what a keeper last saw. It is not changed after it was handed out.
type Holdings struct {
	Mine map[chain.WalletID]Assignment // what this instance is responsible for
	View View                          // with the wallets that are active
	At   time.Time                     // when the view was asked for; zero if never
}

// NewKeeper checks the configuration.
func NewKeeper(cfg KeeperConfig) (*Keeper, error) {
	if cfg.Store == nil || cfg.Journal == nil || cfg.Wallets == nil || cfg.Height == nil || cfg.Now == nil ||
		cfg.Contradicted == nil || cfg.Logger == nil {
		return nil, errors.New("keeper: a dependency is missing")
	}
	if cfg.Poll <= 0 || cfg.Timeout <= 0 {
		return nil, fmt.Errorf("keeper: poll %v and timeout %v must be positive", cfg.Poll, cfg.Timeout)
	}
	if err := cfg.Schedule.Validate(); err != nil {
		return nil, err
	}
	return &Keeper{cfg: cfg, nudged: make(chan struct{}, 1), changed: make(chan struct{})}, nil
}

// Nudge has the keeper look at the store at once.
func (k *Keeper) Nudge() {
	select {
	case k.nudged <- struct{}{}:
	default:
	}
}

// Holdings returns what was last seen, and a channel that is closed when that changes.
func (k *Keeper) Holdings() (Holdings, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held, k.changed
}

// Holds reports whether the wallet is, as last seen, this instance's in the assignment's epoch.
func (k *Keeper) Holds(a Assignment) bool {
	held, _ := k.Holdings()
	mine, ok := held.Mine[a.Wallet]
	return ok && mine.Epoch == a.Epoch
}

// Owner returns who is responsible for a wallet, as last seen; false if that is nobody who lives.
func (k *Keeper) Owner(wallet chain.WalletID) (Assignment, Member, bool) {
	held, _ := k.Holdings()
	for _, a := range held.View.Wallets {
		if a.Wallet != wallet {
			continue
		}
		for _, m := range held.View.Members {
			if m.Holder == a.Owner && m.Live() {
				return a, m, true
			}
		}
	}
	return Assignment{}, Member{}, false
}

func (k *Keeper) publish(h Holdings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = h
	close(k.changed)
	k.changed = make(chan struct{})
}

// Run keeps the assignment right for the time of one session, and returns nil when ctx ends. Before it takes a wallet it
// has compared the journal with the claims.
func (k *Keeper) Run(ctx context.Context, t *Tenure) error {
	defer func() { k.publish(Holdings{View: k.held.View, At: k.held.At}) }() // nothing is ours any more
	ticker := time.NewTicker(k.cfg.Poll)
	defer ticker.Stop()
	for {
		if err := k.round(ctx, t); err != nil && ctx.Err() == nil {
			k.cfg.Logger.Warn("Could not look after the wallets' owners", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.nudged:
		case <-ticker.C:
		}
	}
}

// round looks at the store, makes the moves that are this instance's to make, and publishes what came of it.
func (k *Keeper) round(ctx context.Context, t *Tenure) error {
	ctx, cancel := context.WithTimeout(ctx, k.cfg.Timeout)
	defer cancel()
	height, ok := k.cfg.Height()
	if !ok {
		return nil // without a chain there is no phase, and nothing can be served
	}
	asked := k.cfg.Now()
	view, err := k.view(ctx)
	if err != nil {
		return err
	}
	me, ok := view.member(t.seal.Holder)
	if !ok || !me.Live() {
		return nil // the session is over; its loop is about to find out
	}
	if !me.Reconciled {
		if err := k.reconcile(ctx, t, height); err != nil {
			return err
		}
		k.Nudge() // the next look shows us as a taker
		return nil
	}
	moves := ours(plan(view, phaseAt(k.cfg.Schedule, height), k.cfg.Rules), t.seal.Holder)
	if len(moves) > 0 {
		moved, err := k.cfg.Store.Move(ctx, t.seal, moves, k.cfg.Rules.Pace)
		if err != nil {
			return fmt.Errorf("move wallets: %w", err)
		}
		view.Wallets = slices.Clone(view.Wallets)
		for _, a := range moved {
			i := slices.IndexFunc(view.Wallets, func(b Assignment) bool { return b.Wallet == a.Wallet })
			view.Wallets[i] = a
			k.cfg.Logger.Info("Wallet moved", "wallet", a.Wallet, "owner", a.Owner.Instance, "epoch", a.Epoch)
		}
	}
	k.publish(Holdings{Mine: view.of(t.seal.Holder), View: view, At: asked})
	return nil
}

// view reads the store and gives rows to wallets that have none yet. Wallets that are not active any more are left out.
func (k *Keeper) view(ctx context.Context) (View, error) {
	active, err := k.cfg.Wallets(ctx)
	if err != nil {
		return View{}, fmt.Errorf("list wallets: %w", err)
	}
	view, err := k.cfg.Store.View(ctx)
	if err != nil {
		return View{}, fmt.Errorf("read owners: %w", err)
	}
	missing := make(map[chain.WalletID]bool, len(active))
	for _, w := range active {
		missing[w] = true
	}
	view.Wallets = slices.DeleteFunc(view.Wallets, func(a Assignment) bool {
		known := missing[a.Wallet]
		delete(missing, a.Wallet)
		return !known
	})
	if len(missing) == 0 {
		return view, nil
	}
	var fresh []chain.WalletID
	for w := range missing {
		fresh = append(fresh, w)
		view.Wallets = append(view.Wallets, Assignment{Wallet: w})
	}
	if err := k.cfg.Store.AddWallets(ctx, fresh); err != nil {
		return View{}, fmt.Errorf("add wallets: %w", err)
	}
	return view, nil
}

// reconcile puts back what the store forgot of the windows that somebody may still act in.
func (k *Keeper) reconcile(ctx context.Context, t *Tenure, height chain.Height) error {
	entries, err := k.cfg.Journal.Entries()
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Window+2*k.cfg.Schedule.Frequency < height })
	done, err := k.cfg.Store.Reconcile(ctx, t.seal, entries, horizon(k.cfg.Schedule, height))
	if err != nil {
		return fmt.Errorf("compare journal: %w", err)
	}
	for _, e := range done.Restored {
		k.cfg.Logger.Warn("The database had forgotten what was sent", "wallet", e.Wallet, "window", e.Window)
	}
	if len(done.Contradicted) > 0 {
		k.cfg.Contradicted(done.Contradicted)
	}
	return nil
}

// ours picks the moves that this instance makes. Who takes an orphan does so itself, which shows that it lives; a wallet
// that is given away is moved by either side, whichever is first; a round of balancing is anybody's, and one round.
func ours(moves []Move, me Holder) []Move {
	return slices.DeleteFunc(moves, func(m Move) bool {
		return m.Cause != CauseBalance && m.To != me && (m.Cause == CauseOrphan || m.From != me)
	})
}

func (v View) member(h Holder) (Member, bool) {
	i := slices.IndexFunc(v.Members, func(m Member) bool { return m.Holder == h })
	if i < 0 {
		return Member{}, false
	}
	return v.Members[i], true
}

func (v View) of(h Holder) map[chain.WalletID]Assignment {
	mine := make(map[chain.WalletID]Assignment)
	for _, a := range v.Wallets {
		if a.Owner == h {
			mine[a.Wallet] = a
		}
	}
	return mine
}
