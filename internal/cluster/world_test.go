package cluster_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

// rhythm has shorter periods than the network's, and a block a second: what is tried here are failures within seconds.
var rhythm = coordination.Schedule{Frequency: 150, Active: 80, Passive: 20, SafeShift: 32}

const (
	blockTime   = time.Second
	firstWindow = chain.Height(150)
	startHeight = firstWindow - 40 // leaves the instances time to come up
)

// mistakes are what the simulation must find: each makes one part a double that does not do what it should.
type mistakes struct {
	store   func(*clustertest.DB) cluster.Store // nil is the database itself
	journal bool                                // what was written down is not read again
}

// world is one schedule: some instances, a database, a chain, and what befalls them.
type world struct {
	seed    uint64
	dice    *rand.Rand // the driver's own
	db      *clustertest.DB
	store   cluster.Store
	wrong   mistakes
	wallets []chain.WalletID
	windows int
	began   time.Time
	runs    int

	instances []cluster.InstanceID
	processes map[cluster.InstanceID]*process
	copies    []*process
	copied    map[cluster.InstanceID]bool
	disks     map[cluster.InstanceID]*disk
	troubles  map[cluster.InstanceID][]span // when an instance was anything but well
	outages   []span                        // when the database was
	done      []string                      // names of what befell, for counting
	forgot    []time.Duration               // when the database lost commits
	widowed   map[string]time.Duration      // processes that ended as one of two copies, and when: nobody reads their journal again
	dues      []due                         // what the driver has still to end

	rough int // percent of transactions that something befalls

	mu     sync.Mutex
	slow   bool // commits take long
	said   map[utterance][]saying
	alarms []string // what must never be
	trace  []string
}

type span struct{ from, to time.Duration }

type utterance struct {
	wallet chain.WalletID
	window chain.Height
}

// saying is one broadcast.
type saying struct {
	by      string
	at      time.Duration
	digest  [32]byte
	in      bool // the active phase
	payload string
}

func newWorld(seed uint64, wrong mistakes) *world {
	dice := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		seed: seed, dice: dice, db: clustertest.New(), wrong: wrong,
		windows: 2 + dice.IntN(2), began: time.Now(), rough: []int{0, 2, 10}[dice.IntN(3)],
		processes: make(map[cluster.InstanceID]*process), copied: make(map[cluster.InstanceID]bool), disks: make(map[cluster.InstanceID]*disk),
		troubles: make(map[cluster.InstanceID][]span), said: make(map[utterance][]saying), widowed: make(map[string]time.Duration),
	}
	w.db.Remember, w.store = 40, w.db
	w.db.Expect(w.forecast)
	if wrong.store != nil {
		w.store = wrong.store(w.db)
	}
	for i := range 1 + dice.IntN(5) {
		w.wallets = append(w.wallets, chain.WalletID{byte(i + 1)})
	}
	for i := range 2 + dice.IntN(4) {
		id := cluster.InstanceID(fmt.Sprintf("i%d", i))
		w.instances = append(w.instances, id)
		w.disks[id] = &disk{forgetful: wrong.journal}
	}
	return w
}

func (w *world) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (w *world) elapsed() time.Duration { return time.Since(w.began) }

func (w *world) height(lag time.Duration) chain.Height {
	return startHeight + chain.Height(max(0, w.elapsed()-lag)/blockTime)
}

// when is the moment a block appears.
func when(h chain.Height) time.Duration { return time.Duration(h-startHeight) * blockTime }

// luck is what befalls somebody at this moment. It depends on who that is and on nothing that happens at the same
// moment elsewhere, so that a schedule can be played again.
func (w *world) luck(who ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, w.elapsed().Nanoseconds(), who)
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

func (w *world) note(format string, values ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf("%14.9f "+format, append([]any{w.elapsed().Seconds()}, values...)...))
}

// story is what happened, in the order of time.
func (w *world) story() []string { return slices.Sorted(slices.Values(w.trace)) }

// forecast is a database of good days and bad ones. Every delay has a fraction of its own, so that hardly anything
// happens at one moment.
func (w *world) forecast(op, row string) clustertest.Weather {
	luck := w.luck(op, row)
	upTo := func(d time.Duration) time.Duration { return time.Microsecond + time.Duration(luck.Int64N(int64(d))) }
	weather := clustertest.Weather{Request: upTo(2 * time.Millisecond), Commit: upTo(5 * time.Millisecond), Answer: upTo(2 * time.Millisecond)}
	w.mu.Lock()
	slow := w.slow
	w.mu.Unlock()
	if slow {
		weather.Commit = upTo(3 * time.Second)
	}
	if luck.IntN(100) >= w.rough {
		return weather
	}
	switch luck.IntN(6) {
	case 0:
		weather.Request += upTo(4 * time.Second)
	case 1:
		weather.Commit += upTo(4 * time.Second)
	case 2:
		weather.Answer += upTo(4 * time.Second)
	case 3:
		weather.LoseRequest = true
	case 4:
		weather.LoseAnswer = true
	case 5:
		weather.Abort = true
	}
	return weather
}

// heard is the network's side of a broadcast.
func (w *world) heard(p *process, wallet chain.WalletID, window coordination.Window, own coordination.OwnProposal) {
	w.note("%s sends %q", p.name, own.Payload)
	w.mu.Lock()
	defer w.mu.Unlock()
	at := utterance{wallet, window.Block}
	w.said[at] = append(w.said[at], saying{
		by: p.name, at: w.elapsed(), digest: cluster.Digest(own), in: w.height(0) < window.ActiveEnd, payload: string(own.Payload),
	})
}

// contradicted is the alarm of a journal that differs from the claims.
func (w *world) contradicted(p *process, all []cluster.Entry) {
	w.note("%s: %d entries contradict the claims", p.name, len(all))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarms = append(w.alarms, p.name+" was contradicted")
}

// gaveUp is the end of a process. Only a copy, or what was copied, ends by itself.
func (w *world) gaveUp(p *process, err error) {
	w.note("%s ended: %v", p.name, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.widowed[p.name] = w.elapsed()
	}
	if err != nil && !w.copied[p.id] {
		w.alarms = append(w.alarms, fmt.Sprintf("%s ended: %v", p.name, err))
	}
}

// unprovable reports what no instance can know: one of two copies spoke and ended, its journal went with it, and then the
// database lost what it had stored. (Of a real one the journal is still on its disk, and docs/decisions/017 says so.)
func (w *world) unprovable(s saying) bool {
	_, ended := w.widowed[s.by]
	return ended && slices.ContainsFunc(w.forgot, func(at time.Duration) bool { return at >= s.at && at <= s.at+30*time.Second })
}

// doubles lists the (wallet, window)s that two different proposals were sent for.
func (w *world) doubles() (all []string) {
	for at, sayings := range w.said {
		if w.unprovable(sayings[0]) {
			continue
		}
		for _, s := range sayings[1:] {
			if s.digest != sayings[0].digest {
				all = append(all, fmt.Sprintf("wallet %x window %d: %q at %v and %q at %v", at.wallet[0], at.window,
					sayings[0].payload, sayings[0].at, s.payload, s.at))
				break
			}
		}
	}
	slices.Sort(all)
	return all
}

// lost lists the (wallet, window)s that nothing was sent for in the active phase although it was owed, and counts those owed.
func (w *world) lost() (all []string, owed int) {
	for i := range w.windows {
		window, _ := rhythm.Window(firstWindow + chain.Height(i)*rhythm.Frequency)
		if !w.owed(window) {
			continue
		}
		for _, wallet := range w.wallets {
			owed++
			if !slices.ContainsFunc(w.said[utterance{wallet, window.Block}], func(s saying) bool { return s.in }) {
				all = append(all, fmt.Sprintf("wallet %x window %d", wallet[0], window.Block))
			}
		}
	}
	return all, owed
}

// owed reports whether the window must not be lost: one instance was well from before it began (two leases, in which it
// gets over what was before) to the end of its active phase, and so was the database (from a seed's depth before).
func (w *world) owed(window coordination.Window) bool {
	end := when(window.ActiveEnd)
	if overlaps(w.outages, when(window.SeedBlock)-10*time.Second, end) {
		return false
	}
	return slices.ContainsFunc(w.instances, func(id cluster.InstanceID) bool {
		return !overlaps(w.troubles[id], when(window.Block)-20*time.Second, end)
	})
}

func overlaps(spans []span, from, to time.Duration) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.from <= to && s.to >= from })
}
