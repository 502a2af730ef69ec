package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// tell submits events to the feed.
func (m *mailroom) tell(kind feed.Kind, payloads ...any) {
	m.t.Helper()
	var list []pipeline.Message
	for _, p := range payloads {
		raw, err := json.Marshal(p)
		require.NoError(m.t, err)
		list = append(list, pipeline.Message{Wallet: chain.WalletID{1}, Kind: kind, Payload: raw})
	}
	require.NoError(m.t, m.Submit(m.t.Context(), "node", m.sent+1, list))
	m.sent += uint64(len(payloads))
}

// stored waits until so many entries are in mailbox a.
func (m *mailroom) stored(n feed.Number) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		s, err := m.log.Mailbox(m.t.Context(), "a", 0)
		return err == nil && s.Last == n
	}, time.Minute, time.Millisecond)
}

func result(detail string) view.Event {
	return view.Event{Event: view.EventResult, Detail: detail, Faults: []view.EventFault{}}
}

func TestLiveEventsComeFromTheFeed(t *testing.T) {
	m, f := newMailroom(t), new(Feed)
	w, err := f.join()
	require.NoError(t, err)
	m.tell(feed.KindResult, result("history"))
	m.stored(1)
	run := func(tail *Tail) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tail.Run(ctx) }()
		return func() {
			cancel()
			require.NoError(t, <-ended)
		}
	}
	tail := &Tail{Feeds: m, Mailbox: "a", Feed: f, Logger: slog.New(slog.DiscardHandler)}
	stop := run(tail)
	acknowledged := func(n feed.Number) {
		require.Eventually(t, func() bool {
			s, err := m.log.Mailbox(t.Context(), "a", 0)
			return err == nil && s.Acknowledged == n
		}, time.Minute, time.Millisecond)
	}
	acknowledged(1) // it has begun
	amendment := view.Event{Event: view.EventAmendment, Revoked: true, Faults: []view.EventFault{}}
	m.tell(feed.KindAction, map[string]string{"event": "outcome"})
	m.tell(feed.KindProposal, "no event")
	window, height := chain.Height(900), chain.Height(907)
	opening := view.Event{Event: view.EventOpened, Time: "T", Window: &window, OpenedAt: &height, Faults: []view.EventFault{}}
	m.tell(feed.KindResult, opening, result("one"), "no event", map[string]string{"event": "outcome"})
	m.tell(feed.KindFault, amendment)
	require.Equal(t, opening, <-w.events, "what was there before is not told")
	require.Equal(t, result("one"), <-w.events)
	require.Equal(t, amendment, <-w.events)
	m.heights <- 1800
	acknowledged(8) // with the epoch's end
	stop()

	m.tell(feed.KindResult, result("meanwhile"))
	m.stored(9)
	stop = run(tail) // as after the database was away
	require.Equal(t, result("meanwhile"), <-w.events)
	many := make([]any, tailEvery)
	for i := range many {
		many[i] = result(fmt.Sprint(i))
	}
	m.tell(feed.KindResult, many...)
	for _, want := range many {
		require.Equal(t, want, <-w.events)
	}
	acknowledged(feed.Number(8 + tailEvery))
	stop()
}

func TestAGapInTheFeedIsTold(t *testing.T) {
	tail := &Tail{last: time.Unix(0, 0)}
	e, ok := tail.event(pipeline.Delivered{Entry: feed.Entry{Gap: &feed.Gap{}}})
	require.True(t, ok)
	require.Equal(t, view.EventGap, e.Event)
	require.Contains(t, e.Detail, "1970")
}
