package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Telling is how a store tells feeds of what it stores: a row of the table of facts, in the transaction of the fact itself. So no
// fact is lost on its way into a feed, and none is told that was not stored.
type Telling struct {
	// Origin is who tells: the name of this instance. Its facts are numbered from 1, in the order in which they are stored.
	Origin string
	// Encode returns what is told of something; no payload for nothing. It runs in the transaction, perhaps more than once, and
	// must do nothing else. A payload longer than feed.MaxPayload is not told.
	Encode func(Tiding) (feed.Kind, []byte)
	// Sign signs what is told at the same time for the other instances that read it; nil where there are none.
	Sign func([]feed.Item) feed.Signature
}

// Tiding is something that was stored now, and not before. One of the pointers is set.
type Tiding struct {
	Wallet chain.WalletID // zero of an opening, which concerns every wallet
	Window chain.Height

	Opened    *coordination.Opened
	Own       *coordination.OwnProposal
	Statement *coordination.Statement
	Result    *coordination.Result // of a window that nobody carried through: its wallet, window, opening and reason alone
	Amendment *coordination.Amendment
	Ended     *Ended
	Retried   *Retried
	Signed    *Signed
}

// Ended is an action's outcome.
type Ended struct {
	Outcome action.Outcome
	Detail  string
	At      chain.Height
}

// Retried says that an action with an outcome is pending again.
type Retried struct{ At chain.Height }

// Signed is what a wallet has signed.
type Signed struct {
	Raw    []byte
	TxHash signer.Digest // zero of a heartbeat
	At     chain.Height
}

// Fact is a row of what feeds are to tell.
type Fact struct {
	Origin  string
	Number  uint64 // of the origin, from 1; without gaps but where the database may have forgotten some (feed.BeginsSeries)
	Window  chain.Height
	Wallet  chain.WalletID
	Kind    feed.Kind
	Payload []byte
	Witness *feed.Witness // what the origin signed of it; nil on a node alone
}

// Item is what the origin has signed.
func (f Fact) Item() feed.Item { return feed.NewItem(f.Origin, f.Number, f.Wallet, f.Kind, f.Payload) }

func items(facts []Fact) []feed.Item {
	list := make([]feed.Item, len(facts))
	for i := range facts {
		list[i] = facts[i].Item()
	}
	return list
}

// teller writes facts. A nil one tells nothing.
type teller struct {
	Telling
	dialect func() dialect
	log     *slog.Logger
	told    chan struct{} // room for one
	// last is the number up to which this process has numbered, perhaps in a transaction that was not committed; 0 before the first. It is no
	// more than a guess at what the origin's row holds.
	last atomic.Uint64
}

func newTeller(t *Telling, log *slog.Logger) (*teller, error) {
	if t == nil {
		return nil, nil //nolint:nilnil // nothing is told
	}
	if err := feed.CheckName(t.Origin); err != nil {
		return nil, fmt.Errorf("who tells facts: %w", err)
	}
	return &teller{Telling: *t, log: log, told: make(chan struct{}, 1)}, nil
}

// tells has a teller write what is told from now on. It comes before the first change.
func (s *Store) tells(t *teller) {
	if t != nil {
		t.dialect = s.at.dialect
	}
	s.teller, s.writes.teller = t, t
}

// facts are what one transaction has to tell, in its order. They are numbered and written when all its changes are made: the row that
// numbers them is locked last, after all rows that another transaction may wait for, and for one round trip.
type facts struct{ list []Fact }

type factsKey struct{}

// gathering returns a context for the changes of one transaction, and what they have told when they are made.
func gathering(ctx context.Context) (context.Context, *facts) {
	gathered := new(facts)
	return context.WithValue(ctx, factsKey{}, gathered), gathered
}

// tell adds a fact to the transaction that stores it; ctx is the one that the transaction's change was given.
func (t *teller) tell(ctx context.Context, what Tiding) error {
	if t == nil {
		return nil
	}
	gathered, ok := ctx.Value(factsKey{}).(*facts)
	if !ok {
		return errors.New("tell a fact: no transaction of this context writes it")
	}
	kind, payload := t.Encode(what)
	if len(payload) > feed.MaxPayload { // what is stored must not depend on what can be told of it
		t.log.Error("Too much to tell the feed of", "wallet", what.Wallet, "window", uint64(what.Window), "bytes", len(payload))
		return nil
	}
	if len(payload) > 0 {
		gathered.list = append(gathered.list, Fact{Origin: t.Origin, Window: what.Window, Wallet: what.Wallet, Kind: kind, Payload: payload})
	}
	return nil
}

// write numbers, signs and writes what a transaction tells. The origin's row stays locked until the transaction ends: whoever sees a
// number sees all before it.
func (t *teller) write(ctx context.Context, tx *sql.Tx, told *facts) error {
	if t == nil || len(told.list) == 0 {
		return nil
	}
	last, err := t.number(ctx, tx, len(told.list))
	if err != nil {
		return fmt.Errorf("number facts: %w", err)
	}
	t.last.Store(uint64(last))
	for i := range told.list {
		f := &told.list[i]
		f.Number = uint64(last) - uint64(len(told.list)-1-i)
	}
	for _, some := range segments(told.list, func(f *Fact) int { return len(f.Payload) }) {
		newest, size := chain.Height(0), 0
		for _, f := range some {
			newest, size = max(newest, f.Window), size+len(f.Payload)
		}
		var signature []byte
		if t.Sign != nil {
			s := t.Sign(items(some))
			signature = s[:]
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO feed_facts (origin, number, last, block, size, facts) VALUES ($1, $2, $3, $4, $5, $6)`,
			t.Origin, natural(some[0].Number), natural(some[len(some)-1].Number), height(newest), size, encodeFacts(some, signature))
		if err != nil {
			return fmt.Errorf("store facts: %w", err)
		}
	}
	return nil
}

// number locks the origin's row and counts n facts in it. To name what it should hold takes SQLite half as long as to have it tell; if it holds
// something else, as after a transaction that was rolled back, it is asked.
func (t *teller) number(ctx context.Context, tx *sql.Tx, n int) (last natural, err error) {
	if was := natural(t.last.Load()); was > 0 {
		last = was + natural(n)
		done, err := tx.ExecContext(ctx, `UPDATE feed_origins SET last = $1 WHERE origin = $2 AND last = $3`, last, t.Origin, was)
		if err != nil {
			return 0, err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 1 {
			return last, err
		}
	}
	err = tx.QueryRowContext(ctx, `UPDATE feed_origins SET last = last + $2 WHERE origin = $1 RETURNING last`, t.Origin, n).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return t.begin(ctx, tx, n)
	}
	return last, err
}

// begin numbers the first facts of an origin. A database that was put back may have forgotten it altogether. The statement's text has the time in
// it, and so is prepared anew each time.
func (t *teller) begin(ctx context.Context, tx *sql.Tx, n int) (last natural, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO feed_origins (origin, last)
		VALUES ($1, $2 + CASE WHEN EXISTS (SELECT 1 FROM generations WHERE number > 1) THEN `+nextSeries(t.dialect(), `0`)+` ELSE 0 END)
		ON CONFLICT (origin) DO UPDATE SET last = feed_origins.last + $2 RETURNING last`, t.Origin, n).Scan(&last)
	return last, err
}

// tellIf tells of what a statement has changed; nothing if it changed no row.
func (t *teller) tellIf(ctx context.Context, done sql.Result, what Tiding) error {
	if t == nil {
		return nil
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		return err
	}
	return t.tell(ctx, what)
}

// tellFinished runs a statement that finishes rows of results and returns their blocks, wallets and openings, and tells of each.
func (t *teller) tellFinished(ctx context.Context, tx *sql.Tx, reason coordination.Reason, statement string, args ...any) error {
	if t == nil {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}
	rows, err := tx.QueryContext(ctx, statement+` RETURNING block, wallet, opened_at`, args...)
	finished, err := collect(rows, err, func(row scanner) (r coordination.Result, err error) {
		var block height
		err = row.Scan(&block, fixed(r.Wallet[:]), (*height)(&r.OpenedAt))
		r.Window, _ = coordination.RFC12().Window(chain.Height(block))
		r.Reason = reason
		return r, err
	})
	if err != nil {
		return err
	}
	for _, r := range finished {
		if err := t.tell(ctx, Tiding{Wallet: r.Wallet, Window: r.Window.Block, Result: &r}); err != nil {
			return err
		}
	}
	return nil
}

// wake says that facts may have been written.
func (t *teller) wake() {
	if t == nil {
		return
	}
	select {
	case t.told <- struct{}{}:
	default:
	}
}

// Told delivers once after this process has stored something of which it may have told. What other instances tell has to be looked for.
// Nil, which never delivers, if the store tells nothing.
func (s *Store) Told() <-chan struct{} {
	if s.teller == nil {
		return nil
	}
	return s.teller.told
}

// Origins returns who has told facts, and the number of each one's last.
func (r Reader) Origins(ctx context.Context) (map[string]uint64, error) {
	all, err := readOrigins(ctx, r.db)
	return all, wrap("read who tells facts", err)
}

func readOrigins(ctx context.Context, db querier) (map[string]uint64, error) {
	type origin struct {
		name string
		last natural
	}
	rows, err := db.QueryContext(ctx, `SELECT origin, last FROM feed_origins`)
	list, err := collect(rows, err, func(row scanner) (o origin, err error) { return o, row.Scan(&o.name, &o.last) })
	all := make(map[string]uint64, len(list))
	for _, o := range list {
		all[o.name] = uint64(o.last)
	}
	return all, err
}

// Facts returns at most limit facts of an origin after a number, and no more than about pipeline.MaxPage bytes unless one alone is longer.
// Those that all feeds have sealed are gone.
func (r Reader) Facts(ctx context.Context, origin string, after uint64, limit int) (list []Fact, err error) {
	at, err := r.run(ctx, true, natural(after)+1, limit, `SELECT number, last, last - number + 1, size FROM feed_facts WHERE origin = $1
		AND number >= COALESCE((SELECT MAX(number) FROM feed_facts WHERE origin = $1 AND number <= $2), 0) AND last >= $2
		ORDER BY number LIMIT CAST($3 AS BIGINT)`, origin)
	if err != nil || at.empty() {
		return nil, wrap("read facts", err)
	}
	rows, err := r.db.QueryContext(ctx, `SELECT number, last, facts FROM feed_facts WHERE origin = $1 AND number >= $2 AND number <= $3 ORDER BY number`,
		origin, at.first, at.last)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var s span
		var stored []byte
		if err := row.Scan(&s.first, &s.last, &stored); err != nil {
			return none, err
		}
		some, err := decodeFacts(origin, s, stored)
		list = continued(list, some)
		return none, unreadable(err, "facts %d to %d of %s", s.first, s.last, origin)
	})
	if err != nil {
		return nil, wrap("read facts", err)
	}
	for len(list) > 0 && list[0].Number <= after {
		list = list[1:]
	}
	return page(list, limit, func(f *Fact) int { return len(f.Payload) }), nil
}
