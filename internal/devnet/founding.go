package devnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

const (
	// shortestBlock is the time between two blocks of a burst, at least: what signers take for the chain's block time then.
	shortestBlock = 100 * time.Microsecond
	// blocksToFound is how many blocks before the first window's last preparations a wallet takes to be registered, funded and
	// asked for a redemption, with some to spare.
	blocksToFound = 6
	// founding bounds in real time how long one key generation may take. It takes some seconds; under the race detector, on a
	// machine that does much else, a minute.
	founding = 10 * time.Minute
)

// pace is the shortest time between two blocks that signers are told.
func (c Config) pace() time.Duration {
	if c.FastIdle {
		return shortestBlock
	}
	return c.BlockTime
}

// threshold is how many seats of a wallet a signature takes: a bit more than half.
func (c Config) threshold() int { return c.Seats/2 + 1 }

// found has the operators make their wallets: the nodes start without any, generate the keys over the network, and what
// comes of it is registered on the chain and funded. The chain stands still meanwhile.
func (d *devnet) found(ctx context.Context) error {
	first := coordination.RFC12().Next(d.chain.Height())
	rest := d.chain.Height() + 1
	if d.cfg.FastIdle {
		rest = max(rest, first.Block-headStart-blocksToFound*chain.Height(d.cfg.Wallets)) //nolint:gosec // a hundred at most
	}
	if err := d.chain.Hold(ctx, rest); err != nil {
		return err
	}
	d.runChain(ctx)
	if err := d.chain.Until(ctx, rest); err != nil {
		return err
	}
	for i, o := range d.operators {
		for _, e := range o.enclaves {
			if err := e.start(ctx, d.cfg.Program, d.fail); err != nil {
				return fmt.Errorf("operator %d: %w", i+1, err)
			}
		}
	}
	if err := atOnce(len(d.operators), func(i int) error { return d.operators[i].start(ctx, d.fail) }); err != nil {
		return err
	}
	if err := d.awaitSigners(ctx, rest); err != nil {
		return err
	}
	for i := range d.cfg.Wallets {
		if d.scenario.retires && i > 0 && i == d.cfg.Wallets-1 {
			if err := d.retire(ctx, d.wallets[0].ID()); err != nil {
				return fmt.Errorf("retire signers: %w", err)
			}
		}
		w, err := d.generate(ctx, i)
		if err != nil {
			return fmt.Errorf("generate the key of wallet %d: %w", i+1, err)
		}
		d.wallets = append(d.wallets, w)
	}
	if err := d.askShares(ctx); err != nil {
		return err
	}
	if err := d.writeManifests(); err != nil {
		return err
	}
	if err := d.chain.Hold(ctx, d.meetAt(first)); err != nil {
		return err
	}
	if err := d.endow(ctx); err != nil {
		return err
	}
	if d.chaos != nil {
		return d.chaos.begin(ctx)
	}
	return nil
}

// awaitSigners waits until every node that runs knows the height and finds its signers well.
func (d *devnet) awaitSigners(ctx context.Context, height chain.Height) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gathering, errors.New("the nodes do not find their signers"))
	defer cancel()
	return until(ctx, func() (bool, error) {
		for _, o := range d.operators {
			if o.running == nil {
				continue
			}
			f, err := o.founder()
			if err != nil {
				return false, err
			}
			if o.height(ctx) < height || !f.finds(ctx, len(o.enclaves)) {
				return false, nil
			}
		}
		return true, nil
	})
}

// generate makes a wallet: the first operator with a node in this process asks for it, all others accept, and it is there when it
// is active everywhere.
func (d *devnet) generate(ctx context.Context, number int) (chain.Wallet, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, founding, errors.New("the key generation takes too long"))
	defer cancel()
	var inviter *operator
	var addresses []chain.Operator
	for _, o := range d.operators {
		if _, here := o.running.(*inside); here && inviter == nil {
			inviter = o
		}
		addresses = append(addresses, o.address)
	}
	if inviter == nil {
		return chain.Wallet{}, errors.New("no node that could invite the others runs in this process")
	}
	roster := deal(rand.New(rand.NewPCG(d.cfg.Seed, uint64(number))), d.cfg.Seats, addresses) //nolint:gosec // seats are no secret
	session, err := inviter.running.(*inside).node.Keygen().Create(ctx, keygen.Request{Roster: roster, Threshold: d.cfg.threshold(), Scheme: d.cfg.scheme()})
	if err != nil {
		return chain.Wallet{}, err
	}
	d.cfg.Screen.Note(fmt.Sprintf("wallet %d: operator %v invites %d others to generate a key of %d seats, of which %d sign",
		number+1, inviter.address, len(d.operators)-1, d.cfg.Seats, d.cfg.threshold()))
	told := ""
	err = until(ctx, func() (bool, error) {
		progress, done, err := d.advance(ctx, session)
		if err == nil && progress != told {
			told = progress
			d.cfg.Screen.Note(fmt.Sprintf("wallet %d: %s", number+1, progress))
		}
		return done, err
	})
	if err != nil {
		return chain.Wallet{}, errors.Join(err, errors.New("it came to: "+told))
	}
	return d.founded(ctx, session, roster)
}

// advance accepts where that is awaited, and says how far all are.
func (d *devnet) advance(ctx context.Context, session signer.SessionID) (progress string, done bool, err error) {
	counts := make(map[keygen.State]int)
	for _, o := range d.operators {
		f, err := o.founder()
		if err != nil {
			return "", false, err
		}
		status, err := f.ceremony(ctx, session)
		if errors.Is(err, keygen.ErrUnknown) { // not heard of yet
			counts["not heard of"]++
			continue
		}
		if err != nil {
			return "", false, err
		}
		switch status.State {
		case keygen.Invited:
			if err := f.accept(ctx, session); err != nil {
				return "", false, fmt.Errorf("operator %v: %w", o.address, err)
			}
		case keygen.Failed, keygen.Declined:
			return "", false, fmt.Errorf("operator %v: %s: %s", o.address, status.State, status.Detail)
		default:
		}
		counts[status.State]++
	}
	var parts []string
	for _, state := range []keygen.State{"not heard of", keygen.Invited, keygen.Accepted, keygen.Running, keygen.Attesting, keygen.Active} {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return "key generation: " + strings.Join(parts, ", "), counts[keygen.Active] == len(d.operators), nil
}

// founded reads what wallet came of a key generation, from every operator's store: it must be the same everywhere.
func (d *devnet) founded(ctx context.Context, session signer.SessionID, roster []chain.Operator) (made chain.Wallet, err error) {
	for _, o := range d.operators {
		f, err := o.founder()
		if err != nil {
			return made, err
		}
		status, err := f.ceremony(ctx, session)
		if err != nil {
			return made, err
		}
		var wallets []chain.Wallet
		if err := o.read(ctx, func(r *store.Reader) error {
			wallets, err = r.Wallets(ctx)
			return err
		}); err != nil {
			return made, err
		}
		i := slices.IndexFunc(wallets, func(w chain.Wallet) bool { return w.ID() == status.Wallet })
		switch {
		case i < 0:
			return made, fmt.Errorf("operator %v has no wallet %v in its registry", o.address, status.Wallet)
		case !slices.Equal(wallets[i].Roster(), roster):
			return made, fmt.Errorf("operator %v has another roster of wallet %v", o.address, status.Wallet)
		case made.Seats() > 0 && wallets[i].Key() != made.Key():
			return made, fmt.Errorf("operator %v has another wallet than the first one", o.address)
		}
		made = wallets[i]
	}
	d.cfg.Screen.Note(fmt.Sprintf("wallet %v is there, with shares in a signer of each operator", made.ID()))
	return made, nil
}
