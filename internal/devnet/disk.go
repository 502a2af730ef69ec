package devnet

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver of the nodes' databases

	"github.com/walletnode/walletnode/chain"
)

const (
	// disturbedFor is how many blocks into a window the first stretch of scenario slow-disk lasts. It begins before the
	// window: so the node cannot write down that the window is open before everybody else has.
	disturbedFor = 5
	// Afterwards its disk is slow for some blocks and then not for some, to beyond the end of the active phase, when the
	// results are written. SQLite tries a busy lock again after up to 100 ms, so the pauses are longer than that at the
	// pace of a test.
	disturbance = 8
)

// disturb keeps a node's database from being written to, as another program does that works on the file: it holds
// SQLite's one write lock. Reading goes on. The returned function ends it.
func (o *operator) disturb(ctx context.Context) (release func() error, err error) {
	dsn := url.URL{
		Scheme: "file", Path: filepath.ToSlash(o.database()),
		RawQuery: url.Values{"mode": {"rw"}, "_busy_timeout": {"5000"}, "_txlock": {"immediate"}}.Encode(),
	}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open the database of a node: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the database of a node: %w", err), db.Close())
	}
	return func() error {
		err := tx.Rollback()
		if errors.Is(err, sql.ErrTxDone) { // with ctx, it has ended already
			err = nil
		}
		return errors.Join(err, db.Close())
	}, nil
}

// slowDisk holds a node's database up from before the window until every other node has written down that the window is
// open. That this one has not is the proof that its disk is slow.
func (a *act) slowDisk(ctx context.Context, o *operator) (err error) {
	if err := a.standStill(ctx, a.window.Block-1); err != nil {
		return err
	}
	release, err := o.disturb(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := a.standStill(ctx, a.window.Block+disturbedFor); err != nil {
		return err
	}
	opened := func(o *operator) (bool, error) {
		detail, err := o.record(ctx, a.window.Block)
		return detail.Opened != nil, err
	}
	for _, other := range a.operators {
		if other == o {
			continue
		}
		if err := until(ctx, func() (bool, error) { return opened(other) }); err != nil {
			return err
		}
	}
	if it, err := opened(o); it || err != nil {
		return err // its disk was not slow, so there is nothing to log
	}
	a.deeds = append(a.deeds, deed{
		Kind: deedSlowDisk, Operator: o.address, From: a.window.Block, To: a.chain.Height(), Peers: len(a.operators) - 1,
	})
	return nil
}

// slowOn holds the node's database up again and again while the chain goes on.
func (a *act) slowOn(ctx context.Context, o *operator) error {
	for from := a.window.Block + disturbedFor + disturbance; from < a.window.ActiveEnd; from += 2 * disturbance {
		if err := a.clock.Until(ctx, from); err != nil {
			return err
		}
		if err := a.holdUp(ctx, o, from+disturbance); err != nil {
			return err
		}
	}
	return nil
}

func (a *act) holdUp(ctx context.Context, o *operator, to chain.Height) (err error) {
	release, err := o.disturb(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return a.clock.Until(ctx, to)
}
