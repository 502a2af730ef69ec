package feed_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// fact is an item as a source tells it, whose payload is its text.
func fact(source string, number uint64, w int, kind feed.Kind) feed.Item {
	return feed.NewItem(source, number, wallet(w), kind, payloadOf(source, number))
}

func payloadOf(source string, number uint64) []byte { return fmt.Appendf(nil, "%s %d", source, number) }

// told is what the subscribers of an honest instance of one receiver and one outbox got, from epoch 1 on.
func told(t testing.TB, s feed.Signer, subs *feed.Subscriptions, epochs ...[]feed.Item) map[string]feed.Export {
	t.Helper()
	var list []chapter
	for _, items := range epochs {
		list = append(list, chapter{subs: subs, items: items})
	}
	return toldIn(t, s, list...)
}

// chapter is what is told in an epoch, and to whom.
type chapter struct {
	subs  *feed.Subscriptions
	items []feed.Item
	says  *feed.Subscriptions // by which the records name their recipients; nil for the same
}

func toldIn(t testing.TB, s feed.Signer, epochs ...chapter) map[string]feed.Export {
	t.Helper()
	var previous feed.Hash
	var seq feed.Seq
	last, exports := map[string]feed.Entry{}, map[string]feed.Export{}
	for i, now := range epochs {
		epoch, subs, items, says := feed.Epoch(i+1), now.subs, now.items, now.says
		if says == nil {
			says = subs
		}
		seal := feed.Seal{
			Actor: s.Actor(feed.Sequencer, 0), Epoch: epoch, Previous: previous, First: seq + 1,
			Count: uint64(len(items)), Version: subs.Version(), Subscriptions: subs.Hash(),
		}
		var shard []feed.Hash
		sources, lanes, entries := map[string][]feed.Hash{}, map[string][]feed.Hash{}, map[string][]feed.Entry{}
		for _, item := range items {
			seq++
			rec := feed.Record{Seq: seq, Epoch: epoch, Recipients: says.For(item).Hash, Item: item}
			shard, sources[item.Source] = append(shard, rec.Hash()), append(sources[item.Source], item.Hash())
			for _, m := range subs.For(item).Mailboxes {
				name := subs.At(m).Mailbox
				e := feed.Entry{Mailbox: name, Number: last[name].Number + 1, Record: rec}
				if e.Number > 1 {
					e.Previous = last[name].Hash()
				}
				last[name], lanes[name], entries[name] = e, append(lanes[name], rec.Hash()), append(entries[name], e)
			}
		}
		var in, out, given []feed.Tally
		for name, leaves := range sources {
			in = append(in, tally(feed.BySource, name, 0, leaves...))
		}
		if len(items) > 0 {
			out = []feed.Tally{tally(feed.ByShard, "", 0, shard...)}
		}
		for name, leaves := range lanes {
			given = append(given, tally(feed.ByLane, name, 0, leaves...))
		}
		join := func(a, b []feed.Tally) []feed.Tally {
			list := append(append([]feed.Tally(nil), a...), b...)
			feed.SortTallies(list)
			return list
		}
		var heads []feed.Head
		for m := range subs.Len() {
			h := feed.Head{Mailbox: subs.At(m).Mailbox, Number: last[subs.At(m).Mailbox].Number}
			if h.Number > 0 {
				h.Chain = last[h.Mailbox].Hash()
			}
			heads = append(heads, h)
		}
		for _, c := range []feed.Commitment{
			{Actor: s.Actor(feed.Inbox, 0), In: join(in, nil), Out: join(in, out)},
			{Actor: s.Actor(feed.Router, 0), In: out, Out: out},
			{Actor: s.Actor(feed.Receiver, 0), In: join(out, given), Out: join(given, nil)},
			{Actor: s.Actor(feed.Outbox, 0), In: join(given, nil), Out: join(given, nil), Heads: heads},
		} {
			c.Epoch = epoch
			c.Sign(s)
			seal.Commitments = append(seal.Commitments, c)
		}
		seal.Sign(s)
		previous = seal.Hash()
		for m := range subs.Len() {
			name := subs.At(m).Mailbox
			x := exports[name]
			x.Instance, x.Mailbox = s.Instance(), name
			x.Epochs = append(x.Epochs, feed.Kept{Epoch: epoch, Seal: &seal, Subscriptions: subs, Entries: entries[name]})
			exports[name] = x
		}
	}
	return exports
}

// reread gives an export to a subscriber with another policy, and returns what that keeps.
func reread(t testing.TB, x feed.Export, keys feed.Keyring, policy feed.Policy) *feed.Reader {
	t.Helper()
	r, err := feed.NewReader(x.Instance, x.Mailbox, keys, feed.Start{}, policy)
	require.NoError(t, err)
	for _, k := range x.Epochs {
		for _, e := range k.Entries {
			require.NoError(t, r.Entry(e, payloadOf(e.Record.Item.Source, e.Record.Item.Number)))
		}
		blames, err := r.Seal(*k.Seal, k.Subscriptions)
		require.NoError(t, err)
		require.Empty(t, blames)
	}
	return r
}
