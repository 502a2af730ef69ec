package devnet

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// ground is the chain that everybody stands on, and what the director has of it. Its fields do not change once it is laid; the chain's miner
// reads busy and the leash, and follow feeds the clock.
type ground struct {
	chain   *localchain.Chain
	client  *ethereum.Client // reads the contracts for the judge
	genesis chain.Hash
	busy    atomic.Bool  // blocks are needed at their pace
	leash   *leash       // between the chain and the nodes
	clock   *chain.Clock // the director's own
}

// callTimeout bounds one question of the director to the chain in the same process.
const callTimeout = 30 * time.Second

// lay starts the chain, which mines nothing yet. What was opened is closed with the devnet, also after an error.
func (g *ground) lay(ctx context.Context, cfg Config, log *slog.Logger) (err error) {
	g.clock = chain.NewClock(chain.Freshness{MaxSilence: time.Hour}, 0) // it is never asked whether it is stale
	g.leash = newLeash(log)
	if g.chain, err = localchain.New(localchain.Config{
		BlockTime: cfg.BlockTime, FastIdle: cfg.FastIdle, Busy: g.busy.Load, Wait: g.leash.taut, Seed: cfg.Seed,
	}); err != nil {
		return err
	}
	genesis, err := g.chain.Header(0)
	if err != nil {
		return err
	}
	g.genesis = genesis.Hash
	g.client, err = ethereum.Dial(ctx, ethereum.Config{
		URL: g.chain.URL(), PollInterval: time.Second, CallTimeout: callTimeout, ChainID: localchain.ChainID,
		Bridge: g.chain.Bridge(), Validator: g.chain.Validator(),
	}, log)
	return err
}

// follow keeps the director's clock at the chain's head until ctx ends, and shows each height.
func (g *ground) follow(ctx context.Context, show func(chain.Height)) error {
	for height := g.chain.Height(); ; height++ {
		if err := g.chain.Until(ctx, height); err != nil {
			return err
		}
		header, err := g.chain.Header(height)
		if err != nil {
			return err
		}
		g.clock.Observe(header)
		show(height)
	}
}
