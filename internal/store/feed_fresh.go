package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Who follows a mailbox is given what was stored a moment ago, and several follow. So the newest records stay in memory: at most so many,
// and so many bytes of payloads.
const (
	maxFresh      = 2048
	maxFreshBytes = 4 << 20
)

// fresh are the newest records that this process has stored in a feed, without gaps. They are no more than a copy: what is looked for is known by all its
// fields, the hash of its payload among them, so that nothing else is ever found in its place, whatever became of the database.
type fresh struct {
	mu    sync.Mutex
	list  []pipeline.Accepted // ascending
	bytes int
}

// add notes what has been stored.
func (r *fresh) add(records []pipeline.Accepted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.list); n > 0 && len(records) > 0 && records[0].Record.Seq != r.list[n-1].Record.Seq+1 {
		clear(r.list)
		r.list, r.bytes = r.list[:0], 0
	}
	r.list = append(r.list, records...)
	for i := range records {
		r.bytes += len(records[i].Payload)
	}
	drop := 0
	for ; len(r.list)-drop > maxFresh || r.bytes > maxFreshBytes; drop++ {
		r.bytes -= len(r.list[drop].Payload)
	}
	r.list = slices.Delete(r.list, 0, drop)
}

// find returns a record with what belongs to it; false if it is not among them.
func (r *fresh) find(rec *feed.Record) (pipeline.Accepted, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, there := slices.BinarySearchFunc(r.list, rec.Seq, func(a pipeline.Accepted, seq feed.Seq) int { return cmp.Compare(a.Record.Seq, seq) })
	if !there || r.list[at].Record != *rec {
		return pipeline.Accepted{}, false
	}
	return r.list[at], true
}
