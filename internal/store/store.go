// Package store is the node's durable state: windows with what was said in them, results, faults, actions and wallets; signer
// backends, key generations and signatures; heads and proofs; the feed; and what instances share. What it acknowledged survives
// kill -9 and power loss; what it did not acknowledge left no trace.
//
// The embedded engine is SQLite, which one running node has at a time (a lock file says so); a PostgreSQL server is the other,
// which many instances of one operator have together: what they write for a wallet they write under a fence (Pen). Any number
// of readers (OpenReader) and short-lived imports (OpenImporter) work beside them.
// Schema and queries are the same for both: portable types, numbered placeholders, no generated keys, and for
// correctness nothing but rows, conditional updates and row locks. engine is what differs.
//
// Nothing runs in the background but Hold, which a running node calls. Whoever closes a window calls Prune, which is cheap when
// there is nothing to delete.
//
// How it is opened, and by whom:
//
//	store.go, reader.go, importer.go, maintain.go                 by a node; to read and to import wallets beside one; to maintain it without
//	engine.go, dialect.go, durability.go                          what differs between the databases
//	location.go, sqlite.go, statements.go, simulated.go           a file of SQLite, its prepared statements; that of a simulation
//	lock_unix.go, lock_other.go, disk_unix.go, disk_other.go      who has the file, and how much its disk has room for
//	netfs_linux.go, netfs_other.go                                that it is a disk of this machine
//	postgres.go, pgdriver.go, pgbytes.go, pgerrors.go, tenant.go  a server of PostgreSQL, and which processes run on it
//	migrate.go, examine.go, chainid.go                            the schema, and the chain that the store belongs to
//
// How it is written and read:
//
//	writer.go, probe.go, transact.go, insert.go  changes, in groups or each by itself
//	pen.go, fences.go                            what is written for a wallet, and the proof that it is ours
//	query.go, values.go, errors.go, gauge.go     queries, values in columns, errors; whether anything was written since
//	retention.go, backup.go, figures.go          what is deleted, copied and measured
//
// What is in it:
//
//	windows.go, windows_shared.go, openrows.go                                windows: opened, missed and not ended, of one instance or many
//	windows_list.go, windows_detail.go, tally.go                              windows as they are shown
//	journal.go, results.go, faults.go                                         what was said and heard in a window, how it ended, and who was at fault
//	actions.go, signings.go, barred.go                                        what was carried out and signed; nothing against one's word that one heard nothing
//	wallets.go, registry.go, keygens.go, backends.go, shares.go               wallets, how their keys were made, and which backend holds them
//	sessions.go, generations.go, owners.go, claims.go, claims_reconcile.go    instances: that they live, whose a wallet is, who speaks in a window
//	changes.go, bans.go, halts.go, verdicts.go, wishes.go                     lists that instances share, and their versions
//	evidence.go, heads.go, headlog.go, drafts.go                              what is attested: the own heads, and those of others
//	differences.go, proofs.go                                                 where histories differ, and what is proved by that
//	facts.go                                                                  what feeds are told of all this
//	feed.go, feed_records.go, feed_seals.go, feed_segments.go, feed_fresh.go  a feed: its records and seals, and how many of them are one row
//	feed_mailboxes.go, feed_homes.go, feed_moves.go, feed_keys.go             mailboxes, where they are, and the keys that sign for them
//	feed_collect.go, feed_loss.go                                             what a feed deletes, and what it does where its database was put back
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/proposal/action"
)

var (
	_ coordination.WindowLog = (*Store)(nil)
	_ coordination.ResultLog = (*Store)(nil)
	_ coordination.Journal   = (*Store)(nil)
	_ coordination.Registry  = (*Store)(nil)
	_ action.Log             = (*Store)(nil)
)

// maxReaders is how many queries run at once: more than two cores gain nothing from it, and each costs a cache of 2 MB.
const maxReaders = 4

// Config says where a store is and how long it keeps what.
type Config struct {
	// DSN is "sqlite:PATH" of a database file, or the path of a directory in which the database is kept; what is
	// missing of the path is created. Or it is a URL of PostgreSQL, "postgres://user:password@host/database"; the
	// database must exist, its tables are made.
	DSN       string
	Retention Retention
	// Seen is how far this process has seen a shared database get; nil if it does not remember. One that is found behind it
	// has forgotten what it had acknowledged.
	Seen *cluster.Watermark
	// Observe is told how long each write to the disk took, failed ones included; it must return at once. Nil is allowed.
	Observe func(took time.Duration)
	// Telling is how feeds are told of what is stored; nil if they are told nothing.
	Telling *Telling
	// Simulated is how a simulation has the file at DSN; nil of every other store.
	Simulated *Simulated
}

// Store is the store of a running node. Its methods may be called from any number of goroutines.
type Store struct {
	scribe
	lines     lines
	lock      lock // nil beside a node, whose claim it is
	retention Retention
	log       *slog.Logger

	// What is asked again and again. An embedded store, of which one process runs, is asked whether anything was written first; one that
	// many write to all the time would answer yes.
	gauge    *gauge // nil of a shared store, and beside a node
	roll     roll
	wallets  memo[[]chain.Wallet]
	versions memo[shared.Versions]

	closing sync.Once
	closed  error // set by the first Close
}

// Open opens the node's store, creates it if there is none, migrates it, and binds a new one to the chain (its ID and
// the hash of its block 0). It fails, with one of this package's errors and nothing changed, if the store cannot be
// written, is in use, is damaged, was written by a newer version, or belongs to another chain or program.
func Open(ctx context.Context, cfg Config, chainID uint64, genesis chain.Hash, log *slog.Logger) (*Store, error) {
	if err := cfg.Retention.validate(); err != nil {
		return nil, err
	}
	teller, err := newTeller(cfg.Telling, log)
	if err != nil {
		return nil, err
	}
	at, err := cfg.place()
	if err != nil {
		return nil, err
	}
	if r, shared := at.(interface{ remember(w *cluster.Watermark) }); shared {
		r.remember(cfg.Seen)
	}
	bound := binding{strconv.FormatUint(chainID, 10), genesis.String()}
	s, err := openLocked(ctx, at, bound, log)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", at, classify(err))
	}
	s.retention = cfg.Retention.withDefaults()
	s.tells(teller)
	if cfg.Observe != nil {
		s.writes.observe = cfg.Observe
	}
	return s, nil
}

// openLocked opens the store for running on it: an embedded one as its only process. A zero binding leaves a new store
// unbound.
func openLocked(ctx context.Context, at engine, bound binding, log *slog.Logger) (*Store, error) {
	lock, err := at.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s, err := openChecked(ctx, at, bound, log)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.lock = lock
	if ttl := at.tenancy(); ttl > 0 {
		if s.writes.tenant, err = enroll(ctx, at, ttl); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	reads, err := at.reader(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.gauge = newGauge(reads)
	return s, nil
}

// openChecked looks at the store before anything can change it, then migrates and binds it.
func openChecked(ctx context.Context, at engine, bound binding, log *slog.Logger) (*Store, error) {
	if err := examine(ctx, at, bound); err != nil {
		return nil, err
	}
	db, err := at.migrator(ctx)
	if err != nil {
		return nil, err
	}
	err = migrate(ctx, at, db, log)
	if err == nil {
		err = bind(ctx, db, bound)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return assemble(ctx, at, log)
}

func assemble(ctx context.Context, at engine, log *slog.Logger) (*Store, error) {
	db, err := at.writer(ctx)
	if err != nil {
		return nil, err
	}
	reads, err := at.reader(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{scribe: scribe{Reader: Reader{reads, at}, writes: newWriter(db, at)}, lines: openLines(at, db), log: log}, nil
}

// Close waits for writes under way, though not for a database that does not answer, closes the store and releases it for
// another process. That a server cannot be reached is no error: it learns by itself who is gone. Close may be called again.
func (s *Store) Close() error {
	// Readers first: the last connection to close folds the write-ahead log into the database, and only the writer can.
	s.closing.Do(func() {
		s.closed = s.Reader.Close()
		if s.gauge != nil {
			s.closed = errors.Join(s.closed, s.gauge.close())
		}
		s.closed = errors.Join(s.closed, s.lines.close(s.writes.db), s.writes.close())
		if s.writes.tenant != nil {
			if err := s.writes.tenant.leave(); err != nil { // nothing that was acknowledged is lost by it
				s.log.Warn("Could not take leave of the database; it takes the process for gone in a while", "error", err)
			}
		}
		if s.lock != nil {
			s.closed = errors.Join(s.closed, s.lock.release())
		}
	})
	return s.closed
}
