package signing

import "github.com/walletnode/walletnode/chain"

// The parts of an attempt in blocks (RFC 12).
const (
	attemptDelay        chain.Height = 1  // so that nobody announces itself for an attempt that others have not reached
	attemptAnnouncement chain.Height = 5  // then whoever is not heard is not waited for
	attemptRounds       chain.Height = 30 // then whoever has said nothing is silent
	attemptCoolDown     chain.Height = 5
	attemptLength                    = attemptDelay + attemptAnnouncement + attemptRounds + attemptCoolDown
)

// schedule is when the attempts of an order take place: as many as fit between its first and its last block. All nodes derive
// the same one, so that nobody has to agree on when an attempt begins.
type schedule struct{ start, end chain.Height }

// attempts returns how many there are.
func (s schedule) attempts() uint32 {
	if s.end <= s.start {
		return 0
	}
	return uint32((s.end - s.start) / attemptLength) //nolint:gosec // a few
}

// at returns the attempt of a height, from 1; false before the first and after the last.
func (s schedule) at(h chain.Height) (uint32, bool) {
	if h < s.start {
		return 0, false
	}
	n := (h-s.start)/attemptLength + 1
	if n > chain.Height(s.attempts()) {
		return 0, false
	}
	return uint32(n), true //nolint:gosec // a few
}

// begin returns the first block of an attempt.
func (s schedule) begin(attempt uint32) chain.Height {
	return s.start + chain.Height(attempt-1)*attemptLength
}

// announce returns the block from which seats announce themselves.
func (s schedule) announce(attempt uint32) chain.Height { return s.begin(attempt) + attemptDelay }

// list returns the block from which the coordinator waits for nobody any more.
func (s schedule) list(attempt uint32) chain.Height { return s.announce(attempt) + attemptAnnouncement }

// deadline returns the block at which an attempt that has not succeeded has failed.
func (s schedule) deadline(attempt uint32) chain.Height { return s.list(attempt) + attemptRounds }
