package net

import (
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
)

// Schedule is what the network must know of the rhythm of coordination, in blocks: for which windows messages
// can still matter. On the network it is 900 and 100.
type Schedule struct {
	Frequency chain.Height // from one coordination block c to the next
	Duration  chain.Height // a window is over at c+Duration; messages for it are stale from then on
}

// Validate refuses a schedule without windows or with overlapping ones.
func (s Schedule) Validate() error {
	if s.Frequency == 0 || s.Duration == 0 {
		return errors.New("schedule has no blocks")
	}
	if s.Duration > s.Frequency {
		return fmt.Errorf("window of %d blocks is longer than its frequency of %d", s.Duration, s.Frequency)
	}
	return nil
}

// age tells where a window stands at a height.
type age int

const (
	ageForeign age = iota // no window at all, or one beyond the coming one: an honest node could not know it yet
	ageLive               // the running window, or the coming one: a message may arrive before our own head does
	agePast               // over, but perhaps not everywhere: honest heads lag
	ageOld                // long over: nobody who takes part relays for it
)

// age places a message's window. The coming window counts as live however early the message is: how far our own
// head lags is not known, and what is kept for it is bounded. Before the first head (height 0) there is no window.
//
// A window is old once it has been over for as long as it lasts. Up to then an honest neighbour whose head is behind ours
// by up to 20 minutes relays for it in good faith, and an author who waits for that must not get it cut off.
func (s Schedule) age(window, height chain.Height) age {
	base := height - height%s.Frequency // block of the running window, or of the one that ended last
	switch {
	case height == 0 || window == 0 || window%s.Frequency != 0 || window > base+s.Frequency:
		return ageForeign
	case height < window+s.Duration:
		return ageLive
	case height < window+2*s.Duration:
		return agePast
	default:
		return ageOld
	}
}

// banned returns until when an author is to be ignored who has flooded a window: until the one after it begins. A window
// that is none stands for the running one.
func (s Schedule) banned(window, height chain.Height) chain.Height {
	if s.age(window, height) != ageLive {
		window = height - height%s.Frequency
	}
	return window + s.Frequency
}

// forgotten reports whether nothing of a window has to be kept any more. A window is kept until the next one begins,
// well beyond its end: whoever drains it at its last block must still find everything, and a reorganisation may
// take the head back into it.
func (s Schedule) forgotten(window, height chain.Height) bool {
	return window+s.Frequency <= height
}
