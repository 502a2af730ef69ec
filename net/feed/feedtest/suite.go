package feedtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Suite is what every log of a feed must do alike. Making makes an empty log and returns what opens it, again and again, as a restart
// does. Checks bounds how many random histories are run.
func Suite(t *testing.T, checks int, making func(t *testing.T) (open func() pipeline.Log)) {
	for name, run := range map[string]func(t *testing.T, open func() pipeline.Log){
		"a new log is empty": testEmpty,
		"records follow each other, and others are refused":     testAccept,
		"mailboxes are linked, and others' entries are refused": testAppend,
		"a mailbox that ends with a gap says so":                testGap,
		"an acknowledgement never goes back":                    testAcknowledge,
		"epochs are opened and sealed in order":                 testSeals,
		"what is read at once is bounded":                       testPages,
		"what nobody needs any more is collected":               testCollect,
		"after a loss it goes on after the seal that was told":  testResume,
	} {
		t.Run(name, func(t *testing.T) { run(t, making(t)) })
	}
	t.Run("any history is as that of the log in memory", func(t *testing.T) { testHistories(t, checks, making) })
}

// instance has the log, and source is who tells what is in it.
const instance, source = "alpha", "node"

func signer(t require.TestingT) feed.Signer {
	s, err := keyOf(instance)
	require.NoError(t, err)
	return s
}

func keyOf(name string) (feed.Signer, error) {
	seed := sha256.Sum256([]byte("test-" + name))
	return feed.NewSigner(name, ed25519.NewKeyFromSeed(seed[:]))
}

func term(t require.TestingT, e feed.Epoch, version uint64) pipeline.Term {
	subs, err := feed.NewSubscriptions(version, []feed.Subscription{{Mailbox: "a"}, {Mailbox: "b", Kinds: []feed.Kind{feed.KindFault}}})
	require.NoError(t, err)
	return pipeline.Term{Epoch: e, Subscriptions: subs}
}

func payload(n uint64) []byte { return fmt.Appendf(nil, "payload %d", n) }

// accepted is record seq, of a source that counts as the log does.
func accepted(seq feed.Seq, e feed.Epoch) pipeline.Accepted {
	item := feed.NewItem(source, uint64(seq), chain.WalletID{byte(seq)}, feed.KindResult, payload(uint64(seq)))
	return pipeline.Accepted{Record: feed.Record{Seq: seq, Epoch: e, Recipients: feed.Hash{7}, Item: item}, Payload: payload(uint64(seq))}
}

// several are records of which their source has signed all together, if there is more than one.
func several(from feed.Seq, n int, e feed.Epoch) (list []pipeline.Accepted) {
	var items []feed.Item
	for i := range n {
		list = append(list, accepted(from+feed.Seq(i), e))
		items = append(items, list[i].Record.Item)
	}
	if n == 1 {
		return list
	}
	by, err := keyOf(source)
	if err != nil {
		panic(err) // a name and a key that are always right
	}
	for i, w := range feed.Witnesses(items, by.SignItems(items)) {
		list[i].Witness = w
	}
	return list
}

// entry is one that follows another; the zero value is before the first.
func entry(mailbox string, after feed.Entry, rec feed.Record) feed.Entry {
	e := feed.Entry{Mailbox: mailbox, Number: after.Number + 1, Shard: 1, Record: rec}
	if after.Number > 0 {
		e.Previous = after.Hash()
	}
	return e
}

func seal(t require.TestingT, e feed.Epoch, first feed.Seq, count uint64) feed.Seal {
	s := feed.Seal{Actor: feed.Actor{Instance: instance, Stage: feed.Sequencer}, Epoch: e, First: first, Count: count, Version: 1}
	s.Sign(signer(t))
	s, err := feed.DecodeSeal(s.Encode()) // as a log reads it
	require.NoError(t, err)
	return s
}

// chainOf makes entries of all records for a mailbox.
func chainOf(mailbox string, records []pipeline.Accepted) (list []feed.Entry) {
	var last feed.Entry
	for _, r := range records {
		last = entry(mailbox, last, r.Record)
		list = append(list, last)
	}
	return list
}

func testEmpty(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	s, err := l.State(ctx)
	require.NoError(t, err)
	require.Empty(t, s.Terms)
	require.EqualValues(t, 1, s.First)
	require.Zero(t, s.Last)
	require.Nil(t, s.Sealed)
	require.Empty(t, s.Sources)
	m, err := l.Mailbox(ctx, "a", 0)
	require.NoError(t, err)
	require.Zero(t, m)
	first, err := l.FirstSeal(ctx)
	require.NoError(t, err)
	require.Nil(t, first)
	_, err = l.Subscriptions(ctx, 3)
	require.ErrorIs(t, err, pipeline.ErrOrder)
	require.NoError(t, l.Collect(ctx, 100))
	records, err := l.Records(ctx, 0, 10)
	require.NoError(t, err)
	require.Empty(t, records)
}

func testAccept(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.NoError(t, l.Open(ctx, term(t, 3, 1)))
	require.NoError(t, l.Accept(ctx, several(1, 200, 3)))
	for _, wrong := range [][]pipeline.Accepted{several(200, 1, 3), several(202, 1, 3), {accepted(201, 3), accepted(203, 3)}} {
		require.ErrorIs(t, l.Accept(ctx, wrong), pipeline.ErrOrder)
	}
	require.NoError(t, l.Accept(ctx, nil))
	l = open()
	s, err := l.State(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 200, s.Last)
	require.Equal(t, map[string]uint64{"node": 200}, s.Sources)
	require.NoError(t, l.Accept(ctx, several(201, 1, 3)), "nothing of what was refused was stored")

	records, err := l.Records(ctx, 150, 7)
	require.NoError(t, err)
	require.Len(t, records, 7)
	require.Equal(t, accepted(150, 3).Record, records[0])
	full, err := l.Accepted(ctx, 199, 100)
	require.NoError(t, err)
	require.Equal(t, append(several(1, 200, 3), several(201, 1, 3)...)[198:], full, "with what their source has signed")
}

func testAppend(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.NoError(t, l.Open(ctx, term(t, 3, 1)))
	records := several(1, 6, 3)
	require.NoError(t, l.Accept(ctx, records))
	a, b := chainOf("a", records), chainOf("b", records[2:])
	require.NoError(t, l.Append(ctx, []feed.Entry{a[0], b[0], a[1], b[1], a[2]}))
	unlinked := a[3]
	unlinked.Previous[0]++
	for _, wrong := range []feed.Entry{a[2], a[4], unlinked} {
		require.ErrorIs(t, l.Append(ctx, []feed.Entry{b[2], wrong}), pipeline.ErrOrder)
	}
	l = open()
	require.NoError(t, l.Append(ctx, []feed.Entry{b[2], a[3]}), "nothing of what was refused was stored")

	m, err := l.Mailbox(ctx, "a", 3)
	require.NoError(t, err)
	require.Equal(t, pipeline.MailboxState{Last: 4, Head: a[3].Hash(), Stored: []feed.Seq{1, 2, 3, 4}}, m)
	m, err = l.Mailbox(ctx, "b", 4)
	require.NoError(t, err)
	require.Equal(t, pipeline.MailboxState{Last: 3, Head: b[2].Hash()}, m)
	page, err := l.Entries(ctx, "b", 1, 5)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Delivered{
		{Entry: b[1], Payload: payload(4), Witness: records[3].Witness}, {Entry: b[2], Payload: payload(5), Witness: records[4].Witness},
	}, page)
}

func testGap(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.NoError(t, l.Open(ctx, term(t, 3, 1)))
	records := several(1, 2, 3)
	require.NoError(t, l.Accept(ctx, records))
	one := entry("a", feed.Entry{}, records[0].Record)
	gap := feed.Entry{Mailbox: "a", Number: 2, Previous: one.Hash(), Gap: &feed.Gap{
		Outbox: feed.Actor{Instance: instance, Stage: feed.Outbox}, Epoch: 3, First: 2, Unread: 1,
	}}
	gap.SignGap(signer(t))
	require.NoError(t, l.Append(ctx, []feed.Entry{one, gap}))
	l = open()
	m, err := l.Mailbox(ctx, "a", 0)
	require.NoError(t, err)
	require.Equal(t, pipeline.MailboxState{Last: 2, Head: gap.Hash(), Closed: true, ClosedIn: 3, Stored: []feed.Seq{1}}, m)
	page, err := l.Entries(ctx, "a", 1, 5)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Delivered{{Entry: gap}}, page)
	require.NoError(t, l.Append(ctx, []feed.Entry{entry("a", gap, records[1].Record)}))
	m, err = l.Mailbox(ctx, "a", 0)
	require.NoError(t, err)
	require.False(t, m.Closed)
}

func testAcknowledge(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.NoError(t, l.Open(ctx, term(t, 3, 1)))
	records := several(1, 5, 3)
	require.NoError(t, l.Accept(ctx, records))
	require.NoError(t, l.Append(ctx, chainOf("a", records)))
	require.ErrorIs(t, l.Acknowledge(ctx, "a", 6), pipeline.ErrOrder)
	require.ErrorIs(t, l.Acknowledge(ctx, "b", 1), pipeline.ErrOrder)
	for _, n := range []feed.Number{4, 2, 0} {
		require.NoError(t, l.Acknowledge(ctx, "a", n))
	}
	m, err := open().Mailbox(ctx, "a", 0)
	require.NoError(t, err)
	require.EqualValues(t, 4, m.Acknowledged)
}

func testSeals(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.ErrorIs(t, l.Seal(ctx, seal(t, 3, 1, 0)), pipeline.ErrOrder, "it was never opened")
	for e := feed.Epoch(3); e < 6; e++ {
		require.NoError(t, l.Open(ctx, term(t, e, uint64(e))))
	}
	for _, e := range []feed.Epoch{0, 4, 5} {
		require.ErrorIs(t, l.Open(ctx, term(t, e, 9)), pipeline.ErrOrder)
	}
	require.NoError(t, l.Accept(ctx, several(1, 4, 3)))
	require.ErrorIs(t, l.Seal(ctx, seal(t, 4, 1, 0)), pipeline.ErrOrder, "epoch 3 comes first")
	require.NoError(t, l.Seal(ctx, seal(t, 3, 1, 4)))
	require.ErrorIs(t, l.Seal(ctx, seal(t, 3, 1, 4)), pipeline.ErrOrder)
	l = open()
	s, err := l.State(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 5, s.First)
	require.Equal(t, seal(t, 3, 1, 4), *s.Sealed)
	require.Len(t, s.Terms, 2)
	for i, at := range s.Terms {
		require.EqualValues(t, 4+i, at.Epoch)
		require.Equal(t, term(t, at.Epoch, uint64(at.Epoch)).Subscriptions.Encode(), at.Subscriptions.Encode())
	}
	require.NoError(t, l.Seal(ctx, seal(t, 4, 5, 0)))
	first, err := l.FirstSeal(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 3, first.Epoch)
	next, err := l.NextSeal(ctx, 3)
	require.NoError(t, err)
	require.Equal(t, seal(t, 4, 5, 0), *next)
	next, err = l.NextSeal(ctx, 4)
	require.NoError(t, err)
	require.Nil(t, next)
	subs, err := l.Subscriptions(ctx, 4)
	require.NoError(t, err)
	require.Equal(t, term(t, 4, 4).Subscriptions.Hash(), subs.Hash())
}

func testPages(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	require.NoError(t, l.Open(ctx, term(t, 3, 1)))
	var records []pipeline.Accepted
	for seq := feed.Seq(1); seq <= 10; seq++ {
		a := accepted(seq, 3)
		a.Payload = bytes.Repeat([]byte{byte(seq)}, feed.MaxPayload)
		a.Record.Item = feed.NewItem("node", uint64(seq), chain.WalletID{}, feed.KindResult, a.Payload)
		records = append(records, a)
	}
	for some := range slices.Chunk(records, 3) {
		require.NoError(t, l.Accept(ctx, some))
	}
	require.NoError(t, l.Append(ctx, chainOf("a", records)))
	after := feed.Number(0)
	for pages := 0; after < 10; pages++ {
		require.Less(t, pages, 3)
		page, err := l.Entries(ctx, "a", after, 100)
		require.NoError(t, err)
		require.NotEmpty(t, page)
		require.LessOrEqual(t, len(page)-1, pipeline.MaxPage/feed.MaxPayload)
		full, err := l.Accepted(ctx, feed.Seq(after+1), 100)
		require.NoError(t, err)
		require.NotEmpty(t, full)
		require.LessOrEqual(t, len(full)-1, pipeline.MaxPage/feed.MaxPayload)
		for i, d := range page {
			after++
			require.Equal(t, after, d.Entry.Number)
			require.True(t, d.Entry.Record.Item.Holds(d.Payload))
			if i < len(full) {
				require.Equal(t, d.Payload, full[i].Payload)
			}
		}
	}
}

func testCollect(t *testing.T, open func() pipeline.Log) {
	l, ctx := open(), t.Context()
	var records []pipeline.Accepted
	for e := feed.Epoch(3); e < 8; e++ {
		require.NoError(t, l.Open(ctx, term(t, e, uint64(e))))
		some := several(feed.Seq(len(records)+1), 10, e)
		records = append(records, some...)
		require.NoError(t, l.Accept(ctx, some))
	}
	a, b := chainOf("a", records[:40]), chainOf("b", records[5:6])
	require.NoError(t, l.Append(ctx, append(a, b...)))
	for e := feed.Epoch(3); e < 7; e++ { // the last one stays open
		require.NoError(t, l.Seal(ctx, seal(t, e, feed.Seq(e-3)*10+1, 10)))
	}
	require.NoError(t, l.Acknowledge(ctx, "a", 25))
	numbers := func(mailbox string) (first, last feed.Number) {
		page, err := l.Entries(ctx, mailbox, 0, 1000)
		require.NoError(t, err)
		for _, d := range page {
			require.True(t, d.Entry.Record.Item.Holds(d.Payload), "what is kept is kept with its payload")
		}
		return page[0].Entry.Number, page[len(page)-1].Entry.Number
	}
	require.NoError(t, l.Collect(ctx, 5))
	first, last := numbers("a")
	require.EqualValues(t, []feed.Number{21, 40}, []feed.Number{first, last}, "of epochs 3 and 4 all is acknowledged")
	left, err := l.Records(ctx, 0, 1000)
	require.NoError(t, err)
	require.EqualValues(t, 6, left[0].Seq, "mailbox b has it")
	require.EqualValues(t, 21, left[1].Seq)
	oldest, err := l.FirstSeal(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 5, oldest.Epoch)

	require.NoError(t, l.Collect(ctx, 1000), "what is not sealed and the last seal stay")
	l = open()
	first, last = numbers("a")
	require.EqualValues(t, []feed.Number{26, 40}, []feed.Number{first, last})
	first, last = numbers("b")
	require.EqualValues(t, []feed.Number{1, 1}, []feed.Number{first, last})
	oldest, err = l.FirstSeal(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 6, oldest.Epoch)
	s, err := l.State(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 41, s.First)
	require.EqualValues(t, 50, s.Last)
	require.EqualValues(t, 6, s.Sealed.Epoch)
	require.Equal(t, map[string]uint64{"node": 50}, s.Sources)
	require.NoError(t, l.Append(ctx, []feed.Entry{entry("a", a[39], records[40].Record)}))
}

// resumes is what a log does beside pipeline.Log when it lacks what its instance has told.
type resumes interface {
	Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error
}

func testResume(t *testing.T, open func() pipeline.Log) {
	log, ctx := open(), t.Context()
	subs := term(t, 5, 1).Subscriptions
	require.NoError(t, log.Open(ctx, term(t, 5, 1)))
	require.NoError(t, log.Accept(ctx, several(1, 4, 5)))
	one := entry("a", feed.Entry{}, accepted(1, 5).Record)
	two := entry("a", one, accepted(2, 5).Record)
	require.NoError(t, log.Append(ctx, []feed.Entry{one}))
	require.NoError(t, log.Append(ctx, []feed.Entry{two}))
	require.NoError(t, log.Open(ctx, term(t, 6, 1)))
	require.NoError(t, log.Accept(ctx, several(5, 2, 6))) // of an epoch after the one that was told to be sealed
	three := entry("a", two, accepted(5, 6).Record)
	require.NoError(t, log.Append(ctx, []feed.Entry{three}))
	require.NoError(t, log.Acknowledge(ctx, "a", 1))

	told := seal(t, 5, 1, 4)
	loss := feed.Handover{Mailbox: "a", From: instance, To: instance, Number: 2, Head: two.Hash(), Follows: true, Before: 5, Previous: told.Hash(), Skips: 1000}
	require.NoError(t, loss.Take(signer(t)))
	beyond := loss
	beyond.Number = 9
	own := log.(resumes) //nolint:forcetypeassert // every log of an instance is
	require.ErrorIs(t, own.Resume(ctx, &told, subs, []feed.Handover{beyond}), pipeline.ErrOrder)
	require.NoError(t, own.Resume(ctx, &told, subs, []feed.Handover{loss}))

	log = open()
	s, err := log.State(ctx)
	require.NoError(t, err)
	require.Equal(t, told, *s.Sealed)
	require.Empty(t, s.Terms)
	require.Equal(t, []feed.Seq{4, 5}, []feed.Seq{s.Last, s.First})
	require.Equal(t, map[string]uint64{"node": 4}, s.Sources, "what is of a later epoch is to be taken in again")
	m, err := log.Mailbox(ctx, "a", 0)
	require.NoError(t, err)
	require.Equal(t, pipeline.MailboxState{Last: 1002, Head: two.Hash(), Acknowledged: 1001, Stored: m.Stored}, m)
	page, err := log.Entries(ctx, "a", 0, 10)
	require.NoError(t, err)
	require.Len(t, page, 2, "what is left can be read")
	kept, err := log.Subscriptions(ctx, 5)
	require.NoError(t, err)
	require.Equal(t, subs.Hash(), kept.Hash())

	require.NoError(t, log.Open(ctx, term(t, 6, 1)))
	require.NoError(t, log.Accept(ctx, several(5, 1, 6)))
	next := entry("a", two, accepted(5, 6).Record)
	require.ErrorIs(t, log.Append(ctx, []feed.Entry{next}), pipeline.ErrOrder)
	next.Number = 1003
	require.NoError(t, log.Append(ctx, []feed.Entry{next}))
	page, err = log.Entries(ctx, "a", 1002, 10)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Delivered{{Entry: next, Payload: payload(5)}}, page)
	require.NoError(t, log.Seal(ctx, seal(t, 6, 5, 1)))
	own = log.(resumes) //nolint:forcetypeassert // as above
	require.ErrorIs(t, own.Resume(ctx, &told, subs, nil), pipeline.ErrOrder, "it is not before that seal any more")
}
