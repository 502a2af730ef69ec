package proposal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

var headTime = time.Unix(1_700_000_000, 0)

// usualLimits are those of the network in 2025.
var usualLimits = chain.RedemptionLimits{
	TxMaxTotalFee: 1_000_000, Timeout: 5 * 24 * time.Hour,
	TimeoutSafetyMargin: 2 * time.Hour, MinAge: 10 * time.Minute, MaxSize: 20,
}

// fakeSource is a chain's redemption requests.
type fakeSource struct {
	pending    []chain.RedemptionRequest
	limits     chain.RedemptionLimits
	pendingErr error
	limitsErr  error
	from       chain.Height
}

func (s *fakeSource) PendingRedemptions(_ context.Context, _ chain.WalletID, from chain.Height) ([]chain.RedemptionRequest, error) {
	s.from = from
	return s.pending, s.pendingErr
}

func (s *fakeSource) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return s.limits, s.limitsErr
}

func redemptions(tb require.TestingT, source *fakeSource, rate uint64) proposal.Generator {
	g, err := proposal.NewRedemptionGenerator(proposal.RedemptionConfig{
		Source: source, FeeRate: rate, BlockTime: 12 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(tb, err)
	return g
}

// p2wpkh returns the script of a P2WPKH output, different for each n.
func p2wpkh(n int) []byte { return append([]byte{0x00, 0x14}, fmt.Appendf(nil, "%020d", n)...) }

// asked returns a request made so long before headTime.
func asked(n int, age time.Duration) chain.RedemptionRequest {
	return chain.RedemptionRequest{
		Script: p2wpkh(n), RequestedAmount: 1_000_000, TxMaxFee: 1_000_000,
		RequestedAt: headTime.Add(-age), Block: chain.Height(1_000_000 - age/(12*time.Second)),
	}
}

var request = proposal.Request{Wallet: chain.WalletID{1}, Height: 1_000_000, Now: headTime}

func TestGeneratorsRefuseAGap(t *testing.T) {
	all := []proposal.Generator{
		redemptions(t, &fakeSource{}, 1),
		proposal.HeartbeatGenerator{},
		proposal.NeedsBitcoin(proposal.KindDepositSweep), proposal.NeedsBitcoin(proposal.KindMovingFunds),
		proposal.NeedsBitcoin(proposal.KindMovedFundsSweep),
	}
	table, err := proposal.NewGenerators(all...)
	require.NoError(t, err)
	for i, g := range all {
		_, err := proposal.NewGenerators(slices.Delete(slices.Clone(all), i, i+1)...)
		require.ErrorContains(t, err, g.Kind().String())
	}
	_, err = proposal.NewGenerators(append(all, proposal.HeartbeatGenerator{})...)
	require.ErrorContains(t, err, "two generators")
	_, err = table.Generate(t.Context(), proposal.KindNoop, request)
	require.Error(t, err)
}

func TestBitcoinKindsSayWhatTheyNeed(t *testing.T) {
	for _, kind := range []proposal.Kind{proposal.KindDepositSweep, proposal.KindMovingFunds, proposal.KindMovedFundsSweep} {
		g := proposal.NeedsBitcoin(kind)
		require.Equal(t, kind, g.Kind())
		p, err := g.Generate(t.Context(), request)
		require.Nil(t, p)
		require.ErrorIs(t, err, proposal.ErrNeedsBitcoinSource)
		require.ErrorContains(t, err, "needs a bitcoin source")
		require.ErrorContains(t, err, kind.String())
	}
}

func TestHeartbeatGenerator(t *testing.T) {
	p, err := proposal.HeartbeatGenerator{}.Generate(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, proposal.Heartbeat{Message: proposal.HeartbeatMessage(request.Wallet, request.Height)}, p)
}

func TestRedemptionConfigIsChecked(t *testing.T) {
	good := proposal.RedemptionConfig{
		Source: &fakeSource{}, FeeRate: 1, BlockTime: time.Second, Logger: slog.New(slog.DiscardHandler),
	}
	for want, spoil := range map[string]func(*proposal.RedemptionConfig){
		"source":     func(c *proposal.RedemptionConfig) { c.Source = nil },
		"logger":     func(c *proposal.RedemptionConfig) { c.Logger = nil },
		"of 0 sat":   func(c *proposal.RedemptionConfig) { c.FeeRate = 0 },
		"10001 sat":  func(c *proposal.RedemptionConfig) { c.FeeRate = 10_001 },
		"block time": func(c *proposal.RedemptionConfig) { c.BlockTime = 0 },
	} {
		cfg := good
		spoil(&cfg)
		g, err := proposal.NewRedemptionGenerator(cfg)
		require.ErrorContains(t, err, want)
		require.Nil(t, g)
	}
}

func TestRedemptionTakesTheOldestTwenty(t *testing.T) {
	source := &fakeSource{limits: usualLimits}
	for i := range 30 {
		source.pending = append(source.pending, asked(i, time.Duration(i+1)*time.Hour))
	}
	p, err := redemptions(t, source, 10).Generate(t.Context(), request)
	require.NoError(t, err)
	var want [][]byte
	for i := 29; i >= 10; i-- { // the highest is the oldest
		want = append(want, p2wpkh(i))
	}
	require.Equal(t, want, p.(proposal.Redemption).OutputScripts)
	// 20 P2WPKH outputs and change: 10+41+31 + 20*31 = 702 bytes, and 110 of witness: 729.5 virtual bytes.
	require.EqualValues(t, 7300, p.(proposal.Redemption).TxFee.Int64())
	// Nothing older than the timeout of five days is looked for: 36 000 blocks, and one for rounding.
	require.EqualValues(t, 1_000_000-36_001, source.from)
}

func TestRedemptionLooksBackToTheFirstBlockAtMost(t *testing.T) {
	source := &fakeSource{limits: usualLimits}
	early := request
	early.Height = 100
	p, err := redemptions(t, source, 10).Generate(t.Context(), early)
	require.NoError(t, err)
	require.Nil(t, p)
	require.Zero(t, source.from)
}

// One request each: what becomes of it under the validator's limits.
func TestRedemptionLimits(t *testing.T) {
	const oneRequestFee = 1410 // 10 sat/vB for 10+41+31+31 = 113 bytes and 110 of witness: 140.5 virtual bytes
	lastAge := 5*24*time.Hour - 2*time.Hour - 100*12*time.Second
	for name, c := range map[string]struct {
		spoil  func(r *chain.RedemptionRequest, l *chain.RedemptionLimits)
		served bool
		fails  bool
	}{
		"usual": {spoil: func(*chain.RedemptionRequest, *chain.RedemptionLimits) {}, served: true},
		"exactly minimum age": {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) {
			r.RequestedAt = headTime.Add(-600 * time.Second)
		}},
		"one second older": {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) {
			r.RequestedAt = headTime.Add(-601 * time.Second)
		}, served: true},
		"at the margin": {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) { r.RequestedAt = headTime.Add(-lastAge) }},
		"before the margin": {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) {
			r.RequestedAt = headTime.Add(-lastAge + time.Second)
		}, served: true},
		"share just borne":   {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) { r.TxMaxFee = oneRequestFee }, served: true},
		"share not borne":    {spoil: func(r *chain.RedemptionRequest, _ *chain.RedemptionLimits) { r.TxMaxFee = oneRequestFee - 1 }, fails: true},
		"total just borne":   {spoil: func(_ *chain.RedemptionRequest, l *chain.RedemptionLimits) { l.TxMaxTotalFee = oneRequestFee }, served: true},
		"total not borne":    {spoil: func(_ *chain.RedemptionRequest, l *chain.RedemptionLimits) { l.TxMaxTotalFee = oneRequestFee - 1 }, fails: true},
		"no request allowed": {spoil: func(_ *chain.RedemptionRequest, l *chain.RedemptionLimits) { l.MaxSize = 0 }, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			source := &fakeSource{pending: []chain.RedemptionRequest{asked(1, time.Hour)}, limits: usualLimits}
			c.spoil(&source.pending[0], &source.limits)
			p, err := redemptions(t, source, 10).Generate(t.Context(), request)
			require.Equal(t, c.fails, err != nil, err)
			require.Equal(t, c.served, p != nil)
		})
	}
}

func TestRedemptionLeavesOutWhatTheFeeBreaks(t *testing.T) {
	source := &fakeSource{limits: usualLimits}
	for i := range 25 {
		source.pending = append(source.pending, asked(i, time.Duration(100-i)*time.Hour))
	}
	source.pending[3].TxMaxFee = 1 // bears no share; the 21st takes its place
	p, err := redemptions(t, source, 10).Generate(t.Context(), request)
	require.NoError(t, err)
	scripts := p.(proposal.Redemption).OutputScripts
	require.Len(t, scripts, 20)
	require.NotContains(t, scripts, p2wpkh(3))
	require.Contains(t, scripts, p2wpkh(20))
	require.NotContains(t, scripts, p2wpkh(21))

	source.limits.TxMaxTotalFee = 3_000 // room for six outputs and change at 10 sat/vB, and not for seven
	p, err = redemptions(t, source, 10).Generate(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, [][]byte{p2wpkh(0), p2wpkh(1), p2wpkh(2), p2wpkh(4), p2wpkh(5), p2wpkh(6)}, p.(proposal.Redemption).OutputScripts)
}

func TestRedemptionPaysAScriptOnce(t *testing.T) {
	source := &fakeSource{limits: usualLimits, pending: []chain.RedemptionRequest{asked(1, time.Hour), asked(1, 2*time.Hour)}}
	p, err := redemptions(t, source, 10).Generate(t.Context(), request)
	require.NoError(t, err)
	require.Len(t, p.(proposal.Redemption).OutputScripts, 1)
}

func TestRedemptionSourceErrorsAreErrors(t *testing.T) {
	broken := errors.New("endpoint is gone")
	for _, source := range []*fakeSource{{pendingErr: broken}, {limitsErr: broken}} {
		p, err := redemptions(t, source, 10).Generate(t.Context(), request)
		require.ErrorIs(t, err, broken)
		require.Nil(t, p)
	}
}

// contractRefuses is the validator contract's rule book for redemptions, written from its revert texts.
func contractRefuses(p proposal.Redemption, pending []chain.RedemptionRequest, limits chain.RedemptionLimits, now time.Time) string {
	byScript := make(map[string]chain.RedemptionRequest)
	for _, r := range pending {
		byScript[string(r.Script)] = r
	}
	n := len(p.OutputScripts)
	switch {
	case n == 0:
		return "below the min size"
	case n > limits.MaxSize:
		return "exceeds the max size"
	case p.TxFee.Sign() <= 0:
		return "fee cannot be zero"
	case p.TxFee.Uint64() > limits.TxMaxTotalFee:
		return "fee is too high"
	}
	seen := make(map[string]bool)
	for i, script := range p.OutputScripts {
		r, ok := byScript[string(script)]
		share := p.TxFee.Uint64() / uint64(n)
		if i == n-1 {
			share = p.TxFee.Uint64() - share*uint64(n-1)
		}
		switch {
		case !ok:
			return "not pending"
		case now.Unix() <= r.RequestedAt.Add(limits.MinAge).Unix():
			return "min age not achieved"
		case now.Unix() >= r.RequestedAt.Add(limits.Timeout-limits.TimeoutSafetyMargin).Unix():
			return "safety margin not preserved"
		case share > r.TxMaxFee:
			return "share too high"
		case seen[string(script)]:
			return "duplicated"
		}
		seen[string(script)] = true
	}
	return ""
}

func TestRedemptionsPassTheContractNowAndWhenTheActionStarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := &fakeSource{limits: usualLimits}
		source.limits.TxMaxTotalFee = rapid.Uint64Range(0, 50_000).Draw(t, "max total fee")
		source.limits.MaxSize = rapid.IntRange(0, 20).Draw(t, "max size")
		for i := range rapid.IntRange(0, 40).Draw(t, "requests") {
			r := asked(i, rapid.SampledFrom([]time.Duration{
				0, 600 * time.Second, 601 * time.Second, time.Hour, 48 * time.Hour, 117 * time.Hour, 118 * time.Hour, 121 * time.Hour,
			}).Draw(t, "age"))
			r.TxMaxFee = rapid.Uint64Range(0, 5_000).Draw(t, "max fee")
			source.pending = append(source.pending, r)
		}
		rate := rapid.Uint64Range(1, 60).Draw(t, "rate")
		made, err := redemptions(t, source, rate).Generate(context.Background(), request)
		if made == nil || err != nil {
			return
		}
		p := made.(proposal.Redemption)
		require.Empty(t, contractRefuses(p, source.pending, source.limits, headTime))
		require.Empty(t, contractRefuses(p, source.pending, source.limits, headTime.Add(100*12*time.Second)))
	})
}

func TestRedemptionChargesTheRemainderToTheLast(t *testing.T) {
	// Three requests cost 203 virtual bytes, 2030 satoshi: 676 each, and 678 for the youngest.
	for limit, served := range map[uint64]int{678: 3, 677: 2} {
		source := &fakeSource{limits: usualLimits, pending: []chain.RedemptionRequest{
			asked(1, 3*time.Hour), asked(2, 2*time.Hour), asked(3, time.Hour),
		}}
		source.pending[2].TxMaxFee = limit
		p, err := redemptions(t, source, 10).Generate(t.Context(), request)
		require.NoError(t, err)
		require.Len(t, p.(proposal.Redemption).OutputScripts, served)
	}
}
