package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// street is the way of subscribers to those instances of a fleet that run: whoever does not have what is asked for says so, and the next is
// asked.
type street struct {
	mu      sync.Mutex
	ways    []*inward
	streams []io.Closer
}

func (s *street) open(all ...*craft) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range all {
		s.ways = append(s.ways, &inward{n: c.Node})
	}
}

// close ends all streams, as the end of their instances does.
func (s *street) close(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	streams := s.streams
	s.ways, s.streams = nil, nil
	s.mu.Unlock()
	for _, stream := range streams {
		require.NoError(t, stream.Close())
	}
}

// Located implements feedclient.Instances.
func (s *street) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, way := range s.ways {
		response, err := way.Located(ctx, r)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusTemporaryRedirect && response.StatusCode != http.StatusServiceUnavailable {
			if r.Stream {
				s.streams = append(s.streams, response.Body)
			}
			return response, nil
		}
		if err := response.Body.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no instance has it: %w", client.ErrUnreachable)
}

// begins is the first line of what an API delivers to somebody without a place.
func begins(t *testing.T, c *craft, mailbox string) feedclient.Begin {
	t.Helper()
	answer, err := (&inward{n: c.Node}).Located(t.Context(), client.Request{Method: http.MethodGet, Path: "/v1/feed/mailboxes/" + mailbox, Stream: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	line, err := firstLine(answer.Body)
	require.NoError(t, err)
	first, _, err := feedclient.ParseLine(line)
	require.NoError(t, err)
	require.NotNil(t, first.Begin)
	return *first.Begin
}

func firstLine(from io.Reader) (line []byte, err error) {
	for next := make([]byte, 1); ; {
		if _, err := io.ReadFull(from, next); err != nil || next[0] == '\n' {
			return line, err
		}
		line = append(line, next[0])
	}
}

// replace makes one PostgreSQL database a copy of another one of the same server. Nobody may be in either.
func replace(t *testing.T, dsn, database, by string) {
	t.Helper()
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	at.Path = "/postgres"
	pgtest.Exec(t, at.String(), "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)", "CREATE DATABASE "+database+" TEMPLATE "+by)
}

// Two instances, of which one has a mailbox that it took over from the other. Who begins to follow it begins with what the other one delivered. Then
// the database that both share is put back to an earlier state while subscribers have read on: they are told of it by way of the API, go on
// by themselves, and nothing is sealed twice.
func TestSubscribersOfTwoInstancesGoOnAfterTheirDatabaseWasPutBack(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	at, err := url.Parse(dsn)
	require.NoError(t, err)
	present, earlier := at.Path[1:], at.Path[1:]+"_earlier"
	f := newFleet(t, dsn, 1)
	f.feeds = true
	f.pass(905)
	dirs := map[string]string{"a": t.TempDir(), "b": t.TempDir()}
	a, way := f.startIn("a", dirs["a"]), &street{}
	f.await("a has the mailbox", func() bool { return homeOf(a, toolsMailbox) == "a" })
	b := f.startIn("b", dirs["b"])
	way.open(a, b)
	said := 0
	tell := func(by *craft) string { // the detail of a result, which is in its event
		said++
		window, _ := coordination.RFC12().At(f.chain.Tip())
		detail := fmt.Sprintf("told by %s as number %d", by.feedName(), said)
		stored, err := by.store.RecordResult(t.Context(), coordination.Result{
			Wallet: chain.WalletID{byte(said)}, Window: window, Reason: coordination.ReasonNoop, Detail: detail, OpenedAt: window.Block + 5,
		})
		require.NoError(t, err)
		require.True(t, stored)
		return detail
	}
	first := tell(a)
	f.await("b can be asked", func() bool { return b.Feeds().Move(t.Context(), toolsMailbox, "b") == nil })
	f.windows("the mailbox is b's", func() bool { return homeOf(b, toolsMailbox) == "b" }, a, b)
	all := following(t, way, toolsMailbox)
	reads := func(by *follower, details ...string) {
		t.Helper()
		for _, d := range details {
			by.await(t, d, func() bool { return by.count(d) == 1 })
		}
	}
	reads(all, first, tell(a), tell(b))
	f.await("the mailbox can be followed", func() bool { return homeOf(b, toolsMailbox) == "b" })
	require.Equal(t, "a", begins(t, b, toolsMailbox).Instance, "what comes first is verified as that of the instance before")

	restart := func(between func()) {
		t.Helper()
		way.close(t)
		a.stop()
		b.stop()
		between()
		a, b = f.startIn("a", dirs["a"]), f.startIn("b", dirs["b"])
		way.open(a, b)
	}
	restart(func() { replace(t, dsn, earlier, present) })
	t.Cleanup(func() { pgtest.Exec(t, dsn, "DROP DATABASE "+earlier) })
	pass := func(who *follower) {
		t.Helper()
		sealed := feed.Epoch(f.chain.Tip() / 900)
		f.windows("the window is sealed", func() bool {
			who.mu.Lock()
			defer who.mu.Unlock()
			return who.last >= sealed
		}, a, b)
	}
	lost := []string{tell(a), tell(b)}
	reads(all, lost...)
	pass(all)
	unsealed := tell(b)
	reads(all, unsealed)
	all.mu.Lock()
	require.Empty(t, all.lost, "a restart is no loss")
	all.mu.Unlock()

	restart(func() { replace(t, dsn, present, earlier) })
	all.await(t, "the loss is told", func() bool { return len(all.lost) == 1 })
	since := []string{tell(a), tell(b)}
	reads(all, since...)
	pass(all)
	since = append(since, tell(a), tell(b))
	reads(all, since[2:]...)
	pass(all)
	late := following(t, way, toolsMailbox) // of those who have read nothing of what was lost
	all.mu.Lock()
	end := all.last
	all.mu.Unlock()
	late.await(t, "it reads on to the end", func() bool { return late.last >= end })
	newest := tell(b) // what came before was acknowledged, and is verified only
	reads(late, newest)
	reads(all, newest)
	all.mu.Lock()
	defer all.mu.Unlock()
	late.mu.Lock()
	defer late.mu.Unlock()
	require.Zero(t, late.count(lost[0])+late.count(unsealed))
	require.Equal(t, []any{toolsMailbox, "b", true}, []any{all.lost[0].Mailbox, all.lost[0].From, all.lost[0].Loss()})
	require.Empty(t, all.blames)
	require.Empty(t, late.blames)
	for e, seal := range late.seals {
		was, known := all.seals[e]
		require.True(t, !known || was == seal, "epoch %d was sealed twice", e)
	}
	require.Positive(t, fed{b.Node}.Fed().Losses)
	details := ofLaterSeries(t, b, []string{"a", "b"}, since) // what was told under earlier numbers is not contradicted
	require.Len(t, details, len(since), "what came after the loss is of a later series")
}

// ofLaterSeries counts the facts in which some details are told under numbers of a later series than the first.
func ofLaterSeries(t *testing.T, by *craft, origins, details []string) map[string]int {
	count := map[string]int{}
	for _, origin := range origins {
		for after := uint64(0); ; {
			page, err := by.store.Facts(t.Context(), origin, after, 100)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, fact := range page {
				if after = fact.Number; after <= feed.SeriesLength {
					continue
				}
				for _, d := range details {
					if bytes.Contains(fact.Payload, []byte(d)) {
						count[d]++
					}
				}
			}
		}
	}
	return count
}
