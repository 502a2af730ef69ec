package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// Defaults of Retention. The network opens about 8 windows a day.
const (
	// defaultWindows is ~250 days: a wallet lives about half a year, so its whole life can be looked up while it
	// matters. A wallet's window takes up to ~900 bytes (measured, with an action and a fault): 1.8 GB for 1000 wallets,
	// 36 MB for 20.
	defaultWindows = 2000
	// defaultEvidence is ~3.4 years: a dispute about an operator is fought long after the window, and an honest network
	// produces few faults.
	defaultEvidence = 10000
	// defaultMessages is 30 days, and defaultHeads 90: heads attest 8 days, and who finds a difference in them looks into it
	// at once or pins it. A wallet's window takes 300 bytes besides its messages, and a head 250 for each operator.
	defaultMessages = 240
	defaultHeads    = 720
)

// Retention says how many opened windows are kept. Counting windows rather than heights makes a chain that lies about its
// height harmless: it cannot make the node delete what it has.
type Retention struct {
	// Windows is for results, own proposals, actions, and what was signed but transactions; 0 for 2000.
	Windows int
	// Evidence is for faults, statements of their culprits, what is kept of a window of which something is proved, and the list of
	// windows itself; 0 for 10000. It is at least Windows. Proofs stay for ever, and so does what is in an open dispute: see
	// exchange.MaxPinned.
	Evidence int
	// Messages is for statements and quotes, and for what was attested of them; 0 for 240. What the newest head attests stays,
	// and what is in dispute stays longer: of a window of which something is proved as long as Evidence, for the proof has the
	// signed messages itself, and of one in which another operator attests what nobody could explain until somebody does.
	Messages int
	// Heads is for heads; 0 for 720. Neither this nor Messages lasts longer than Evidence.
	Heads int
}

func (r Retention) withDefaults() Retention {
	if r.Windows == 0 {
		r.Windows = defaultWindows
	}
	if r.Evidence == 0 {
		r.Evidence = max(defaultEvidence, r.Windows)
	}
	if r.Messages == 0 {
		r.Messages = defaultMessages
	}
	if r.Heads == 0 {
		r.Heads = defaultHeads
	}
	r.Messages, r.Heads = min(r.Messages, r.Evidence), min(r.Heads, r.Evidence)
	return r
}

func (r Retention) validate() error {
	if r.Windows < 0 || r.Evidence < 0 || r.Messages < 0 || r.Heads < 0 {
		return fmt.Errorf("retention of %d windows, %d windows of evidence, %d of messages and %d of heads: none can be negative",
			r.Windows, r.Evidence, r.Messages, r.Heads)
	}
	if r = r.withDefaults(); r.Evidence < r.Windows {
		return fmt.Errorf("retention keeps evidence for %d windows and everything else for %d: evidence is kept longest", r.Evidence, r.Windows)
	}
	return nil
}

// busy keeps what a wallet still works on: an open window, or an action without an outcome.
const busy = `(block, wallet) NOT IN (SELECT block, wallet FROM results WHERE NOT finished)
	AND (block, wallet) NOT IN (SELECT block, wallet FROM actions WHERE NOT finished)`

// accused holds for a statement whose author is the culprit of a fault of the same window.
const accused = `EXISTS (SELECT 1 FROM faults f WHERE f.block = statements.block AND f.wallet = statements.wallet AND f.culprit = statements.author)`

// spendless holds for a signing without a transaction. Those with one stay, signed or not: a signer never forgets which transaction
// it first signed for an output, and signs another one only if it is told what that replaces, however much later; and the newest
// signed one may hold all that the wallet has. Each is 1 to 2 kB, and a wallet has a few a day at most.
const spendless = `length(raw) = 0`

// disputed holds for a row of a wallet's window of which something is proved, or in which somebody attests what nobody could
// explain.
func disputed(table string) string {
	return `(EXISTS (SELECT 1 FROM proofs p WHERE p.block = ` + table + `.block AND p.wallet = ` + table + `.wallet)
		OR EXISTS (SELECT 1 FROM differences d WHERE d.block = ` + table + `.block AND d.wallet = ` + table + `.wallet AND d.open))`
}

// witnessing holds for a head, our own or of the operator in question, that attests a window in which that operator attests what nobody
// could explain.
var witnessing = fmt.Sprintf(`EXISTS (SELECT 1 FROM differences d WHERE d.open AND (heads.own OR d.operator = heads.operator)
	AND heads.block >= d.block AND heads.block < d.block + %d)`, evidence.Span*frequency)

// pinned selects the differences that stay however old they are until they are explained: with each operator as many of the newest
// that are open as exchange.MaxPinned.
var pinned = fmt.Sprintf(`(SELECT block, wallet, operator FROM (
	SELECT block, wallet, operator, ROW_NUMBER() OVER (PARTITION BY operator ORDER BY block DESC, wallet) AS nth FROM differences WHERE open
) n WHERE nth <= %d)`, exchange.MaxPinned)

// unpinned holds for a row of a wallet's window of which no difference is pinned.
var unpinned = `(block, wallet) NOT IN (SELECT block, wallet FROM ` + pinned + ` d)`

// attestingPinned holds for a head as witnessing does, of the differences that are pinned.
var attestingPinned = fmt.Sprintf(`EXISTS (SELECT 1 FROM %s d WHERE (heads.own OR d.operator = heads.operator)
	AND heads.block >= d.block AND heads.block < d.block + %d)`, pinned, evidence.Span*frequency)

// prunings lists what is deleted, in an order in which nothing is left that refers to what is gone. Each condition holds for
// rows of a window that may go once the window is older than its bound.
var prunings = []pruning{
	{"statements", busy + ` AND NOT ` + accused + ` AND NOT ` + disputed("statements"), asMessages},
	{"quotes", `NOT ` + disputed("quotes"), asMessages},
	{"entries", `NOT ` + disputed("entries"), asMessages},
	{"differences", `NOT open`, asMessages},
	{"heads", `NOT ` + witnessing, asHeads},
	{"own_proposals", busy, asWindows},
	{"claims", busy, asWindows},
	{"results", busy, asWindows},
	{"signings", busy + ` AND ` + spendless, asWindows},
	{"actions", busy, asWindows},
	// The others have gone before. No row is in two conditions: a dry run counts it once.
	{"statements", busy + ` AND (` + accused + ` OR ` + disputed("statements") + `) AND ` + unpinned, asEvidence},
	{"quotes", disputed("quotes") + ` AND ` + unpinned, asDisputes},
	{"entries", disputed("entries") + ` AND ` + unpinned, asDisputes},
	{"heads", witnessing + ` AND NOT ` + attestingPinned, asDisputes},
	{"differences", `open AND (block, wallet, operator) NOT IN ` + pinned, asDisputes},
	{"faults", busy + ` AND ` + unpinned, asEvidence},
	{"inactivity", `TRUE`, asEvidence},
	{"windows", `TRUE`, asEvidence},
}

type pruning struct {
	table, condition string
	kept             lasting
}

// lasting says as long as what rows are kept.
type lasting int

const (
	asWindows lasting = iota
	asEvidence
	asMessages
	asHeads
	asDisputes // as evidence, but never shorter than heads attest: what is in dispute and not pinned
)

// Prune deletes what is older than the retention, oldest window first, one window and table per transaction, so that no
// writer waits long behind it. Windows from height now on, open windows and pending actions are never deleted. The space is used
// again by later rows; the file does not shrink.
func (s *Store) Prune(ctx context.Context, now chain.Height) error {
	return s.PruneTelling(ctx, now, func(string, int64) {})
}

// PruneTelling does what Prune does and calls deleted with each number of rows that were deleted from a table.
func (s *Store) PruneTelling(ctx context.Context, now chain.Height, deleted func(table string, rows int64)) error {
	b, err := s.bounds(ctx, s.retention, now)
	if err != nil {
		return err
	}
	for _, p := range prunings {
		if err := s.pruneTable(ctx, p, b.of(p), deleted); err != nil {
			return err
		}
	}
	return s.pruneMissed(ctx, b[asEvidence], deleted)
}

// bounds are the coordination blocks below which rows go.
type bounds [asDisputes + 1]chain.Height

func (b bounds) of(p pruning) chain.Height { return b[p.kept] }

func (r Reader) bounds(ctx context.Context, retention Retention, now chain.Height) (b bounds, err error) {
	for kept, windows := range [...]int{
		asWindows: retention.Windows, asEvidence: retention.Evidence, asMessages: retention.Messages, asHeads: retention.Heads,
		asDisputes: retention.Evidence,
	} {
		if b[kept], err = r.cutoff(ctx, windows, now); err != nil {
			return bounds{}, err
		}
	}
	var newest height
	if err := r.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(block), 0) FROM heads WHERE own AND NOT lost`).Scan(&newest); err != nil {
		return bounds{}, wrap("read retention bound", err)
	}
	if newest > 0 { // what the newest head attests can be asked for, and so can the head before it
		attested := since(chain.Height(newest))
		b[asMessages], b[asHeads], b[asDisputes] = min(b[asMessages], attested), min(b[asHeads], attested), min(b[asDisputes], attested)
	}
	return b, nil
}

// cutoff returns the coordination block below which everything goes: the oldest of the newest n opened windows, 0 if there
// are fewer.
func (r Reader) cutoff(ctx context.Context, n int, now chain.Height) (chain.Height, error) {
	var oldest height
	err := r.db.QueryRowContext(ctx, `SELECT COALESCE(MIN(block), 0) FROM (SELECT block FROM windows ORDER BY block DESC LIMIT 1 OFFSET $1) w`, n-1).
		Scan(&oldest)
	return min(chain.Height(oldest), now), wrap("read retention bound", err)
}

// pruneTable deletes window by window. With nothing to delete it looks at the beginning of the table's key only.
func (s *Store) pruneTable(ctx context.Context, p pruning, before chain.Height, deleted func(string, int64)) error {
	//nolint:gosec // table and condition are constants of this file
	next := `SELECT COALESCE(MIN(block), 0) FROM ` + p.table + ` WHERE block < $1 AND ` + p.condition
	//nolint:gosec // as above
	remove := `DELETE FROM ` + p.table + ` WHERE block = $1 AND ` + p.condition
	for {
		var block height
		if err := s.db.QueryRowContext(ctx, next, height(before)).Scan(&block); err != nil {
			return wrap("find old "+p.table, err)
		}
		if block == 0 {
			return nil
		}
		rows, err := s.remove(ctx, p.table, remove, block)
		if err != nil {
			return err
		}
		deleted(p.table, rows)
		if p.table == "differences" && p.kept == asDisputes {
			s.log.Warn("More is in dispute with an operator than is kept beyond store.retention_evidence: the oldest of it is given up",
				"window", uint64(block), "differences", rows, "kept", exchange.MaxPinned)
		}
		s.log.Debug("Old rows deleted", "table", p.table, "window", uint64(block), "rows", rows)
	}
}

func (s *Store) pruneMissed(ctx context.Context, before chain.Height, deleted func(string, int64)) error {
	rows, err := s.remove(ctx, "missed", `DELETE FROM missed WHERE last_block < $1`, height(before))
	if err == nil && rows > 0 {
		deleted("missed", rows)
	}
	return err
}

func (s *Store) remove(ctx context.Context, table, statement string, block height) (rows int64, err error) {
	err = s.writes.do(ctx, "delete old "+table, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, statement, block)
		if err != nil {
			return err
		}
		rows, err = done.RowsAffected()
		return err
	})
	return rows, err
}
