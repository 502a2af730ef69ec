package devnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/store"
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
	// gathering bounds in real time how long nodes may take to find each other. It takes a second or two; a machine
	// that needs longer than this cannot run them.
	gathering = 2 * time.Minute
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
	deeds     []Deed
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
	d.countPoor(facts)
	if err := d.cash(ctx, facts); err != nil {
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
	if err := d.requestRedemptions(ctx, d.everyWallet()); err != nil {
		return err
	}
	return d.ripen(ctx)
}

// ripen has the next block come late enough for what is requested now to be old enough at the next window. It is without that, unless
// the window before took so long that the chain went on for some hundred blocks meanwhile: then the request would come of age while
// the window runs, and nobody could say whether it has to be paid.
func (d *devnet) ripen(ctx context.Context) error {
	height := d.chain.Height()
	known := knownAt(coordination.RFC12().Next(height))
	var left time.Duration
	if known > height {
		left = time.Duration(known-height) * chainBlockTime //nolint:gosec // less than a window
	}
	if missing := d.limits.MinAge + time.Minute - left; missing > 0 {
		return d.chain.AdvanceTime(ctx, missing)
	}
	return nil
}

// prepare brings everybody to where the leaders are known, and makes the plan come true while the chain stands still.
func (a *act) prepare(ctx context.Context) error {
	if err := a.clock.Until(ctx, a.meetAt(a.window)); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if a.scenario.draws {
		if err := a.draw(ctx); err != nil {
			return err
		}
	}
	if a.scenario.ill > 0 { // whoever leads
		a.plan = a.scenario.plan(a.stage())
		if err := a.sicken(ctx); err != nil {
			return err
		}
	}
	if err := a.elect(ctx); err != nil {
		return err
	}
	if a.scenario.ill == 0 {
		a.plan = a.scenario.plan(a.stage())
	}
	a.log.Info("Window planned", "window", a.window.Block, "plan", a.plan)
	for _, address := range a.plan.down {
		if err := a.takeDown(ctx, a.operator(address)); err != nil {
			return err
		}
	}
	for _, p := range a.plan.parts {
		if err := a.hire(ctx, p); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.restart); o != nil {
		if err := o.halt(); err != nil {
			return err
		}
		if err := o.startProcess(ctx, a.cfg.Program, a.fail); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.late); o != nil {
		if err := o.halt(); err != nil {
			return err
		}
	}
	if o, last, _ := a.lossy(); o != nil {
		o.unfollow()
		lost := rpcfault.Range{From: a.window.Block, To: last}
		if _, err := o.endpoints[0].Set(ctx, rpcfault.Faults{Withhold: lost}); err != nil {
			return err
		}
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if err := a.silence(ctx); err != nil {
		return err
	}
	if a.chaos != nil {
		return a.chaos.muster(ctx)
	}
	if a.plan.parted() {
		return a.part(ctx)
	}
	return nil
}

// lossy returns whose endpoint loses heads, if anybody's, the last one it loses, and what that is called.
func (a *act) lossy() (*operator, chain.Height, DeedKind) {
	if o := a.operator(a.plan.stall); o != nil {
		return o, a.window.ActiveEnd - 1, DeedStalledChain
	}
	return a.operator(a.plan.skip), a.window.Block + skippedBlocks - 1, DeedSkippedHeads
}

// elect derives from the chain alone who leads what and what there is to do.
func (a *act) elect(ctx context.Context) error {
	safe, err := a.chain.Header(a.window.SeedBlock)
	if err != nil {
		return err
	}
	now, err := a.chain.Header(knownAt(a.window))
	if err != nil {
		return err
	}
	a.safe = safe.Hash
	for _, w := range a.wallets {
		due, err := a.due(ctx, w.ID(), now.Time)
		if err != nil {
			return err
		}
		a.elections = append(a.elections, elect(w, a.window, a.safe, due))
	}
	return nil
}

// due returns the output scripts of the requests that a redemption of this window must pay.
func (d *devnet) due(ctx context.Context, wallet chain.WalletID, now time.Time) ([][]byte, error) {
	requests, err := d.client.PendingRedemptions(ctx, wallet, 0)
	if err != nil {
		return nil, err
	}
	var scripts [][]byte
	for _, r := range requests {
		if now.After(r.RequestedAt.Add(d.limits.MinAge)) {
			scripts = append(scripts, r.Script)
		}
	}
	return scripts, nil
}

func (a *act) stage() stage {
	s := stage{window: a.window, elections: a.elections, shares: a.shares, threshold: a.cfg.threshold()}
	for _, o := range a.operators {
		s.operators = append(s.operators, o.address)
		if a.chain.Height() < a.refused[o.address] {
			s.refused = append(s.refused, o.address)
		}
	}
	return s
}

func (a *act) takeDown(ctx context.Context, o *operator) error {
	last, err := o.lastWindow(ctx)
	if err != nil {
		return err
	}
	a.first[o.address] = last == 0
	return o.halt()
}

func (a *act) hire(ctx context.Context, p part) error {
	var peers []string
	for _, address := range p.audience {
		peers = append(peers, a.operator(address).peers()...)
	}
	log := a.log.With("actor", p.operator)
	var old [][]byte
	if p.flood != nil && p.flood.replays {
		var err error
		if old, err = a.heardBefore(ctx, p.flood.wallet, p.operator); err != nil {
			return err
		}
	}
	it, err := hire(ctx, p, a.window, a.operator(p.operator), peers, a.wallets, a.genesis, a.clock, old, log)
	if err != nil {
		return err
	}
	a.actors = append(a.actors, it)
	return nil
}

// gather waits until every running node follows the chain to where it stands, all of them have admitted each other,
// and every actor is admitted by its audience.
func (a *act) gather(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gathering, errors.New("the nodes do not find each other"))
	defer cancel()
	return until(ctx, func() (bool, error) {
		height := a.chain.Height()
		for _, o := range a.operators {
			if o.running != nil && (o.height(ctx) < height || !a.admitsAll(ctx, o)) {
				return false, nil
			}
		}
		for _, it := range a.actors {
			if it.heard() < len(it.part.audience) {
				return false, nil
			}
		}
		return true, nil
	})
}

func (a *act) admitsAll(ctx context.Context, o *operator) bool {
	return !slices.ContainsFunc(a.operators, func(other *operator) bool {
		return other != o && other.running != nil && !o.running.admits(ctx, other.address)
	})
}

// until looks again and again whether something is so, until it is or ctx ends.
func until(ctx context.Context, so func() (bool, error)) error {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if done, err := so(); done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// perform lets the window pass. The chain goes on to where the next window's leaders are known.
func (a *act) perform(ctx context.Context) error {
	a.busy.Store(true)
	next := a.meetAt(coordination.RFC12().Next(a.window.Block))
	if err := a.interfere(ctx); err != nil {
		return err
	}
	if a.scenario.proves && a.plan.parted() {
		if err := a.outlastWords(ctx); err != nil {
			return err
		}
	}
	if err := a.chain.Hold(ctx, next); err != nil {
		return err
	}
	if a.chaos != nil {
		var err error
		if a.struck, err = a.chaos.play(ctx, a.window.Block); err != nil {
			return err
		}
	}
	if o := a.operator(a.plan.slow); o != nil {
		if err := a.slowOn(ctx, o); err != nil {
			return err
		}
	}
	if err := a.clock.Until(ctx, a.window.ActiveEnd); err != nil {
		return err
	}
	for _, it := range a.actors {
		a.deeds = append(a.deeds, it.silences(a.window, a.elections)...)
	}
	if err := a.shun(ctx); err != nil {
		return err
	}
	if a.plan.parted() && !a.plan.heals && !a.scenario.proves {
		if err := a.outlast(ctx); err != nil {
			return err
		}
	}
	if a.scenario.draws {
		if err := a.clock.Until(ctx, a.window.End-hurry); err != nil {
			return err
		}
		a.leash.slow(a.cfg.signingPace()) // settle ends it
	}
	if err := a.clock.Until(ctx, a.window.End+1); err != nil {
		return err
	}
	if o, _, kind := a.lossy(); o != nil {
		log, err := o.endpoints[0].Set(ctx, rpcfault.Faults{})
		if err != nil {
			return err
		}
		if lost := log[rpcfault.KindWithhold]; lost.Times > 0 {
			a.deeds = append(a.deeds, Deed{Kind: kind, Operator: o.address, From: lost.Lowest, To: lost.Highest})
		}
		if r, ok := o.running.(*inside); ok {
			o.follow(r.node.Clock())
		}
	}
	if err := a.cure(ctx); err != nil {
		return err
	}
	if err := a.dismiss(); err != nil {
		return fmt.Errorf("actor: %w", err)
	}
	for _, address := range a.plan.down {
		if a.chain.Height() < a.refused[address] {
			continue // it would be turned away
		}
		if err := a.operator(address).start(ctx, a.fail); err != nil {
			return err
		}
	}
	return nil
}

// interfere does what the plan has for nodes and chain within the active phase.
func (a *act) interfere(ctx context.Context) error {
	if o := a.operator(a.plan.restart); o != nil {
		return a.restart(ctx, o)
	}
	if o := a.operator(a.plan.late); o != nil {
		return a.startLate(ctx, o)
	}
	if o := a.operator(a.plan.slow); o != nil {
		return a.slowDisk(ctx, o)
	}
	for _, it := range a.actors {
		if it.part.flood != nil {
			return a.endure(ctx, it)
		}
	}
	if a.plan.heals {
		return a.heal(ctx)
	}
	if a.plan.reorg {
		return a.reorg(ctx)
	}
	return nil
}

// dismiss ends the actors and takes over what they did.
func (a *act) dismiss() error {
	var errs []error
	for _, it := range a.actors {
		deeds, err := it.dismiss()
		for _, d := range deeds {
			if d.Kind == DeedFlood {
				a.log.Info("Flooded", "operator", d.Operator, "sent", d.Sent, "peers", d.Peers, "from", d.From, "to", d.To)
			}
		}
		a.deeds = append(a.deeds, deeds...)
		errs = append(errs, err)
	}
	a.actors = nil
	return errors.Join(errs...)
}

// restart kills a node's process within the active phase, once it has spoken where it leads and heard the leader where
// it does not; and starts the node again some blocks later.
func (a *act) restart(ctx context.Context, o *operator) error {
	at := a.window.Block + restartAfter
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) { return a.underWay(ctx, o) }); err != nil {
		return err
	}
	victim, ok := o.running.(*process)
	if !ok {
		return errors.New("the node to be killed is no process of its own")
	}
	o.running = nil
	if err := victim.kill(); err != nil {
		return err
	}
	if err := a.standStill(ctx, at+downFor); err != nil {
		return err
	}
	if err := o.start(ctx, a.fail); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	a.deeds = append(a.deeds, Deed{Kind: DeedRestart, Operator: o.address, From: at, To: a.chain.Height()})
	return nil
}

// startLate starts a node within the active phase. The chain stands still until it has opened the window.
func (a *act) startLate(ctx context.Context, o *operator) error {
	at := a.window.Block + lateBy
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	if err := o.start(ctx, a.fail); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) {
		detail, err := o.record(ctx, a.window.Block)
		return detail.Opened != nil, err
	}); err != nil {
		return err
	}
	a.deeds = append(a.deeds, Deed{Kind: DeedLateStart, Operator: o.address, From: a.window.Block, To: at})
	return nil
}

// reorg replaces the chain's newest blocks, once everybody has heard the leaders.
func (a *act) reorg(ctx context.Context) error {
	at := a.window.Block + reorgAfter
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	for _, o := range a.operators {
		if err := until(ctx, func() (bool, error) { return a.underWay(ctx, o) }); err != nil {
			return err
		}
	}
	before, err := a.chain.Header(a.window.Block)
	if err != nil {
		return err
	}
	if err := a.chain.Fork(ctx, a.window.Block-reorgBelow, reorgBelow+reorgAfter); err != nil {
		return err
	}
	after, err := a.chain.Header(a.window.Block)
	if err != nil {
		return err
	}
	a.deeds = append(a.deeds, Deed{Kind: DeedReorg, From: at, To: at, Replaced: [2]chain.Hash{before.Hash, after.Hash}})
	return nil
}

// standStill lets the chain come to a height and stand still there.
func (a *act) standStill(ctx context.Context, at chain.Height) error {
	if err := a.chain.Hold(ctx, at); err != nil {
		return err
	}
	return a.clock.Until(ctx, at)
}

// underWay reports whether, for every wallet, what the node's part is in spreading the leader's message has been done:
// all others have heard it where it leads, and it has heard the leader where it does not.
func (a *act) underWay(ctx context.Context, o *operator) (bool, error) {
	for _, e := range a.elections {
		listeners := []*operator{o}
		if e.leader == o.address {
			listeners = slices.DeleteFunc(slices.Clone(a.operators), func(other *operator) bool { return other == o })
		}
		for _, listener := range listeners {
			detail, err := listener.record(ctx, a.window.Block)
			if err != nil || !heard(detail, e) {
				return false, err
			}
		}
	}
	return true, nil
}

// heard reports whether a node has recorded a message of a wallet's leader.
func heard(detail store.WindowDetail, e election) bool {
	return slices.ContainsFunc(detail.Wallets, func(row store.WalletDetail) bool {
		return row.Wallet == e.wallet.ID() && slices.ContainsFunc(row.Statements, func(s coordination.Statement) bool {
			return s.Author == e.leader
		})
	})
}

// settle waits until every node has accounted for the window and every action has its outcome. It looks once per
// block, and gives up after some: what is lacking then is for the judge to say. Signatures have their time in blocks: while
// they are made the chain is slower.
func (a *act) settle(ctx context.Context) error {
	enough := a.window.End + patience
	signs := false
	if a.cfg.Enclaves > 0 {
		enough += lastWrites
		if signs = a.stage().signs(a.plan.silent); signs { // otherwise there is only to be waited
			a.leash.slow(a.cfg.signingPace())
		}
		defer a.leash.slow(0)
	}
	if a.scenario.proves { // comparisons take their time on the network, whatever the pace of blocks
		enough = a.meetAt(coordination.RFC12().Next(a.window.Block)) - 1
		a.leash.slow(comparingBlock)
		defer a.leash.slow(0)
	}
	for {
		height := a.clock.Height()
		done, err := a.settled(ctx)
		if err != nil || done || height >= enough {
			return err
		}
		if signs {
			if err := a.pace(ctx); err != nil {
				return err
			}
		}
		if err := a.clock.Until(ctx, height+1); err != nil {
			return err
		}
	}
}

func (a *act) settled(ctx context.Context) (bool, error) {
	for _, o := range a.operators {
		if o.running == nil {
			continue
		}
		if o.height(ctx) <= a.window.End {
			return false, nil
		}
		last, err := o.lastWindow(ctx)
		if err != nil || last < a.window.Block {
			return false, err
		}
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return false, err
		}
		for _, row := range detail.Wallets {
			if row.Open || row.Pending {
				return false, nil
			}
		}
	}
	return a.proved(ctx)
}

// facts reads what the nodes recorded, as anybody could, and what the chain has.
func (a *act) facts(ctx context.Context) (Facts, error) {
	facts := Facts{Window: a.window, Safe: a.safe, MostFee: a.limits.TxMaxTotalFee, Deeds: a.deeds, Shares: a.shares}
	for _, e := range a.elections {
		purse, err := a.purse(ctx, e)
		if err != nil {
			return Facts{}, err
		}
		facts.Wallets = append(facts.Wallets, WalletFacts{Wallet: e.wallet, Due: e.due, Purse: purse, Poor: slices.Clone(a.poor[e.wallet.ID()])})
	}
	for _, o := range a.operators {
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return Facts{}, err
		}
		signings, inactive, err := o.signings(ctx, a.wallets, a.window.Block)
		if err != nil {
			return Facts{}, err
		}
		proofs, err := a.examine(ctx, o)
		if err != nil {
			return Facts{}, err
		}
		facts.Nodes = append(facts.Nodes, NodeFacts{
			Operator: o.address, Down: slices.Contains(a.plan.down, o.address), First: a.first[o.address],
			Away: o.running == nil, Refuses: a.refusing[o.address], Detail: detail, Signs: len(o.enclaves) > 0, Signings: signings,
			Inactive: inactive, Proofs: proofs,
		})
	}
	return facts, nil
}

// judge has the facts judged.
func (a *act) judge(facts Facts) Report {
	report := Report{Window: a.window}
	for i, n := range facts.Nodes {
		report.Rows = append(report.Rows, rowsOf(a.window, a.everyWallet(), n)...)
		facts.Nodes[i].Detail = a.withoutGuests(n.Detail)
	}
	report.Differences = Judge(a.cfg.Expect, facts)
	if a.chaos != nil {
		a.struck.ends = a.subject().fleet.takeEnds()
		a.struck.successions = a.chaos.registrar.settleAccounts()
		counted, differences := judgeRound(roundFacts{
			window: a.window, subject: a.subject().address, elections: a.elections, nodes: facts.Nodes, round: a.struck,
			heard: a.chaos.observer.of,
		})
		report.Strikes, report.Round = a.struck.strikes, &counted
		report.Differences = append(report.Differences, differences...)
	}
	return report
}
