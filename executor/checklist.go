package executor

import (
	"fmt"
	"math/rand" // the network's generator, as in seed.go

	"github.com/walletnode/walletnode/proposal"
)

// rareFrequency is how often, in windows, the actions other than redemption are on the checklist.
const rareFrequency = 4

// heartbeatProbability is the chance of a heartbeat per window. RFC 12 says 12.5 %; the network runs half of it.
const heartbeatProbability = 0.0625

// Checklist returns the actions the leader may propose in the window of this index, in order of precedence. A
// no-op is always allowed and never listed. Index 0 is no window and has no actions.
func Checklist(seed [32]byte, index uint64) []proposal.Kind {
	return checklist(index, heartbeat(newRNG(seed)))
}

func checklist(index uint64, heartbeat bool) []proposal.Kind {
	if index == 0 {
		return nil
	}
	list := []proposal.Kind{proposal.KindRedemption}
	if index%rareFrequency == 0 {
		list = append(list, proposal.KindDepositSweep, proposal.KindMovedFundsSweep, proposal.KindMovingFunds)
	}
	if heartbeat {
		list = append(list, proposal.KindHeartbeat)
	}
	return list
}

// heartbeat draws whether a heartbeat is on the list. The protocol fixes this float: it is the first of a generator of
// its own.
func heartbeat(rng *rand.Rand) bool { return rng.Float64() < heartbeatProbability }

// heartbeatFrom draws the same from the generator's first number alone. That number nearly always makes the float; one
// so close to 1<<63 that it rounds up to 1 makes the generator draw again, and then a fresh one is needed after all.
func heartbeatFrom(first int64, seed [32]byte) bool {
	if f := float64(first) / (1 << 63); f < 1 {
		return f < heartbeatProbability
	}
	return heartbeat(newRNG(seed))
}

// Rules describes how leader and checklist are drawn, for the digest of parameters that nodes exchange: two nodes with
// the same text draw alike.
func Rules() string {
	return fmt.Sprintf("leader eip55-sorted shuffle math/rand; checklist every %d heartbeat %g", rareFrequency, heartbeatProbability)
}
