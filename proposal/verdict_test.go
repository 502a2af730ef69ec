package proposal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// fakeContract answers every validation with err and counts the calls.
type fakeContract struct {
	err   error
	calls int
}

func (c *fakeContract) answer() error {
	c.calls++
	return c.err
}

func (c *fakeContract) ValidateHeartbeat(context.Context, chain.WalletID, [16]byte) error {
	return c.answer()
}

func (c *fakeContract) ValidateRedemption(context.Context, chain.WalletID, [][]byte, *big.Int) error {
	return c.answer()
}

func (c *fakeContract) ValidateMovedFundsSweep(context.Context, chain.WalletID, [32]byte, uint32, *big.Int) error {
	return c.answer()
}

var (
	oneSatoshi = big.NewInt(1)
	heartbeat  = proposal.Heartbeat{Message: proposal.HeartbeatMessage(chain.WalletID{1}, 900)}
	redemption = proposal.Redemption{OutputScripts: [][]byte{p2wpkh(1), p2wpkh(2)}, TxFee: oneSatoshi}
	movedFunds = proposal.MovedFundsSweep{TxFee: oneSatoshi}
)

func TestR5WhatTheContractSaysDecides(t *testing.T) {
	refusal := &chain.Refusal{Reason: "Not a pending redemption request"}
	for name, c := range map[string]struct {
		answer error
		want   proposal.Verdict
	}{
		"passes":          {nil, proposal.Verdict{Outcome: proposal.Valid}},
		"refuses":         {refusal, proposal.Verdict{Outcome: proposal.Refused, Reason: refusal.Reason}},
		"refuses, deeper": {fmt.Errorf("validate: %w", refusal), proposal.Verdict{Outcome: proposal.Refused, Reason: refusal.Reason}},
		"no answer":       {errors.New("execution reverted"), proposal.Verdict{Outcome: proposal.Failed, Reason: "execution reverted"}},
		"timeout":         {context.DeadlineExceeded, proposal.Verdict{Outcome: proposal.Failed, Reason: "context deadline exceeded"}},
		"no quorum":       {chain.ErrNoQuorum, proposal.Verdict{Outcome: proposal.Failed, Reason: chain.ErrNoQuorum.Error(), NoQuorum: true}},
	} {
		for _, p := range []proposal.Proposal{heartbeat, redemption, movedFunds} {
			t.Run(name+" "+p.Kind().String(), func(t *testing.T) {
				contract := &fakeContract{err: c.answer}
				require.Equal(t, c.want, proposal.NewValidator(contract).Validate(t.Context(), chain.WalletID{1}, p))
				require.Equal(t, 1, contract.calls)
			})
		}
	}
}

func TestR5KindsThatNeedBitcoinAreUnverifiable(t *testing.T) {
	for _, p := range []proposal.Proposal{
		proposal.DepositSweep{Deposits: make([]proposal.DepositKey, 21), TxFee: oneSatoshi}, // not judged by halves
		proposal.DepositSweep{TxFee: new(big.Int)},
		proposal.MovingFunds{Targets: make([]chain.WalletID, 1000), TxFee: oneSatoshi},
	} {
		contract := &fakeContract{}
		verdict := proposal.NewValidator(contract).Validate(t.Context(), chain.WalletID{1}, p)
		require.Equal(t, proposal.Unverifiable, verdict.Outcome)
		require.Contains(t, verdict.Reason, "needs a bitcoin source")
		require.False(t, verdict.Final)
		require.Zero(t, contract.calls)
	}
}

func TestR5NoopIsValid(t *testing.T) {
	contract := &fakeContract{err: errors.New("never asked")}
	require.Equal(t, proposal.Verdict{Outcome: proposal.Valid},
		proposal.NewValidator(contract).Validate(t.Context(), chain.WalletID{1}, proposal.Noop{}))
	require.Zero(t, contract.calls)
}

func TestR5LocalLimitsCostNoCallAndAreFinal(t *testing.T) {
	allCoins := big.NewInt(21_000_000 * 100_000_000)
	tooMuch := new(big.Int).Add(allCoins, oneSatoshi)
	scripts := func(n int) (all [][]byte) {
		for i := range n {
			all = append(all, p2wpkh(i))
		}
		return all
	}
	for name, c := range map[string]struct {
		p       proposal.Proposal
		refused bool
	}{
		"heartbeat's first byte":   {proposal.Heartbeat{Message: [16]byte{0xfe}}, true},
		"heartbeat's eighth byte":  {proposal.Heartbeat{Message: [16]byte{255, 255, 255, 255, 255, 255, 255}}, true},
		"no redemption":            {proposal.Redemption{TxFee: oneSatoshi}, true},
		"one redemption":           {proposal.Redemption{OutputScripts: scripts(1), TxFee: oneSatoshi}, false},
		"20 redemptions":           {proposal.Redemption{OutputScripts: scripts(20), TxFee: oneSatoshi}, false},
		"21 redemptions":           {proposal.Redemption{OutputScripts: scripts(21), TxFee: oneSatoshi}, true},
		"a script twice":           {proposal.Redemption{OutputScripts: append(scripts(2), p2wpkh(0)), TxFee: oneSatoshi}, true},
		"a script of 252 bytes":    {proposal.Redemption{OutputScripts: [][]byte{bytes.Repeat([]byte{1}, 252)}, TxFee: oneSatoshi}, false},
		"a script of 253 bytes":    {proposal.Redemption{OutputScripts: [][]byte{bytes.Repeat([]byte{1}, 253)}, TxFee: oneSatoshi}, true},
		"no redemption fee":        {proposal.Redemption{OutputScripts: scripts(1), TxFee: new(big.Int)}, true},
		"all coins as fee":         {proposal.Redemption{OutputScripts: scripts(1), TxFee: allCoins}, false},
		"more than all coins":      {proposal.Redemption{OutputScripts: scripts(1), TxFee: tooMuch}, true},
		"huge sweep fee":           {proposal.MovedFundsSweep{TxFee: tooMuch}, true},
		"no sweep fee, chain says": {proposal.MovedFundsSweep{TxFee: new(big.Int)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			contract := &fakeContract{}
			verdict := proposal.NewValidator(contract).Validate(t.Context(), chain.WalletID{1}, c.p)
			if !c.refused {
				require.Equal(t, proposal.Verdict{Outcome: proposal.Valid}, verdict)
				return
			}
			require.Equal(t, proposal.Refused, verdict.Outcome)
			require.True(t, verdict.Final)
			require.NotEmpty(t, verdict.Reason)
			require.Zero(t, contract.calls)
		})
	}
}
