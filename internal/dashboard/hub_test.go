package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/view"
)

// viewer is a client's connection, without a network, so that time can be the bubble's.
type viewer struct {
	mu       sync.Mutex
	text     strings.Builder
	header   http.Header
	status   int
	deadline time.Time
	full     bool // nothing more is taken: a write waits for its deadline
	leave    context.CancelFunc
	gone     chan struct{} // closed once the handler has returned
}

func (v *viewer) Header() http.Header             { return v.header }
func (v *viewer) WriteHeader(status int)          { v.status = status }
func (v *viewer) Flush()                          {}
func (v *viewer) SetReadDeadline(time.Time) error { return nil }

func (v *viewer) SetWriteDeadline(t time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deadline = t
	return nil
}

func (v *viewer) Write(p []byte) (int, error) {
	v.mu.Lock()
	full, deadline := v.full, v.deadline
	v.mu.Unlock()
	if full {
		time.Sleep(time.Until(deadline)) // in a bubble's time
		return 0, os.ErrDeadlineExceeded
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text.Write(p)
}

// took returns the events of a kind that have come, and forgets all.
func (v *viewer) took(kind string) (data []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for event := range strings.SplitSeq(v.text.String(), "\n\n") {
		if body, ok := strings.CutPrefix(event, "event: "+kind+"\ndata: "); ok {
			data = append(data, body)
		}
	}
	v.text.Reset()
	return data
}

func watch(h http.Handler, full bool) *viewer {
	ctx, leave := context.WithCancel(context.Background())
	v := &viewer{header: http.Header{}, full: full, leave: leave, gone: make(chan struct{})}
	go func() {
		defer close(v.gone)
		h.ServeHTTP(v, httptest.NewRequest(http.MethodGet, "http://localhost/events", nil).WithContext(ctx))
	}()
	return v
}

// inBubble runs a dashboard in a bubble.
func inBubble(t *testing.T, source dashboard.Source, test func(t *testing.T, h http.Handler)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := dashboard.New(dashboard.Config{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		s.Open(source)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		test(t, s.Handler())
		stop()
		require.NoError(t, <-ended)
	})
}

// counted is a source that counts, and whose Refresh may hang.
type counted struct {
	*fake
	mu     sync.Mutex
	boards int
	hangs  bool
}

func (c *counted) Board() view.Board {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boards++
	return c.fake.Board()
}

func (c *counted) Refresh(ctx context.Context) error {
	_ = c.fake.Refresh(ctx)
	if c.hangs {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (c *counted) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boards
}

func TestViewersShareOneSnapshotASecondAndNobodyCostsNothing(t *testing.T) {
	source := &counted{fake: sample()}
	inBubble(t, source, func(t *testing.T, h http.Handler) {
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, source.made())
		require.Zero(t, source.refreshed())

		var viewers []*viewer
		for range 10 {
			viewers = append(viewers, watch(h, false))
		}
		time.Sleep(10*time.Second + 500*time.Millisecond)
		synctest.Wait()
		require.LessOrEqual(t, source.made(), 12)
		require.LessOrEqual(t, source.refreshed(), 12)
		for _, v := range viewers {
			live := v.took("live")
			require.GreaterOrEqual(t, len(live), 10)
			var first struct {
				AgeMS int64     `json:"age_ms"`
				Live  view.Live `json:"live"`
			}
			require.NoError(t, json.Unmarshal([]byte(live[0]), &first))
			require.Zero(t, first.AgeMS)
			require.Equal(t, "vienna-1", first.Live.Self)
			v.leave()
			<-v.gone
		}
		made := source.made()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.LessOrEqual(t, source.made(), made+1, "the viewers have left")

		refreshed := source.refreshed()
		late := watch(h, false)
		synctest.Wait()
		live := late.took("live")
		require.Len(t, live, 1, "it is shown what is, at once, and not what was an hour ago")
		require.True(t, strings.HasPrefix(live[0], `{"age_ms":0,`))
		require.Greater(t, source.refreshed(), refreshed, "the store was looked at first")
		late.leave()
		<-late.gone
	})
}

func TestRecordsAreSentWhenTheyHaveChanged(t *testing.T) {
	source := sample()
	inBubble(t, source, func(t *testing.T, h http.Handler) {
		v := watch(h, false)
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		require.Len(t, v.took("records"), 1)
		source.change(func(b *view.Board) { b.Records.Version, b.Records.Faults = 2, b.Records.Faults[:1] })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got := v.took("records")
		require.Len(t, got, 1)
		var records view.BoardRecords
		require.NoError(t, json.Unmarshal([]byte(got[0]), &records))
		require.Len(t, records.Faults, 1)

		second := watch(h, false) // it was told nothing yet
		synctest.Wait()
		require.Len(t, second.took("records"), 1)
		for _, v := range []*viewer{v, second} {
			v.leave()
			<-v.gone
		}
	})
}

func TestASlowViewerIsCutOffAndNobodyWaitsForIt(t *testing.T) {
	inBubble(t, sample(), func(t *testing.T, h http.Handler) {
		slow, quick := watch(h, true), watch(h, false)
		time.Sleep(9500 * time.Millisecond)
		synctest.Wait()
		require.GreaterOrEqual(t, len(quick.took("live")), 9)
		<-slow.gone // after its ten seconds
		quick.leave()
		<-quick.gone
	})
}

func TestADatabaseThatHangsHoldsNothingUp(t *testing.T) {
	source := &counted{fake: sample(), hangs: true}
	inBubble(t, source, func(t *testing.T, h http.Handler) {
		v := watch(h, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.GreaterOrEqual(t, len(v.took("live")), 55, "after half a second for the first one")
		require.LessOrEqual(t, source.refreshed(), 8, "one look at a time")
		v.leave()
		<-v.gone
	})
}

func TestThereAreSixtyFourViewersAtMost(t *testing.T) {
	inBubble(t, sample(), func(t *testing.T, h http.Handler) {
		var viewers []*viewer
		for range 64 {
			viewers = append(viewers, watch(h, false))
		}
		synctest.Wait()
		one := watch(h, false)
		<-one.gone
		require.Equal(t, http.StatusServiceUnavailable, one.status)
		viewers[0].leave()
		<-viewers[0].gone
		again := watch(h, false)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		require.NotEmpty(t, again.took("live"))
		for _, v := range append(viewers, again) {
			v.leave()
			<-v.gone
		}
	})
}

func TestAViewerHearsThatANodeStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := dashboard.New(dashboard.Config{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		v := watch(s.Handler(), false)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		v.mu.Lock()
		require.Equal(t, 30, strings.Count(v.text.String(), "event: alive\n"))
		v.mu.Unlock()
		require.Empty(t, v.took("live"))
		s.Open(sample())
		synctest.Wait()
		require.Len(t, v.took("live"), 1, "at once")
		v.leave()
		<-v.gone
		stop()
		require.NoError(t, <-ended)
	})
}

func TestABoardWhoseRecordsCannotBeReadIsStillShown(t *testing.T) {
	source := sample()
	source.broken = errors.New("database cannot be reached")
	inBubble(t, source, func(t *testing.T, h http.Handler) {
		v := watch(h, false)
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		require.GreaterOrEqual(t, len(v.took("live")), 3)
		v.leave()
		<-v.gone
	})
}

// told is a source whose feed tells what happens.
type told struct {
	*counted
	news chan struct{}
	ends chan error // of the feed
}

func (s *told) News(ctx context.Context, changed func()) error {
	changed()
	for {
		select {
		case <-s.news:
			changed()
		case err := <-s.ends:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// What is shown live is what the feed tells: the store is read when it does, and otherwise now and then. Without the feed it is looked at every
// second, while somebody watches.
func TestTheStoreIsReadWhenTheFeedTellsOfSomething(t *testing.T) {
	source := &told{counted: &counted{fake: sample()}}
	inBubble(t, source, func(t *testing.T, h http.Handler) {
		source.news, source.ends = make(chan struct{}), make(chan error) // of the bubble
		const aside = 2500 * time.Millisecond                            // of the moments at which it is read anyway, after which it is not read for a second
		looks := func(during func()) int {
			before := source.refreshed()
			during()
			synctest.Wait()
			return source.refreshed() - before
		}
		v := watch(h, false)
		require.LessOrEqual(t, looks(func() { time.Sleep(time.Minute) }), 2+4, "now and then")
		time.Sleep(aside)
		require.Equal(t, 1, looks(func() { source.news <- struct{}{} }), "at once")
		require.LessOrEqual(t, looks(func() {
			for range 1000 {
				source.news <- struct{}{}
			}
			time.Sleep(1100 * time.Millisecond)
		}), 2, "a burst is read once, and once more")
		source.ends <- errors.New("the database is away")
		require.GreaterOrEqual(t, looks(func() { time.Sleep(900 * time.Millisecond) }), 1)
		require.LessOrEqual(t, looks(func() { time.Sleep(time.Minute) }), 2+4, "it is followed again")
		require.Greater(t, len(v.took("live")), 60, "snapshots are made every second all the while")

		v.leave()
		<-v.gone
		require.Zero(t, looks(func() { time.Sleep(time.Hour) }), "nobody watches")
		v = watch(h, false)
		time.Sleep(time.Minute + aside)
		require.Equal(t, 1, looks(func() { source.news <- struct{}{} }), "it is followed for who comes then")
		v.leave()
		<-v.gone
	})
}
