package store

import (
	"crypto/ed25519"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// feeder fills the feed of one instance.
type feeder struct {
	*sibling
	log  *Feed
	last feed.Seq
	end  map[string]feed.Entry
}

func newFeeder(t *testing.T, s *Store, name cluster.InstanceID) *feeder {
	t.Helper()
	i := newSibling(t, s, name)
	f := &feeder{sibling: i, log: s.Feed(string(name), i.session), end: map[string]feed.Entry{}}
	_, err := f.log.State(t.Context())
	require.NoError(t, err)
	return f
}

func (f *feeder) open(e feed.Epoch) {
	f.t.Helper()
	subs, err := feed.NewSubscriptions(uint64(e), []feed.Subscription{{Mailbox: "m"}})
	require.NoError(f.t, err)
	require.NoError(f.t, f.log.Open(f.t.Context(), pipeline.Term{Epoch: e, Subscriptions: subs}))
}

// accept takes in items of a source, from a number to another.
func (f *feeder) accept(e feed.Epoch, source string, from, to uint64) (list []feed.Record) {
	f.t.Helper()
	var accepted []pipeline.Accepted
	for n := from; n <= to; n++ {
		f.last++
		text := fmt.Appendf(nil, "%s %d", source, n)
		rec := feed.Record{Seq: f.last, Epoch: e, Item: feed.NewItem(source, n, walletA, feed.KindResult, text)}
		accepted, list = append(accepted, pipeline.Accepted{Record: rec, Payload: text}), append(list, rec)
	}
	require.NoError(f.t, f.log.Accept(f.t.Context(), accepted))
	return list
}

// entries makes what follows a mailbox's end.
func (f *feeder) entries(mailbox string, records []feed.Record) (list []feed.Entry) {
	for _, rec := range records {
		e := feed.Entry{Mailbox: mailbox, Number: f.end[mailbox].Number + 1, Record: rec}
		if e.Number > 1 {
			e.Previous = f.end[mailbox].Hash()
		}
		f.end[mailbox], list = e, append(list, e)
	}
	return list
}

func (f *feeder) seal(e feed.Epoch, first feed.Seq) {
	f.t.Helper()
	s := feed.Seal{
		Actor: feed.Actor{Instance: string(f.sibling.seal.Instance), Stage: feed.Sequencer}, Epoch: e, First: first, Count: uint64(f.last + 1 - first),
	}
	require.NoError(f.t, f.log.Seal(f.t.Context(), s))
}

func (f *feeder) move(mailbox string, to *feeder, tail []feed.Entry) error {
	h := Handover{
		Mailbox: mailbox, From: string(f.sibling.seal.Instance), To: string(to.sibling.seal.Instance), Epoch: 5,
		Last: f.end[mailbox].Number, Head: f.end[mailbox].Hash(), Tail: tail, Positions: []feed.Position{{Source: "a", Number: 9}},
	}
	err := f.store.MoveMailbox(f.t.Context(), f.session, h.From, h)
	if err == nil {
		to.end[mailbox] = f.end[mailbox]
	}
	return err
}

func TestAFeedIsWrittenByItsInstanceAlone(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newFeeder(t, open(), "a"), newFeeder(t, open(), "b")
			a.open(5)
			a.accept(5, "a", 1, 3)
			ctx := t.Context()
			require.ErrorIs(t, b.store.Feed("a", b.session).Acknowledge(ctx, "m", 0), cluster.ErrFenced, "b's session is none of a")
			if a.store.writes.tenant != nil {
				require.ErrorIs(t, b.store.Feed("a", nil).Acknowledge(ctx, "m", 0), cluster.ErrFenced, "no session at all")
			}
			records, err := b.store.Feed("a", nil).Records(ctx, 2, 9)
			require.NoError(t, err)
			require.Len(t, records, 2, "anybody may read")

			require.NoError(t, a.store.CloseSession(ctx, a.sibling.seal.Holder))
			for what, err := range map[string]error{
				"accept": a.log.Accept(ctx, nil), "acknowledge": a.log.Acknowledge(ctx, "m", 0), "append": a.log.Append(ctx, nil),
				"collect": a.log.Collect(ctx, 1), "seal": a.log.Seal(ctx, feed.Seal{}),
			} {
				require.ErrorIs(t, err, cluster.ErrFenced, what)
			}
			_, err = a.log.State(ctx)
			require.ErrorIs(t, err, cluster.ErrFenced)
			again := newFeeder(t, a.store, "a")
			s, err := again.log.State(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 3, s.Last)
		})
	}
}

func TestAMailboxMovesWithAllThatIsInIt(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newFeeder(t, open(), "a"), newFeeder(t, open(), "b")
			ctx := t.Context()
			home, err := a.store.ClaimMailbox(ctx, a.session, "a", "m")
			require.NoError(t, err)
			require.Equal(t, "a", home)
			home, err = b.store.ClaimMailbox(ctx, b.session, "b", "m")
			require.NoError(t, err)
			require.Equal(t, "a", home, "the first one has it")
			a.open(5)
			b.open(5)
			records := a.accept(5, "a", 1, 9)
			list := a.entries("m", records)
			require.NoError(t, a.log.Append(ctx, list[:6]))
			require.NoError(t, a.log.Acknowledge(ctx, "m", 2))

			require.ErrorIs(t, a.store.WishMove(ctx, "m", "c"), ErrNotFound)
			require.ErrorIs(t, a.store.WishMove(ctx, "n", "b"), ErrNotFound)
			require.NoError(t, a.store.WishMove(ctx, "m", "b"))
			require.ErrorIs(t, a.store.ReadyMove(ctx, a.session, "m", "a", 6), ErrNotFound)
			require.NoError(t, b.store.ReadyMove(ctx, b.session, "m", "b", 6))
			wishes, err := a.store.WishedMoves(ctx)
			require.NoError(t, err)
			require.Equal(t, []MoveWish{{Mailbox: "m", To: "b", Ready: 6, HasReady: true}}, wishes)

			require.ErrorIs(t, a.move("m", b, nil), pipeline.ErrOrder, "it does not stand there yet")
			require.ErrorIs(t, a.move("m", b, list[7:]), pipeline.ErrOrder, "something is missing")
			require.NoError(t, a.move("m", b, list[6:]))
			require.ErrorIs(t, a.move("m", b, nil), ErrMoved)
			require.ErrorIs(t, a.log.Append(ctx, a.entries("m", records[:1])), ErrMoved)
			require.ErrorIs(t, a.log.Acknowledge(ctx, "m", 3), ErrMoved)
			wishes, err = a.store.WishedMoves(ctx)
			require.NoError(t, err)
			require.Empty(t, wishes)

			m, err := b.log.Mailbox(ctx, "m", 0)
			require.NoError(t, err)
			require.Equal(t, pipeline.MailboxState{Last: 9, Head: list[8].Hash(), Acknowledged: 2}, m)
			m, err = b.store.Feed("a", nil).Mailbox(ctx, "m", 0)
			require.NoError(t, err)
			require.True(t, m.Moved)
			page, err := b.store.Feed("a", nil).Entries(ctx, "m", 2, 100)
			require.NoError(t, err)
			require.Len(t, page, 7, "what was not acknowledged is read where it was")

			require.NoError(t, b.log.Append(ctx, b.entries("m", b.accept(5, "a", 10, 12))))
			require.NoError(t, b.log.Acknowledge(ctx, "m", 11))
			m, err = a.log.Mailbox(ctx, "m", 0)
			require.NoError(t, err)
			require.EqualValues(t, 9, m.Acknowledged, "it is acknowledged where it was before, too")

			moves, err := a.store.Moves(ctx, "m")
			require.NoError(t, err)
			require.Len(t, moves, 1)
			require.Equal(t, []feed.Position{{Source: "a", Number: 9}}, moves[0].Positions)
			kept, err := b.store.TakeMailbox(ctx, b.session, "m", 1, []byte("b"))
			require.NoError(t, err)
			require.Equal(t, "b", string(kept))
			kept, err = b.store.TakeMailbox(ctx, b.session, "m", 1, []byte("another"))
			require.NoError(t, err)
			require.Equal(t, "b", string(kept), "the first one stays")
			_, err = a.store.TakeMailbox(ctx, a.session, "m", 1, nil)
			require.ErrorIs(t, err, cluster.ErrFenced)
			_, err = b.store.TakeMailbox(ctx, b.session, "m", 2, nil)
			require.ErrorIs(t, err, ErrNotFound)

			require.NoError(t, b.move("m", a, nil), "and back")
			require.NoError(t, a.log.Append(ctx, a.entries("m", a.accept(5, "a", 13, 14))))
			page, err = a.log.Entries(ctx, "m", 0, 100)
			require.NoError(t, err)
			require.Len(t, page, 9, "a page ends where a stay ends")
			page, err = a.log.Entries(ctx, "m", 12, 100)
			require.NoError(t, err)
			require.Len(t, page, 2)
			homes, err := b.store.Homes(ctx)
			require.NoError(t, err)
			require.Equal(t, []MailboxHome{{Mailbox: "m", Instance: "a", Moves: 2, Last: 14, Acknowledged: 11}}, homes)
		})
	}
}

func TestTheMailboxOfAnInstanceThatIsGoneIsTaken(t *testing.T) {
	for name, crowd := range crowds {
		t.Run(name, func(t *testing.T) {
			open := crowd(t)
			a, b := newFeeder(t, open(), "a"), newFeeder(t, open(), "b")
			ctx := t.Context()
			a.open(5)
			list := a.entries("m", a.accept(5, "a", 1, 4))
			require.NoError(t, a.log.Append(ctx, list[:2]))
			h := Handover{Mailbox: "m", From: "a", To: "b", Epoch: 5, Last: 4, Head: list[3].Hash(), Tail: list[2:]}
			require.ErrorIs(t, b.store.MoveMailbox(ctx, b.session, "b", h), ErrLives)
			require.NoError(t, a.store.CloseSession(ctx, a.sibling.seal.Holder))
			require.ErrorIs(t, a.store.MoveMailbox(ctx, a.session, "a", h), cluster.ErrFenced)
			require.NoError(t, b.store.MoveMailbox(ctx, b.session, "b", h))
			page, err := b.store.Feed("a", nil).Entries(ctx, "m", 0, 100)
			require.NoError(t, err)
			require.Len(t, page, 4, "with what it had accepted and not delivered")
			m, err := b.log.Mailbox(ctx, "m", 0)
			require.NoError(t, err)
			require.Equal(t, pipeline.MailboxState{Last: 4, Head: list[3].Hash()}, m)
		})
	}
}

// Of instances that want one mailbox at once, one has it.
func TestAMailboxHasOneHome(t *testing.T) {
	dsn := pgtest.Database(t)
	homes := make([]string, 4)
	var all sync.WaitGroup
	for i := range homes {
		f := newFeeder(t, openAt(t, dsn, Retention{}), cluster.InstanceID(fmt.Sprintf("i%d", i)))
		all.Go(func() {
			var err error
			homes[i], err = f.store.ClaimMailbox(t.Context(), f.session, string(f.sibling.seal.Instance), "m")
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, home := range homes {
		require.Equal(t, homes[0], home)
	}
}

func TestFactsStayUntilEveryFeedHasSealedThem(t *testing.T) {
	dsn := pgtest.Database(t)
	a, b := newFeeder(t, openTelling(t, dsn, "a"), "a"), newFeeder(t, openTelling(t, dsn, "b"), "b")
	ctx := t.Context()
	a.take(walletA)
	for n := uint64(1); n <= 4; n++ { // facts 1 to 4, of windows 1 to 4
		_, err := a.pen.RecordResult(ctx, agreed(walletA, n))
		require.NoError(t, err)
	}
	left := func() (numbers []uint64) {
		facts, err := a.store.Facts(ctx, "a", 0, 100)
		require.NoError(t, err)
		for _, f := range facts {
			numbers = append(numbers, f.Number)
		}
		return numbers
	}
	a.open(3)
	b.open(3)
	a.accept(3, "a", 1, 4)
	b.accept(3, "a", 1, 3)
	a.open(4)
	b.open(4)
	a.seal(3, 1)
	require.NoError(t, a.log.Collect(ctx, 3))
	require.Len(t, left(), 4, "b has sealed nothing")
	b.seal(3, 1)
	require.NoError(t, a.log.Collect(ctx, 3))
	require.Equal(t, []uint64{3, 4}, left(), "those of windows before the third that both have")
	require.NoError(t, a.log.Collect(ctx, 100))
	require.Equal(t, []uint64{3, 4}, left(), "an epoch that is not over does not count")

	c := newFeeder(t, openAt(t, dsn, Retention{}), "c")
	s, err := c.log.State(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"a": 2}, s.Sources, "a new feed begins with what is left")

	// b is gone, and c was never there: only who did something lately counts. a goes on.
	for e := feed.Epoch(5); e < 9; e++ {
		a.open(e)
	}
	for e := feed.Epoch(4); e < 8; e++ {
		a.seal(e, a.last+1)
	}
	require.NoError(t, a.log.Collect(ctx, 7))
	require.Empty(t, left())
	s, err = b.log.State(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 4, s.Sources["a"], "who comes back passes over what is gone")
}

func TestWhatAFeedThatIsGoneLeftIsCollectedByOthers(t *testing.T) {
	dsn := pgtest.Database(t)
	a, b := newFeeder(t, openAt(t, dsn, Retention{}), "a"), newFeeder(t, openAt(t, dsn, Retention{}), "b")
	ctx := t.Context()
	for e := feed.Epoch(1); e <= 3; e++ {
		first := a.last + 1
		a.open(e)
		require.NoError(t, a.log.Append(ctx, a.entries("m", a.accept(e, "a", uint64(first), uint64(first)+4))))
		a.seal(e, first)
	}
	require.NoError(t, a.log.Acknowledge(ctx, "m", 10))
	for e := feed.Epoch(1); e <= 9; e++ {
		b.open(e)
		b.seal(e, b.last+1)
	}
	require.NoError(t, b.log.Collect(ctx, 3))
	records, err := a.log.Records(ctx, 0, 100)
	require.NoError(t, err)
	require.Len(t, records, 15, "it did something in epoch 3")
	require.NoError(t, b.log.Collect(ctx, 8))
	records, err = a.log.Records(ctx, 0, 100)
	require.NoError(t, err)
	require.Len(t, records, 5)
	heads, err := a.log.Heads(ctx, 0, 100)
	require.NoError(t, err)
	require.Len(t, heads, 3, "collected epochs are compressed to their heads")
	for _, h := range heads {
		require.NotZero(t, h.Seal)
	}
	_, err = a.log.Subscriptions(ctx, 1)
	require.ErrorIs(t, err, pipeline.ErrCollected)
}

func TestFeedKeysOfAllInstancesAreKept(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	key := make(ed25519.PublicKey, ed25519.PublicKeySize)
	for i, instance := range []string{"a", "b", "a"} {
		key[0] = byte(i)
		require.NoError(t, s.SayFeedKey(t.Context(), nil, instance, key))
	}
	keys, err := s.FeedKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Len(t, keys["a"], 2, "the one that it had before still holds for what it signed with it")
	require.Equal(t, key, keys["a"][1].Public)
	require.NoError(t, s.SayFeedKey(t.Context(), nil, "a", key))
	again, err := s.FeedKeys(t.Context())
	require.NoError(t, err)
	require.Equal(t, keys, again)
	require.Error(t, s.SayFeedKey(t.Context(), nil, "No Name", key))
	require.Error(t, s.SayFeedKey(t.Context(), nil, "c", key[:5]))
}

func FuzzPositions(f *testing.F) {
	for _, seed := range []string{``, `null`, `[]`, `[{"Source":"a","Number":9}]`, `[{"Source":"b"},{"Source":"a"}]`, `[{"Source":"a","Number":-1}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		list, err := decodePositions(stored)
		if err != nil {
			return
		}
		for _, p := range list {
			require.Equal(t, p.Number, feed.PositionOf(list, p.Source))
		}
	})
}

func TestADamagedRowOfAFeedIsAnErrorNotAPanic(t *testing.T) {
	for damage, read := range map[string]func(f *Feed) error{
		`UPDATE feed_records SET records = x'00'`:             func(f *Feed) error { _, err := f.Records(t.Context(), 0, 9); return err },
		`UPDATE feed_records SET seq = seq + 9`:               func(f *Feed) error { _, err := f.Accepted(t.Context(), 0, 9); return err },
		`UPDATE feed_entries SET entries = x'01'`:             func(f *Feed) error { _, err := f.Entries(t.Context(), "m", 0, 9); return err },
		`UPDATE feed_entries SET number = 7`:                  func(f *Feed) error { _, err := f.Entries(t.Context(), "m", 0, 9); return err },
		`UPDATE feed_seals SET seal = x''`:                    func(f *Feed) error { _, err := f.FirstSeal(t.Context()); return err },
		`UPDATE feed_seals SET epoch = 2`:                     func(f *Feed) error { _, err := f.NextSeal(t.Context(), 0); return err },
		`DELETE FROM feed_seals`:                              func(f *Feed) error { _, err := f.State(t.Context()); return err },
		`UPDATE feed_subscriptions SET subscriptions = x'05'`: func(f *Feed) error { _, err := f.Subscriptions(t.Context(), 1); return err },
		`DELETE FROM feed_subscriptions`:                      func(f *Feed) error { _, err := f.State(t.Context()); return err },
		`UPDATE feed_mailboxes SET last = -1`:                 func(f *Feed) error { _, err := f.Mailbox(t.Context(), "m", 0); return err },
		`UPDATE feed_moves SET positions = '{'`:               func(f *Feed) error { _, err := f.store.Moves(t.Context(), "n"); return err },
		`UPDATE feed_facts SET facts = x'09'`:                 func(f *Feed) error { _, err := f.store.Facts(t.Context(), "a", 0, 9); return err },
	} {
		t.Run(damage, func(t *testing.T) {
			s := openTelling(t, t.TempDir(), "a")
			a := newFeeder(t, s, "a")
			a.open(1)
			a.open(2)
			require.NoError(t, a.log.Append(t.Context(), a.entries("m", a.accept(1, "a", 1, 1))))
			a.seal(1, 1)
			require.NoError(t, a.log.Append(t.Context(), a.entries("n", a.accept(1, "a", 2, 2))))
			require.NoError(t, a.move("n", newFeeder(t, s, "b"), nil))
			require.NoError(t, s.SaveStatement(t.Context(), statement(1, 1)))
			require.NoError(t, read(a.log))
			_, err := s.writes.db.ExecContext(t.Context(), damage)
			require.NoError(t, err)
			require.ErrorIs(t, read(a.log), ErrCorrupt)
		})
	}
}
