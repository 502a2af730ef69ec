package quorum

import (
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// cleanPolls is how many polls in a row without a finding bring an endpoint back: 3, some 15 s.
const cleanPolls = 3

// standing is what an endpoint is held to be, after all its findings so far. The zero standing is that of an endpoint
// of which nothing was found yet.
type standing struct {
	Status Status
	Reason Reason
	Since  time.Time // since when it has this status and reason
	// Lag, Depth, Beyond and PeersUnknown are those of the last finding.
	Lag, Depth, Beyond chain.Height
	PeersUnknown       bool

	doubted time.Time // when the first of the newest findings was, which were soft and did not count yet; zero for none
	clean   int       // polls in a row without a finding, while it is not healthy
}

// Step returns the standing after one more finding.
//
// What is wrong for certain counts at once. A soft finding leaves a healthy endpoint healthy until the next poll finds
// something too, or until one does that comes so much later as the finding grants; one that is not healthy has no benefit of a doubt. It comes back after three clean polls in a row, and is
// recovering meanwhile. The first answered poll is the baseline: it counts at once, clean or not.
func (s standing) Step(f Finding, now time.Time) standing {
	baseline := s.Status == "" || s.Reason == NeverReported
	next := s
	next.Lag, next.Depth, next.Beyond, next.PeersUnknown = f.Lag, f.Depth, f.Beyond, f.PeersUnknown
	next.doubted, next.clean = time.Time{}, 0
	switch {
	case f.Status == Healthy && (baseline || s.Status == Healthy || s.clean+1 >= cleanPolls):
		next.Status, next.Reason = Healthy, OK
	case f.Status == Healthy:
		next.Status, next.Reason, next.clean = Unhealthy, Recovering, s.clean+1
	case f.Soft && s.Status == Healthy && s.doubted.IsZero():
		next.doubted = now
	case f.Soft && s.Status == Healthy && now.Sub(s.doubted) < f.Grace:
		next.doubted = s.doubted
	default:
		next.Status, next.Reason = f.Status, f.Reason
	}
	if next.Reason != s.Reason { // which settles the status
		next.Since = now
	}
	return next
}

// Detail says in words for people what status and reason leave out; empty if there is nothing to add.
func (s standing) Detail() string {
	switch {
	case s.Reason == Forked && s.Depth > 0:
		return fmt.Sprintf("left the agreed chain %s ago", blocks(s.Depth))
	case s.Reason == Forked && s.Beyond > 0:
		return fmt.Sprintf("left the agreed chain more than %s ago", blocks(s.Beyond))
	case s.Reason == Forked:
		return "left the agreed chain, not yet known where"
	case s.Reason == Recovering:
		return fmt.Sprintf("%d of %d clean polls", s.clean, cleanPolls)
	case s.Lag > 0:
		return blocks(s.Lag) + " behind"
	case s.Status == Healthy && s.PeersUnknown:
		return "peers unknown"
	}
	return ""
}

func blocks(n chain.Height) string {
	if n == 1 {
		return "1 block"
	}
	return fmt.Sprintf("%d blocks", n)
}
