package instance_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	bubble.Main(m)
}

const window = 900

func wallet(n int) chain.WalletID {
	h := sha256.Sum256(fmt.Appendf(nil, "test-wallet-%d", n))
	return chain.WalletID(h[:20])
}

var mailboxes = []feed.Subscription{{Mailbox: "all"}, {Mailbox: "some", Wallets: []chain.WalletID{wallet(1), wallet(2)}}}

// house is the instances of an operator, some of which run.
type house struct {
	t    require.TestingT
	ctx  context.Context
	base *base
	runs map[string]*run
	at   chain.Height
	said int
	told map[chain.WalletID][]string // what was told of each wallet, by "origin payload", in each origin's order
	dir  string                      // of the instances' journals; none
	keep uint64                      // sealed epochs; 0 for the default
	own  []feed.Kind                 // if there are any, each instance has a mailbox of its own with them
}

type run struct {
	instance *instance.Instance
	session  *session
	heights  chan chain.Height
	stop     context.CancelFunc
	ended    chan error
}

func newHouse(t require.TestingT, ctx context.Context, names ...string) *house {
	return &house{t: t, ctx: ctx, base: newBase(names...), runs: map[string]*run{}, at: window, told: map[chain.WalletID][]string{}}
}

// couple has alpha and beta run while play is played. What they keep beside the database is in a directory, or nowhere.
func couple(t *testing.T, dir string, play func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha", "beta")
		h.dir = dir
		h.start("alpha")
		h.start("beta")
		play(t, h)
		for _, name := range slices.Sorted(maps.Keys(h.runs)) {
			h.kill(name)
		}
	})
}

func (h *house) start(name string) {
	h.show(h.begin(name))
	h.rest()
}

// begin starts an instance that is not shown any height yet.
func (h *house) begin(name string) *run {
	signer, err := feed.NewSigner(name, key(name))
	require.NoError(h.t, err)
	s := h.base.open(name)
	cfg := instance.Config{Signer: signer, Ledger: s, Mailboxes: mailboxes, WindowBlocks: window, Keep: h.keep, Logger: slog.New(slog.DiscardHandler)}
	if h.own != nil {
		cfg.Mailboxes = append(slices.Clone(mailboxes), feed.Subscription{Mailbox: "live." + name, Kinds: h.own})
	}
	if h.dir != "" {
		cfg.Journal = filepath.Join(h.dir, name+".journal")
	}
	i, err := instance.New(cfg)
	require.NoError(h.t, err)
	ctx, stop := context.WithCancel(h.ctx)
	r := &run{instance: i, session: s, heights: make(chan chain.Height), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- i.Run(ctx, r.heights) }()
	h.runs[name] = r
	return r
}

// kill ends an instance anywhere, and its session with it.
func (h *house) kill(name string) {
	r := h.runs[name]
	r.stop()
	require.NoError(h.t, <-r.ended)
	h.base.end(r.session)
	delete(h.runs, name)
}

func (h *house) show(r *run) {
	select {
	case r.heights <- h.at:
	case err := <-r.ended:
		require.NoError(h.t, err)
		panic("an instance has ended")
	}
}

func (h *house) pass(blocks int) {
	for range blocks {
		h.at++
		for _, r := range h.runs {
			h.show(r)
		}
		synctest.Wait()
	}
}

// turn is the end of a window, and time for what follows from it.
func (h *house) turn() {
	h.rest()
	h.at = h.at/window*window + window - 1
	h.pass(12)
	h.rest()
}

// rest lets everybody look twice at what the others did.
func (h *house) rest() {
	for range 3 {
		time.Sleep(instance.Pace)
		synctest.Wait()
	}
}

func (h *house) tell(origin string, n int) {
	var list []said
	for range n {
		h.said++
		w := wallet(h.said % 4)
		payload := fmt.Sprintf("%s %d", origin, h.said)
		list = append(list, said{w, payload})
		h.told[w] = append(h.told[w], payload)
	}
	h.base.tell(origin, list...)
}

func (h *house) move(mailbox, to string) {
	for _, r := range h.runs {
		require.NoError(h.t, r.instance.Move(h.ctx, mailbox, to))
		return
	}
}

// subscriber reads a mailbox wherever it is, and verifies it.
type subscriber struct {
	h       *house
	mailbox string
	reader  *feed.Reader
	got     map[chain.WalletID][]string
	blames  []feed.Blame
	moves   int
	from    feed.Number // where it began
	fresh   bool        // it has read nothing yet
	repeats int         // items that came by an echo
}

func (h *house) subscriber(mailbox string) *subscriber {
	return &subscriber{h: h, mailbox: mailbox, got: map[chain.WalletID][]string{}}
}

// read takes in what there is now, at whichever instance has it.
func (s *subscriber) read() {
	for name := range s.h.runs {
		s.readAt(name)
	}
}

// readAt takes in what one instance has, if it has the mailbox.
func (s *subscriber) readAt(name string) {
	r := s.h.runs[name]
	ctx, stop := context.WithCancel(s.h.ctx)
	done := make(chan error, 1)
	go func() {
		defer close(done) // also when what it takes is not what is expected
		done <- r.instance.Follow(ctx, s.mailbox, s.at(), s.take(r))
	}()
	time.Sleep(2 * instance.Pace)
	synctest.Wait()
	stop()
	err, returned := <-done
	require.True(s.h.t, returned, "what %s delivered of mailbox %s is not what is expected, as said before this", name, s.mailbox)
	var elsewhere instance.Elsewhere
	if errors.As(err, &elsewhere) {
		return
	}
	require.ErrorIs(s.h.t, err, context.Canceled)
}

func (s *subscriber) at() pipeline.Position {
	if s.reader == nil || s.fresh {
		return pipeline.Position{Number: s.from}
	}
	at := s.reader.At()
	return pipeline.Position{Instance: s.reader.Instance(), Number: at.Number, Sealed: at.Sealed, Epoch: at.Epoch}
}

func (s *subscriber) take(r *run) func(pipeline.News) error {
	return func(n pipeline.News) (err error) {
		s.fresh = false
		if s.reader == nil {
			ring, err := r.instance.Keyring(s.h.ctx)
			require.NoError(s.h.t, err)
			name := r.instance.Name()
			if n.Seal != nil {
				name = n.Seal.Actor.Instance
			} else if moves, _ := r.session.Moves(s.h.ctx, s.mailbox); len(moves) > 0 {
				name = moves[0].Handover.From
			}
			s.reader, err = feed.NewReader(name, s.mailbox, ring, feed.Start{}, feed.Policy{Keep: 100, Then: feed.Drop})
			require.NoError(s.h.t, err)
		}
		switch {
		case n.Handover != nil:
			require.Empty(s.h.t, n.Handover.Lost)
			s.moves++
			err = s.reader.Handover(*n.Handover)
		case n.Seal != nil:
			var found []feed.Blame
			found, err = s.reader.Seal(*n.Seal, n.Subscriptions)
			s.blames = append(s.blames, found...)
		default:
			if err = s.reader.Entry(n.Delivered.Entry, n.Delivered.Payload); err == nil {
				item := n.Delivered.Entry.Record.Item
				s.got[item.Wallet] = append(s.got[item.Wallet], string(n.Delivered.Payload))
				s.witnessed(r, item, n.Delivered)
			}
		}
		require.NoError(s.h.t, err, "%s at %+v", s.mailbox, s.at())
		return nil
	}
}

// witnessed checks that what an origin told comes with what it signed of it, wherever the mailbox is and however often it was repeated.
func (s *subscriber) witnessed(r *run, item feed.Item, d *pipeline.Delivered) {
	require.NotNil(s.h.t, d.Witness, "number %d of %s", item.Number, item.Source)
	ring, err := r.instance.Keyring(s.h.ctx)
	require.NoError(s.h.t, err)
	require.NoError(s.h.t, ring.VerifyWitness(item, *d.Witness))
	require.NoError(s.h.t, s.reader.Witness(*d.Witness))
	require.True(s.h.t, strings.HasPrefix(string(d.Payload), d.Witness.Origin.Source+" "))
	if feed.IsEcho(item.Source) {
		s.repeats++
	}
}

// wantAll expects that each thing told came once, of each wallet in each origin's order, and that nobody was blamed.
func (s *subscriber) wantAll(wallets ...int) {
	require.Empty(s.h.t, s.blames)
	of := func(list []string, origin string) (own []string) {
		for _, payload := range list {
			if strings.HasPrefix(payload, origin+" ") {
				own = append(own, payload)
			}
		}
		return own
	}
	for w := range 4 {
		id := wallet(w)
		if !slices.Contains(wallets, w) {
			require.Empty(s.h.t, s.got[id])
			continue
		}
		require.Len(s.h.t, s.got[id], len(s.h.told[id]), "%s, wallet %d", s.mailbox, w)
		for origin := range s.h.base.logs {
			require.Equal(s.h.t, of(s.h.told[id], origin), of(s.got[id], origin), "%s, wallet %d, told by %s", s.mailbox, w, origin)
		}
	}
}

func TestAMailboxGoesToAnotherInstanceAtTheEndOfAnEpoch(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all, some := h.subscriber("all"), h.subscriber("some")
		h.tell("alpha", 10)
		h.tell("beta", 10)
		h.rest()
		all.read()
		h.move("all", "beta")
		h.tell("beta", 5)
		h.rest()
		home, _ := h.runs["alpha"].session.Homes(t.Context())
		require.Equal(t, "alpha", home["all"], "not in the middle of an epoch")
		h.turn()
		home, _ = h.runs["alpha"].session.Homes(t.Context())
		require.Equal(t, map[string]string{"all": "beta", "some": "alpha"}, home)
		h.tell("alpha", 7)
		h.rest()
		all.read()
		some.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
		require.Positive(t, all.repeats, "with what their origin has signed")
		var elsewhere instance.Elsewhere
		require.ErrorAs(t, h.runs["alpha"].instance.Follow(t.Context(), "all", pipeline.Position{}, nil), &elsewhere)
		require.Equal(t, "beta", elsewhere.Instance)
		require.ErrorAs(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "all", 1), &elsewhere)
		for range 3 {
			h.turn()
			h.tell("alpha", 3)
			h.tell("beta", 3)
		}
		h.rest()
		all.read()
		some.read()
		all.wantAll(0, 1, 2, 3)
		some.wantAll(1, 2)
		require.Zero(t, h.runs["beta"].instance.Counts().Blamed)
	})
}

func TestAMailboxIsTakenOverFromAnInstanceThatIsGone(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.turn()
		h.tell("alpha", 10)
		h.rest()
		all.read()
		h.kill("alpha")
		h.move("all", "beta")
		h.turn()
		require.NoError(t, h.runs["beta"].instance.Acknowledge(t.Context(), "all", 20), "all of it came from alpha")
		require.ErrorIs(t, h.runs["beta"].instance.Acknowledge(t.Context(), "all", 21), pipeline.ErrFuture)
		h.tell("beta", 10)
		h.rest()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
		h.start("alpha") // it is back, and has it no more
		h.tell("alpha", 4)
		h.turn()
		h.move("all", "alpha")
		h.turn()
		h.tell("alpha", 4)
		h.turn()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 2, all.moves)
	})
}

// Nobody has to wish for it: when an instance has been gone for as long as no restart takes, its mailboxes go on with the next epoch
// at one that lives, with nothing lost or repeated.
func TestTheMailboxesOfAnInstanceThatIsGoneGoOnByThemselves(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.turn()
		h.tell("alpha", 10)
		h.rest()
		all.read()
		h.kill("alpha")
		time.Sleep(30 * time.Second)
		h.start("alpha") // a restart
		time.Sleep(2 * time.Minute)
		require.Empty(t, h.base.wished())
		h.kill("alpha")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, map[string]string{"all": "beta", "some": "beta"}, h.base.wished())
		h.turn()
		h.tell("beta", 10)
		h.rest()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
	})
}

// A wish holds as long as the instance that it names has a session, or may be restarting.
func TestAMailboxThatIsWishedToAnInstanceThatIsGoneIsAnOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), names...)
		for _, n := range names {
			h.start(n)
		}
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.turn()
		h.move("all", "beta")
		h.rest()
		h.kill("alpha")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.Equal(t, map[string]string{"all": "beta", "some": h.base.wished()["some"]}, h.base.wished())
		h.kill("beta")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.Equal(t, map[string]string{"all": "gamma", "some": "gamma"}, h.base.wished())
		h.tell("gamma", 5)
		h.turn()
		h.turn()
		all.read()
		all.wantAll(0, 1, 2, 3)
		h.kill("gamma")
	})
}

// What somebody else wrote into the database in an instance's name is not taken in, and others' goes on.
func TestWhatAnInstanceDidNotSignIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha", "beta")
		h.start("alpha")
		h.tell("beta", 1)
		h.base.tell("beta", said{wallet(1), "true"})
		h.base.mu.Lock()
		good := h.base.facts["beta"][1].Payload
		h.base.facts["beta"][1].Payload = []byte("altered")
		h.base.mu.Unlock()
		h.tell("beta", 1)
		h.tell("alpha", 3)
		h.turn()
		h.turn()
		all := h.subscriber("all")
		all.read()
		require.Len(t, slices.Concat(all.got[wallet(0)], all.got[wallet(1)], all.got[wallet(2)], all.got[wallet(3)]), 4)
		counts := h.runs["alpha"].instance.Counts()
		require.Equal(t, []uint64{4, 1, 0}, []uint64{counts.Records, counts.Refused, counts.Restarts}, "it is told once")
		h.base.mu.Lock()
		h.base.facts["beta"][1].Payload = good
		h.base.mu.Unlock()
		h.rest()
		require.Equal(t, uint64(6), h.runs["alpha"].instance.Counts().Records)
		h.kill("alpha")
	})
}

// An instance whose session is over writes nothing, and goes on when it has one again.
func TestAFeedWaitsForItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.start("alpha")
		h.tell("alpha", 2)
		h.rest()
		s := h.runs["alpha"].session
		h.base.end(s)
		h.tell("alpha", 2)
		h.turn()
		require.ErrorIs(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "all", 1), instance.ErrNotReady)
		h.base.mu.Lock()
		h.base.live["alpha"] = s.id
		h.base.mu.Unlock()
		h.turn()
		all := h.subscriber("all")
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Positive(t, h.runs["alpha"].instance.Counts().Restarts)
		require.ErrorIs(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "all", 99), pipeline.ErrFuture)
		require.ErrorIs(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "none", 1), pipeline.ErrNoMailbox)
		require.NoError(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "all", 4))
		h.kill("alpha")
	})
}

var names = []string{"alpha", "beta", "gamma"}

// Whatever is moved, killed and restarted when: each item comes once, in its order, and nobody is blamed.
func TestNothingIsLostOrRepeatedByMoves(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 999), 8, 30).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			t.Log("steps", steps)
			play(t, steps)
		})
	})
}

func play(t *testing.T, steps []int) {
	h := newHouse(t, t.Context(), names...)
	for _, n := range names {
		h.start(n)
	}
	all, some := h.subscriber("all"), h.subscriber("some")
	defer func() {
		for n := range h.runs {
			h.kill(n)
		}
	}()
	for _, s := range steps {
		who := names[s/10%3]
		switch s % 10 {
		case 0, 1:
			if h.runs[who] != nil && len(h.runs) > 1 {
				h.kill(who)
			}
		case 2:
			if h.runs[who] == nil {
				h.start(who)
			}
		case 3:
			h.move("all", who)
		case 4:
			h.move("some", who)
		case 5:
			h.pass(1)
			h.at = h.at/window*window + window - 1
			h.pass(1) // the window is over, and nobody had time
		case 6:
			h.turn()
		case 7:
			all.read()
		case 8:
			h.tell(who, 1+s/30%5)
			synctest.Wait()
		case 9: // and everything goes on before anybody has looked
			h.tell(who, 1+s/30)
		}
	}
	for _, n := range names {
		if h.runs[n] == nil {
			h.start(n)
		}
	}
	for range 4 {
		h.turn()
	}
	all.read()
	some.read()
	all.wantAll(0, 1, 2, 3)
	some.wantAll(1, 2)
	wantNothingAcross(t, all, some)
}
