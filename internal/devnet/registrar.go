package devnet

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/walletnode/walletnode/chain"
)

// registrar sees in the shared database which instance serves which wallet, and when that changes. It has its own way to
// the database, which no strike shuts, and asks no instance.
type registrar struct {
	dsn string

	mu     sync.Mutex
	owned  map[chain.WalletID]tenancy
	states []instanceState // as they were last seen; none if the database did not answer
	moves  []move
	deaths []death
}

// tenancy is who serves a wallet; the owner is empty if nobody does.
type tenancy struct {
	owner string
	epoch uint64
}

// move is a wallet that got an owner.
type move struct {
	tenancy
	wallet chain.WalletID
	at     time.Time
}

// death is the end of an instance that served a wallet.
type death struct {
	instance string
	planned  bool // it was asked to end
	wallet   chain.WalletID
	epoch    uint64
	at       time.Time
}

const (
	// watchPause is the time between two looks at the owners: how much too long a take-over may seem.
	watchPause = 50 * time.Millisecond
	// watchTimeout bounds one look.
	watchTimeout = 2 * time.Second
)

func newRegistrar(dsn string) *registrar {
	return &registrar{dsn: dsn, owned: make(map[chain.WalletID]tenancy)}
}

// Run looks at the owners until ctx ends. While the database is away nothing moves, and nothing is seen.
func (r *registrar) Run(ctx context.Context) error {
	ticker := time.NewTicker(watchPause)
	defer ticker.Stop()
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		var err error
		if conn, err = r.look(ctx, conn); err == nil {
			continue
		}
		r.noteStates(nil)
		if conn != nil {
			_ = conn.Close(ctx) // made anew at the next look
			conn = nil
		}
	}
}

// look reads the owners once, over a connection that it makes if there is none.
func (r *registrar) look(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	if conn == nil {
		var err error
		if conn, err = pgx.Connect(ctx, r.dsn); err != nil {
			return nil, err
		}
	}
	rows, err := conn.Query(ctx, `SELECT wallet, owner, epoch FROM owners`)
	if err != nil {
		return conn, err
	}
	type row struct {
		Wallet []byte
		Owner  string
		Epoch  int64
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return conn, err
	}
	rows, err = conn.Query(ctx, stateQuery)
	if err != nil {
		return conn, err
	}
	states, err := pgx.CollectRows(rows, pgx.RowToStructByPos[instanceState])
	if err != nil {
		return conn, err
	}
	r.noteStates(states)
	now := time.Now()
	for _, it := range found {
		r.note(chain.WalletID(it.Wallet), tenancy{it.Owner, uint64(it.Epoch)}, now) //nolint:gosec // never negative
	}
	return conn, nil
}

// instanceState is what an instance says of itself, and whether its lease holds.
type instanceState struct {
	Name    string
	Healthy bool
	Live    bool
	Detail  string
}

// stateQuery looks at leases by the database's own clock.
const stateQuery = `SELECT instance, healthy, expires > extract(epoch FROM clock_timestamp()) * 1000000, detail FROM instances ORDER BY instance`

func (r *registrar) noteStates(states []instanceState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = states
}

// note enters what was seen of one wallet.
func (r *registrar) note(wallet chain.WalletID, seen tenancy, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seen.owner != "" && seen.epoch != r.owned[wallet].epoch {
		r.moves = append(r.moves, move{seen, wallet, at})
	}
	r.owned[wallet] = seen
}

// died enters the end of an instance, with the wallets that it served.
func (r *registrar) died(instance string, planned bool, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for wallet, now := range r.owned {
		if now.owner == instance {
			r.deaths = append(r.deaths, death{instance, planned, wallet, now.epoch, at})
		}
	}
}

// owner returns who serves a wallet; empty for nobody.
func (r *registrar) owner(wallet chain.WalletID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owned[wallet].owner
}

// healthy returns how many instances were well when that was last looked at.
func (r *registrar) healthy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	well := 0
	for _, s := range r.states {
		if s.Healthy && s.Live {
			well++
		}
	}
	return well
}

// condition says how the instances are, for people.
func (r *registrar) condition() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.states) == 0 {
		return "the database does not answer"
	}
	var said []string
	for _, s := range r.states {
		word := "well"
		switch {
		case !s.Live:
			word = "without a lease"
		case !s.Healthy:
			word = "ill: " + s.Detail
		}
		said = append(said, s.Name+" is "+word)
	}
	return strings.Join(said, "; ")
}

// settleAccounts returns how long the wallets of the ended have waited for their next owner, and forgets what was entered.
func (r *registrar) settleAccounts() successions {
	r.mu.Lock()
	defer r.mu.Unlock()
	settled := succeed(r.deaths, r.moves)
	r.deaths, r.moves = nil, nil
	return settled
}

// successions is what became of the wallets of instances that ended.
type successions struct {
	takeOvers []time.Duration // from the death of an instance to the next owner of a wallet of its
	handOvers []time.Duration // the same where it was asked to end
	orphans   []death         // after which nobody came
}

// succeed finds the next owner of each wallet: the next epoch.
func succeed(deaths []death, moves []move) (s successions) {
	for _, d := range deaths {
		i := slices.IndexFunc(moves, func(m move) bool { return m.wallet == d.wallet && m.epoch > d.epoch && !m.at.Before(d.at) })
		switch {
		case i < 0:
			s.orphans = append(s.orphans, d)
		case d.planned:
			s.handOvers = append(s.handOvers, moves[i].at.Sub(d.at))
		default:
			s.takeOvers = append(s.takeOvers, moves[i].at.Sub(d.at))
		}
	}
	return s
}
