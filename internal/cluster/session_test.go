package cluster_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

var healthy = cluster.Status{Healthy: true}

func newSession(t testing.TB, db cluster.Sessions, id cluster.InstanceID) *cluster.Session {
	s, err := cluster.NewSession(cluster.SessionConfig{
		Instance: id, Timing: cluster.DefaultTiming(), Store: db,
		Status: func() cluster.Status { return healthy }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return s
}

// holder is one running session: the tenures it was given, and how it ended.
type holder struct {
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	tenures []*cluster.Tenure
	lost    []time.Time // when the context of each tenure ended
}

func (h *holder) hold(ctx context.Context, t *cluster.Tenure) error {
	h.mu.Lock()
	h.tenures = append(h.tenures, t)
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost = append(h.lost, time.Now())
	return nil
}

// current is the tenure that was given last.
func (h *holder) current(t *testing.T) *cluster.Tenure {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.NotEmpty(t, h.tenures)
	return h.tenures[len(h.tenures)-1]
}

func (h *holder) losses() []time.Time {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

func start(t *testing.T, run func(context.Context, func(context.Context, *cluster.Tenure) error) error) *holder {
	ctx, cancel := context.WithCancel(t.Context())
	h := &holder{cancel: cancel, ended: make(chan error, 1)}
	go func() { h.ended <- run(ctx, h.hold) }()
	return h
}

// once is a forecast that befalls the n-th call of an operation, counted from 1.
func once(op string, n int, w clustertest.Weather) func(string, string) clustertest.Weather {
	var mu sync.Mutex
	return func(called, _ string) clustertest.Weather {
		mu.Lock()
		defer mu.Unlock()
		if called != op {
			return clustertest.Weather{}
		}
		if n--; n == 0 {
			return w
		}
		return clustertest.Weather{}
	}
}

func TestASessionIsRenewedForAsLongAsItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		h := start(t, newSession(t, db, "a").Run)
		first := h.current(t)
		time.Sleep(time.Hour)
		require.Same(t, first, h.current(t))
		require.NoError(t, first.May())
		row, found, err := db.Session(t.Context(), "a")
		require.NoError(t, err)
		require.True(t, found)
		require.EqualValues(t, 1440, row.Count, "one renewal each 2.5 s")

		h.cancel()
		require.NoError(t, <-h.ended)
		require.ErrorIs(t, first.May(), cluster.ErrLapsed)
		_, found, err = db.Session(context.Background(), "a")
		require.NoError(t, err)
		require.False(t, found, "it is given back")
	})
}

func TestTheDeadlineIsCountedFromBeforeTheRenewalWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		db.Expect(once("RenewSession", 1, clustertest.Weather{Request: time.Second, Commit: 500 * time.Millisecond, Answer: 700 * time.Millisecond}))
		h := start(t, newSession(t, db, "a").Run)
		require.Equal(t, 8500*time.Millisecond, h.current(t).Left())
		time.Sleep(4700 * time.Millisecond) // the renewal was sent after 2.5 s and answered 2.2 s later
		require.Equal(t, 6300*time.Millisecond, h.current(t).Left())
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestWhatIsNotKnownIsReadAgain(t *testing.T) {
	for name, weather := range map[string]clustertest.Weather{
		"the answer is lost":                {LoseAnswer: true},
		"the commit comes after we gave up": {Request: 2600 * time.Millisecond},
		"the request is lost":               {LoseRequest: true},
		"it is rolled back":                 {Abort: true},
	} {
		for _, op := range []string{"RenewSession", "OpenSession"} {
			t.Run(op+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					db := clustertest.New()
					db.Expect(once(op, 1, weather))
					h := start(t, newSession(t, db, "a").Run)
					time.Sleep(8 * time.Second)
					first := h.current(t)
					time.Sleep(time.Minute)
					require.Same(t, first, h.current(t), "the session is kept")
					require.NoError(t, first.May())
					h.cancel()
					require.NoError(t, <-h.ended)
					time.Sleep(time.Minute) // what is under way in the database ends
				})
			})
		}
	}
}

func TestWithoutADatabaseTheHolderStopsBeforeItsLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		began := time.Now()
		h := start(t, newSession(t, db, "a").Run)
		first := h.current(t)
		db.SetDown(true)
		time.Sleep(8500*time.Millisecond - 1)
		require.NoError(t, first.May())
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, first.May(), cluster.ErrLapsed)
		require.Equal(t, []time.Time{began.Add(8500 * time.Millisecond)}, h.losses(), "the context of what it does ends, too")

		time.Sleep(time.Minute)
		db.SetDown(false)
		time.Sleep(time.Second)
		second := h.current(t)
		require.NotEqual(t, first.Seal().Boot, second.Seal().Boot)
		require.NoError(t, second.May())
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestADatabaseThatHangsIsNotWaitedForPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		began := time.Now()
		h := start(t, newSession(t, db, "a").Run)
		h.current(t)
		db.Expect(func(string, string) clustertest.Weather { return clustertest.Weather{Request: 30 * time.Second} })
		time.Sleep(9 * time.Second)
		require.Equal(t, []time.Time{began.Add(8500 * time.Millisecond)}, h.losses())
		h.cancel()
		require.NoError(t, <-h.ended)
		time.Sleep(time.Minute)
	})
}

// tardy is a database that does at once what it is asked, and says so only after a while, whatever the context says.
type tardy struct {
	cluster.Sessions
	until time.Time
}

func (d *tardy) RenewSession(ctx context.Context, r cluster.Renewal) error {
	err := d.Sessions.RenewSession(ctx, r)
	time.Sleep(time.Until(d.until))
	return err
}

// Whoever holds a session returns when it is lost, and nothing of that is the end of the instance's sessions: not if the loop was waiting
// for an answer meanwhile, and finds at once that the session is lost and that its holder has returned. An instance in a house under
// weather had no session any more for that, and its feed answered nobody.
func TestWhoseHolderReturnedForALostSessionOpensAnother(t *testing.T) {
	for range 20 { // one of two ready channels is taken by chance
		synctest.Test(t, func(t *testing.T) {
			timing := cluster.DefaultTiming()
			db := &tardy{Sessions: clustertest.New(), until: time.Now().Add(timing.TTL - timing.Margin + time.Millisecond)}
			h := start(t, newSession(t, db, "a").Run)
			time.Sleep(time.Minute)
			require.Len(t, h.losses(), 1)
			require.Len(t, h.tenures, 2)
			h.cancel()
			require.NoError(t, <-h.ended)
		})
	}
}

func TestACopyEndsAtItsFirstRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		original := start(t, newSession(t, db, "a").Run)
		original.current(t)
		time.Sleep(6 * time.Second)
		row, _, err := db.Session(t.Context(), "a")
		require.NoError(t, err)
		began := time.Now()
		other := start(t, func(ctx context.Context, hold func(context.Context, *cluster.Tenure) error) error {
			return newSession(t, db, "a").RunCopy(ctx, row, hold)
		})
		// The original renews at 7.5 s, the copy a second later.
		require.ErrorIs(t, <-other.ended, cluster.ErrCloned)
		require.LessOrEqual(t, time.Since(began), cluster.DefaultTiming().Renewal)
		require.ErrorIs(t, other.current(t).May(), cluster.ErrLapsed)
		time.Sleep(time.Minute)
		require.NoError(t, original.current(t).May(), "the one that renewed first goes on")
		require.Empty(t, original.losses())
		original.cancel()
		require.NoError(t, <-original.ended)
	})
}

func TestASecondProcessOfTheSameNameIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		first := start(t, newSession(t, db, "a").Run)
		first.current(t)
		second := start(t, newSession(t, db, "a").Run)
		require.ErrorIs(t, <-second.ended, cluster.ErrInstanceTaken)
		require.Empty(t, first.losses())
		first.cancel()
		require.NoError(t, <-first.ended)
	})
}

// A process that was stopped for long and replaced under its name ends once it wakes.
func TestAProcessThatWasReplacedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		line := &severable{Store: db}
		first := start(t, newSession(t, line, "a").Run)
		old := first.current(t)
		line.cut.Store(true)
		db.Jump(time.Minute) // its lease is over by the database's clock, and not by its own
		second := start(t, newSession(t, db, "a").Run)
		second.current(t)
		line.cut.Store(false)
		require.ErrorIs(t, <-first.ended, cluster.ErrInstanceTaken)
		require.ErrorIs(t, old.May(), cluster.ErrLapsed)
		require.NoError(t, second.current(t).May())
		require.Empty(t, second.losses())
		second.cancel()
		require.NoError(t, <-second.ended)
	})
}

// An opening that commits under a later session, as after a promotion, is our own and no other process.
func TestAnOpeningThatCommitsLateIsOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		db.Expect(once("OpenSession", 1, clustertest.Weather{Request: 5 * time.Second}))
		h := start(t, newSession(t, db, "a").Run)
		time.Sleep(4 * time.Second)
		first := h.current(t)
		db.Promote(0)
		time.Sleep(time.Minute)
		require.Empty(t, h.ended)
		require.NotEqual(t, first.Seal(), h.current(t).Seal())
		require.NoError(t, h.current(t).May())
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestARestartAfterACrashWaitsForItsOldLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		_, err := db.OpenSession(t.Context(), cluster.Opening{
			Holder: cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}, TTL: 10 * time.Second,
		})
		require.NoError(t, err)
		began := time.Now()
		h := start(t, func(ctx context.Context, _ func(context.Context, *cluster.Tenure) error) error {
			return newSession(t, db, "a").Run(ctx, func(context.Context, *cluster.Tenure) error { return nil })
		})
		require.NoError(t, <-h.ended)
		require.LessOrEqual(t, time.Since(began), 10*time.Second+500*time.Millisecond)
		require.GreaterOrEqual(t, time.Since(began), 10*time.Second)
	})
}

// A renewal that the dead process had under way is no sign of life.
func TestARenewalThatOutlivesItsProcessIsNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		dead := cluster.Opening{Holder: cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}, TTL: 10 * time.Second}
		generation, err := db.OpenSession(t.Context(), dead)
		require.NoError(t, err)
		began := time.Now()
		h := start(t, newSession(t, db, "a").Run)
		time.Sleep(3 * time.Second)
		require.NoError(t, db.RenewSession(t.Context(), cluster.Renewal{Holder: dead.Holder, Generation: generation, TTL: dead.TTL}))
		time.Sleep(11 * time.Second)
		require.NotEqual(t, dead.Boot, h.current(t).Seal().Boot)
		require.Less(t, time.Since(began), 15*time.Second)
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestAPromotedDatabaseMakesSessionsVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		h := start(t, newSession(t, db, "a").Run)
		first := h.current(t)
		db.Promote(0)
		time.Sleep(3 * time.Second)
		second := h.current(t)
		require.ErrorIs(t, first.May(), cluster.ErrLapsed)
		require.NotEqual(t, first.Seal().Generation, second.Seal().Generation)
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestANudgeTellsTheOthersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		s := newSession(t, db, "a")
		h := start(t, s.Run)
		h.current(t)
		s.Nudge()
		synctest.Wait()
		row, _, err := db.Session(t.Context(), "a")
		require.NoError(t, err)
		require.EqualValues(t, 1, row.Count)
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestADetailIsCutBetweenLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := clustertest.New()
		s, err := cluster.NewSession(cluster.SessionConfig{
			Instance: "a", Timing: cluster.DefaultTiming(), Store: db, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			Status: func() cluster.Status { return cluster.Status{Detail: "x" + strings.Repeat("ß", 300)} },
		})
		require.NoError(t, err)
		h := start(t, s.Run)
		h.current(t)
		v, err := db.View(t.Context())
		require.NoError(t, err)
		require.Equal(t, "x"+strings.Repeat("ß", 99), v.Members[0].Detail)
		h.cancel()
		require.NoError(t, <-h.ended)
	})
}

func TestWhatIsMissingIsRefused(t *testing.T) {
	_, err := cluster.NewSession(cluster.SessionConfig{Instance: "a", Timing: cluster.DefaultTiming()})
	require.ErrorContains(t, err, "dependency")
	_, err = cluster.NewKeeper(cluster.KeeperConfig{Poll: time.Second, Timeout: time.Second})
	require.ErrorContains(t, err, "dependency")
	_, err = cluster.NewDesk(cluster.DeskConfig{Timeout: time.Second, Retry: time.Second})
	require.ErrorContains(t, err, "dependency")
	complete := cluster.SessionConfig{
		Instance: "No name", Timing: cluster.DefaultTiming(), Store: clustertest.New(), Now: time.Now,
		Status: func() cluster.Status { return healthy }, Logger: slog.New(slog.DiscardHandler),
	}
	_, err = cluster.NewSession(complete)
	require.ErrorContains(t, err, "instance id")
	complete.Instance, complete.Timing.TTL = "a", time.Second
	_, err = cluster.NewSession(complete)
	require.ErrorContains(t, err, "lease ttl")
}

func TestTimingHasBounds(t *testing.T) {
	require.NoError(t, cluster.DefaultTiming().Validate())
	require.NoError(t, cluster.Timing{TTL: 4 * time.Second, Renewal: time.Second, Margin: time.Second}.Validate())
	for complaint, timing := range map[string]cluster.Timing{
		"lease ttl 3.999s":      {TTL: 3999 * time.Millisecond, Renewal: time.Second, Margin: time.Second},
		"lease ttl 2m0.001s":    {TTL: 120001 * time.Millisecond, Renewal: time.Second, Margin: time.Second},
		"lease renewal 199ms":   {TTL: 10 * time.Second, Renewal: 199 * time.Millisecond, Margin: time.Second},
		"lease margin 499ms":    {TTL: 10 * time.Second, Renewal: time.Second, Margin: 499 * time.Millisecond},
		"room for two renewals": {TTL: 10 * time.Second, Renewal: 4251 * time.Millisecond, Margin: 1500 * time.Millisecond},
	} {
		require.ErrorContains(t, timing.Validate(), complaint)
	}
	require.NoError(t, cluster.Timing{TTL: 10 * time.Second, Renewal: 4250 * time.Millisecond, Margin: 1500 * time.Millisecond}.Validate())
}

func TestInstanceNames(t *testing.T) {
	for _, good := range []string{"a", "node-1", "0.eu_west"} {
		id, err := cluster.ParseInstanceID(good)
		require.NoError(t, err)
		require.EqualValues(t, good, id)
	}
	for _, bad := range []string{"", "A", "-a", "a b", "a\n", "ä", string(make([]byte, 64))} {
		_, err := cluster.ParseInstanceID(bad)
		require.Error(t, err, "%q", bad)
	}
}
