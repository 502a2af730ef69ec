package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/walletnode/walletnode/internal/cluster"
)

// era is the newest generation that the table knows, and whether it is the one that the database is in at present.
type era struct {
	number     int64
	generation cluster.Generation
	began      int64 // microseconds
	horizon    height
	balanced   int64 // microseconds
	position   int64 // of the database, at the moment of reading
	// void says that what the table knows is history: the database tells another origin, or it is behind where it was
	// seen already. All sessions are over then, until the next that opens begins another generation.
	void bool
}

// first reports whether nothing can have been forgotten: the store is new.
func (e era) first() bool { return e.number == 1 }

// present is the generation whose sessions count; empty if there is none.
func (e era) present() cluster.Generation {
	if e.void {
		return ""
	}
	return e.generation
}

func (e era) mark() cluster.Mark {
	return cluster.Mark{Generation: e.generation, Position: uint64(max(0, e.position))}
}

// eraColumns are read from generations g, into eraScan.columns.
func eraColumns(d dialect) string {
	return `g.number, g.generation, g.origin, g.began, g.horizon, g.balanced, (SELECT ` + d.origin + `), (SELECT ` + d.position + `)`
}

// eraScan has the destinations of eraColumns.
type eraScan struct {
	era
	written, told string // the origin, then and now
}

func (e *eraScan) columns() []any {
	return []any{&e.number, (*string)(&e.generation), &e.written, &e.began, &e.horizon, &e.balanced, &e.told, &e.position}
}

// judge tells whether the era has passed. Seen is how far the database had been seen before the statement was sent.
func (e *eraScan) judge(seen cluster.Mark) era {
	other := e.written == lostOrigin || e.written != e.told && e.written != "" && e.told != ""
	behind := seen.Generation == e.generation && e.position > 0 && uint64(e.position) < seen.Position
	e.void = other || behind
	return e.era
}

// readEra reads the newest generation; the zero value if there is none yet.
func readEra(ctx context.Context, tx *sql.Tx, d dialect) (era, error) {
	seen := d.seen.Seen()
	var e eraScan
	err := tx.QueryRowContext(ctx, `SELECT `+eraColumns(d)+` FROM generations g ORDER BY g.number DESC LIMIT 1`).Scan(e.columns()...)
	if errors.Is(err, sql.ErrNoRows) {
		return era{}, nil
	}
	return e.judge(seen), err
}

// enterGeneration returns the present generation, and begins it if the last one is history. Of several instances that begin
// one at once, one does, and the others find it.
func enterGeneration(ctx context.Context, tx *sql.Tx, d dialect) (era, error) {
	for range maxAttempts {
		e, err := readEra(ctx, tx, d)
		if err != nil {
			return era{}, err
		}
		lost, err := lostGeneration(ctx, tx, d)
		switch {
		case err != nil:
			return era{}, err
		case lost != "":
			// It is written down, so that siblings that had seen it as well find it, and begin none for it.
			err = insertEra(ctx, tx, d, e.number+1, lost, `'`+lostOrigin+`'`)
		case e.number == 0 || e.void:
			word := fmt.Sprintf("%d-%s", e.number+1, strings.ToLower(rand.Text()[:12]))
			err = insertEra(ctx, tx, d, e.number+1, cluster.Generation(word), d.origin)
		default:
			return e, nil
		}
		if err != nil {
			return era{}, err
		}
	}
	return era{}, errAgain
}

// lostOrigin is the origin of a generation that the table had forgotten altogether.
const lostOrigin = "forgotten"

// insertEra adds a generation, unless another instance has added one of this number. With one that is not the first all origins begin a
// series of numbers: the database may have forgotten what they told.
func insertEra(ctx context.Context, tx *sql.Tx, d dialect, number int64, g cluster.Generation, origin string) error {
	done, err := tx.ExecContext(ctx, `INSERT INTO generations (number, generation, origin, began, horizon, balanced)
		VALUES ($1, $2, `+origin+`, 0, 0, 0) ON CONFLICT (number) DO NOTHING`, number, string(g))
	if err != nil || number == 1 {
		return err
	}
	if added, err := done.RowsAffected(); err != nil || added == 0 {
		return err
	}
	return beginSeries(ctx, tx, d)
}

func beginSeries(ctx context.Context, tx *sql.Tx, d dialect) error {
	_, err := tx.ExecContext(ctx, `UPDATE feed_origins SET last = `+nextSeries(d, `last`))
	return err
}

// seriesEpoch is the beginning of 2025 in microseconds, since when series are counted.
const seriesEpoch = 1735689600000000

// nextSeries is an expression for the number before the first one of a series that begins now: after the one that a number is of, and no
// earlier than the clock says, by units of 2^20 microseconds. So no two are the same, though one copy is put back a second time. Nobody tells
// so much that a series would overtake the clock. (Shifts, because what is behind PostgreSQL's protocol may divide with fractions.)
func nextSeries(d dialect, last string) string {
	next := fmt.Sprintf(`((((%s) >> 24) + 1) << 24)`, last)
	clock := fmt.Sprintf(`((((%s) - %d) >> 20) << 24)`, d.now, int64(seriesEpoch))
	return `CASE WHEN ` + next + ` > ` + clock + ` THEN ` + next + ` ELSE ` + clock + ` END`
}

// lostGeneration returns the generation that this process has seen the database in, if its table does not know it.
func lostGeneration(ctx context.Context, tx *sql.Tx, d dialect) (cluster.Generation, error) {
	g := d.seen.Seen().Generation
	if g == "" {
		return "", nil
	}
	var known int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM generations WHERE generation = $1`, string(g)).Scan(&known)
	if err != nil || known > 0 {
		return "", err
	}
	return g, nil
}

// sight is one look at who lives, at a moment of the database's clock. It is made after the rows were locked that a
// decision is about: a lease may end while a lock is waited for.
type sight struct {
	era
	now      int64 // microseconds
	sessions map[cluster.InstanceID]instance
}

// instance is the row of one: its session. Times are microseconds of the database's clock.
type instance struct {
	cluster.Holder
	cluster.Profile
	cluster.Status
	generation      cluster.Generation
	count           uint64
	token           cluster.Token
	ttl             int64
	opened, expires int64
	barred          uint64
	reconciled      cluster.Generation
}

// look reads all sessions. They are a handful: one per instance.
func look(ctx context.Context, db querier, d dialect) (sight, error) {
	seen := d.seen.Seen()
	s := sight{sessions: make(map[cluster.InstanceID]instance)}
	rows, err := db.QueryContext(ctx, `SELECT `+d.now+`, `+eraColumns(d)+`, i.instance, i.boot, i.generation, i.renewals, i.token,
		i.urls, i.version, i.healthy, i.detail, i.standby, i.draining, i.ttl, i.opened, i.expires, i.barred, i.reconciled
		FROM generations g CROSS JOIN instances i WHERE g.number = (SELECT MAX(number) FROM generations)`)
	found, err := collect(rows, err, func(row scanner) (i instance, err error) {
		var e eraScan
		var urls string
		err = row.Scan(append(append([]any{&s.now}, e.columns()...), (*string)(&i.Instance), fixed(i.Boot[:]), (*string)(&i.generation),
			&i.count, fixed(i.token[:]), &urls, &i.Version, &i.Healthy, &i.Detail, &i.Standby, &i.Draining,
			&i.ttl, &i.opened, &i.expires, &i.barred, (*string)(&i.reconciled))...)
		if err != nil {
			return instance{}, err
		}
		s.era = e.judge(seen)
		if err := json.Unmarshal([]byte(urls), &i.URLs); err != nil {
			return instance{}, fmt.Errorf("%w: addresses of instance %s: %w", ErrCorrupt, i.Instance, err)
		}
		return i, nil
	})
	for _, i := range found {
		s.sessions[i.Instance] = i
	}
	return s, err
}

// live returns a holder's session if it holds: of the present generation, and not over.
func (s sight) live(h cluster.Holder) (instance, bool) {
	i, ok := s.sessions[h.Instance]
	return i, ok && i.Holder == h && i.generation == s.present() && i.expires > s.now
}

// sealed returns the session that a seal proves, if it holds.
func (s sight) sealed(by cluster.Seal) (instance, bool) {
	i, ok := s.live(by.Holder)
	return i, ok && by.Generation == s.present()
}

// member is what others see of a session.
func (s sight) member(i instance) cluster.Member {
	return cluster.Member{
		Holder: i.Holder, Profile: i.Profile, Status: i.Status,
		Left: microseconds(i.expires - s.now), Age: microseconds(s.now - i.opened),
		BarredThrough: i.barred, Current: i.generation == s.present(), Reconciled: !s.void && i.reconciled == s.present(),
	}
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
