package quorum

import "time"

// switchPause is what each switch costs: a switch away from a healthy endpoint, which nobody needs, waits until all
// switches before it are paid for. So there is one a minute at most, except that an endpoint which is not healthy any more
// is always left at once.
const switchPause = time.Minute

const (
	// shortestBar and longestBar bound for how long an endpoint that was healthy and fell ill is served from only if
	// there is no other healthy one: a minute, and twice as long after each relapse.
	shortestBar, longestBar = time.Minute, 16 * time.Minute
	// relapseMemory is after how long without a relapse an endpoint begins anew.
	relapseMemory = 30 * time.Minute
)

// relapses are how often an endpoint that was healthy fell ill lately.
type relapses struct {
	bar  time.Duration // the last one's; 0 for none
	last time.Time
}

// add counts a relapse.
func (r *relapses) add(now time.Time) {
	if r.barred(now, relapseMemory) {
		r.bar = min(2*r.bar, longestBar)
	} else {
		r.bar = shortestBar
	}
	r.last = now
}

// barred reports whether the last relapse is less than a duration ago.
func (r *relapses) barred(now time.Time, duration time.Duration) bool {
	return r.bar > 0 && now.Sub(r.last) < duration
}

// fewestUsable is how many usable endpoints it takes for a majority to mean something.
const fewestUsable = 3

// rank orders endpoints by how fit they are to serve reads; among equals the preferred one comes first.
type rank int

const (
	fit        rank = iota // healthy
	wavering               // healthy, and was not a while ago
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
func (t *track) rank(now time.Time) rank {
	r := rankOf(t.member, t.cordoned, t.standing.Status, t.standing.Reason)
	if r == fit && t.relapses.barred(now, t.relapses.bar) {
		return wavering
	}
	return r
}

// choose returns the index of the endpoint to serve, given all ranks in the order of preference, and which one serves (-1
// for none); -1 if none can. From one that is not healthy a fitter one takes over at once. Else who is fitter, or merely
// preferred, waits until a switch is due, unless there is no choice but the first (alone): then that is the mode's meaning.
func choose(ranks []rank, serving int, due, alone bool) int {
	best := -1
	for i, r := range ranks {
		if r != unsuitable && (best < 0 || r < ranks[best]) {
			best = i
		}
	}
	switch {
	case best < 0, serving < 0, due, alone && best == 0:
		return best
	case ranks[serving] > wavering && ranks[best] < ranks[serving]:
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
