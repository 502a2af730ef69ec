package devnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const (
	// skippedBlocks is how many heads scenario skipped-heads keeps back, from block c on.
	skippedBlocks = 21
	// restartAfter is how many blocks into a window scenario restart kills a node, and downFor how many blocks later it
	// starts it again.
	restartAfter = 10
	downFor      = 5
	// lateBy is how many blocks into a window scenario late-node starts a node.
	lateBy = 15
	// reorgAfter is how many blocks into a window scenario reorg replaces the chain's newest blocks, down to
	// reorgBelow blocks before the window, which stays.
	reorgAfter = 10
	reorgBelow = 8
	// patience is how many blocks after a window's end its outcomes are waited for before the judge is asked all the
	// same.
	patience = 300
	// lastWrites is how many blocks more the outcomes of actions are waited for whose time has run out just then.
	lastWrites = 30
	// pacedBlocks is how many blocks after a window's start the local chain makes at their pace before it bursts.
	pacedBlocks = 120
	// gathering bounds in real time how long nodes may take to find each other. It takes a second or two, and on a crowded machine under
	// the race detector more than two minutes once endpoints are back that had failed for a whole window; a machine that needs longer
	// than this cannot run them.
	gathering = 5 * time.Minute
	// glance is the time between two looks at what tells nobody when it changes.
	glance = 20 * time.Millisecond
	// signingBlock is the time between two blocks while signatures are made, at least: an attempt of 41 blocks has 20 s, of
	// which a signature takes one or two on a machine with little else to do.
	signingBlock = 500 * time.Millisecond
	// comparingBlock is that while histories are compared: the window has 768 such blocks left for it, more than a minute.
	comparingBlock = 100 * time.Millisecond
	// ecdsaBlock is the same for ECDSA wallets, of which a signature takes each signer a second or two of a processor.
	ecdsaBlock = 2 * time.Second
)

// signingPace is the time between two blocks while signatures are made, at least.
func (c Config) signingPace() time.Duration {
	if c.scheme() == signer.CMP {
		return ecdsaBlock
	}
	return signingBlock
}

// act is one window in the making.
type act struct {
	*devnet
	window    coordination.Window
	elections []election
	safe      chain.Hash
	plan      plan
	refusing  map[chain.Operator]map[string]chain.Operator // whom each node refuses at the end of the active phase
	first     map[chain.Operator]bool                      // nodes taken down that had accounted for no window before
	struck    round                                        // what befell the instances
	actors    []*actor
	illAt     chain.Height // where the chain stood when endpoints fell ill
	deeds     []deed
	plot      *plot // of crooks in place of signers; nil if there are none
}

// window runs one window: what the scenario has planned for it, and the judgement.
func (d *devnet) window(ctx context.Context, w coordination.Window, last bool) (_ Report, err error) {
	a := &act{devnet: d, window: w, first: make(map[chain.Operator]bool), refusing: make(map[chain.Operator]map[string]chain.Operator)}
	defer func() { err = errors.Join(err, a.dismiss()) }() // only after an error is there anybody left
	if err := a.prepare(ctx); err != nil {
		return Report{}, fmt.Errorf("prepare: %w", err)
	}
	began := time.Now()
	if err := a.perform(ctx); err != nil {
		return Report{}, fmt.Errorf("perform: %w", err)
	}
	if err := a.settle(ctx); err != nil {
		return Report{}, fmt.Errorf("wait for the outcomes: %w", err)
	}
	if a.chaos != nil {
		if a.struck.bound, err = a.chaos.bound(ctx, w.Block); err != nil {
			return Report{}, fmt.Errorf("ask the signers what they are bound to: %w", err)
		}
	}
	if err := a.revive(ctx); err != nil {
		return Report{}, fmt.Errorf("start signers again: %w", err)
	}
	facts, err := a.facts(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("read the records: %w", err)
	}
	report := a.judge(facts)
	d.holdings.countPoor(facts)
	if err := d.treasury.cash(ctx, facts); err != nil {
		return Report{}, fmt.Errorf("settle redemptions: %w", err)
	}
	report.Took = time.Since(began)
	d.log.Info("Window judged", "window", w.Block, "took", report.Took, "differences", len(report.Differences))
	if last {
		return report, nil
	}
	return report, d.interlude(ctx, w)
}

// interlude is what happens between two windows. Every action has its outcome, so nobody needs the blocks that the
// chain would still make at their pace.
func (d *devnet) interlude(ctx context.Context, w coordination.Window) error {
	d.busy.Store(false)
	if rest := w.Block + pacedBlocks; d.cfg.FastIdle && d.chain.Height() < rest {
		if err := d.chain.Mine(ctx, int(rest-d.chain.Height())); err != nil { //nolint:gosec // less than a window
			return err
		}
	}
	if err := d.treasury.request(ctx, d.everyWallet()); err != nil {
		return err
	}
	return d.treasury.ripen(ctx)
}
