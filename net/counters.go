package net

import "sync/atomic"

// Counters say what the network has done since the start.
type Counters struct {
	Delivered   uint64 // new statements put into an inbox
	Copies      uint64 // further copies of them that were relayed
	Known       uint64 // copies of known statements that were dropped unverified, because nobody needed them
	Ignored     uint64 // messages that passed verification and were ignored
	Rejected    uint64 // messages that every honest node rejects, bad signatures included
	QueueFull   uint64 // messages that found pubsub's validation queue full
	DroppedRPCs uint64 // RPCs beyond a peer's limits
	CutOff      uint64 // peers cut off for flooding
	Banned      uint64 // messages dropped unread because their author is banned, by the list or for a flood

	JoinFailures JoinFailures
}

// JoinFailures count why peers were not admitted.
type JoinFailures struct {
	Full      uint64 // connections turned away because there was no room for one more peer
	Exchange  uint64 // exchanges of delegations that failed; peers of another protocol are tried again, now and then
	Unproven  uint64 // cut off because they proved no operator in time
	Seatless  uint64 // cut off because their operator holds no seat of our wallets
	Instances uint64 // cut off because their operator has as many instances here as it may
	Banned    uint64 // cut off because they or their operator are banned, by the list or for a flood
}

type counters struct {
	delivered, copies, known, ignored, rejected, queueFull, droppedRPCs, cutOff, banned atomic.Uint64
}

// count enters a ruling; rejections are counted where pubsub's own are.
func (c *counters) count(r Ruling) {
	switch {
	case r.Cause == CauseNew:
		c.delivered.Add(1)
	case r.Cause == CauseCopy:
		c.copies.Add(1)
	case r.Verdict == VerdictIgnore:
		c.ignored.Add(1)
	}
}

// Counters returns the counters' values now.
func (h *Host) Counters() Counters {
	c := &h.traffic.counters
	return Counters{
		Delivered: c.delivered.Load(), Copies: c.copies.Load(), Known: c.known.Load(), Ignored: c.ignored.Load(), Rejected: c.rejected.Load(),
		QueueFull: c.queueFull.Load(), DroppedRPCs: c.droppedRPCs.Load(), CutOff: c.cutOff.Load(), Banned: c.banned.Load(),
		JoinFailures: h.table.joinFailures(),
	}
}
