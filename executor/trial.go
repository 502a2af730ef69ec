package executor

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// refusalSpan is for how many blocks a proposal must have been refused before that is the leader's mistake: heads differ, and a request may be too young or already gone one block apart (rule R5).
const refusalSpan chain.Height = 3

// trialOffsets are the blocks after arrival at which a proposal that did not pass is tried again. They are dense
// where heads differ and thin out later, so that a refused proposal costs a dozen calls and not eighty.
var trialOffsets = []chain.Height{0, 1, 2, 3, 5, 8, 13, 21, 34, 55}

// trial is the repeated validation of the one statement that can decide a window (rule R5).
type trial struct {
	arrived chain.Height
	tries   int          // offsets used up
	triedAt chain.Height // height of the last try

	passed  bool
	settled bool // the last verdict is the same at every head: nothing is left to try
	last    proposal.Verdict
	refused bool         // at least one refusal
	failed  bool         // at least one try ended without an answer
	from    chain.Height // height of the first refusal
	until   chain.Height // height of the newest one
}

// due reports whether the proposal is to be tried at height h. The last block of the active phase is always one.
func (t *trial) due(h, activeEnd chain.Height) bool {
	if t.passed || t.settled || h >= activeEnd || (t.tries > 0 && h <= t.triedAt) {
		return false
	}
	next := activeEnd - 1
	if t.tries < len(trialOffsets) {
		next = min(next, t.arrived+trialOffsets[t.tries])
	}
	return h >= next
}

// record takes the verdict of a try at height h. Offsets that fell due together, because heights were skipped, are
// used up by one try.
func (t *trial) record(h chain.Height, v proposal.Verdict) {
	t.triedAt = h
	for t.tries < len(trialOffsets) && t.arrived+trialOffsets[t.tries] <= h {
		t.tries++
	}
	t.last = v
	switch v.Outcome {
	case proposal.Valid:
		t.passed = true
	case proposal.Unverifiable:
		t.settled = true
	case proposal.Refused:
		if !t.refused {
			t.from = h
		}
		t.refused, t.until = true, h
		t.settled = v.Final
	case proposal.Failed: // our failure says nothing about the proposal, and leaves a head at which it was not refused
		t.failed = true
	}
}

// convicts reports whether the refusals add up to a mistake of the leader: refused by itself, or at every head tried,
// the first and the last of them at least three blocks apart. A single answer never convicts.
func (t *trial) convicts() bool {
	return t.refused && !t.passed && (t.settled || !t.failed && t.until >= t.from+refusalSpan)
}
