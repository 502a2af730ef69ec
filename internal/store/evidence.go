package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

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
}

// Evidence is the store as exchange.Log. Where instances share it, what concerns this operator's heads is written in a
// transaction that proves that the instance's session lives, and of several instances one makes the head of a window.
type Evidence struct {
	Reader
	store *Store
	cfg   EvidenceConfig

	compared atomic.Bool   // the journal was compared with the database since the start, of a node alone
	skipped  atomic.Uint64 // no head is made of windows up to it
}

// Evidence returns the log of evidence.
func (s *Store) Evidence(cfg EvidenceConfig) *Evidence {
	return &Evidence{Reader: s.Reader, store: s, cfg: cfg}
}

// topicEvidence is the row of changes that counts changes of entries and of our heads.
const topicEvidence shared.Topic = "evidence"

// lockEvidence adds one to the version of entries and own heads, whose row stays locked until the transaction ends, and returns
// the version before.
func lockEvidence(ctx context.Context, tx *sql.Tx) (uint64, error) {
	if err := bump(ctx, tx, topicEvidence); err != nil {
		return 0, err
	}
	version, err := evidenceVersion(ctx, tx)
	return version - 1, err
}

func evidenceVersion(ctx context.Context, db querier) (version uint64, err error) {
	err = db.QueryRowContext(ctx, `SELECT version FROM changes WHERE topic = $1`, string(topicEvidence)).Scan(&version)
	return version, err
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
