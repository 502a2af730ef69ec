package quorum

import "time"

// switchPause is how long an endpoint serves at least while it stays healthy, so that two of them do not take turns.
const switchPause = time.Minute

// fewestUsable is how many usable endpoints it takes for a majority to mean something.
const fewestUsable = 3

// rank orders endpoints by how fit they are to serve reads; among equals the preferred one comes first.
type rank int

const (
	fit        rank = iota // healthy
	ailing                 // it answers, and something is wrong with it: better than nothing, where there is no better
	silent                 // it did not answer lately; the call may find it back
	unsuitable             // never asked: it does not serve reads, is cordoned, or serves another chain
)

func rankOf(m Member, cordoned bool, status Status, reason Reason) rank {
	switch {
	case !m.Has(RoleRead), cordoned, reason == WrongChain:
		return unsuitable
	case status == Healthy:
		return fit
	case status == Unhealthy:
		return ailing
	default:
		return silent
	}
}

// rank returns how fit the endpoint is to serve reads.
func (t *track) rank() rank {
	return rankOf(t.member, t.cordoned, t.standing.Status, t.standing.Reason)
}

// choose returns the index of the endpoint to serve, given all ranks in the order of preference, which one serves (-1
// for none) and for how long; -1 if none can. A fitter one takes over at once. A merely preferred one waits until the
// present one has served for a while, unless there is no choice but the first (alone): then that is the mode's meaning.
func choose(ranks []rank, serving int, served time.Duration, alone bool) int {
	best := -1
	for i, r := range ranks {
		if r != unsuitable && (best < 0 || r < ranks[best]) {
			best = i
		}
	}
	if best < 0 || serving < 0 || ranks[best] < ranks[serving] {
		return best
	}
	if alone && best == 0 || served >= switchPause {
		return best
	}
	return serving
}

// modeOf says what the pool can vouch for.
func modeOf(quorum bool, usable, answering int) Mode {
	switch {
	case quorum && usable >= fewestUsable:
		return ModeQuorum
	case !quorum && answering >= fewestUsable:
		return ModeNoQuorum
	default:
		return ModeDegradedSingle
	}
}
