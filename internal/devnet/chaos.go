package devnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// chaos strikes the subject's instances in every window, and hears and sees what becomes of it.
type chaos struct {
	*devnet
	pace      chaosPace
	observer  *observer
	registrar *registrar
	rounds    int
	stop      context.CancelFunc
	work      sync.WaitGroup
}

// newChaos is made when the operators are; begin starts it.
func newChaos(d *devnet) *chaos {
	return &chaos{
		devnet: d, pace: chaosPace{block: d.cfg.BlockTime, lease: d.cfg.lease()}, registrar: newRegistrar(d.subject().dsn),
		stop: func() {},
	}
}

// begin starts the observer and the registrar.
func (c *chaos) begin(ctx context.Context) (err error) {
	var peers []string
	for _, o := range c.operators {
		peers = append(peers, o.peers()...)
	}
	// With the key of one whose node runs in this process: what the subject's instances say is what is to be heard.
	if c.observer, err = observe(ctx, c.operators[1], peers, c.wallets, c.genesis, c.clock, c.log.With("actor", "observer")); err != nil {
		return err
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.work.Go(func() { _ = c.registrar.Run(ctx) }) // ends with ctx alone
	for _, it := range c.subject().fleet {
		c.work.Go(func() { _ = it.ask(ctx) }) // likewise: its address was used before
	}
	return nil
}

// close ends observer and registrar.
func (c *chaos) close() error {
	c.stop()
	c.work.Wait()
	if c.observer == nil {
		return nil
	}
	return c.observer.close()
}

// muster waits until every instance is well, every wallet is served by one of them, and the observer hears them all.
func (c *chaos) muster(ctx context.Context) error {
	unwell := errors.New("the instances do not all get well")
	ctx, cancel := context.WithTimeoutCause(ctx, gathering, unwell)
	defer cancel()
	o := c.subject()
	err := until(ctx, func() (bool, error) {
		for _, w := range c.wallets {
			if c.registrar.owner(w.ID()) == "" {
				return false, nil
			}
		}
		if c.observer.admitted(o.address) < len(o.fleet) {
			return false, nil
		}
		return c.registrar.healthy() == len(o.fleet), nil
	})
	if errors.Is(err, unwell) {
		err = fmt.Errorf("%w: %s, and %d of %d are heard", err, c.registrar.condition(), c.observer.admitted(o.address), len(o.fleet))
	}
	return err
}

// round is what happened to the instances in a window.
type round struct {
	strikes []Strike
	ends    []end                              // of instances by themselves
	bound   map[chain.WalletID][]signer.Digest // the intents that signers are bound to in the window, each once; nil without signers
	successions
}

// play carries out the strikes of one window, to where all of them have ended and the window's active phase has.
func (c *chaos) play(ctx context.Context, block chain.Height) (r round, err error) {
	r.strikes = c.plan()
	c.rounds++
	c.observer.forget(block)
	for _, it := range c.subject().fleet {
		it.renew()
	}
	c.heed(r.strikes)
	defer c.unheed()
	for _, s := range schedule(r.strikes, block) {
		if err := c.clock.Until(ctx, s.at); err != nil {
			return r, err
		}
		change := c.strike
		if s.ends {
			change = c.relieve
		}
		c.log.Info("Strike", "strike", s.strike, "ends", s.ends, "block", c.clock.Height())
		if err := change(ctx, s.strike); err != nil {
			return r, fmt.Errorf("%v: %w", s.strike, err)
		}
	}
	return r, c.clock.Until(ctx, c.takenOver(r.strikes, block))
}

// plan says what befalls the instances in this round. With signers something does while they sign, too.
func (c *chaos) plan() []Strike {
	rng, names := roundSource(c.cfg.Seed, c.rounds), c.subject().fleet.names()
	if c.cfg.strikes != nil {
		return c.cfg.strikes(rng, names, c.pace)
	}
	strikes := planStrikes(rng, names, c.pace)
	if c.cfg.Enclaves > 0 {
		strikes = append(strikes, strikeAtSigning(rng, strikes, c.pace))
	}
	return strikes
}

// takenOver returns the block by which the wallets of whoever was struck after the active phase have another owner: signatures may
// all be there before that.
func (c *chaos) takenOver(strikes []Strike, block chain.Height) (height chain.Height) {
	for _, s := range strikes {
		if from, _ := s.at(block); s.From >= signingBegin {
			height = max(height, from+chain.Height(c.pace.blocks(c.pace.lease+slackAfterLease))) //nolint:gosec // a few dozen
		}
	}
	return height
}

// bound asks every signer which intents it is bound to in a window, by the command that an operator would call.
func (c *chaos) bound(ctx context.Context, block chain.Height) (map[chain.WalletID][]signer.Digest, error) {
	all := make(map[chain.WalletID][]signer.Digest)
	for _, s := range c.holdings.shares {
		e := c.operator(s.Operator).enclave(s.Signer)
		if e == nil {
			return nil, fmt.Errorf("operator %v has no signer %s", s.Operator, s.Signer)
		}
		var p signer.Protection
		if err := tell(ctx, c.cfg.Program, &p, "signer", "protection", "show", "--dir", e.dir, "--json", s.Wallet.String()); err != nil {
			return nil, err
		}
		for _, slot := range p.Slots {
			if slot.Window == block && !slices.Contains(all[s.Wallet], slot.Intent) {
				all[s.Wallet] = append(all[s.Wallet], slot.Intent)
			}
		}
	}
	return all, nil
}

// heed has the chain wait for the instances that are spared: that a machine is slow is no part of any strike. An instance
// that is struck waits for itself, and with the database all do.
func (c *chaos) heed(strikes []Strike) {
	if slices.ContainsFunc(strikes, func(s Strike) bool { return s.Kind == StrikeDatabase }) {
		return
	}
	for _, it := range c.subject().fleet {
		if !slices.ContainsFunc(strikes, func(s Strike) bool { return s.Instance == it.name }) {
			c.leash.join(it.name, it)
		}
	}
}

func (c *chaos) unheed() {
	for _, it := range c.subject().fleet {
		c.leash.leave(it.name)
	}
}

// passages says how the way to the database is for each strike on it.
var passages = map[StrikeKind]passage{StrikeClose: passClosed, StrikeSwallow: passSwallow, StrikeSlow: passSlow}

// strike begins a strike.
func (c *chaos) strike(_ context.Context, s Strike) error {
	if s.Kind == StrikeDatabase {
		for _, it := range c.subject().fleet {
			it.lose()
		}
		return c.server.Down()
	}
	it := c.subject().fleet.named(s.Instance)
	switch s.Kind {
	case StrikeKill:
		c.registrar.died(it.name, false, time.Now())
		return it.kill()
	case StrikeRestart:
		c.registrar.died(it.name, true, time.Now())
		return it.halt()
	case StrikePause, StrikeStop:
		return it.pause()
	case StrikeIsolate:
		for _, way := range it.ways {
			way.sever()
		}
	case StrikeClose, StrikeSwallow:
		it.lose()
		it.database.set(passages[s.Kind])
	default:
		it.database.set(passages[s.Kind])
	}
	return nil
}

// relieve ends a strike.
func (c *chaos) relieve(ctx context.Context, s Strike) error {
	if s.Kind == StrikeDatabase {
		if err := c.server.Up(); err != nil {
			return err
		}
		for _, it := range c.subject().fleet {
			it.regain()
		}
		return nil
	}
	it := c.subject().fleet.named(s.Instance)
	switch s.Kind {
	case StrikeKill, StrikeRestart:
		return it.start(ctx, c.fail)
	case StrikePause, StrikeStop:
		return it.goOn()
	case StrikeIsolate:
		it.ways.mend()
	default:
		it.database.set(passOpen)
	}
	return nil
}
