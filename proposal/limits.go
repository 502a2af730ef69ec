package proposal

import (
	"fmt"
	"math/big"
)

// The limits here are the validator contract's, or looser than it can be. None may be stricter: a refusal is held
// against the leader.
const (
	// maxDeposits is the contract's DEPOSIT_SWEEP_MAX_SIZE.
	maxDeposits = 20
	// maxScript is the longest script whose length fits the one byte that the contracts put before it.
	maxScript = 252
)

// maxFee is more than all bitcoin there can be: 21 million, in satoshi.
var maxFee = big.NewInt(21_000_000 * 100_000_000)

// breach returns which limit a proposal breaks whatever the chain's state, empty if none. It costs no more than one
// look at each part of the proposal, and stops at the count if that is too high.
func breach(p Proposal) string {
	switch p := p.(type) {
	case Heartbeat:
		if [8]byte(p.Message[:8]) != [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} {
			return "heartbeat message does not begin with eight bytes 0xff"
		}
		return ""
	case DepositSweep:
		if n := len(p.Deposits); n > maxDeposits {
			return fmt.Sprintf("sweep of %d deposits, more than %d", n, maxDeposits)
		}
		return feeBreach(p.TxFee)
	case Redemption:
		return redemptionBreach(p)
	case MovingFunds:
		return feeBreach(p.TxFee)
	case MovedFundsSweep:
		return feeBreach(p.TxFee)
	default:
		return ""
	}
}

func redemptionBreach(p Redemption) string {
	n := len(p.OutputScripts)
	if n == 0 || n > maxRedemptions {
		return fmt.Sprintf("redemption of %d requests, not 1 to %d", n, maxRedemptions)
	}
	seen := make(map[string]bool, n)
	for _, script := range p.OutputScripts {
		if len(script) > maxScript {
			return fmt.Sprintf("output script of %d bytes, more than %d", len(script), maxScript)
		}
		if seen[string(script)] {
			return "one output script twice"
		}
		seen[string(script)] = true
	}
	if p.TxFee.Sign() == 0 {
		return "transaction fee is zero"
	}
	return feeBreach(p.TxFee)
}

func feeBreach(fee *big.Int) string {
	if fee.Cmp(maxFee) > 0 {
		return fmt.Sprintf("transaction fee of %d bits is more than all bitcoin", fee.BitLen())
	}
	return ""
}
