package net

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// withInquirers is a table with two admitted instances of each of some operators, from 2 on.
func withInquirers(t *testing.T, operators int, now time.Time) *table {
	t.Helper()
	tab := testTable()
	roster := []chain.Operator{operator(1)}
	for n := range operators {
		roster = append(roster, operator(byte(n+2))) //nolint:gosec // fewer than 250
	}
	cfg := TopicConfig{Name: "/walletnode/all", Operators: roster, MaxMessage: 100, PerOperator: 1}
	inbox, err := NewTopicInbox(cfg)
	require.NoError(t, err)
	require.NoError(t, tab.openTopic(&Topic{cfg: cfg, inbox: inbox}, now))
	for n := range operators {
		for i := range 2 {
			require.True(t, tab.connected(instance(n, i), "addr", false, now))
			tab.proved(instance(n, i), operator(byte(n+2)), now.Add(24*time.Hour), now) //nolint:gosec // fewer than 250
		}
	}
	return tab
}

func instance(n, i int) peer.ID { return peer.ID(fmt.Sprint(n, "-", i)) }

// Who comes first has two places of half of them at most; of the other half everybody has one, so that a few with many instances keep
// nobody out.
func TestNoOperatorHasMoreThanOneOfTheLastPlacesToAsk(t *testing.T) {
	now := time.Unix(1000, 0)
	tab := withInquirers(t, 60, now)
	var double, places int
	for n := range 60 {
		of := 0
		for i := range 2 {
			if _, why := tab.beginInquiry(instance(n, i), now); why == "" {
				of++
			} else {
				require.Equal(t, crowded, why)
			}
		}
		places += of
		if of == 2 {
			double++
		}
	}
	require.Equal(t, maxInquirers/2/2, double)
	require.Equal(t, maxInquirers/2+maxInquirers/2, places)
	_, why := tab.beginInquiry(instance(59, 0), now)
	require.Equal(t, crowded, why)

	tab.endInquiry(instance(0, 0), operator(2), now, now)
	_, why = tab.beginInquiry(instance(0, 0), now)
	require.Equal(t, crowded, why, "it has one yet, and half of the places are taken")
	_, why = tab.beginInquiry(instance(59, 0), now)
	require.Empty(t, why)
}

// An operator that holds streams for as long as it is let has a fifth of one in the long run, however many instances take turns.
func TestTheTimeOfAnOperatorsStreamsIsBounded(t *testing.T) {
	began := time.Unix(1000, 0)
	tab := withInquirers(t, 1, began)
	var held time.Duration
	begun := map[peer.ID]time.Time{}
	for now := began; now.Before(began.Add(10 * time.Hour)); now = now.Add(time.Second) {
		for i := range 2 {
			id := instance(0, i)
			if at, open := begun[id]; open && now.Sub(at) >= inquiryTimeout {
				tab.endInquiry(id, operator(2), at, now)
				held += now.Sub(at)
				delete(begun, id)
			}
			if _, open := begun[id]; !open {
				if _, why := tab.beginInquiry(id, now); why == "" {
					begun[id] = now
				}
			}
		}
	}
	require.InDelta(t, 2*time.Hour, held, float64(4*inquiryTimeout), "a fifth, and what was allowed at once")

	tab.dismiss(tab.open["/walletnode/all"].inbox, began)
	require.Empty(t, tab.meters, "nothing is kept of who is in nothing of ours")
}

// Long questions and answers have few places, one of an operator, and give them back.
func TestFewHoldLongQuestionsOrAnswersAtATime(t *testing.T) {
	now := time.Unix(1000, 0)
	tab := withInquirers(t, maxWide+1, now)
	op := func(n int) chain.Operator { return operator(byte(n + 2)) } //nolint:gosec // few
	for n := range maxWide + 1 {
		for i := range 2 {
			_, why := tab.beginInquiry(instance(n, i), now)
			require.Empty(t, why)
		}
		require.Equal(t, n < maxWide, tab.mayHold(instance(n, 0), op(n), narrow+1))
		require.True(t, tab.mayHold(instance(n, 0), op(n), narrow))
	}
	require.True(t, tab.mayHold(instance(0, 0), op(0), 10*narrow), "it has its place until its stream ends")
	require.False(t, tab.mayHold(instance(0, 1), op(0), 10*narrow), "and no other instance has one")
	tab.endInquiry(instance(0, 1), op(0), now, now)
	require.False(t, tab.mayHold(instance(maxWide, 0), op(maxWide), narrow+1))
	tab.endInquiry(instance(0, 0), op(0), now, now)
	require.True(t, tab.mayHold(instance(maxWide, 0), op(maxWide), narrow+1))
	require.Len(t, tab.inquirers.wide, maxWide)
}

// Operators with two instances each hold streams with a short question every while, as long as they are let: who else asks is answered all
// the same, and they are told to come again later.
func TestWhoHoldsStreamsKeepsNobodyFromAsking(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		const hogs = 5 // two streams each: more than there were places once
		a, b := c.asked(1, echo), c.asked(2, echo)
		everybody := []byte{1, 2}
		var held []*member
		for n := range byte(hogs) {
			everybody = append(everybody, n+3)
			held = append(held, c.asked(n+3, echo), c.asked(n+3, echo))
		}
		for _, m := range append([]*member{a, b}, held...) {
			_, err := m.OpenTopic(testTopic(everybody...))
			require.NoError(t, err)
			if m != b {
				c.connect(m.lh, b.lh)
			}
		}
		c.settle()
		hold := func(m *member) error {
			line, err := m.Inquire(t.Context(), testInquiry, operator(2))
			for ; err == nil; time.Sleep(questionPause - time.Second) {
				_, err = line.Ask(t.Context(), nil)
			}
			return err
		}
		began, ends := time.Now(), make(chan error, len(held))
		for _, m := range held {
			go func() { ends <- hold(m) }()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, b.table.inquirers.streams, hogs)
		line, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		got, err := line.Ask(t.Context(), []byte("me, too"))
		require.NoError(t, err)
		require.Equal(t, "true me, too", string(got))
		line.Close()

		for range held {
			require.Error(t, <-ends)
		}
		require.Less(t, time.Since(began), inquiryTimeout+2*questionPause)
		synctest.Wait()
		require.Empty(t, b.table.inquirers.streams)
		err = hold(held[0])
		require.ErrorIs(t, err, ErrDeclined)
		require.ErrorContains(t, err, "taken too long")
		time.Sleep(2 * inquiryRecovery)
		again, err := held[0].Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		defer again.Close()
		_, err = again.Ask(t.Context(), nil)
		require.NoError(t, err)
	})
}
