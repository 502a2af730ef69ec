package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
)

// Claim implements cluster.Claims.
func (s *Store) Claim(ctx context.Context, f cluster.Fence, window chain.Height) (cluster.Claim, error) {
	var claim cluster.Claim
	err := s.transact(ctx, s.lines.claims, "claim window", func(ctx context.Context, tx *sql.Tx) error {
		d := s.at.dialect()
		now, err := proved(ctx, tx, d, f)
		if err != nil {
			return err
		}
		claim = cluster.Claim{Wallet: f.Wallet, Window: window, Holder: f.Holder, Epoch: f.Epoch}
		doubtful := now.doubts(f, window)
		if !doubtful {
			// Most windows are claimed by nobody yet. It is tried first, for each statement is a way to the server and back.
			done, err := tx.ExecContext(ctx, `INSERT INTO claims (block, wallet, instance, boot, epoch, claimed) SELECT $1, $2, $3, $4, $5, $6
				WHERE NOT EXISTS (SELECT 1 FROM own_proposals p WHERE p.block = $1 AND p.wallet = $2)
				ON CONFLICT (block, wallet) DO UPDATE SET instance = excluded.instance, boot = excluded.boot, epoch = excluded.epoch, claimed = excluded.claimed
				WHERE claims.epoch <= excluded.epoch`,
				height(window), f.Wallet[:], string(f.Instance), f.Boot[:], int64(f.Epoch), now.now) //nolint:gosec // epochs count moves
			if err := one(done, err, errStands); !errors.Is(err, errStands) {
				return err
			}
		}
		row, found, err := readClaim(ctx, tx, f.Wallet, window)
		switch {
		case err != nil:
			return err
		case row.Filled(), found && row.Epoch == f.Epoch && row.Holder == f.Holder:
			claim = row
			return nil
		case found && row.Epoch > f.Epoch:
			return cluster.ErrFenced
		case doubtful:
			return cluster.ErrDoubtful
		}
		return errAgain // it was put back, or lifted, between the two statements
	})
	if err != nil {
		return cluster.Claim{}, err
	}
	return claim, nil
}

// errStands says that a statement changed nothing, because of what stands in the table.
var errStands = errors.New("something is stored already")

// proved checks a fence and returns the look at the sessions that it was checked with.
func proved(ctx context.Context, tx *sql.Tx, d dialect, f cluster.Fence) (sight, error) {
	now, refused, err := proofs(ctx, tx, d, []cluster.Fence{f})
	return now, errors.Join(err, refused[f])
}

// doubts reports whether somebody may have served a window that the table knows nothing of.
func (s sight) doubts(f cluster.Fence, window chain.Height) bool {
	switch {
	case s.first():
		return false
	case s.began == 0:
		return true // nobody has compared anything yet
	case window > chain.Height(s.horizon):
		return false
	case s.now-s.began < s.sessions[f.Instance].ttl:
		return true // whoever lives, and was forgotten altogether, may not have come yet
	}
	for _, i := range s.sessions {
		if s.owed(i) {
			return true
		}
	}
	return false
}

// forgot reports whether the database may once have known more of a window than it does. Unlike a proposal, of which nothing more is said once
// its window is over, a head can be made as long as its window is the newest one: so whoever knows of it is not waited for, and a window that
// anybody may have attested before the loss is skipped.
func (s sight) forgot(window chain.Height) bool {
	return !s.first() && (s.began == 0 || window <= chain.Height(s.horizon))
}

// SaveProposal implements cluster.Claims. What it stored has to be remembered on this machine's disk before it is sent: the
// watermark tells a database that forgot it from one that never had it.
func (s *Store) SaveProposal(ctx context.Context, f cluster.Fence, window chain.Height, own coordination.OwnProposal) (cluster.Claim, error) {
	var claim cluster.Claim
	var at era
	defer s.teller.wake()
	err := s.transact(ctx, s.lines.claims, "store proposal", func(ctx context.Context, tx *sql.Tx) error {
		now, err := proved(ctx, tx, s.at.dialect(), f)
		if err != nil {
			return err
		}
		at = now.era
		claim = cluster.Claim{Wallet: f.Wallet, Window: window, Holder: f.Holder, Epoch: f.Epoch, Own: own}
		done, err := tx.ExecContext(ctx, `INSERT INTO own_proposals (block, wallet, payload, envelope, sent_at, sent_time) SELECT $1, $2, $3, $4, $5, $6
			WHERE EXISTS (SELECT 1 FROM claims c WHERE c.block = $1 AND c.wallet = $2 AND c.instance = $7 AND c.boot = $8 AND c.epoch = $9)
			AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.block = $1 AND e.wallet = $2)
			AND NOT EXISTS (SELECT 1 FROM heads h WHERE h.block = $1 AND h.lost)
			ON CONFLICT (block, wallet) DO NOTHING`,
			height(window), f.Wallet[:], blob(own.Payload), blob(own.Envelope), height(own.SentAt), instant(own.SentTime),
			string(f.Instance), f.Boot[:], int64(f.Epoch)) //nolint:gosec // epochs count moves
		if err := one(done, err, errStands); err == nil {
			return s.teller.tell(ctx, Tiding{Wallet: f.Wallet, Window: window, Own: &own})
		} else if !errors.Is(err, errStands) {
			return err
		}
		row, found, err := readClaim(ctx, tx, f.Wallet, window)
		switch {
		case err != nil:
			return err
		case row.Filled():
			claim = row
			return nil
		case !found || row.Epoch != f.Epoch || row.Holder != f.Holder:
			return cluster.ErrFenced
		}
		if err := barred(ctx, tx, f.Wallet, window); err != nil {
			return fmt.Errorf("%w: %w", cluster.ErrDoubtful, err)
		}
		return errAgain // the one or the other was put back between the two statements
	})
	if err != nil {
		return cluster.Claim{}, err
	}
	return claim, wrap("store proposal", s.at.dialect().seen.Note(at.mark()))
}

// FindClaim implements cluster.Claims.
func (r Reader) FindClaim(ctx context.Context, wallet chain.WalletID, window chain.Height) (cluster.Claim, bool, error) {
	claim, found, err := readClaim(ctx, r.db, wallet, window)
	return claim, found, wrap("read claim", err)
}

// readClaim reads who claimed a window and what is said for it. What an only node has stored has no claim: nobody else
// could have said it.
func readClaim(ctx context.Context, db querier, wallet chain.WalletID, window chain.Height) (cluster.Claim, bool, error) {
	none := cluster.Claim{Wallet: wallet, Window: window}
	claim, claimed := none, false
	var instance sql.Null[string]
	var epoch, sentAt, sentTime sql.Null[int64]
	var boot, payload, envelope []byte
	err := db.QueryRowContext(ctx, `SELECT c.instance, c.boot, c.epoch, p.payload, p.envelope, p.sent_at, p.sent_time FROM (SELECT 1 AS one) k
		LEFT JOIN claims c ON c.block = $1 AND c.wallet = $2 LEFT JOIN own_proposals p ON p.block = $1 AND p.wallet = $2`,
		height(window), wallet[:]).Scan(&instance, &boot, &epoch, &payload, &envelope, &sentAt, &sentTime)
	if err != nil {
		return none, false, err
	}
	if instance.Valid {
		claimed = true
		claim.Holder.Instance, claim.Epoch = cluster.InstanceID(instance.V), cluster.Epoch(epoch.V) //nolint:gosec // as it was written
		if err := fixed(claim.Holder.Boot[:]).Scan(boot); err != nil {
			return none, false, err
		}
	}
	if !sentAt.Valid {
		return claim, claimed, nil
	}
	claim.Own = coordination.OwnProposal{Payload: payload, Envelope: envelope}
	err = errors.Join((*height)(&claim.Own.SentAt).Scan(sentAt.V), (*instant)(&claim.Own.SentTime).Scan(sentTime.V))
	return claim, true, err
}
