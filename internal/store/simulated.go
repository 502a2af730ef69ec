package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/walletnode/walletnode/internal/cluster"
)

// Simulated is how a simulation's stores have their file: SQLite's, with all that a store does in its place.
type Simulated struct {
	// Through wraps what connects to the file, for writing or for reading alone, by a disk that is slow, full, or gone with its process.
	// Nil for none. One that keeps a transaction waiting must keep others from beginning one: SQLite waits for it in real time. The store
	// has then as many connections as it asks for, as of a database server: who waits for one of a few is served as chance picks.
	Through func(c driver.Connector, writes bool) driver.Connector
	// Shared lets many stores of this process have the file at once, as instances have a database server. The file's clock is the
	// process's, which in a simulation is everybody's.
	Shared bool
	// Origin is what the file tells of its history, as a database server does: who restores a copy gives another one. It has no quotes; empty
	// tells nothing, as of a file.
	Origin string
	// Chance draws what the store needs of numbers of 0 .. below-1, which two runs of one simulation must have alike. Nil for Go's own.
	Chance func(below int64) int64
}

// simulated is a file in a simulation.
type simulated struct {
	location
	how  Simulated
	seen *cluster.Watermark
}

// place returns where the store is.
func (c Config) place() (engine, error) {
	if c.Simulated == nil {
		return parsePlace(c.DSN)
	}
	at, err := parseLocation(c.DSN)
	if err != nil {
		return nil, err
	}
	return &simulated{location: at, how: *c.Simulated}, nil
}

// Shared reports whether several instances have the store at once.
func (c Config) Shared() bool { return Shared(c.DSN) || c.Simulated != nil && c.Simulated.Shared }

func (s *simulated) remember(w *cluster.Watermark) { s.seen = w }

func (s *simulated) dialect() dialect {
	d := s.location.dialect()
	d.now, d.seen, d.chance, d.origin = `simulated_now()`, s.seen, s.how.Chance, `'`+s.how.Origin+`'`
	return d
}

// clocked makes the database's clock a function, once in a process: with the time in its text each statement would be another one, and many
// instances would do little else than prepare them.
var clocked = sync.OnceFunc(func() {
	sqlite.MustRegisterScalarFunction("simulated_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return time.Now().UnixMicro(), nil
	})
})

func (s *simulated) tenancy() time.Duration {
	if s.how.Shared {
		return tenantTTL
	}
	return 0
}

func (s *simulated) acquire(ctx context.Context) (lock, error) {
	if !s.how.Shared {
		return s.location.acquire(ctx)
	}
	return unlocked{}, s.prepare()
}

func (s *simulated) open(uri string, connections int, writes bool) (*sql.DB, error) {
	clocked()
	base, err := connectorTo(uri)
	if err != nil {
		return nil, err
	}
	if s.how.Through != nil {
		base = s.how.Through(base, writes)
	}
	db := sql.OpenDB(base)
	if s.how.Through == nil {
		db.SetMaxOpenConns(connections)
		return db, nil
	}
	db.SetMaxIdleConns(simulatedIdle)
	return db, nil
}

// simulatedIdle is how many connections a simulated store keeps of a kind.
const simulatedIdle = 8

// beside implements engine. Leases and claims wait for no writer's connection.
func (s *simulated) beside(writer *sql.DB, connections int, _ bool) *sql.DB {
	if s.how.Through == nil {
		return writer
	}
	db, err := s.open(s.readWrite(), connections, true)
	if err != nil { // the writer's was opened in the same way
		return writer
	}
	return db
}

func (s *simulated) reader(context.Context) (*sql.DB, error) {
	return s.open(s.readOnly(), maxReaders, false)
}

func (s *simulated) writer(ctx context.Context) (*sql.DB, error) {
	db, err := s.open(s.readWrite(), 1, true)
	if err != nil {
		return nil, err
	}
	return reached(ctx, db)
}

func (s *simulated) migrator(ctx context.Context) (*sql.DB, error) { return s.writer(ctx) }
