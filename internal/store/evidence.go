package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
)

var _ exchange.Log = (*Evidence)(nil)

// EvidenceConfig is what the log of evidence needs besides the store.
type EvidenceConfig struct {
	// Self is the operator whose heads are its own.
	Self chain.Operator
	// Seal proves this instance's session, or says why there is none; nil of an only node.
	Seal func() (cluster.Seal, error)
	// Journal is where heads are written down before they are sent: what remains if the database forgets. Nil where nothing is
	// journalled, as in a store in memory.
	Journal cluster.Log
	// Newest is the timestamp of the newest block that the node follows; nil where the chain is always as new as can be.
	Newest func() time.Time
}

// Evidence is the store as exchange.Log. Where instances share it, what concerns this operator's heads is written in a
// transaction that proves that the instance's session lives, and of several instances one makes the head of a window.
type Evidence struct {
	Reader
	store *Store
	cfg   EvidenceConfig

	written written  // what the journal has
	about   registry // whom the heads are about

	compared atomic.Bool   // the journal was compared with the database since the start, of a node alone
	strange  atomic.Bool   // it is the journal of another database: windows of before the start are skipped
	began    time.Time     // the start
	skipped  atomic.Uint64 // no head is made of windows up to it
}

// Evidence returns the log of evidence.
func (s *Store) Evidence(cfg EvidenceConfig) *Evidence {
	return &Evidence{Reader: s.Reader, store: s, cfg: cfg, began: time.Now()}
}

// topicEvidence is the row of changes that counts changes of entries and of our heads.
const topicEvidence shared.Topic = "evidence"

// lockEvidence gives entries and own heads a new version, whose row stays locked until the transaction ends, and returns that and the one
// before.
//
// Versions grow by what chance says. A database that has forgotten changes, and sees others instead, has then never the version with which
// somebody knew it before; whoever holds what was read with a version need not read it again as long as the version stands.
func lockEvidence(ctx context.Context, tx *sql.Tx, d dialect) (before, after uint64, err error) {
	step := 1 + d.draw(maxStep)
	done, err := tx.ExecContext(ctx, `UPDATE changes SET version = version + $1 WHERE topic = $2`, step, string(topicEvidence))
	if err = one(done, err, fmt.Errorf("%w: no version of %s", ErrCorrupt, topicEvidence)); err != nil {
		return 0, 0, err
	}
	after, err = evidenceVersion(ctx, tx)
	return after - uint64(step), after, err
}

// maxStep lets 2^31 changes happen before a version is no BIGINT any more; two different ones are alike once in 2^32 times.
const maxStep = 1 << 32

func evidenceVersion(ctx context.Context, db querier) (version uint64, err error) {
	err = db.QueryRowContext(ctx, `SELECT version FROM changes WHERE topic = $1`, string(topicEvidence)).Scan(&version)
	return version, err
}

// Version implements exchange.Heads.
func (l *Evidence) Version(ctx context.Context) (uint64, error) {
	version, err := evidenceVersion(ctx, l.db)
	return version, wrap("read the version of what is attested", err)
}

// sealed commits a change that is made only while this instance's session lives. Doubts tells whether a head of a window may have
// been signed by somebody before the database lost data, or by a node alone before it was restored elsewhere.
func (l *Evidence) sealed(ctx context.Context, action string, c func(ctx context.Context, tx *sql.Tx, doubts func(chain.Height) bool) error) error {
	if l.cfg.Seal == nil {
		return l.store.writes.do(ctx, action, func(ctx context.Context, tx *sql.Tx) error {
			return c(ctx, tx, func(window chain.Height) bool { return uint64(window) <= l.skipped.Load() })
		})
	}
	seal, err := l.cfg.Seal()
	if err != nil {
		return wrap(action, err)
	}
	d := l.at.dialect()
	var at era
	err = l.store.writes.do(ctx, action, func(ctx context.Context, tx *sql.Tx) error {
		now, err := look(ctx, tx, d)
		if err != nil {
			return err
		}
		if _, live := now.sealed(seal); !live {
			return fmt.Errorf("%w: %w", cluster.ErrSessionLost, chain.ErrNotServed)
		}
		at = now.era
		return c(ctx, tx, now.forgot)
	})
	if err != nil {
		return err
	}
	return wrap(action, d.seen.Note(at.mark())) // as of what is about to be sent: a database that forgot it is noticed
}
