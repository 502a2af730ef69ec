package quorum

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNeeded says that an endpoint was not taken out of use because the pool cannot do without it.
var ErrNeeded = errors.New("chain endpoint is needed")

// tryOut refuses members that would have no quorum, while those of now have one: a mistake in a list is not to stop a
// node that works. reports are the first polls of those that are new, which links opened.
func (b *book) tryOut(members []Member, links map[string]*link, reports []report) error {
	if !b.ruling.Quorum {
		return nil // there is nothing to lose
	}
	polled := make(map[*link]report, len(reports))
	for _, r := range reports {
		polled[r.link] = r
	}
	known := make(map[string]*track, len(b.tracks))
	for _, t := range b.tracks {
		known[t.member.key()] = t
	}
	tracks := make([]*track, len(members))
	for i, m := range members {
		t := &track{report: polled[links[m.key()]]}
		if old := known[m.key()]; old != nil {
			t.report, t.cordoned = old.report, old.cordoned
		}
		t.member, tracks[i] = m, t
	}
	ruling := b.trial(tracks)
	if ruling.Quorum {
		return nil
	}
	why := make([]string, len(tracks))
	for i, f := range ruling.Findings {
		why[i] = tracks[i].member.Name + ": " + string(f.Reason)
	}
	return fmt.Errorf("%w: the new ones would have no quorum, %s; there is one now, so nothing was changed (%s)",
		ErrMembers, tellVotes(ruling), strings.Join(why, ", "))
}

// trial judges tracks as if they were the book's.
func (b *book) trial(tracks []*track) Ruling {
	other := &book{config: b.config, tracks: tracks, ring: b.ring, agreedAt: b.agreedAt, pace: b.pace}
	return Classify(other.table(time.Now()))
}

func tellVotes(r Ruling) string {
	return fmt.Sprintf("%d of %d vote groups agree on a head and %d must", r.Votes, r.Groups, r.Needed)
}

// spare says why an endpoint cannot be cordoned; nil if it can.
func (b *book) spare(t *track) error {
	tracks := make([]*track, len(b.tracks))
	others, now := unsuitable, time.Now()
	for i, each := range b.tracks {
		tracks[i] = each
		if each != t {
			others = min(others, each.rank(now))
			continue
		}
		without := *t
		without.cordoned, tracks[i] = true, &without
	}
	if ruling := b.trial(tracks); b.ruling.Quorum && !ruling.Quorum {
		return fmt.Errorf("%w: without %q there would be no quorum, %s", ErrNeeded, t.member.Name, tellVotes(ruling))
	}
	if own := t.rank(now); own < others && others >= silent {
		return fmt.Errorf("%w: without %q no endpoint that answers would serve reads", ErrNeeded, t.member.Name)
	}
	return nil
}
