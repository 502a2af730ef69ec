package cluster_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

var (
	schedules    = flag.Int("cluster.schedules", 300, "schedules that the simulation plays")
	scheduleSeed = flag.Uint64("cluster.seed", 1, "first schedule; 0 draws one")
)

// a mishap befalls the world and returns what ends it, and when.
type mishap struct {
	name string
	does func(w *world, id cluster.InstanceID)
}

// mishaps of instances; the driver picks the instance.
var mishaps = []mishap{
	{"stop", func(w *world, id cluster.InstanceID) {
		p := w.processes[id]
		p.stop()
		w.later(id, w.short(15*time.Second), p.resume)
	}},
	{"kill", func(w *world, id cluster.InstanceID) {
		w.processes[id].kill()
		w.later(id, w.short(20*time.Second), func() { w.processes[id] = w.launch(id, w.disks[id], nil) })
	}},
	{"restart", func(w *world, id cluster.InstanceID) {
		p := w.processes[id]
		p.cancel()
		w.later(id, w.short(5*time.Second)+time.Second, func() {
			p.kill()
			w.processes[id] = w.launch(id, w.disks[id], nil)
		})
	}},
	{"cut", func(w *world, id cluster.InstanceID) {
		p := w.processes[id]
		p.set(func() { p.cut = true })
		w.later(id, w.short(20*time.Second), func() { p.set(func() { p.cut = false }) })
	}},
	{"mute", func(w *world, id cluster.InstanceID) { // it finds out after a while
		p := w.processes[id]
		p.set(func() { p.mute = true })
		w.later(id, w.short(3*time.Second), func() { p.set(func() { p.unwell = true }) })
		w.later(id, 3*time.Second+w.short(20*time.Second), func() { p.set(func() { p.mute, p.unwell = false, false }) })
	}},
	{"drain", func(w *world, id cluster.InstanceID) {
		p := w.processes[id]
		p.set(func() { p.draining = true })
		w.later(id, w.short(30*time.Second), func() { p.set(func() { p.draining = false }) })
	}},
	{"step", func(w *world, id cluster.InstanceID) { // of all its clocks: no setting of the wall clock alone is worse
		p, by := w.processes[id], time.Duration(w.dice.Int64N(int64(20*time.Second)))-10*time.Second
		p.set(func() { p.ahead += by })
		w.later(id, w.short(time.Second), func() {})
	}},
	{"copy", func(w *world, id cluster.InstanceID) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		row, found, err := w.db.Session(ctx, id)
		if err != nil || !found {
			return
		}
		w.copied[id] = true
		w.copies = append(w.copies, w.launch(id, w.disks[id].copied(), &row))
		w.troubles[id] = append(w.troubles[id], span{w.elapsed(), time.Hour}) // one of the two ends
	}},
}

// disasters are the database's.
var disasters = []mishap{
	{"clock", func(w *world, _ cluster.InstanceID) {
		w.db.Jump(time.Duration(w.dice.Int64N(int64(10*time.Second))) - 5*time.Second)
	}},
	{"slow", func(w *world, _ cluster.InstanceID) {
		w.setSlow(true)
		w.after(w.short(10*time.Second), func() { w.setSlow(false) })
	}},
	{"down", func(w *world, _ cluster.InstanceID) {
		w.db.SetDown(true)
		d := w.short(25 * time.Second)
		w.outages = append(w.outages, span{w.elapsed(), w.elapsed() + d + 5*time.Second})
		w.after(d, func() { w.db.SetDown(false) })
	}},
	{"promote", func(w *world, _ cluster.InstanceID) {
		lost := w.db.Promote(w.dice.IntN(12))
		w.note("promoted, %d commits lost", lost)
		if lost > 0 {
			w.forgot = append(w.forgot, w.elapsed())
		}
		w.outages = append(w.outages, span{w.elapsed(), w.elapsed() + 30*time.Second})
	}},
}

// due is something that ends a mishap.
type due struct {
	at time.Duration
	do func()
}

func (w *world) short(most time.Duration) time.Duration {
	return 100*time.Millisecond + time.Duration(w.dice.Int64N(int64(most)))
}

func (w *world) setSlow(slow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = slow
}

// after has something done later, by the driver.
func (w *world) after(d time.Duration, do func()) { w.dues = append(w.dues, due{w.elapsed() + d, do}) }

// later is after for what ends an instance's trouble; a lease after that it is well again.
func (w *world) later(id cluster.InstanceID, d time.Duration, do func()) {
	w.troubles[id] = append(w.troubles[id], span{w.elapsed(), w.elapsed() + d + 15*time.Second})
	w.after(d, do)
}

// play runs a schedule to its end.
func (w *world) play() {
	for _, id := range w.instances {
		w.processes[id] = w.launch(id, w.disks[id], nil)
		time.Sleep(w.short(2 * time.Second))
	}
	spared := w.instances[w.dice.IntN(len(w.instances))] // in most schedules one instance stays well
	if w.dice.IntN(4) == 0 {
		spared = ""
	}
	calm := w.dice.IntN(2) == 0 // the database stays up
	end := when(firstWindow + chain.Height(w.windows-1)*rhythm.Frequency + rhythm.Active + rhythm.Passive)
	pace := []time.Duration{4 * time.Second, 10 * time.Second, 30 * time.Second}[w.dice.IntN(3)]
	next := w.elapsed() + 10*time.Second
	for w.elapsed() < end {
		slices.SortStableFunc(w.dues, func(a, b due) int { return int(a.at - b.at) })
		if len(w.dues) > 0 && w.dues[0].at <= next {
			d := w.dues[0]
			w.dues = w.dues[1:]
			time.Sleep(max(0, d.at-w.elapsed()))
			d.do()
			continue
		}
		time.Sleep(max(0, next-w.elapsed()))
		next = w.elapsed() + w.short(2*pace)
		w.befall(spared, calm)
	}
	w.finish()
}

// befall picks a mishap. An instance has one at a time.
func (w *world) befall(spared cluster.InstanceID, calm bool) {
	if w.dice.IntN(4) == 0 {
		options := disasters
		if calm {
			options = disasters[:2]
		}
		d := options[w.dice.IntN(len(options))]
		w.done = append(w.done, d.name)
		w.note("%s", d.name)
		d.does(w, "")
		return
	}
	id := w.instances[w.dice.IntN(len(w.instances))]
	if id == spared || overlaps(w.troubles[id], w.elapsed(), w.elapsed()) {
		return
	}
	m := mishaps[w.dice.IntN(len(mishaps))]
	w.done = append(w.done, m.name)
	w.note("%s %s", m.name, id)
	m.does(w, id)
}

// finish ends all processes, and waits for what the database still has to do.
func (w *world) finish() {
	w.db.SetDown(false)
	for _, id := range w.instances {
		w.processes[id].kill()
	}
	for _, p := range w.copies {
		p.kill()
	}
	time.Sleep(2 * time.Minute)
}

// played plays one schedule in a time of its own.
func played(t *testing.T, seed uint64, wrong mistakes) (w *world) {
	synctest.Test(t, func(*testing.T) {
		w = newWorld(seed, wrong)
		w.play()
	})
	return w
}

func TestNoScheduleSendsTwoProposalsOrLosesAWindow(t *testing.T) {
	first := *scheduleSeed
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("%d schedules from seed %d: -cluster.seed=%d", *schedules, first, first)
	var owed, sent, repeated int
	befell := make(map[string]int)
	for seed := first; seed < first+uint64(*schedules); seed++ {
		w := played(t, seed, mistakes{})
		lost, due := w.lost()
		story := func() string {
			return fmt.Sprintf("-cluster.seed=%d -cluster.schedules=1\n%s", seed, strings.Join(w.story(), "\n"))
		}
		require.Empty(t, w.doubles(), story())
		require.Empty(t, lost, story())
		require.Empty(t, w.alarms, story())
		owed += due
		for _, sayings := range w.said {
			sent++
			repeated += len(sayings) - 1
		}
		for _, name := range w.done {
			befell[name]++
		}
	}
	t.Logf("%d windows of wallets owed, %d sent, %d times again the same; befell: %v", owed, sent, repeated, befell)
	if *schedules >= 100 { // one schedule may owe nothing
		require.Positive(t, owed)
		require.Positive(t, repeated)
	}
}

// What is said in a schedule is the same each time it is played, so that what it finds can be looked at. Only how processes
// end that are told to while they start may differ.
func TestAScheduleCanBePlayedAgain(t *testing.T) {
	for seed := range uint64(10) {
		first, second := played(t, seed, mistakes{}), played(t, seed, mistakes{})
		require.NotEmpty(t, first.said)
		require.Equal(t, first.said, second.said, "seed %d", seed)
	}
}

// unfenced is a store that believes whoever asks: each session has claims of its own, under the epoch that it believes in.
// It keeps what it was told, so an instance never contradicts itself.
type unfenced struct {
	*clustertest.DB
	mu   sync.Mutex
	rows map[string]cluster.Claim
}

func newUnfenced(db *clustertest.DB) cluster.Store {
	return &unfenced{DB: db, rows: make(map[string]cluster.Claim)}
}

func (u *unfenced) Claim(ctx context.Context, f cluster.Fence, window chain.Height) (cluster.Claim, error) {
	return u.SaveProposal(ctx, f, window, coordination.OwnProposal{})
}

func (u *unfenced) SaveProposal(_ context.Context, f cluster.Fence, window chain.Height, own coordination.OwnProposal) (cluster.Claim, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := fmt.Sprint(f.Instance, f.Wallet, window)
	row := u.rows[at]
	if !row.Filled() {
		row = cluster.Claim{Wallet: f.Wallet, Window: window, Holder: f.Holder, Epoch: f.Epoch, Own: own}
		u.rows[at] = row
	}
	return row, nil
}

func TestTheSimulationFindsWhatIsMissing(t *testing.T) {
	for name, wrong := range map[string]mistakes{
		"no fence":   {store: newUnfenced},
		"no journal": {journal: true},
		"no doubt": {store: func(db *clustertest.DB) cluster.Store {
			db.Trusting = true
			return db
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2000) {
				if found := played(t, seed, wrong).doubles(); len(found) > 0 {
					t.Logf("schedule %d: %s", seed, found[0])
					return
				}
			}
			t.Fatal("2000 schedules found nothing")
		})
	}
}
