package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// reread is a feed whose mailboxes are read with another one's eyes: those of a process that has stored nothing of it.
type reread struct {
	*Feed
	by *Feed
}

func (r reread) Entries(ctx context.Context, mailbox string, after feed.Number, limit int) ([]pipeline.Delivered, error) {
	return r.by.Entries(ctx, mailbox, after, limit)
}

func TestWhatWasJustStoredIsNotReadAgain(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	f, ctx := s.Feed("a", nil), t.Context()
	subs, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: "all"}})
	require.NoError(t, err)
	require.NoError(t, f.Open(ctx, pipeline.Term{Epoch: 3, Subscriptions: subs}))
	records := recordsOf(3, 30)
	require.NoError(t, f.Accept(ctx, records))
	wanted := append([]pipeline.Accepted(nil), records...)
	clear(records) // they are the caller's again
	var entries []feed.Entry
	var head feed.Hash
	for i, a := range wanted {
		e := feed.Entry{Mailbox: "all", Number: feed.Number(i + 1), Previous: head, Record: a.Record}
		entries, head = append(entries, e), e.Hash()
	}
	require.NoError(t, f.Append(ctx, entries))
	payloads := func(f *Feed) (all [][]byte) {
		list, err := f.Entries(ctx, "all", 0, 10)
		require.NoError(t, err)
		require.Len(t, list, len(wanted))
		for i := range list {
			require.Equal(t, wanted[i].Record, list[i].Entry.Record)
			all = append(all, list[i].Payload)
		}
		return all
	}
	stored := [][]byte{wanted[0].Payload, wanted[1].Payload, wanted[2].Payload}
	require.Equal(t, stored, payloads(f))
	require.Equal(t, stored, payloads(s.Feed("a", nil)), "who did not store it reads it")
	_, err = s.writes.db.ExecContext(ctx, `DELETE FROM feed_records`)
	require.NoError(t, err)
	require.Equal(t, stored, payloads(f))
	require.Equal(t, [][]byte{nil, nil, nil}, payloads(s.Feed("a", nil)))
}

// A feed that goes on after a loss gives the same numbers to other records.
func TestWhatIsKeptInMemoryStandsForNothingElse(t *testing.T) {
	var f fresh
	records := recordsOf(5, 30)
	f.add(records[:2])
	f.add(records[2:4])
	for i := range records[:4] {
		a, there := f.find(&records[i].Record)
		require.True(t, there)
		require.Equal(t, records[i], a)
		other := records[i].Record
		other.Item.Payload[0]++
		_, there = f.find(&other)
		require.False(t, there)
	}
	_, there := f.find(&records[4].Record)
	require.False(t, there)
	f.add(records[1:2]) // numbers begin again
	_, there = f.find(&records[0].Record)
	require.False(t, there)
	_, there = f.find(&records[1].Record)
	require.True(t, there)
}

func TestWhatIsKeptInMemoryIsBounded(t *testing.T) {
	var f fresh
	list := recordsOf(3*maxFresh, 30)
	for i := 0; i < len(list); i += 100 {
		f.add(list[i:min(i+100, len(list))])
		require.LessOrEqual(t, len(f.list), maxFresh)
	}
	require.Equal(t, 30*maxFresh, f.bytes)
	_, there := f.find(&list[len(list)-maxFresh].Record)
	require.True(t, there)
	_, there = f.find(&list[len(list)-maxFresh-1].Record)
	require.False(t, there)
	f = fresh{}
	f.add(recordsOf(10, maxFreshBytes/4))
	require.Len(t, f.list, 4)
	require.Equal(t, maxFreshBytes, f.bytes)
}
