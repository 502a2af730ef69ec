package pipeline

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// A faulty twin of each stage: it does what the honest one does, and then something with what that lets out.

// TwistEntrance is an inbox that is wrong before it numbers anything: what it does not take is never a record.
func (f *Feed) TwistEntrance(with func([]feed.Record) []feed.Record) {
	honest := f.logic.take
	f.logic.take = func(items []feed.Item, last uint64) []feed.Item {
		var records []feed.Record
		for _, item := range honest(items, last) {
			records = append(records, feed.Record{Item: item})
		}
		var taken []feed.Item
		for _, rec := range with(records) {
			taken = append(taken, rec.Item)
		}
		return taken
	}
}

func (f *Feed) TwistInbox(with func([]feed.Record) []feed.Record) {
	honest := f.logic.number
	f.logic.number = func(items []feed.Item, first feed.Seq, t Term) []feed.Record {
		records := with(honest(items, first, t))
		for i := range records { // its numbers have no gap: whoever is careless with them is found at once
			records[i].Seq = first + feed.Seq(i)
		}
		return records
	}
}

func (f *Feed) TwistRouter(with func([]feed.Record) []feed.Record) {
	honest := f.logic.route
	f.logic.route = func(records []feed.Record, shards int) [][]feed.Record {
		parts := honest(records, shards)
		for i := range parts {
			parts[i] = with(parts[i])
		}
		return parts
	}
}

func (f *Feed) TwistReceiver(mailbox int, with func([]feed.Record) []feed.Record) {
	honest := f.logic.fan
	f.logic.fan = func(records []feed.Record, subs *feed.Subscriptions) []addressed {
		return twist(honest(records, subs), mailbox, with)
	}
}

func (f *Feed) TwistOutbox(mailbox int, with func([]feed.Record) []feed.Record) {
	f.logic.keep = func(copies []addressed) []addressed { return twist(copies, mailbox, with) }
}

// twist does something to the copies for one mailbox.
func twist(copies []addressed, mailbox int, with func([]feed.Record) []feed.Record) []addressed {
	var kept []addressed
	var own []feed.Record
	for _, c := range copies {
		if c.mailbox == mailbox {
			own = append(own, c.record)
		} else {
			kept = append(kept, c)
		}
	}
	for _, rec := range with(own) {
		kept = append(kept, addressed{mailbox: mailbox, record: rec})
	}
	return kept
}

func (f *Feed) TwistCommitment(with func(feed.Commitment) feed.Commitment) { f.logic.commit = with }

func (f *Feed) TwistSeal(with func(feed.Seal) feed.Seal) { f.logic.seal = with }

// TwistEpochs is a sequencer that is wrong about the epoch of a height.
func (f *Feed) TwistEpochs(with func(h chain.Height, honest feed.Epoch) feed.Epoch) {
	honest := f.logic.due
	f.logic.due = func(h chain.Height, blocks uint64) feed.Epoch { return with(h, honest(h, blocks)) }
}
