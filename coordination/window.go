package coordination

import (
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
)

// Schedule is the rhythm of coordination, in blocks (RFC 12).
type Schedule struct {
	Frequency chain.Height // from one coordination block to the next
	Active    chain.Height // messages are allowed in the first Active blocks of a window
	Passive   chain.Height // after them, the network settles before anything is done
	SafeShift chain.Height // the seed comes from the block this many blocks before the window
}

// RFC12 is the schedule of the network: a window every 900 blocks (~3 h), 80 blocks to agree (~16 min, which
// is seven retransmissions), 20 to settle, and a seed from 32 blocks (one epoch) before.
func RFC12() Schedule { return Schedule{Frequency: 900, Active: 80, Passive: 20, SafeShift: 32} }

// Validate refuses a schedule whose windows would overlap, have no active phase, or take their seed from before
// the chain began.
func (s Schedule) Validate() error {
	var errs []error
	if s.Active == 0 {
		errs = append(errs, errors.New("active phase has no blocks"))
	}
	if s.Active+s.Passive > s.Frequency {
		errs = append(errs, fmt.Errorf("window of %d+%d blocks is longer than its frequency of %d", s.Active, s.Passive, s.Frequency))
	}
	if s.SafeShift == 0 || s.SafeShift >= s.Frequency {
		errs = append(errs, fmt.Errorf("safe block shift %d is not within 1 .. %d", s.SafeShift, int64(s.Frequency)-1))
	}
	return errors.Join(errs...)
}

// Window is one coordination window. Its heights are derived from its coordination block by a Schedule; windows
// of one schedule compare equal exactly if their blocks do. The zero value is no window.
type Window struct {
	Block     chain.Height // coordination block c, the first of the active phase
	Index     uint64       // c / frequency; 0 is no window
	SeedBlock chain.Height // c-32
	ActiveEnd chain.Height // c+80, the first block that is too late
	End       chain.Height // c+100, the first block of the action
}

// Window returns the window of coordination block c; false if c is none (block 0 never is).
func (s Schedule) Window(c chain.Height) (Window, bool) {
	if c == 0 || c%s.Frequency != 0 {
		return Window{}, false
	}
	return Window{
		Block:     c,
		Index:     uint64(c / s.Frequency),
		SeedBlock: c - s.SafeShift,
		ActiveEnd: c + s.Active,
		End:       c + s.Active + s.Passive,
	}, true
}

// At returns the window whose period (c .. c+frequency-1) holds h, and whether h lies in its active phase. Heights
// before the first window belong to none: the zero Window.
func (s Schedule) At(h chain.Height) (w Window, active bool) {
	w, ok := s.Window(h - h%s.Frequency)
	return w, ok && h < w.ActiveEnd
}

// Next returns the first window that begins after h.
func (s Schedule) Next(h chain.Height) Window {
	w, _ := s.Window(h - h%s.Frequency + s.Frequency)
	return w
}
