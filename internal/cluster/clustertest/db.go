// Package clustertest has a database in memory that satisfies cluster.Store and fails in every way that a real one does,
// and the suite that every store has to pass.
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// ErrConnection says that the connection broke: whatever was asked for may have happened, or may still happen.
var ErrConnection = errors.New("connection lost")

// Weather is what befalls one transaction.
type Weather struct {
	Request     time.Duration // until it reaches the database
	Commit      time.Duration // from the checks to the commit, with the locks held
	Answer      time.Duration // until the answer is back
	LoseRequest bool          // it never gets there
	Abort       bool          // the database rolls it back at the commit
	LoseAnswer  bool          // it happens, and nobody is told
}

// DB is a database in memory. Each call is one transaction: it takes its row locks, then looks at the rows and at the
// clock, waits for the commit with the locks held, and becomes visible. The caller's context ends the caller's waiting
// alone. It may be used from any goroutine.
type DB struct {
	// Remember is how many of the newest commits Promote may lose.
	Remember int
	// Trusting is a mistake to try tests with: no window is doubtful.
	Trusting bool

	mu         sync.Mutex
	forecast   func(op, row string) Weather // nil is fair weather
	rows       rows
	history    []rows // before each of the newest commits, oldest first
	generation int
	ahead      time.Duration // of this database's clock before the machine's
	down       bool
	locks      map[string]chan struct{}
}

// rows is everything that is committed. Its values are never changed in place.
type rows struct {
	sessions map[cluster.InstanceID]session
	wallets  map[chain.WalletID]cluster.Assignment
	claims   map[key]cluster.Claim
	balanced time.Time                  // when wallets were last moved for balance; zero if never
	eras     map[cluster.Generation]era // the first generation has none
	first    cluster.Generation         // the generation that the store was made in
}

type key struct {
	wallet chain.WalletID
	window chain.Height
}

// session is the row of an instance.
type session struct {
	cluster.Holder
	profile    cluster.Profile
	status     cluster.Status
	generation cluster.Generation
	count      uint64
	token      cluster.Token
	ttl        time.Duration
	opened     time.Time
	expires    time.Time
	barred     uint64
	reconciled cluster.Generation
}

// era is what the first reconciliation of a generation wrote down.
type era struct {
	horizon chain.Height
	since   time.Time
}

// New returns an empty database.
func New() *DB {
	db := &DB{locks: make(map[string]chan struct{})}
	db.rows = rows{
		sessions: make(map[cluster.InstanceID]session), wallets: make(map[chain.WalletID]cluster.Assignment),
		claims: make(map[key]cluster.Claim), eras: make(map[cluster.Generation]era), first: db.present(),
	}
	return db
}

func (r rows) clone() rows {
	r.sessions, r.wallets = maps.Clone(r.sessions), maps.Clone(r.wallets)
	r.claims, r.eras = maps.Clone(r.claims), maps.Clone(r.eras)
	return r
}

// Jump moves the database's clock.
func (db *DB) Jump(by time.Duration) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.ahead += by
}

// SetDown makes every transaction fail, those under way included, until it is up again.
func (db *DB) SetDown(down bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.down = down
}

// Promote replaces the database by a replica that has not got its newest commits, at most Remember of them. It returns
// how many are lost. What is under way fails.
func (db *DB) Promote(lose int) int {
	db.mu.Lock()
	defer db.mu.Unlock()
	lose = min(lose, len(db.history))
	if lose > 0 {
		db.rows = db.history[len(db.history)-lose]
	}
	db.history = nil
	db.generation++
	return lose
}

func (db *DB) present() cluster.Generation {
	return cluster.Generation(fmt.Sprintf("memory:%d", db.generation))
}

func (db *DB) now() time.Time { return time.Now().Add(db.ahead) }

// tx is a transaction at work: what it reads is committed, what it writes is committed together.
type tx struct {
	rows
	now     time.Time
	present cluster.Generation
	number  uint64 // of it
	writes  []func(*rows)
}

func (t *tx) write(f func(*rows)) { t.writes = append(t.writes, f) }

// Expect has forecast decide from now on what befalls a transaction; nil is fair weather. Op is the name of the method; row is
// the first that it locks, which tells calls of one moment apart.
func (db *DB) Expect(forecast func(op, row string) Weather) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.forecast = forecast
}

func (db *DB) expected() func(op, row string) Weather {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.forecast
}

// transact runs body as one transaction that locks the named rows first.
func transact[T any](ctx context.Context, db *DB, op string, locks []string, body func(*tx) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var weather Weather
	if forecast := db.expected(); forecast != nil {
		row := ""
		if len(locks) > 0 {
			row = slices.Min(locks)
		}
		weather = forecast(op, row)
	}
	answers := make(chan answer, 1)
	go func() { // the database's side, which goes on when nobody waits for it any more
		time.Sleep(weather.Request)
		if weather.LoseRequest {
			return
		}
		value, err := execute(db, weather, locks, body)
		time.Sleep(weather.Answer)
		if weather.LoseAnswer {
			err = ErrConnection
		}
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// execute locks, checks, waits for the commit and applies.
func execute[T any](db *DB, weather Weather, locks []string, body func(*tx) (T, error)) (T, error) {
	defer db.lock(locks)()
	var none T
	db.mu.Lock()
	if db.down {
		db.mu.Unlock()
		return none, ErrConnection
	}
	generation := db.generation
	t := &tx{rows: db.rows, now: db.now(), present: db.present(), number: uint64(db.generation) + 1} //nolint:gosec // it counts promotions
	value, err := body(t)
	db.mu.Unlock()
	if err != nil || len(t.writes) == 0 {
		return value, err
	}
	time.Sleep(weather.Commit)
	db.mu.Lock()
	defer db.mu.Unlock()
	if weather.Abort || db.down || generation != db.generation {
		return none, ErrConnection
	}
	if db.Remember > 0 {
		if db.history = append(db.history, db.rows.clone()); len(db.history) > db.Remember {
			db.history = slices.Delete(db.history, 0, 1)
		}
	}
	for _, write := range t.writes {
		write(&db.rows)
	}
	return value, nil
}

// lock takes row locks in the order of their names, so that two transactions never wait for each other, and returns what
// releases them.
func (db *DB) lock(names []string) (release func()) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		db.mu.Lock()
		l, ok := db.locks[name]
		if !ok {
			l = make(chan struct{}, 1)
			db.locks[name] = l
		}
		db.mu.Unlock()
		l <- struct{}{}
	}
	return func() {
		for _, name := range names {
			db.mu.Lock()
			l := db.locks[name]
			db.mu.Unlock()
			<-l
		}
	}
}

func lockInstance(id cluster.InstanceID) string { return "instance " + string(id) }
func lockWallet(w chain.WalletID) string        { return fmt.Sprintf("wallet %x", w) }
func lockClaim(w chain.WalletID, window chain.Height) string {
	return fmt.Sprintf("claim %x %d", w, window)
}

// The rows that stand for the whole database.
const (
	lockPace = "pace"
	lockEra  = "era"
)
