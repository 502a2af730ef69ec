package devnet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// build makes everything that is there before the first block is mined at its pace: chain, keys, wallets, directories.
func (d *devnet) build(ctx context.Context) (err error) {
	if err := emptyDir(d.cfg.Dir); err != nil {
		return err
	}
	if d.logFile, d.log, err = logTo(filepath.Join(d.cfg.Dir, "devnet.log")); err != nil {
		return err
	}
	if err := d.lay(ctx, d.cfg, d.log); err != nil {
		return err
	}
	if d.treasury, err = newTreasury(ctx, d.chain, d.client, d.cfg, d.scenario.draws, d.log); err != nil {
		return err
	}
	if err := d.enrol(ctx); err != nil {
		return err
	}
	return d.fund(ctx)
}

// emptyDir makes a directory, or takes one that has nothing in it: a devnet never writes over anything.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("directory %s is not empty", dir)
	}
	return nil
}

// enrol makes the operators and the wallets, and each operator's directory as its node needs it.
func (d *devnet) enrol(ctx context.Context) (err error) {
	if err := d.makeOperators(); err != nil {
		return err
	}
	var addresses []chain.Operator
	for _, o := range d.operators {
		addresses = append(addresses, o.address)
	}
	if d.cfg.Enclaves == 0 { // otherwise the nodes make them
		if d.wallets, err = makeWallets(d.lot, d.cfg.Wallets, d.cfg.Seats, addresses); err != nil {
			return err
		}
	}
	if err := d.share(); err != nil {
		return err
	}
	if err := d.openEnclaves(ctx); err != nil {
		return err
	}
	if err := d.invite(addresses); err != nil {
		return err
	}
	if d.scenario.parted() {
		if d.links, err = newLinks(d.operators); err != nil {
			return err
		}
	}
	if err := d.openBoard(ctx); err != nil {
		return err
	}
	for i, o := range d.operators {
		o.board, o.rank = d.board, i
		if len(d.links) > 0 {
			o.announce = []string{unreachable}
		}
		if err := o.openEndpoints(ctx, d.chain.URL(), d.scenario.endpoints, d.log); err != nil {
			return err
		}
		if err := o.writeConfig(d.chain, d.cfg.BlockTime, d.peersOf(o)); err != nil {
			return err
		}
		if err := o.importWallets(ctx, d.everyWallet(), d.log); err != nil {
			return err
		}
	}
	if err := d.writeFleet(); err != nil {
		return err
	}
	if d.cfg.Chaos {
		d.chaos = newChaos(d)
	}
	return d.writeManifests()
}

// operatorDir is the directory of the operator of an index, within the devnet's.
func operatorDir(i int) string { return fmt.Sprintf("operator-%d", i+1) }

// makeOperators makes the operators' directories, several at once: to encrypt a key takes time by design.
func (d *devnet) makeOperators() error {
	secrets, err := operatorKeys(d.lot, d.cfg.Operators)
	if err != nil {
		return err
	}
	d.operators = make([]*operator, len(secrets))
	return atOnce(len(secrets), func(i int) (err error) {
		d.operators[i], err = newOperator(filepath.Join(d.cfg.Dir, operatorDir(i)), secrets[i])
		if err != nil {
			return fmt.Errorf("make operator %d: %w", i+1, err)
		}
		if d.scenario.ill == 0 { // endpoints that check each other are polled, and their nodes late as a rule
			d.operators[i].leash = d.leash
		}
		return nil
	})
}

// openEnclaves prepares the operators' signers.
func (d *devnet) openEnclaves(ctx context.Context) error {
	if d.cfg.Enclaves == 0 {
		return nil
	}
	return atOnce(len(d.operators), func(i int) error {
		if d.cfg.between != nil {
			d.operators[i].office.between = func(node http.Handler) http.Handler { return d.cfg.between(i, node) }
		}
		return d.operators[i].newEnclaves(ctx, d.cfg.Program, d.cfg.Enclaves, d.cfg.pace())
	})
}

// openBoard serves the dashboard, which says that the node starts until one does.
func (d *devnet) openBoard(ctx context.Context) (err error) {
	if d.cfg.Instances > 0 {
		return nil
	}
	if d.board, err = newBoard(ctx, d.log.With("actor", "dashboard")); err != nil {
		return err
	}
	d.spawn(ctx, "the dashboard", d.board.serve)
	d.spawn(ctx, "the dashboard's snapshots", d.board.server.Run)
	return nil
}

// atOnce calls do for 0 .. n-1, as many at once as there are processors, and joins the errors.
func atOnce(n int, do func(int) error) error {
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			errs[i] = do(i)
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	return errors.Join(errs...)
}

// peersOf returns the multiaddrs under which an operator's node reaches the others'; of nobody's node, where all are.
func (d *devnet) peersOf(o *operator) []string {
	var peers []string
	for _, other := range d.operators {
		switch {
		case other == o:
		case o != nil && len(d.links) > 0:
			peers = append(peers, other.peerAt(d.links.between(o.address, other.address).address()))
		default:
			peers = append(peers, other.peers()...)
		}
	}
	return peers
}

// writeManifests leaves each wallet's manifest for people, as an operator would be given it.
func (d *devnet) writeManifests() error {
	for i, w := range d.wallets {
		if err := d.writeManifest(fmt.Sprintf("wallet-%d.json", i+1), w); err != nil {
			return err
		}
	}
	return d.writeForGuests()
}

func (d *devnet) writeManifest(name string, w chain.Wallet) error {
	manifest, err := coordination.MarshalManifest(w)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.cfg.Dir, name), append(manifest, '\n'), 0o600)
}

// fund makes the wallets known to the chain, with a first redemption request each that is old enough for the first
// window.
func (d *devnet) fund(ctx context.Context) error {
	for _, w := range d.everyWallet() {
		if err := d.chain.RegisterWallet(ctx, w.ID()); err != nil {
			return err
		}
	}
	if err := d.treasury.request(ctx, d.everyWallet()); err != nil {
		return err
	}
	return d.treasury.mature(ctx)
}

// begin starts chain and nodes. The chain stops where the first window's leaders are known, and waits.
func (d *devnet) begin(ctx context.Context) error {
	first := coordination.RFC12().Next(d.chain.Height())
	if err := d.chain.Hold(ctx, d.meetAt(first)); err != nil {
		return err
	}
	d.runChain(ctx)
	if d.cfg.FastIdle && len(d.cfg.Guests) == 0 { // whoever joins looks at once whether the others are there
		if err := d.chain.Until(ctx, max(first.Block, headStart)-headStart); err != nil {
			return err
		}
	}
	if err := atOnce(len(d.operators), func(i int) error { return d.operators[i].start(ctx, d.fail) }); err != nil {
		return err
	}
	if d.chaos != nil {
		return d.chaos.begin(ctx)
	}
	return nil
}

// runChain has the chain mine at its pace, and the director follow it.
func (d *devnet) runChain(ctx context.Context) {
	d.spawn(ctx, "the chain", d.chain.Run)
	d.spawn(ctx, "following the chain", func(ctx context.Context) error { return d.follow(ctx, d.cfg.Screen.Height) })
}

// headStart is how many blocks before the first window nodes start, where the blocks before come in a burst: to follow that costs
// each node a good part of what a window does, and shows nothing.
const headStart = 60

// meetAt is where the chain waits before a window until everybody is there.
func (d *devnet) meetAt(w coordination.Window) chain.Height {
	if d.scenario.ill > 0 {
		return w.SeedBlock - eve
	}
	if d.scenario.draws {
		return w.SeedBlock
	}
	return knownAt(w)
}

// knownAt is the block at which a window's seed block is there for everybody: the director decides who does what then.
func knownAt(w coordination.Window) chain.Height { return w.SeedBlock + 1 }
