package proposal

import (
	"fmt"
	"math/big"
)

// The limits here are the validator contract's, or looser than it can be. None may be stricter: a refusal is held
// against the leader.

// maxScript is the longest script whose length fits the one byte that the contracts put before it.
const maxScript = 252

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
	case Redemption:
		return redemptionBreach(p)
	case MovedFundsSweep:
		return feeBreach(p.TxFee)
	default: // a kind that this node cannot verify is not judged by halves (rule R5), and costs no call anyway
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
