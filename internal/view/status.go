package view

import (
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// Readiness says whether a node can do its work now, and what keeps it from it.
type Readiness struct {
	Ready  bool    `json:"ready"` // every check is ok
	State  string  `json:"state"` // starting, syncing, active, draining or stopped
	Checks []Check `json:"checks"`
}

// Check is one condition of readiness.
type Check struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Reason   string `json:"reason"`   // why it is not ok; empty if it is
	Current  string `json:"current"`  // what is
	Required string `json:"required"` // what has to be
}

// NewReadiness sums up checks.
func NewReadiness(state string, checks []Check) Readiness {
	r := Readiness{Ready: true, State: state, Checks: checks}
	for _, c := range checks {
		r.Ready = r.Ready && c.OK
	}
	return r
}

// Failing returns the checks that are not ok.
func (r Readiness) Failing() []Check {
	var failing []Check
	for _, c := range r.Checks {
		if !c.OK {
			failing = append(failing, c)
		}
	}
	return failing
}

// Status is a running node at one moment.
type Status struct {
	State     string         `json:"state"`       // starting, syncing, active, draining or stopped
	Since     string         `json:"state_since"` // when it entered the state
	StartedAt string         `json:"started_at"`
	Uptime    int64          `json:"uptime_seconds"`
	Version   string         `json:"version"`
	Operator  chain.Operator `json:"operator"`
	Instance  string         `json:"instance"` // its name among the operator's instances; empty for the only one
	PeerID    *string        `json:"peer_id"`
	Listening []string       `json:"listening"` // multiaddrs
	Ready     bool           `json:"ready"`
	Checks    []Check        `json:"checks"`
	Head      *Head          `json:"head"`   // null before the first
	Window    *Phase         `json:"window"` // null before the first head and before the chain's first window
	Next      *Next          `json:"next"`   // null before the first head
	Peers     PeerCount      `json:"peers"`
	Last      []Window       `json:"last"` // the newest rows of windows list: how the last window ended
	// Stale says that the store cannot be read: Last is as it was last known.
	Stale bool `json:"stale"`
}

// Head is the newest block that the node follows.
type Head struct {
	Block chain.Height `json:"block"`
	Hash  chain.Hash   `json:"hash"`
	Time  string       `json:"time"`        // the block's own timestamp
	Age   float64      `json:"age_seconds"` // since it was received
	Stale bool         `json:"stale"`       // too old to act on: the node neither leads nor accuses
}

// NewHead shows the head of a clock; nil before the first.
func NewHead(h chain.Head, stale bool) *Head {
	if h.ReceivedAt.IsZero() {
		return nil
	}
	age := time.Since(h.ReceivedAt).Round(time.Millisecond).Seconds()
	return &Head{h.Height, h.Hash, Time(h.Time), age, stale}
}

// Phase is where in a window's period a height lies.
type Phase struct {
	Window chain.Height `json:"window"` // coordination block
	Index  uint64       `json:"index"`
	Phase  string       `json:"phase"`       // active, passive or idle
	Left   chain.Height `json:"blocks_left"` // of the phase
}

// NewPhase returns where a height lies; nil before the first window.
func NewPhase(h chain.Height) *Phase {
	schedule := coordination.RFC12()
	w, active := schedule.At(h)
	switch {
	case w.Block == 0:
		return nil
	case active:
		return &Phase{w.Block, w.Index, "active", w.ActiveEnd - h}
	case h < w.End:
		return &Phase{w.Block, w.Index, "passive", w.End - h}
	default:
		return &Phase{w.Block, w.Index, "idle", schedule.Next(h).Block - h}
	}
}
