package proposal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// maxRedemptions is the most requests in one redemption, the validator contract's REDEMPTION_MAX_SIZE.
const maxRedemptions = 20

// maxFeeRate bounds the configured fee rate, in satoshi per virtual byte: several times the highest ever paid, and
// small enough that no fee overflows.
const maxFeeRate = 10_000

// settleBlocks is the length of a window. A request proposed at its beginning is validated for the last time when
// the action starts, this many blocks later, and must still keep its distance from its timeout then.
const settleBlocks = 100

// RedemptionSource reads redemption requests from the chain.
type RedemptionSource interface {
	// PendingRedemptions returns the requests to a wallet made at or after a height and still pending.
	PendingRedemptions(ctx context.Context, wallet chain.WalletID, from chain.Height) ([]chain.RedemptionRequest, error)
	// RedemptionLimits returns the terms in force.
	RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error)
}

// RedemptionConfig is what a RedemptionGenerator needs; every field is required.
type RedemptionConfig struct {
	Source    RedemptionSource
	FeeRate   uint64        // satoshi per virtual byte, 1 .. 10 000
	BlockTime time.Duration // the host chain's shortest regular block time; 12 s on Ethereum
	Logger    *slog.Logger
}

// RedemptionGenerator proposes to pay the oldest pending requests.
type RedemptionGenerator struct{ cfg RedemptionConfig }

// NewRedemptionGenerator checks the configuration.
func NewRedemptionGenerator(cfg RedemptionConfig) (*RedemptionGenerator, error) {
	var errs []error
	if cfg.Source == nil || cfg.Logger == nil {
		errs = append(errs, errors.New("redemption generator: source or logger is missing"))
	}
	if cfg.FeeRate < 1 || cfg.FeeRate > maxFeeRate {
		errs = append(errs, fmt.Errorf("redemption generator: fee rate of %d sat/vB is not within 1 .. %d", cfg.FeeRate, maxFeeRate))
	}
	if cfg.BlockTime <= 0 {
		errs = append(errs, fmt.Errorf("redemption generator: block time %v is not positive", cfg.BlockTime))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &RedemptionGenerator{cfg}, nil
}

// Kind implements Generator.
func (*RedemptionGenerator) Kind() Kind { return KindRedemption }

// Generate implements Generator. It fails if requests are due and none of them may bear its share of the fee at the
// configured rate: paying less could leave the transaction unconfirmed for longer than the requests live.
func (g *RedemptionGenerator) Generate(ctx context.Context, r Request) (Proposal, error) {
	limits, err := g.cfg.Source.RedemptionLimits(ctx)
	if err != nil {
		return nil, fmt.Errorf("read redemption limits: %w", err)
	}
	// No request that is older than its timeout can be proposed, so none has to be looked for.
	lookback := chain.Height(limits.Timeout/g.cfg.BlockTime) + 1 //nolint:gosec // both are positive
	pending, err := g.cfg.Source.PendingRedemptions(ctx, r.Wallet, r.Height-min(r.Height, lookback))
	if err != nil {
		return nil, fmt.Errorf("read pending redemptions: %w", err)
	}
	due := g.due(pending, limits, r.Now)
	if len(due) == 0 {
		return nil, nil //nolint:nilnil // nothing to do, as Generator says
	}
	chosen, fee := g.choose(due, limits)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("none of %d redemption requests may bear the fee at %d sat/vB", len(due), g.cfg.FeeRate)
	}
	if left := min(len(due), maxSize(limits)) - len(chosen); left > 0 {
		g.cfg.Logger.Debug("Some redemption requests are left out: the fee breaks their limits",
			"wallet", r.Wallet, "left_out", left, "chosen", len(chosen), "fee", fee)
	}
	p := Redemption{TxFee: new(big.Int).SetUint64(fee)}
	for _, request := range chosen {
		p.OutputScripts = append(p.OutputScripts, slices.Clone(request.Script))
	}
	return p, nil
}

// due returns the requests that the validator passes at now and goes on to pass until the action starts: old
// enough, far enough from their timeout, each script once. Oldest first.
func (g *RedemptionGenerator) due(pending []chain.RedemptionRequest, limits chain.RedemptionLimits, now time.Time) []chain.RedemptionRequest {
	settled := now.Add(settleBlocks * g.cfg.BlockTime)
	seen := make(map[string]bool, len(pending))
	var due []chain.RedemptionRequest
	for _, r := range pending {
		oldEnough := now.After(r.RequestedAt.Add(limits.MinAge))
		safe := settled.Before(r.RequestedAt.Add(limits.Timeout - limits.TimeoutSafetyMargin))
		if oldEnough && safe && !seen[string(r.Script)] {
			seen[string(r.Script)] = true
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b chain.RedemptionRequest) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), cmp.Compare(a.Block, b.Block))
	})
	return due
}

// choose takes as many of the oldest requests as fit, and their fee in satoshi. While the whole fee is above its
// limit the youngest stays behind; a request that may not bear its share makes room for the next one. Each step
// leaves one request out, so it ends; with none if none can be served.
func (g *RedemptionGenerator) choose(due []chain.RedemptionRequest, limits chain.RedemptionLimits) ([]chain.RedemptionRequest, uint64) {
	due = slices.Clone(due)
	for size := maxSize(limits); size > 0 && len(due) > 0; {
		chosen := due[:min(size, len(due))]
		fee := g.cfg.FeeRate * virtualSize(chosen)
		if fee > limits.TxMaxTotalFee {
			size = len(chosen) - 1
			continue
		}
		overcharged := firstOvercharged(chosen, fee)
		if overcharged < 0 {
			return chosen, fee
		}
		copy(due[1:], due[:overcharged]) // moves only what is older, so that thousands of requests cost no square
		due = due[1:]
	}
	return nil, 0
}

// firstOvercharged returns the index of a request whose share of the fee is above its limit, -1 if there is none.
// The contract divides the fee evenly and charges the remainder to the last.
func firstOvercharged(requests []chain.RedemptionRequest, fee uint64) int {
	n := uint64(len(requests))
	for i, r := range requests {
		share := fee / n
		if i == len(requests)-1 {
			share += fee % n
		}
		if share > r.TxMaxFee {
			return i
		}
	}
	return -1
}

// maxSize is the most requests in one proposal: the contract's number, and never more than the 20 that followers pass.
func maxSize(limits chain.RedemptionLimits) int { return max(0, min(limits.MaxSize, maxRedemptions)) }

// virtualSize estimates a redemption transaction's size in virtual bytes (a quarter of its weight, rounded up). It
// spends the wallet's main output, which is P2WPKH, pays each script, and returns the change to the wallet:
//
//	version 4, counts 1+1, locktime 4           10 bytes
//	input: outpoint 36, no script 1, sequence 4 41
//	output: value 8, length 1, script           9 + script each; the change's script has 22
//	witness: marker and flag 2, items 1, signature 1+72, key 1+33   110, at a quarter of the weight
//
// Counts and lengths take one byte: there are at most 21 outputs, and the Bridge takes scripts of up to 34 bytes.
func virtualSize(requests []chain.RedemptionRequest) uint64 {
	base := uint64(10 + 41 + 9 + 22)
	for _, r := range requests {
		base += 9 + uint64(len(r.Script))
	}
	const witness = 110
	return (4*base + witness + 3) / 4
}
