package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func recordsOf(n int, size int) (list []pipeline.Accepted) {
	for i := range n {
		payload := make([]byte, size)
		copy(payload, fmt.Sprint(i))
		rec := feed.Record{Seq: feed.Seq(i + 1), Epoch: 3, Item: feed.NewItem("node", uint64(i+1), walletA, feed.KindResult, payload)}
		list = append(list, pipeline.Accepted{Record: rec, Payload: payload})
	}
	return list
}

func TestSegmentsAreBounded(t *testing.T) {
	sizes := func(n, size int) (all []int) {
		for _, some := range segments(recordsOf(n, size), sizeOfAccepted) {
			all = append(all, len(some))
		}
		return all
	}
	require.Equal(t, []int{segmentItems, segmentItems, 1}, sizes(2*segmentItems+1, 10))
	require.Equal(t, []int{4, 4, 1}, sizes(9, segmentBytes/4))
	require.Equal(t, []int{1, 1}, sizes(2, segmentBytes), "one that is as long as that stands alone")
	require.Empty(t, sizes(0, 1))
}

func TestASegmentIsReadAsItWasWritten(t *testing.T) {
	list := recordsOf(5, 20)
	list = append(list[:1], list[3:]...) // what is between was collected
	var items []feed.Item
	for i := range list[:2] {
		items = append(items, list[i].Record.Item)
	}
	alone := factsOf("node").SignItems(items[1:])
	list[1].Witness = feed.Witnesses(items[1:], alone)[0]
	records, payloads, witnesses := encodeRecords(list)
	back, err := decodeAccepted(span{1, 5}, records, payloads, witnesses)
	require.NoError(t, err)
	require.Equal(t, list, back)
	bare, err := decodeAccepted(span{1, 5}, records, payloads, nil)
	require.NoError(t, err, "a program of an earlier version writes no witnesses")
	require.Nil(t, bare[1].Witness)
	_, err = decodeAccepted(span{1, 5}, records, payloads, witnesses[:len(witnesses)-1])
	require.ErrorIs(t, err, feed.ErrMalformed)
	for _, wrong := range []span{{1, 4}, {2, 5}, {0, 5}} {
		_, err = decodeAccepted(wrong, records, payloads, nil)
		require.ErrorIs(t, err, errSegment)
	}
	_, err = decodeAccepted(span{1, 5}, records, payloads[:len(payloads)-24], nil)
	require.ErrorIs(t, err, errSegment, "a payload is missing")
	_, err = decodeAccepted(span{5, 5}, append(records[len(records)/3*2:], records...), payloads, nil)
	require.Error(t, err, "numbers go back")

	facts := someFacts()
	read, err := decodeFacts("a", span{7, 9}, encodeFacts(facts, nil))
	require.NoError(t, err)
	require.Equal(t, facts, read)
	_, err = decodeFacts("a", span{7, 10}, encodeFacts(facts, nil))
	require.ErrorIs(t, err, errSegment)
}

func someFacts() []Fact {
	return []Fact{
		{Origin: "a", Number: 7, Window: 900, Wallet: walletA, Kind: feed.KindResult, Payload: []byte("one")},
		{Origin: "a", Number: 8, Window: 1800, Wallet: walletB, Kind: feed.KindFault, Payload: []byte("two")},
		{Origin: "a", Number: 9, Window: 1800, Wallet: walletB, Kind: feed.KindFault, Payload: []byte("three")},
	}
}

// version7 is what a program of schema version 7 does with the signatures of a segment's facts: it has one with each fact. It is a form of
// its own, written and read here as it was there.
type version7 struct{}

func (version7) encode(list []Fact, sign func(feed.Item) []byte) (b []byte) {
	for i := range list {
		f := &list[i]
		b = binary.BigEndian.AppendUint64(b, uint64(f.Window))
		b = append(append(b, f.Wallet[:]...), byte(f.Kind))
		b = frame(frame(b, sign(f.Item())), f.Payload)
	}
	return b
}

// refuses is whether it takes what is stored for no segment.
func (version7) refuses(b []byte) bool {
	for len(b) > 0 {
		signature, rest, err := unframe(b[8+20+1:])
		if err != nil || len(signature) != 0 && len(signature) != len(feed.Signature{}) {
			return true
		}
		if _, b, err = unframe(rest); err != nil {
			return true
		}
	}
	return false
}

func TestFactsOfATransactionHaveOneSignature(t *testing.T) {
	facts := someFacts()
	signature := factsOf("a").SignItems(items(facts))
	stored := encodeFacts(facts, signature[:])
	require.Less(t, len(stored), len(encodeFacts(facts, nil))+66)
	read, err := decodeFacts("a", span{7, 9}, stored)
	require.NoError(t, err)
	for i, f := range read {
		signedFact(t, f)
		f.Witness = nil
		require.Equal(t, facts[i], f)
	}
	require.True(t, version7{}.refuses(stored), "it must not take in what it cannot verify")
	require.False(t, version7{}.refuses(encodeFacts(facts, nil)))

	one := facts[:1]
	signature = factsOf("a").SignItems(items(one))
	stored = encodeFacts(one, signature[:])
	require.False(t, version7{}.refuses(stored), "a fact alone is as it was")
	read, err = decodeFacts("a", span{7, 7}, stored)
	require.NoError(t, err)
	signedFact(t, read[0])

	for name, wrong := range map[string][]byte{
		"two signatures": append(encodeFacts(facts[:2], make([]byte, 64)), encodeFacts(facts[2:], make([]byte, 64))...),
		"not the first":  append(encodeFacts(facts[:1], nil), encodeFacts(facts[1:], make([]byte, 64))...),
		"for one alone":  encodeFacts(facts[:1], make([]byte, 65)),
		"short":          encodeFacts(facts, make([]byte, 62)),
	} {
		_, err := decodeFacts("a", span{7, 9}, wrong)
		require.ErrorIs(t, err, errSegment, name)
	}
}

func TestFactsThatVersion7WroteAreRead(t *testing.T) {
	facts := someFacts()
	stored := version7{}.encode(facts, func(i feed.Item) []byte {
		s := factsOf("a").SignItems([]feed.Item{i})
		return s[:]
	})
	read, err := decodeFacts("a", span{7, 9}, stored)
	require.NoError(t, err)
	require.Len(t, read, 3)
	for _, f := range read {
		signedFact(t, f)
	}
}

// A mailbox has a few of many records, another one has all, and what neither holds is collected out of the segments that they share.
func TestAMailboxOfFewRecordsIsReadAmongMany(t *testing.T) {
	const all, every = 2000, 100
	s := openAt(t, t.TempDir(), Retention{})
	f, ctx := reread{s.Feed("a", nil), s.Feed("a", nil)}, t.Context()
	subs, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: "few"}, {Mailbox: "all"}})
	require.NoError(t, err)
	for e := feed.Epoch(3); e < 6; e++ {
		require.NoError(t, f.Open(ctx, pipeline.Term{Epoch: e, Subscriptions: subs}))
	}
	records := recordsOf(all, 30)
	require.NoError(t, f.Accept(ctx, records))
	var entries []feed.Entry
	last := map[string]feed.Entry{}
	put := func(mailbox string, rec feed.Record) {
		e := feed.Entry{Mailbox: mailbox, Number: last[mailbox].Number + 1, Record: rec}
		if e.Number > 1 {
			e.Previous = last[mailbox].Hash()
		}
		last[mailbox], entries = e, append(entries, e)
	}
	for i, r := range records {
		put("all", r.Record)
		if i%every == 0 {
			put("few", r.Record)
		}
	}
	require.NoError(t, f.Append(ctx, entries))
	read := func(mailbox string, after feed.Number) (n int) {
		for {
			page, err := f.Entries(ctx, mailbox, after, 256)
			require.NoError(t, err)
			for _, d := range page {
				require.Equal(t, after+1, d.Entry.Number)
				require.True(t, d.Entry.Record.Item.Holds(d.Payload), "entry %d of %s", d.Entry.Number, mailbox)
				after, n = d.Entry.Number, n+1
			}
			if len(page) == 0 {
				return n
			}
		}
	}
	require.Equal(t, all, read("all", 0))
	require.Equal(t, all/every, read("few", 0))

	require.NoError(t, f.Acknowledge(ctx, "all", all-7))
	for e := feed.Epoch(3); e < 5; e++ {
		first, count := feed.Seq(1), uint64(all)
		if e > 3 {
			first, count = all+1, 0
		}
		require.NoError(t, f.Seal(ctx, feed.Seal{Actor: feed.Actor{Instance: "a", Stage: feed.Sequencer}, Epoch: e, First: first, Count: count}))
	}
	require.NoError(t, f.Collect(ctx, 4))
	require.Equal(t, 7, read("all", all-7))
	require.Equal(t, all/every, read("few", 0), "what the other one holds stays")
	left, err := f.Records(ctx, 0, all)
	require.NoError(t, err)
	require.Len(t, left, all/every+7)
	require.NoError(t, f.Collect(ctx, 4))
	again, err := f.Records(ctx, 0, all)
	require.NoError(t, err)
	require.Equal(t, left, again)
}

// tellMany tells so many facts of one window in one transaction.
func tellMany(t *testing.T, s *Store, n int) {
	t.Helper()
	require.NoError(t, s.writes.do(t.Context(), "tell", func(ctx context.Context, _ *sql.Tx) error {
		for range n {
			st := statement(1, 1)
			if err := s.teller.tell(ctx, Tiding{Wallet: walletA, Window: 900, Statement: &st}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestFactsAreRemovedSoManyAtATime(t *testing.T) {
	const n = 3 * collectedAtOnce
	s := openTelling(t, t.TempDir(), "node")
	ctx := t.Context()
	tellMany(t, s, n)
	f := s.Feed("node", nil)
	_, err := f.State(ctx)
	require.NoError(t, err)
	subs, err := feed.NewSubscriptions(1, nil)
	require.NoError(t, err)
	for e := feed.Epoch(1); e < 3; e++ {
		require.NoError(t, f.Open(ctx, pipeline.Term{Epoch: e, Subscriptions: subs}))
	}
	rec := feed.Record{Seq: 1, Epoch: 1, Item: feed.NewItem("node", n-1, walletA, feed.KindProposal, []byte("x"))}
	require.NoError(t, f.Accept(ctx, []pipeline.Accepted{{Record: rec, Payload: []byte("x")}}))
	require.NoError(t, f.Seal(ctx, feed.Seal{Actor: feed.Actor{Instance: "node", Stage: feed.Sequencer}, Epoch: 1, First: 1, Count: 1}))

	at, err := f.droppable(ctx, s.db, 2)
	require.NoError(t, err)
	require.EqualValues(t, 1, at["node"].first)
	require.Less(t, at["node"].last, natural(collectedAtOnce+1))
	require.NoError(t, f.Collect(ctx, 1))
	facts, err := s.Facts(ctx, "node", 0, 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, facts[0].Number, "the window is not over")
	require.NoError(t, f.Collect(ctx, 2))
	facts, err = s.Facts(ctx, "node", 0, n)
	require.NoError(t, err)
	require.NotEmpty(t, facts, "the last one is not sealed")
	require.LessOrEqual(t, len(facts), segmentItems)
	require.EqualValues(t, n, facts[len(facts)-1].Number)
}

// What stays of an origin's facts leaves no number out: a window that is not over keeps what was told after it, too.
func TestFactsAreRemovedUpToTheFirstThatStays(t *testing.T) {
	s := openTelling(t, t.TempDir(), "node")
	f, ctx := s.Feed("node", nil), t.Context()
	for _, window := range []chain.Height{900, 900, 1800, 900, 2700} {
		require.NoError(t, s.writes.do(ctx, "tell", func(ctx context.Context, _ *sql.Tx) error {
			st := statement(1, 1)
			for range 10 {
				if err := s.teller.tell(ctx, Tiding{Wallet: walletA, Window: window, Statement: &st}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for _, c := range []struct {
		sealed natural
		oldest height
		want   span // of the segments' first numbers
	}{
		{50, 900, span{}},
		{50, 1800, span{1, 11}},
		{50, 2700, span{1, 31}},
		{50, 3600, span{1, 41}},
		{49, 3600, span{1, 31}},
		{20, 3600, span{1, 11}},
		{19, 3600, span{1, 1}},
		{9, 3600, span{}},
		{0, 3600, span{}},
	} {
		at, err := f.oldestFacts(ctx, s.db, "node", c.sealed, c.oldest)
		require.NoError(t, err)
		require.Equal(t, c.want, at, "%d, %d", c.sealed, c.oldest)
	}
	at, err := f.oldestFacts(ctx, s.db, "nobody", 50, 3600)
	require.NoError(t, err)
	require.Zero(t, at)
}

// A group of writes that tells goes on until a proposal of ours is stored, which tells, too: neither waits for the other's row.
func TestAProposalDoesNotWaitForAGroupThatTells(t *testing.T) {
	s := openTelling(t, pgtest.Database(t), "a")
	a := newSibling(t, s, "a")
	a.take(walletA)
	_, err := s.Claim(t.Context(), a.fences[walletA], 900)
	require.NoError(t, err)
	begun, saved, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.writes.do(t.Context(), "a group", func(ctx context.Context, tx *sql.Tx) error {
			st := statement(1, 1)
			if err := s.teller.tell(ctx, Tiding{Wallet: walletB, Window: 900, Statement: &st}); err != nil {
				return err
			}
			close(begun)
			select {
			case <-saved:
			case <-t.Context().Done():
			}
			return nil
		})
	}()
	<-begun
	_, err = s.SaveProposal(t.Context(), a.fences[walletA], 900, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 901})
	require.NoError(t, err, "it is given up if it waits")
	close(saved)
	require.NoError(t, <-ended)
	require.Equal(t, []string{"own 01", fmt.Sprintf("heard %x", statement(1, 1).Signed)}, told(t, s.Reader, "a"), "who writes first is numbered first")
}

func TestWhatTellsHasATransaction(t *testing.T) {
	s := openTelling(t, t.TempDir(), "a")
	require.Error(t, s.teller.tell(t.Context(), Tiding{}), "it would be lost")
}

func FuzzSegments(f *testing.F) {
	list := recordsOf(3, 20)
	facts := someFacts()
	for i := range list {
		list[i].Record.Item.Source = "a"
	}
	told := make([]feed.Item, len(list))
	for i := range list {
		told[i] = list[i].Record.Item
	}
	for i, w := range feed.Witnesses(told, factsOf("a").SignItems(told)) {
		list[i].Witness = w
	}
	records, payloads, witnesses := encodeRecords(list)
	first := feed.Entry{Mailbox: "m", Number: 1, Record: list[0].Record}
	seqs, entries := encodeEntries([]feed.Entry{first, {Mailbox: "m", Number: 2, Previous: first.Hash(), Record: list[1].Record}})
	for _, seed := range [][]byte{records, payloads, witnesses, entries, seqs, encodeFacts(facts, nil), encodeFacts(facts, make([]byte, 64)), {0, 0, 0, 9}} {
		f.Add(seed, uint64(1), uint64(3))
	}
	f.Fuzz(func(t *testing.T, stored []byte, from, to uint64) {
		at := span{natural(from), natural(to)}
		if list, err := decodeAccepted(at, stored, payloads, nil); err == nil {
			again, _, _ := encodeRecords(list)
			require.Equal(t, stored, again)
		}
		if list, err := decodeAccepted(span{1, 3}, records, payloads, stored); err == nil {
			_, _, again := encodeRecords(list)
			require.Equal(t, string(stored), string(again))
		}
		if list, err := decodeEntries("m", at, stored); err == nil {
			_, again := encodeEntries(list)
			require.Equal(t, stored, again)
		}
		if list, err := decodeFacts("a", at, stored); err == nil {
			again := version7{}.encode(list, func(i feed.Item) []byte {
				w := list[i.Number-list[0].Number].Witness
				if w == nil || w.Count > 1 {
					return nil
				}
				return w.Signature[:]
			})
			if w := list[0].Witness; w != nil && w.Count > 1 {
				again = encodeFacts(list, w.Signature[:])
			}
			require.Equal(t, stored, again)
		}
		if list, err := decodeSeqs(stored); err == nil {
			require.Len(t, stored, 8*len(list))
		}
	})
}

// A program of schema version 7 goes on beside this one: what it stores has no witnesses.
func TestRecordsThatVersion7WroteHaveNoWitness(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	f := s.Feed("a", nil)
	list := recordsOf(2, 20)
	require.NoError(t, f.write(t.Context(), "write as version 7", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		records, payloads, _ := encodeRecords(list)
		_, err := tx.ExecContext(ctx, `INSERT INTO feed_records (instance, seq, last, epoch, count, size, sources, records, payloads)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, f.instance, 1, 2, 3, 2, 40, `{"node":2}`, records, payloads)
		return err
	}))
	back, err := f.Accepted(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Equal(t, list, back)
}
