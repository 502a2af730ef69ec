package quorum

import (
	"context"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// book is everything that the pool knows of its endpoints and of what they agree on. One goroutine owns it.
type book struct {
	config Config
	log    *slog.Logger

	tracks []*track // in the order of preference
	left   []*track // removed, and not let go yet

	ring     *Ring
	ruling   Ruling
	agreed   chain.Header // the last one
	agreedAt time.Time
	filling  bool
	fillFrom time.Time                   // not before
	fetched  map[chain.Hash]chain.Header // below agreed ones, above the ring
	pace     pace

	mode     Mode
	serving  *link
	switches uint64
	due      time.Time // when the next switch that nobody needs may be
	begun    bool      // an endpoint served before
}

// track is one endpoint in the book.
type track struct {
	member   Member
	link     *link
	report   report // the newest
	cordoned bool
	tips     tips
	standing standing
	relapses relapses
	stop     context.CancelFunc // ends its poller; nil while there is none
}

func newBook(config Config, log *slog.Logger) *book {
	return &book{config: config, log: log, fetched: make(map[chain.Hash]chain.Header)}
}

// enrol makes members the book's endpoints: those known by their key keep all but their description, the others get
// their links. Those that are no member any more have left.
func (b *book) enrol(members []Member, links map[string]*link) {
	known := make(map[string]*track, len(b.tracks))
	for _, t := range b.tracks {
		known[t.member.key()] = t
	}
	b.tracks = make([]*track, 0, len(members))
	for _, m := range preferred(members) {
		t := known[m.key()]
		if t == nil {
			t = &track{link: links[m.key()]}
		}
		delete(known, m.key())
		t.member = m
		b.tracks = append(b.tracks, t)
	}
	for _, t := range known {
		b.left = append(b.left, t)
	}
	if b.indexOf(b.serving) < 0 {
		b.serving = nil
	}
}

func (b *book) indexOf(l *link) int {
	for i, t := range b.tracks {
		if t.link == l {
			return i
		}
	}
	return -1
}

// judge takes the reports of polls and judges anew. Only the endpoints that were polled take a step: two polls in a row
// are two of their own.
func (b *book) judge(now time.Time, reports ...report) {
	polled := make(map[*link]bool, len(reports))
	for _, r := range reports {
		if i := b.indexOf(r.link); i >= 0 { // else it left while its poll was under way
			b.tracks[i].report, polled[r.link] = r, true
			b.tracks[i].tips.note(r.view.Head())
		}
	}
	b.ruling = Classify(b.table(now))
	b.agree(now)
	for i, t := range b.tracks {
		if polled[t.link] {
			b.step(t, b.ruling.Findings[i], now)
		}
	}
	b.choose(now)
}

// table lays out what is known for the classifier.
func (b *book) table(now time.Time) Table {
	t := Table{ChainID: b.config.ChainID, Ring: b.ring, Rules: b.rules(), Rows: make([]Row, len(b.tracks))}
	for i, track := range b.tracks {
		r := track.report
		t.Rows[i] = Row{
			Name: track.member.Name, Group: track.member.Group, Votes: track.member.Has(RoleVote),
			Cordoned: track.cordoned, Sight: r.sight, View: r.view, Trouble: r.trouble, Peers: r.peers, Regressed: r.regressed,
			FalseTips: track.tips.wrong,
		}
		if !r.headAt.IsZero() {
			t.Rows[i].HeadSince = r.at.Sub(r.headAt)
		}
		if !b.agreedAt.IsZero() {
			t.Rows[i].AgreedSince = max(0, r.at.Sub(b.agreedAt))
		}
	}
	return t
}

// rules are the classifier's thresholds. Others were polled up to an interval ago: whoever was just polled is ahead of them
// by what appeared since, which is nothing on a chain of 12 s blocks and much on a quick one.
func (b *book) rules() Rules {
	rules := DefaultRules(len(b.tracks), b.config.Deadline)
	rules.MinPeers, rules.StallAfter = max(b.config.MinPeers, len(b.tracks)), stallPolls*b.config.PollEvery
	// Polls that somebody asked for come as soon as a quarter of the interval after each other, and a block takes seconds to
	// reach everybody: a regular poll confirms what they showed, also if it is early by its tenth and answered sooner.
	rules.ReorgGrace = b.config.PollEvery * 7 / 10
	if b.pace.blocks > 1 {
		rules.LeadTwice += 2 * b.pace.blocks
	}
	return rules
}

// pace is how many blocks became agreed between two polls, as seen last.
type pace struct {
	blocks chain.Height
	from   chain.Height
	since  time.Time
}

func (p *pace) see(agreed chain.Height, now time.Time, interval time.Duration) {
	if p.since.IsZero() {
		p.from, p.since = agreed, now
		return
	}
	moved := max(agreed, p.from) - p.from
	p.blocks = max(p.blocks, moved)
	if now.Sub(p.since) >= interval {
		*p = pace{blocks: moved, from: agreed, since: now}
	}
}

// agree follows the agreed head, if there is one.
func (b *book) agree(now time.Time) {
	if !b.ruling.Quorum {
		return
	}
	if b.ruling.Agreed.Hash != b.agreed.Hash {
		b.agreed, b.agreedAt = b.ruling.Agreed, now
	}
	b.pace.see(b.agreed.Height, now, b.config.PollEvery)
	b.extend()
	if !b.holdsAgreed() {
		return // the ring may be of a branch that is being left
	}
	for _, t := range b.tracks {
		t.tips.settle(b.ring)
	}
}

// step moves an endpoint's standing by one finding, and tells if that changes its status.
func (b *book) step(t *track, f Finding, now time.Time) {
	before := t.standing
	t.standing = before.Step(f, now)
	status, reason := t.standing.Status, t.standing.Reason
	if before.Status == status && before.Reason == reason {
		return
	}
	if before.Status == Healthy && status != Healthy && reason != Cordoned {
		t.relapses.add(now)
	}
	detail := t.standing.Detail()
	t.link.record(Change{At: now, Status: status, Reason: reason, Detail: detail})
	attributes := []any{"endpoint", t.member.Name, "status", status, "reason", reason}
	if detail != "" {
		attributes = append(attributes, "detail", detail)
	}
	if status == Healthy {
		b.log.Info("Chain endpoint is healthy", attributes...)
		return
	}
	if text := t.link.lastErr.Load(); text != nil && t.report.trouble != "" {
		attributes = append(attributes, "error", *text)
	}
	b.log.Warn("Chain endpoint is not used", attributes...)
}

// choose settles the mode and who serves.
func (b *book) choose(now time.Time) {
	usable, answering, ranks := 0, 0, make([]rank, len(b.tracks))
	for i, t := range b.tracks {
		ranks[i] = t.rank(now)
		if t.member.sendOnly() {
			continue
		}
		if t.standing.Status == Healthy {
			usable++
		}
		if t.report.trouble == "" && t.report.sight != nil && !t.cordoned {
			answering++
		}
	}
	b.enter(modeOf(b.ruling.Quorum, usable, answering))
	chosen := choose(ranks, b.indexOf(b.serving), !now.Before(b.due), b.mode == ModeDegradedSingle)
	if chosen < 0 {
		b.serving = nil
		return
	}
	next := b.tracks[chosen]
	if next.link == b.serving {
		return
	}
	if b.serving != nil {
		b.log.Info("Another chain endpoint serves", "endpoint", next.member.Name)
	}
	if b.begun {
		b.switches++
	}
	b.serving, b.begun = next.link, true
	b.due = later(b.due, now).Add(switchPause)
}

// enter changes the mode, and says so once.
func (b *book) enter(mode Mode) {
	if mode == b.mode {
		return
	}
	b.mode = mode
	votes := []any{"mode", mode, "votes", b.ruling.Votes, "groups", b.ruling.Groups, "needed", b.ruling.Needed}
	switch mode {
	case ModeQuorum:
		b.log.Info("Chain endpoints agree", votes...)
	case ModeDegradedSingle:
		b.log.Error("Fewer than three chain endpoints are usable; reads rest on one alone", votes...)
	case ModeNoQuorum:
		b.log.Error("Chain endpoints do not agree; the node takes no decision", votes...)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
