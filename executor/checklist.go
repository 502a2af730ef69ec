package executor

import (
	"fmt"

	"github.com/walletnode/walletnode/proposal"
)

// rareFrequency is how often, in windows, the actions other than redemption are on the checklist.
const rareFrequency = 4

// heartbeatProbability is the chance of a heartbeat per window. RFC 12 says 12.5 %; the network runs half of it.
const heartbeatProbability = 0.0625

// Checklist returns the actions the leader may propose in the window of this index, in order of precedence. A
// no-op is always allowed and never listed. Index 0 is no window and has no actions.
func Checklist(seed [32]byte, index uint64) []proposal.Kind {
	if index == 0 {
		return nil
	}
	list := []proposal.Kind{proposal.KindRedemption}
	if index%rareFrequency == 0 {
		list = append(list, proposal.KindDepositSweep, proposal.KindMovedFundsSweep, proposal.KindMovingFunds)
	}
	// The protocol fixes this float: it is the first draw of a generator of its own.
	if newRNG(seed).Float64() < heartbeatProbability {
		list = append(list, proposal.KindHeartbeat)
	}
	return list
}

// Rules describes how leader and checklist are drawn, for the digest of parameters that nodes exchange: two nodes with
// the same text draw alike.
func Rules() string {
	return fmt.Sprintf("leader eip55-sorted shuffle math/rand; checklist every %d heartbeat %g", rareFrequency, heartbeatProbability)
}
