package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// The kinds of weather that befall who follows a feed.
const (
	lineBreaks eventKind = "line to a follower breaks" // or nothing passes on it
	restarted  eventKind = "follower restarted"        // or killed as it takes an entry
	slowReader eventKind = "slow follower"
)

// houseTool is who has a mailbox of everything at each instance, which the followers read.
const houseTool = "tool"

// follower reads the mailbox that its operator's tool has at one instance, with the program that any subscriber has: it verifies, keeps its place in
// a directory and compares what it got with the operator's other follower.
type follower struct {
	*house
	k    int
	of   *firm
	home *instance // whose mailbox it reads
	line *process  // the way to all instances; paused while nothing passes on it
	dir  string
	end  chan error
	rest chain.Height // for how long it is down once it has ended
	back chain.Height // when it is started again; 0 while it is up
	cut  atomic.Bool  // the line
	slow atomic.Int64 // nanoseconds that it takes over an entry

	mu      sync.Mutex
	life    *process // the present or the last one
	lives   int
	reads   *feedclient.Follower // nil while it is down
	fatal   int                  // how many entries it still survives, and one; 0 for all
	late    bool                 // it is killed after it has taken that one, else before
	dying   bool                 // it has been killed
	fell    bool                 // the life before was killed
	streams map[*stream]struct{}
	asked   int // streams that there were

	got      map[feed.Number]parcel
	newest   feed.Number
	had      map[feed.Origin]feed.Number // which entry an item came as
	last     map[strand]uint64           // the number of the last item
	fresh    []feed.Item                 // that were not yet looked for in the store
	ended    map[string]string           // how windows of wallets ended, as it was told
	compared int                         // items and epochs that the other one got alike
}

// strand is what a source tells of a wallet, in an order that every stage keeps.
type strand struct {
	source string
	wallet chain.WalletID
}

// parcel is an entry that was taken.
type parcel struct {
	hash feed.Hash
	item feed.Item
	life int // in which it was taken last
}

// serves reports whether an operator's instances have feeds: those of the first one with several whose database is not put back, as what it told would be no
// longer what it has. There may be none. Feeds cost as much as a node does.
func (f *firm) serves() bool {
	return !f.plan.untold && f.n == slices.IndexFunc(f.firms, func(o *firm) bool { return o.shared && !f.plan.forgets(o) })
}

// forgets reports whether a plan has an operator put a copy in his database's place.
func (p plan) forgets(f *firm) bool {
	return slices.ContainsFunc(p.events, func(e event) bool { return e.kind == putBack && e.who%len(f.firms) == f.n })
}

// feeds is what an instance hands to tools; nil for nothing.
func (i *instance) feeds() *node.FeedConfig {
	if !i.serves() {
		return nil
	}
	key := digestOf(i.seed, "feed", i.name())
	return &node.FeedConfig{
		Key: ed25519.NewKeyFromSeed(key[:]), Signers: []string{houseTool}, Mailboxes: []feed.Subscription{{Mailbox: node.SignerMailbox(houseTool)}},
	}
}

// follow has a follower for each of the first two instances that have a feed.
func (h *house) follow() {
	for _, f := range h.firms {
		if !f.serves() {
			continue
		}
		for k, i := range f.crew[:2] {
			h.followers = append(h.followers, &follower{
				house: h, k: k, of: f, home: i, line: &process{kill: func() {}}, dir: filepath.Join(h.dir, fmt.Sprint("follower", k)), back: h.tip(),
				streams: map[*stream]struct{}{}, got: map[feed.Number]parcel{}, had: map[feed.Origin]feed.Number{}, last: map[strand]uint64{}, ended: map[string]string{},
			})
		}
	}
	for _, f := range h.followers {
		h.await("the mailbox is there", func() bool { // who asks for one that is not is refused, and ends
			list, err := f.home.node.Feeds().Mailboxes(context.Background())
			return err == nil && slices.ContainsFunc(list, func(m view.Mailbox) bool { return m.Mailbox == f.mailbox() && m.Self })
		})
		f.start()
	}
}

func (f *follower) name() string { return fmt.Sprint("follower", f.k) }

// String tells what became of it.
func (f *follower) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprintf("%d lives, %d streams, %d entries, %d compared", f.lives, f.asked, len(f.got), f.compared)
}

func (f *follower) mailbox() string {
	return feed.Resident(node.SignerMailbox(houseTool), f.home.name())
}

// start starts a follower, again on what it left if it ran before.
func (f *follower) start() {
	ctx, cancel := context.WithCancel(context.Background())
	f.lives++
	life := &process{kill: cancel, who: fmt.Sprintf("%s/%d", f.name(), f.lives), seed: f.seed, diary: f.diary}
	cfg := feedclient.Config{
		Instances: f, Mailbox: f.mailbox(), Operator: f.of.op, Dir: f.dir, Acknowledge: true, Deliver: f.deliver,
		Sealed: f.sealed, Lost: f.lost, Compared: f.met, Logger: f.logger(),
	}
	for _, other := range f.followers {
		if other != f {
			cfg.Peers = append(cfg.Peers, mate{f, other})
		}
	}
	reads, err := feedclient.Open(cfg)
	require.NoError(f.t, err)
	f.mu.Lock()
	f.reads, f.life = reads, life
	f.mu.Unlock()
	end := make(chan error, 1)
	f.end, f.back = end, 0
	go func() { end <- reads.Run(ctx) }()
}

func (f *follower) logger() *slog.Logger {
	if !*houseLog {
		return nil
	}
	return slog.New(slog.NewTextHandler(f.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})).With("who", f.name())
}

// attend has followers be as the weather wants them, and looks for what they were told.
func (h *house) attend(p plan) {
	for _, f := range h.followers {
		f.buried()
		if f.reads == nil && h.tip() >= f.back {
			f.start()
		}
		cut, still, slow := false, false, time.Duration(0)
		for _, e := range p.events {
			if tip := h.tip(); e.who%len(h.followers) != f.k || tip < e.at || e.at+e.lasts <= tip {
				continue
			}
			switch e.kind {
			case lineBreaks:
				cut, still = cut || e.n%2 == 0, still || e.n%2 == 1
			case slowReader:
				slow = max(slow, time.Duration(e.n%15_000)*time.Millisecond)
			default:
			}
		}
		if f.slow.Store(int64(slow)); cut && !f.cut.Load() {
			f.breaks()
		}
		if f.cut.Store(cut); still {
			f.line.pause()
		} else {
			f.line.goOn()
		}
		f.recorded()
	}
}

// breaks ends all streams.
func (f *follower) breaks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		s.cancel()
	}
}

// restarts ends a follower, at once or as it takes an entry.
func (h *house) restarts(e event) {
	if len(h.followers) == 0 {
		return
	}
	f := h.followers[e.who%len(h.followers)]
	if f.reads == nil {
		return
	}
	f.rest = e.lasts
	if e.n%3 == 0 {
		f.life.kill()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fatal, f.late = 1+e.n/3%12, e.n%3 == 1
}

// crashed is what the directory of a follower that was killed is called until it has ended: what it does as it ends is nothing that it did.
const crashed = ".crashed"

// buried notes that a follower has ended, if it has, and leaves of it what there was when it was killed.
func (f *follower) buried() {
	if f.reads == nil {
		return
	}
	select {
	case err := <-f.end:
		f.mourn(err)
	default:
	}
}

func (f *follower) mourn(err error) {
	if !errors.Is(err, context.Canceled) {
		f.record.fault("told once: %s ended by itself: %v", f.name(), err)
	}
	f.life.die()
	if f.fell, f.dying = f.dying, false; f.fell {
		require.NoError(f.t, os.RemoveAll(f.dir))
		if err := os.Rename(f.dir+crashed, f.dir); !errors.Is(err, os.ErrNotExist) {
			require.NoError(f.t, err)
		}
	}
	f.mu.Lock()
	f.reads, f.fatal = nil, 0
	f.mu.Unlock()
	f.back = f.tip() + max(f.rest, 1)
	f.rest = 0
}

// leave ends all followers in good order.
func (h *house) leave() {
	for _, f := range h.followers {
		if f.reads != nil {
			f.line.goOn()
			f.life.kill()
			f.mourn(<-f.end)
		}
	}
}

// deliver implements feedclient.Config.
func (f *follower) deliver(ctx context.Context, d feedclient.Delivery) error {
	if slow := time.Duration(f.slow.Load()); slow > 0 {
		wait := time.NewTimer(slow)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	dies := f.fatal == 1
	if f.fatal > 0 {
		f.fatal--
	}
	if dies && !f.late {
		return f.dies()
	}
	f.take(d)
	if dies {
		return f.dies()
	}
	return nil
}

// dies keeps what a process that ends at this moment leaves.
func (f *follower) dies() error {
	if err := os.CopyFS(f.dir+crashed, os.DirFS(f.dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f.dying = true
	f.life.die()
	return errDead
}

// take checks an entry. After it was killed a follower is given once more what it had not written down; it is the same then.
func (f *follower) take(d feedclient.Delivery) {
	e, item := d.Entry, d.Entry.Record.Item
	if d.Wrong != nil || e.Gap != nil {
		f.record.fault("told as recorded: %s is given entry %d without its payload (%v, gap %v)", f.name(), e.Number, d.Wrong, e.Gap != nil)
		return
	}
	if was, before := f.got[e.Number]; before {
		switch {
		case was.life == f.lives || !f.fell:
			f.record.fault("told once: %s is given entry %d a second time", f.name(), e.Number)
		case was.hash != e.Hash():
			f.record.fault("told as recorded: %s was given another entry %d before it was killed", f.name(), e.Number)
		}
		was.life = f.lives
		f.got[e.Number] = was
		return
	}
	if e.Number != f.newest+1 {
		f.record.fault("told once: %s is given entry %d after %d", f.name(), e.Number, f.newest)
	}
	of, line := feed.Origin{Source: item.Source, Number: item.Number}, strand{item.Source, item.Wallet}
	if as, twice := f.had[of]; twice {
		f.record.fault("told once: %s is given item %d of %s as entry %d, and as entry %d before", f.name(), of.Number, of.Source, e.Number, as)
	}
	if last := f.last[line]; item.Number <= last {
		f.record.fault("told once: %s is given item %d of %s after %d, which is of the same wallet", f.name(), of.Number, of.Source, last)
	}
	f.newest, f.had[of], f.last[line] = e.Number, e.Number, item.Number
	f.got[e.Number] = parcel{e.Hash(), item, f.lives}
	f.fresh = append(f.fresh, item)
	var told view.Event
	if item.Kind == feed.KindResult && json.Unmarshal(d.Payload, &told) == nil && told.Event == view.EventResult {
		f.ended[resultKey(*told.Window, *told.Wallet)] = string(*told.Reason)
	}
}

// sealed implements feedclient.Config. A stage that had no time is missing; any other blame is of somebody who is honest.
func (f *follower) sealed(_ context.Context, s feed.Seal, blames []feed.Blame) error {
	for _, b := range blames {
		if b.Reason != feed.Missing {
			f.record.fault("no honest culprit: by its seal of epoch %d %s is blamed: %v", s.Epoch, f.name(), b)
		}
	}
	return nil
}

// lost implements feedclient.Config.
func (f *follower) lost(_ context.Context, l feed.Handover) error {
	f.record.fault("told as recorded: %s says that it lost what came after entry %d, and its database was not put back", l.To, l.Number)
	return nil
}

// met implements feedclient.Config: what a comparison with the other follower came to.
func (f *follower) met(_ context.Context, c feedclient.Comparison) {
	if c.Verdict() == feedclient.Blamed {
		f.record.fault("no honest culprit: %s and %s have proved something: %+v %v", f.name(), c.Peer, c.Findings, c.Blames)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compared += c.Epochs + c.Items
}

// mate is the operator's other follower, to whom there is a way as long as both have their lines.
type mate struct{ own, other *follower }

// Name implements feedclient.Other.
func (m mate) Name() string { return m.other.name() }

func (m mate) archive(ctx context.Context, about ...any) (feedclient.Archive, error) {
	m.own.life.pace(append(about, m.Name())...)
	if err := errors.Join(m.own.line.pass(ctx), m.other.line.pass(ctx)); err != nil {
		return feedclient.Archive{}, err
	}
	m.other.mu.Lock()
	reads := m.other.reads
	m.other.mu.Unlock()
	if reads == nil || m.own.cut.Load() || m.other.cut.Load() {
		return feedclient.Archive{}, errNoLine
	}
	return reads.Archive(), nil
}

// Trail implements feedclient.Other.
func (m mate) Trail(ctx context.Context, q feedclient.Question) (feed.Trail, error) {
	a, err := m.archive(ctx, "trail", q)
	if err != nil {
		return feed.Trail{}, err
	}
	return a.Trail(ctx, q)
}

// Epoch implements feedclient.Other.
func (m mate) Epoch(ctx context.Context, of string, e feed.Epoch) (feed.Export, error) {
	a, err := m.archive(ctx, "epoch", of, e)
	if err != nil {
		return feed.Export{}, err
	}
	return a.Epoch(ctx, of, e)
}

// recorded looks in the operator's store for what a follower was told since it looked last.
func (f *follower) recorded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := f.fresh
	f.fresh = nil
	if len(fresh) == 0 {
		return
	}
	first := map[string]uint64{}
	for _, item := range fresh {
		if n, seen := first[item.Source]; !seen || item.Number < n {
			first[item.Source] = item.Number
		}
	}
	stored := map[feed.Item]bool{}
	for origin, from := range first {
		for _, fact := range f.of.told(origin, from-1) {
			stored[fact.Item()] = true
		}
	}
	for _, item := range fresh {
		f.holds(stored, item, f.had[feed.Origin{Source: item.Source, Number: item.Number}])
	}
}

// told are the facts of an origin that an operator's store has after a number.
func (f *firm) told(origin string, after uint64) (all []store.Fact) {
	for {
		some, err := f.reader().Facts(context.Background(), origin, after, 1000)
		require.NoError(f.t, err)
		if len(some) == 0 {
			return all
		}
		all, after = append(all, some...), some[len(some)-1].Number
	}
}

// delivered checks what followers were told when a window is over. After the weather they have a minute to catch up.
func (h *house) delivered(window chain.Height, calm bool) {
	for _, i := range h.all() {
		if i.node == nil || !i.serves() {
			continue
		}
		counts := scrape(i.node)
		for _, name := range []string{"feed_facts_refused_total", "feed_stages_blamed_total", "feed_losses_total"} {
			if n := counts[name]; n != "0" {
				h.record.fault("no honest culprit: %s says %s is %q", i.name(), name, n)
			}
		}
	}
	for _, f := range h.followers {
		f.all()
		if !calm {
			continue
		}
		stored, lacks := f.of.recorded(), 0
		for range 600 {
			if lacks = f.lacks(stored); lacks == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		if lacks > 0 {
			h.record.fault("told once: %s was not told %d of %d facts", f.name(), lacks, len(stored))
		}
		f.results()
		if kept := f.reads; kept == nil || !slices.ContainsFunc(kept.Kept(), func(k feed.Kept) bool { return k.Epoch == feed.Epoch(window/900-1) }) {
			h.record.fault("told once: %s was given no seal of the epoch before window %d", f.name(), window)
		}
	}
}

// lacks counts what an operator's store has and a follower does not.
func (f *follower) lacks(stored map[feed.Item]bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for item := range stored {
		if _, had := f.had[feed.Origin{Source: item.Source, Number: item.Number}]; !had {
			n++
		}
	}
	return n
}

// recorded are all facts that an operator's store has.
func (f *firm) recorded() map[feed.Item]bool {
	all := map[feed.Item]bool{}
	origins, err := f.reader().Origins(context.Background())
	require.NoError(f.t, err)
	for origin := range origins {
		for _, fact := range f.told(origin, 0) {
			all[fact.Item()] = true
		}
	}
	return all
}

// all looks for everything that a follower was ever told.
func (f *follower) all() {
	stored := f.of.recorded()
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, p := range f.got {
		f.holds(stored, p.item, number)
	}
}

// holds demands that an operator's store has what a follower was told.
func (f *follower) holds(stored map[feed.Item]bool, item feed.Item, as feed.Number) {
	if !stored[item] {
		f.record.fault("told as recorded: %s was told item %d of %s as entry %d, and operator %d has none like it in its store",
			f.name(), item.Number, item.Source, as, f.of.n)
	}
}

// results compares how windows ended in the operator's store with what a follower was told of them.
func (f *follower) results() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, text := range f.record.facts[f.of] {
		reason, _, _ := strings.Cut(text, " ")
		if told := f.ended[key]; strings.HasPrefix(key, "result ") && told != reason {
			f.record.fault("told once: %s was told %q of %s, and operator %d has %q", f.name(), told, key, f.of.n, reason)
		}
	}
}
