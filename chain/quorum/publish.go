package quorum

import (
	"time"
)

// state makes an immutable picture of the book for those who call and those who ask.
func (b *book) state() *state {
	s := &state{
		ring:  b.ring,
		links: make(map[string]*link, len(b.tracks)),
		electorate: electorate{
			groups: b.ruling.Groups,
			needed: b.ruling.Needed,
		},
		serving: b.serving,
	}
	s.snapshot = &Snapshot{
		At: time.Now(), Mode: b.mode,
		Quorum: b.ruling.Quorum, Agreed: b.agreed, AgreedAt: b.agreedAt,
		Votes: b.ruling.Votes, Groups: b.ruling.Groups, Needed: b.ruling.Needed,
		Switches: b.switches, Endpoints: make([]EndpointState, len(b.tracks)),
	}
	for i, t := range b.tracks {
		shown := b.show(t)
		s.snapshot.Endpoints[i] = shown
		if shown.Serving {
			s.snapshot.Serving = shown.Name
		}
		s.links[shown.Name] = t.link
		if t.member.Has(RoleVote) && !t.cordoned && shown.Reason != WrongChain {
			s.electorate.voters = append(s.electorate.voters, voter{t.link, shown.Name, shown.Group})
		}
	}
	s.readers, s.senders = b.readers(s.snapshot.Endpoints), b.senders()
	return s
}

// show describes one endpoint.
func (b *book) show(t *track) EndpointState {
	shown := EndpointState{
		Name: t.member.Name, Group: t.member.Group, Roles: t.member.roles(), Address: t.member.Shown,
		Primary: t.member.Primary, Serving: t.link == b.serving, Cordoned: t.cordoned,
		Status: t.standing.Status, Reason: t.standing.Reason, Detail: t.standing.Detail(),
		Lag: t.standing.Lag, Depth: t.standing.Depth, PeersUnknown: t.standing.PeersUnknown, Since: t.standing.Since,
		Head: t.report.view.Head(), Calls: t.link.calls.Load(), Errors: t.link.errors.Load(),
	}
	shown.P50, shown.P95 = t.link.latency.percentiles()
	shown.Answers = t.link.latency.answers()
	if text := t.link.lastErr.Load(); text != nil {
		shown.LastErr = *text
	}
	if t.report.peers != nil && t.report.peers.Known {
		count := t.report.peers.Count
		shown.Peers = &count
	}
	if b.ruling.Quorum && t.member.Has(RoleVote) && !t.cordoned && t.report.trouble == "" && shown.Reason != WrongChain {
		hash, known := t.report.view.At(b.agreed.Height)
		shown.Votes = known && hash == b.agreed.Hash
	}
	return shown
}

// readers returns whom reads ask, in order: the one that serves, then the fittest.
func (b *book) readers(shown []EndpointState) []reader {
	var ordered [unsuitable][]reader
	readers, now := make([]reader, 0, len(b.tracks)), time.Now()
	for i, t := range b.tracks {
		r := reader{link: t.link, name: t.member.Name, hedge: hedgeAfter(shown[i].P95)}
		switch rank := t.rank(now); {
		case t.link == b.serving:
			readers = append(readers, r)
		case rank != unsuitable:
			ordered[rank] = append(ordered[rank], r)
		}
	}
	for _, equal := range ordered {
		readers = append(readers, equal...)
	}
	return readers
}

// senders returns whom transactions are sent to.
func (b *book) senders() []sender {
	var chosen, all []sender
	healthy := false
	for _, t := range b.tracks {
		if !t.member.Has(RoleSend) || t.cordoned || t.standing.Reason == WrongChain {
			continue
		}
		s := sender{t.link, t.member.Name}
		all = append(all, s)
		if t.standing.Status == Healthy || t.member.sendOnly() {
			chosen = append(chosen, s)
			healthy = healthy || t.standing.Status == Healthy
		}
	}
	if !healthy {
		return all
	}
	return chosen
}
