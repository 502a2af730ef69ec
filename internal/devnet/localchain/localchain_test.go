package localchain

import (
	"context"
	"log/slog"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
)

var wallet = chain.WalletID{0xaa, 19: 0xbb}

// p2wpkh is an output script of the most common kind.
func p2wpkh(n byte) []byte { return append([]byte{0x00, 0x14}, append(make([]byte, 19), n)...) }

func start(t testing.TB, config Config) *Chain {
	t.Helper()
	if config.BlockTime == 0 {
		config.BlockTime = 10 * time.Millisecond
	}
	c, err := New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// run runs the miner until the test ends.
func run(t testing.TB, c *Chain) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

func dial(t testing.TB, c *Chain) *ethereum.Client {
	t.Helper()
	client, err := ethereum.Dial(t.Context(), ethereum.Config{
		URL: c.URL(), PollInterval: time.Second, CallTimeout: 10 * time.Second, ChainID: ChainID,
		Bridge: c.Bridge(), Validator: c.Validator(),
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// follow delivers the client's heads until the test ends.
func follow(t testing.TB, client *ethereum.Client) <-chan chain.Header {
	t.Helper()
	heads := make(chan chain.Header, 4096)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx, func(h chain.Header) { heads <- h }) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	return heads
}

func next(t testing.TB, heads <-chan chain.Header) chain.Header {
	t.Helper()
	select {
	case h := <-heads:
		return h
	case <-time.After(20 * time.Second):
		require.FailNow(t, "no head came")
		return chain.Header{}
	}
}

func TestAllHeadsOfABurstArriveInOrder(t *testing.T) {
	c := start(t, Config{BlockTime: time.Millisecond, FastIdle: true})
	heads := follow(t, dial(t, c))
	last := next(t, heads)
	run(t, c)
	for last.Height < 910 { // the first window included
		h := next(t, heads)
		require.Equal(t, last.Height+1, h.Height)
		require.Equal(t, last.Hash, h.Parent)
		require.False(t, h.Time.Before(last.Time.Add(time.Second)), "a block is a second of chain time")
		last = h
	}
	want, err := c.Header(last.Height)
	require.NoError(t, err)
	require.Equal(t, want, last)
}

func TestABurstEndsBeforeTheWindowAndWhileBusy(t *testing.T) {
	for height, want := range map[chain.Height]bool{
		0: true, 100: true, 859: true, 860: false, 899: false, // no window at 0, so the first stretch is idle from the start
		900: false, 1000: false, 1019: false, 1020: true, 1759: true, 1760: false, 1800: false,
	} {
		require.Equal(t, want, idle(height), "height %d", height)
	}
	busy := true
	c := start(t, Config{FastIdle: true, Busy: func() bool { return busy }})
	require.False(t, c.bursting())
	busy = false
	require.True(t, c.bursting())
}

func TestTheChainStopsExactlyWhereItIsHeld(t *testing.T) {
	c := start(t, Config{FastIdle: true})
	require.NoError(t, c.Hold(t.Context(), 869))
	run(t, c)
	require.NoError(t, c.Until(t.Context(), 869))
	require.ErrorIs(t, c.Mine(t.Context(), 1), errHeld)
	require.Equal(t, chain.Height(869), c.Height())
	require.Error(t, c.Hold(t.Context(), 868), "this height has passed")

	require.NoError(t, c.Release(t.Context()))
	require.NoError(t, c.Until(t.Context(), 871))
	require.NoError(t, c.Pause(t.Context()))
	paused := c.Height()
	require.ErrorIs(t, c.Mine(t.Context(), 1), errHeld)
	require.Equal(t, paused, c.Height())
	require.NoError(t, c.Resume(t.Context()))
	require.NoError(t, c.Until(t.Context(), paused+1))
}

func TestARedemptionIsReadBackAsRequested(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	ctx := t.Context()
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(1), 2_000_000))
	block := c.Height()
	made, err := c.Header(block)
	require.NoError(t, err)
	require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(2), 3_000_000))
	require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(3), 4_000_000))
	require.ErrorContains(t, c.RequestRedemption(ctx, wallet, p2wpkh(3), 4_000_000), "There is a pending redemption request")
	require.ErrorContains(t, c.RequestRedemption(ctx, wallet, p2wpkh(4), 999_999), "Redemption amount too small")

	requests, err := client.PendingRedemptions(ctx, wallet, 0)
	require.NoError(t, err)
	require.Len(t, requests, 3)
	require.Equal(t, chain.RedemptionRequest{
		Script: p2wpkh(1), Redeemer: requests[1].Redeemer,
		RequestedAmount: 2_000_000, TreasuryFee: 1000, TxMaxFee: 100_000,
		RequestedAt: made.Time, Block: block,
	}, requests[0])
	require.Equal(t, p2wpkh(2), requests[1].Script)
	require.Equal(t, p2wpkh(3), requests[2].Script)

	// Closed requests are gone; one asked for again after that counts from its second request.
	require.NoError(t, c.CompleteRedemptions(ctx, wallet, [][]byte{p2wpkh(1)}, [32]byte{1}))
	require.NoError(t, c.TimeOutRedemption(ctx, wallet, p2wpkh(2)))
	require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(1), 5_000_000))
	requests, err = client.PendingRedemptions(ctx, wallet, 0)
	require.NoError(t, err)
	require.Len(t, requests, 2)
	require.Equal(t, p2wpkh(3), requests[0].Script)
	require.Equal(t, p2wpkh(1), requests[1].Script)
	require.Equal(t, uint64(5_000_000), requests[1].RequestedAmount)
	require.Equal(t, c.Height(), requests[1].Block)

	requests, err = client.PendingRedemptions(ctx, wallet, c.Height()) // from the last block on
	require.NoError(t, err)
	require.Len(t, requests, 1)
	requests, err = client.PendingRedemptions(ctx, chain.WalletID{1}, 0) // another wallet
	require.NoError(t, err)
	require.Empty(t, requests)
}

func TestTermsAndStatesAreRead(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	limits, err := client.RedemptionLimits(t.Context())
	require.NoError(t, err)
	require.Equal(t, chain.RedemptionLimits{
		TxMaxTotalFee: 1_000_000,
		Timeout:       120 * time.Hour, TimeoutSafetyMargin: 2 * time.Hour, MinAge: 10 * time.Minute, MaxSize: 20,
	}, limits)

	state, err := client.WalletState(t.Context(), wallet)
	require.NoError(t, err)
	require.Equal(t, chain.WalletUnknown, state)
	require.NoError(t, c.RegisterWallet(t.Context(), wallet))
	for _, want := range []chain.WalletState{
		chain.WalletLive, chain.WalletMovingFunds, chain.WalletClosing, chain.WalletClosed, chain.WalletTerminated,
	} {
		require.NoError(t, c.SetWalletState(t.Context(), wallet, want))
		state, err = client.WalletState(t.Context(), wallet)
		require.NoError(t, err)
		require.Equal(t, want, state)
	}
	genesis, err := client.Genesis(t.Context())
	require.NoError(t, err)
	zero, err := c.Header(0)
	require.NoError(t, err)
	require.Equal(t, zero.Hash, genesis)
}

// Every refusal that the real validator knows for these kinds, in its own words, as the node gets it.
func TestValidatorRefusesInTheContractsWords(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	ctx := t.Context()
	fee := big.NewInt
	redemption := func(amount *big.Int, scripts ...[]byte) error {
		return client.ValidateRedemption(ctx, wallet, scripts, amount)
	}
	refused := func(err error, reason string) {
		t.Helper()
		var refusal *chain.Refusal
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, reason, refusal.Reason)
	}

	heartbeat := [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}
	require.NoError(t, client.ValidateHeartbeat(ctx, wallet, heartbeat))
	heartbeat[7] = 0xfe
	refused(client.ValidateHeartbeat(ctx, wallet, heartbeat), "Not a valid heartbeat message")

	refused(redemption(fee(1), p2wpkh(1)), "Wallet is not in Live or MovingFunds state")
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	for i := range byte(3) {
		require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(i), 2_000_000))
	}
	refused(redemption(fee(1)), "Redemption below the min size")
	refused(redemption(fee(1), make([][]byte, 21)...), "Redemption exceeds the max size")
	refused(redemption(fee(0), p2wpkh(0)), "Proposed transaction fee cannot be zero")
	refused(redemption(fee(1_000_001), p2wpkh(0)), "Proposed transaction fee is too high")
	refused(redemption(new(big.Int).Lsh(fee(1), 300), p2wpkh(0)), "Proposed transaction fee is too high")
	refused(redemption(fee(1), p2wpkh(9)), "Not a pending redemption request")
	refused(redemption(fee(1), make([]byte, 70_000)), "Not a pending redemption request")
	refused(redemption(fee(1), p2wpkh(0)), "Redemption request min age not achieved yet")

	require.NoError(t, c.AdvanceTime(ctx, 10*time.Minute+time.Second))
	require.NoError(t, redemption(fee(300_000), p2wpkh(0), p2wpkh(1), p2wpkh(2)))
	refused(redemption(fee(300_001), p2wpkh(0), p2wpkh(1), p2wpkh(2)), // the last one bears the remainder
		"Proposed transaction per-request fee share is too high")
	refused(redemption(fee(3), p2wpkh(0), p2wpkh(1), p2wpkh(0)), "Duplicated request")
	require.NoError(t, c.SetWalletState(ctx, wallet, chain.WalletMovingFunds))
	require.NoError(t, redemption(fee(3), p2wpkh(0)))

	sweep := func(amount *big.Int, tx byte) error {
		return client.ValidateMovedFundsSweep(ctx, wallet, [32]byte{tx}, 7, amount)
	}
	require.NoError(t, c.AddMovedFunds(ctx, wallet, [32]byte{1}, 7, 50_000_000))
	require.NoError(t, c.AddMovedFunds(ctx, chain.WalletID{9}, [32]byte{2}, 7, 50_000_000))
	require.NoError(t, sweep(fee(100_000), 1))
	refused(sweep(fee(100_000), 2), "Sweep request does not belong to the wallet")
	refused(sweep(fee(100_000), 3), "Sweep request is not in Pending state")
	refused(sweep(fee(0), 1), "Proposed transaction fee cannot be zero")
	refused(sweep(fee(100_001), 1), "Proposed transaction fee is too high")

	require.NoError(t, c.AdvanceTime(ctx, 118*time.Hour))
	refused(redemption(fee(3), p2wpkh(0)), "Redemption request timeout safety margin is not preserved")
	require.NoError(t, c.SetWalletState(ctx, wallet, chain.WalletClosed))
	refused(sweep(fee(1), 1), "Wallet is not in Live or MovingFunds state")
}

func TestAForkDeliversTheNewBranch(t *testing.T) {
	c := start(t, Config{})
	heads := follow(t, dial(t, c))
	require.NoError(t, c.Mine(t.Context(), 10))
	top := c.Height()
	var last chain.Header
	for last.Height < top {
		last = next(t, heads)
	}
	dropped := last.Hash
	require.NoError(t, c.Fork(t.Context(), top-3, 5))
	wanted, err := c.Header(top + 2)
	require.NoError(t, err)
	seen := make(map[chain.Height]chain.Header)
	for last.Hash != wanted.Hash {
		last = next(t, heads)
		seen[last.Height] = last
	}
	for height := top - 2; height <= top+2; height++ {
		want, err := c.Header(height)
		require.NoError(t, err)
		require.Equal(t, want, seen[height], "height %d", height)
	}
	require.NotEqual(t, dropped, seen[top].Hash)
}

func TestTheNewestBlockIsMadeAnewUntilItSuits(t *testing.T) {
	c := start(t, Config{})
	require.NoError(t, c.Mine(t.Context(), 10))
	top := c.Height()
	require.NoError(t, c.Hold(t.Context(), top))
	first, err := c.Header(top)
	require.NoError(t, err)
	suits := func(h chain.Header) bool { return h.Hash[0]%16 == 0 && h.Hash != first.Hash }
	tries, err := c.Redraw(t.Context(), top, suits)
	require.NoError(t, err)
	require.Positive(t, tries)
	drawn, err := c.Header(top)
	require.NoError(t, err)
	require.True(t, suits(drawn))
	require.Equal(t, top, c.Height())
	require.Equal(t, first.Parent, drawn.Parent)

	tries, err = c.Redraw(t.Context(), top, suits)
	require.NoError(t, err)
	require.Zero(t, tries, "it suits already")
	_, err = c.Redraw(t.Context(), top-1, suits)
	require.ErrorContains(t, err, "the chain is at")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Redraw(ctx, top, func(chain.Header) bool { return false })
	require.ErrorIs(t, err, context.Canceled)
}

func TestTransactionsWaitForTheRunningMiner(t *testing.T) {
	c := start(t, Config{})
	run(t, c)
	require.NoError(t, c.RegisterWallet(t.Context(), wallet))
	failures := make(chan error)
	for i := range byte(5) {
		go func() { failures <- c.RequestRedemption(t.Context(), wallet, p2wpkh(i), 2_000_000) }()
	}
	for range 5 {
		require.NoError(t, <-failures)
	}
	requests, err := dial(t, c).PendingRedemptions(t.Context(), wallet, 0)
	require.NoError(t, err)
	require.Len(t, requests, 5)

	require.NoError(t, c.Pause(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.TimeOutRedemption(ctx, wallet, p2wpkh(1)), context.DeadlineExceeded)
}

// Addresses follow from the seed, block hashes do not.
func TestTheSeedFixesTheAccount(t *testing.T) {
	a, b, other := start(t, Config{Seed: 1}), start(t, Config{Seed: 1}), start(t, Config{Seed: 2})
	require.Equal(t, a.Bridge(), b.Bridge())
	require.Equal(t, a.Validator(), b.Validator())
	require.NotEqual(t, a.Bridge(), other.Bridge())
	require.NotEqual(t, a.URL(), b.URL())
}

func TestConfigIsChecked(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "block time")
}

func BenchmarkBoot(b *testing.B) {
	for b.Loop() {
		c, err := New(Config{BlockTime: time.Second})
		require.NoError(b, err)
		require.NoError(b, c.Close())
	}
}

// BenchmarkBurst measures one block of a burst; 860 of them come before the first window.
func BenchmarkBurst(b *testing.B) {
	c := start(b, Config{})
	for b.Loop() {
		require.NoError(b, c.Mine(b.Context(), 1))
	}
}
