package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
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
	// Sign signs a fact for the other instances that read it; nil where there are none.
	Sign func(feed.Item) feed.Signature
}

// Tiding is something that was stored now, and not before. One of the pointers is set.
type Tiding struct {
	Wallet chain.WalletID
	Window chain.Height

	Own       *coordination.OwnProposal
	Statement *coordination.Statement
	Result    *coordination.Result // of a window that nobody carried through: its wallet, window, opening and reason alone
	Amendment *coordination.Amendment
	Ended     *Ended
	Signed    *Signed
}

// Ended is an action's outcome.
type Ended struct {
	Outcome action.Outcome
	Detail  string
	At      chain.Height
}

// Signed is what a wallet has signed.
type Signed struct {
	Raw    []byte
	TxHash signer.Digest // zero of a heartbeat
	At     chain.Height
}

// Fact is a row of what feeds are to tell.
type Fact struct {
	Origin    string
	Number    uint64 // of the origin, from 1 and without gaps
	Window    chain.Height
	Wallet    chain.WalletID
	Kind      feed.Kind
	Payload   []byte
	Signature feed.Signature // by the origin; zero on a node alone
}

// Item is what the origin has signed.
func (f Fact) Item() feed.Item { return feed.NewItem(f.Origin, f.Number, f.Wallet, f.Kind, f.Payload) }

// teller writes facts. A nil one tells nothing.
type teller struct {
	Telling
	log  *slog.Logger
	told chan struct{} // room for one
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

// tell adds a fact to the transaction that stores it. The origin's row stays locked until the transaction ends: whoever sees a
// number sees all before it.
func (t *teller) tell(ctx context.Context, tx *sql.Tx, what Tiding) error {
	if t == nil {
		return nil
	}
	kind, payload := t.Encode(what)
	if len(payload) > feed.MaxPayload { // what is stored must not depend on what can be told of it
		t.log.Error("Too much to tell the feed of", "wallet", what.Wallet, "window", uint64(what.Window), "bytes", len(payload))
		return nil
	}
	if len(payload) == 0 {
		return nil
	}
	var last natural
	err := tx.QueryRowContext(ctx, `INSERT INTO feed_origins (origin, last) VALUES ($1, 1)
		ON CONFLICT (origin) DO UPDATE SET last = feed_origins.last + 1 RETURNING last`, t.Origin).Scan(&last)
	if err != nil {
		return fmt.Errorf("number a fact: %w", err)
	}
	var signature []byte
	if t.Sign != nil {
		s := t.Sign(feed.NewItem(t.Origin, uint64(last), what.Wallet, kind, payload))
		signature = s[:]
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_facts (origin, number, block, wallet, kind, payload, signature) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		t.Origin, last, height(what.Window), what.Wallet[:], int64(kind), payload, blob(signature))
	return err
}

// tellIf tells of what a statement has changed; nothing if it changed no row.
func (t *teller) tellIf(ctx context.Context, tx *sql.Tx, done sql.Result, what Tiding) error {
	if t == nil {
		return nil
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		return err
	}
	return t.tell(ctx, tx, what)
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
		if err := t.tell(ctx, tx, Tiding{Wallet: r.Wallet, Window: r.Window.Block, Result: &r}); err != nil {
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
	type origin struct {
		name string
		last natural
	}
	rows, err := r.db.QueryContext(ctx, `SELECT origin, last FROM feed_origins`)
	list, err := collect(rows, err, func(row scanner) (o origin, err error) { return o, row.Scan(&o.name, &o.last) })
	all := make(map[string]uint64, len(list))
	for _, o := range list {
		all[o.name] = uint64(o.last)
	}
	return all, wrap("read who tells facts", err)
}

// Facts returns at most limit facts of an origin after a number, and no more than about pipeline.MaxPage bytes unless one alone is longer.
// Those that all feeds have sealed are gone.
func (r Reader) Facts(ctx context.Context, origin string, after uint64, limit int) ([]Fact, error) {
	until, err := r.page(ctx, true, `SELECT number, length(payload) FROM feed_facts WHERE origin = $1 AND number > $2 ORDER BY number LIMIT $3`,
		origin, natural(after), limit)
	if err != nil {
		return nil, wrap("read facts", err)
	}
	rows, err := r.db.QueryContext(ctx, `SELECT number, block, wallet, kind, payload, signature FROM feed_facts
		WHERE origin = $1 AND number > $2 AND number <= $3 ORDER BY number`, origin, natural(after), until)
	list, err := collect(rows, err, func(row scanner) (Fact, error) {
		f := Fact{Origin: origin}
		err := row.Scan((*natural)(&f.Number), (*height)(&f.Window), fixed(f.Wallet[:]), &f.Kind, &f.Payload, fixed(f.Signature[:]))
		if err == nil && !f.Kind.Valid() {
			err = fmt.Errorf("%w: fact %d of %s", ErrCorrupt, f.Number, origin)
		}
		return f, err
	})
	return list, wrap("read facts", err)
}

// page returns the last of the numbers that a query returns beside sizes whose sum does not exceed a page; the first in any case. 0 if
// there are none. With whole it ends before the first number that is left out.
func (r Reader) page(ctx context.Context, whole bool, query string, args ...any) (until natural, err error) {
	type piece struct {
		number natural
		size   int64 // bytes
	}
	rows, err := r.db.QueryContext(ctx, query, args...)
	pieces, err := collect(rows, err, func(row scanner) (p piece, err error) { return p, row.Scan(&p.number, &p.size) })
	size := int64(0)
	for i, p := range pieces {
		if size += p.size; i > 0 && (size > pipeline.MaxPage || whole && p.number != until+1) {
			break
		}
		until = p.number
	}
	return until, err
}
