// Package devnet is a whole network on one machine: a local chain behind a real WebSocket, operators with complete nodes
// that reach each other over loopback, a scenario, and a judge of what the nodes recorded.
//
// Rule R10 holds it honest. Every honest node is started from a configuration file by the production assembly.
// Misbehaviour is an actor that holds an operator's key and says what it likes, while that operator's own node is
// down; the nodes have no switch for it. Actors go by roles (whoever is elected), because block hashes are random. What
// each file is about:
//
//	scenario.go, plan.go                                                                     what can happen, and what must be recorded of it: a table and pure functions
//	config.go, devnet.go, build.go, window.go                                                carrying it out: a whole network, all windows, and one
//	prepare.go, election.go, perform.go, mishaps.go, settle.go                               one window: who plays, what happens, to nodes and the chain, and until when
//	ground.go, pace.go, leash.go                                                             the chain, how long a window lasts on it, and that it waits for slow nodes
//	operator.go, office.go, identity.go, configfile.go, process.go                           the honest node, in this process or in one of its own
//	many.go, instance.go                                                                     an operator with many instances, each a process of its own, on one PostgreSQL database
//	strike.go, gate.go, chaos.go, round.go                                                   what can befall instances: a pure function of the seed, the ways that can be shut, carrying it out, judging it
//	enclave.go, founder.go, founding.go                                                      the operators' signers, and the wallets that they make
//	treasury.go, purse.go, heartbeats.go                                                     what wallets are asked to pay, and from what; seed blocks that put a heartbeat on the checklist
//	outage.go, crook.go                                                                      signers that are stopped or retired, and those that cheat
//	actor.go, flood.go                                                                       the adversary, and the flooder
//	endpoints.go, illness.go, disk.go                                                        the nodes' own endpoints, and what is wrong with them; the disk that is slow
//	partition.go, sides.go, links.go                                                         the network that can be cut in two
//	guest.go                                                                                 what a node from outside needs to take part
//	observer.go, registrar.go, proofs.go, facts.go                                           who hears everything that is said, and sees wallets change hands; what judges are told
//	judge.go, judge_row.go, refute.go                                                        whether a window is recorded as it must be: pure functions
//	judge_faces.go, judge_flood.go, judge_partition.go, judge_endpoints.go                   the same of what happened in it
//	judge_signing.go, judge_scheme.go, judge_heartbeats.go, judge_outage.go, judge_crook.go  the same of what was signed
//	screen.go, screen_text.go, screen_terminal.go, screen_chaos.go, board.go                 showing it, on a terminal and in a browser
package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/pgserver"
)

// devnet is a running devnet. The director, which is the goroutine of Run, owns it, but for what ground and crew say of themselves.
type devnet struct {
	ground
	crew

	cfg       Config
	scenario  scenario
	logFile   *os.File
	log       *slog.Logger // what director and actors do
	lot       lot
	treasury  *treasury
	holdings  holdings
	operators []*operator
	wallets   []chain.Wallet                  // what the judge judges by
	guests    []chain.Wallet                  // the wallet in which the guests hold seats, if there are any
	links     links                           // between the nodes; none if they reach each other directly
	server    *pgserver.Server                // of the subject's instances; nil if every operator has one node
	chaos     *chaos                          // nil if nothing strikes instances
	board     *board                          // nil if the subject's instances have pages of their own
	refused   map[chain.Operator]chain.Height // operators that honest nodes refuse, until this block
}

// crew is who works beside the director.
type crew struct {
	fail func(error) // ends the devnet
	work sync.WaitGroup
}

// spawn runs a part of the devnet that ends with ctx; if it ends before, so does the devnet.
func (c *crew) spawn(ctx context.Context, part string, run func(context.Context) error) {
	c.work.Go(func() {
		if err := run(ctx); ctx.Err() == nil {
			c.fail(fmt.Errorf("%s ended: %w", part, err))
		}
	})
}

// Run makes a devnet and runs it until its windows are over or ctx ends; then nothing of it is left but its
// directory. It returns the summary that the screen was shown. An error says that the devnet itself did not work;
// nodes that recorded something unexpected are a matter of the summary.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	if cfg.Expect == "" {
		cfg.Expect = cfg.Scenario
	}
	if len(cfg.Program) == 0 {
		self, err := os.Executable()
		if err != nil {
			return Summary{}, fmt.Errorf("find this program: %w", err)
		}
		cfg.Program = []string{self}
	}
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &devnet{
		cfg:      cfg,
		lot:      drawLot(cfg.Seed),
		refused:  make(map[chain.Operator]chain.Height),
		holdings: holdings{poor: make(map[chain.WalletID][][]chain.Operator)},
		crew:     crew{fail: func(err error) { cancel(err) }},
	}
	d.scenario, _ = scenarioNamed(cfg.Scenario)
	if cfg.plan != nil {
		d.scenario.plan = cfg.plan
	}
	sum, err := d.run(running)
	if cause := context.Cause(running); cause != nil && !errors.Is(err, cause) && ctx.Err() == nil {
		err = errors.Join(cause, err)
	}
	cancel(nil)
	if ctx.Err() != nil { // the end of a devnet without an end, or an interruption, which the summary tells
		err = nil
	}
	return sum, errors.Join(err, d.dissolve())
}

func (d *devnet) run(ctx context.Context) (Summary, error) {
	sum := Summary{Event: "summary", Scenario: d.cfg.Scenario, Differences: []string{}}
	if err := d.build(ctx); err != nil {
		return sum, fmt.Errorf("set up the devnet: %w", err)
	}
	begin := d.begin
	if d.cfg.Enclaves > 0 { // before anything is shown of wallets that there are not yet
		if err := d.found(ctx); err != nil {
			return sum, fmt.Errorf("make the wallets: %w", err)
		}
		begin = func(context.Context) error { return nil }
	}
	d.cfg.Screen.Start(d.intro())
	err := d.windows(ctx, begin, &sum)
	if sum.Windows < d.cfg.Windows {
		sum.Differences = append(sum.Differences, fmt.Sprintf("ended after %d of %d windows", sum.Windows, d.cfg.Windows))
	}
	sum.Expected = len(sum.Differences) == 0
	d.cfg.Screen.End(sum)
	return sum, err
}

// windows begins, and runs one window after the other.
func (d *devnet) windows(ctx context.Context, begin func(context.Context) error, sum *Summary) error {
	if err := begin(ctx); err != nil {
		return fmt.Errorf("start the devnet: %w", err)
	}
	schedule := coordination.RFC12()
	for n := 0; d.cfg.Windows == 0 || n < d.cfg.Windows; n++ {
		w := schedule.Next(d.chain.Height())
		last := n+1 == d.cfg.Windows
		report, err := d.window(ctx, w, last)
		if err != nil {
			return fmt.Errorf("window %d: %w", w.Block, err)
		}
		sum.add(report)
		d.cfg.Screen.Window(report)
	}
	return nil
}

// dissolve stops everything, in the reverse order of its start. The devnet's context has ended.
func (d *devnet) dissolve() error {
	var errs []error
	made := slices.DeleteFunc(d.operators, func(o *operator) bool { return o == nil })
	for _, o := range made {
		errs = append(errs, o.halt())
	}
	if d.chaos != nil {
		errs = append(errs, d.chaos.close())
	}
	for _, o := range made {
		errs = append(errs, o.haltEnclaves(), o.closeEndpoints(), o.fleet.close())
	}
	errs = append(errs, d.links.close())
	if d.server != nil {
		errs = append(errs, d.server.Close())
	}
	if d.client != nil {
		d.client.Close()
	}
	d.work.Wait()
	if d.chain != nil {
		errs = append(errs, d.chain.Close())
	}
	if d.logFile != nil {
		errs = append(errs, d.logFile.Close())
	}
	return errors.Join(errs...)
}

func (d *devnet) intro() Intro {
	i := Intro{Scenario: d.scenario.Scenario, Dir: d.cfg.Dir, Wallets: d.wallets}
	for _, o := range d.operators {
		i.Operators = append(i.Operators, Member{Operator: o.address, Dir: o.dir})
	}
	if d.board != nil {
		i.Board = d.board.url()
	}
	for _, it := range d.subject().fleet {
		i.Instances = append(i.Instances, Member{it.of.address, it.dir, "http://" + it.board + "/", it.url()})
		i.Token = it.of.tokenFile()
	}
	for _, guest := range d.cfg.Guests {
		i.Guests = append(i.Guests, Guest{guest, d.guests[0]})
	}
	return i
}

// operator returns the operator of an address; nil for none.
func (d *devnet) operator(address chain.Operator) *operator {
	i := slices.IndexFunc(d.operators, func(o *operator) bool { return o.address == address })
	if i < 0 {
		return nil
	}
	return d.operators[i]
}
