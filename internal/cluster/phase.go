package cluster

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// quiet is how many blocks before a window no wallet is moved for balance any more: about two minutes, in which every
// instance has seen who is responsible, however late its head and its last look at the store.
const quiet chain.Height = 10

// phase is where the chain stands between windows, as far as moving wallets is concerned.
type phase struct {
	Window  uint64 // index of the window whose period this is
	Between bool   // no window lasts or is about to begin
}

// phaseAt returns the phase at a height. Before the first window is between windows, too.
func phaseAt(s coordination.Schedule, h chain.Height) phase {
	w, _ := s.At(h)
	return phase{Window: w.Index, Between: h >= w.End && h+quiet < s.Next(h).Block}
}

// horizon is the last window that may have been claimed by anyone when this instance's head is at h: others may see the
// chain further on, by up to a seed's depth.
func horizon(s coordination.Schedule, h chain.Height) chain.Height {
	w, _ := s.At(h + s.SafeShift)
	return w.Block
}
