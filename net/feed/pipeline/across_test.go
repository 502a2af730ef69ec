package pipeline_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// pair is two instances that take in what origins tell; each has a mailbox for everything, and is seen by a subscriber.
type pair struct {
	t     require.TestingT
	keys  feed.Keyring
	feeds map[string]*pipeline.Feed
	logs  map[string]*feedtest.Log
	at    map[string]chan chain.Height
	stop  map[string]func()
	told  map[string][]pipeline.Message // by origin
	taken map[string]map[string]int     // by instance and origin: how many
}

func instanceKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("test-" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func newPair(t require.TestingT) *pair {
	p := &pair{
		t: t, keys: feed.Keyring{}, feeds: map[string]*pipeline.Feed{}, logs: map[string]*feedtest.Log{}, at: map[string]chan chain.Height{},
		stop: map[string]func(){}, told: map[string][]pipeline.Message{}, taken: map[string]map[string]int{},
	}
	for _, name := range []string{"alpha", "beta"} {
		p.keys[name] = feed.Keys(instanceKey(name).Public().(ed25519.PublicKey))
		p.logs[name], p.taken[name] = feedtest.New(), map[string]int{}
	}
	return p
}

// start begins an instance, anew or on what it has stored.
func (p *pair) start(ctx context.Context, name string, twist func(*pipeline.Feed)) {
	s, err := feed.NewSigner(name, instanceKey(name))
	require.NoError(p.t, err)
	f, err := pipeline.New(pipeline.Config{Signer: s, Log: p.logs[name], Shards: 3, Outboxes: 2, MailboxBound: 12, Patience: 10, WindowBlocks: window})
	require.NoError(p.t, err)
	if twist != nil {
		twist(f)
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	heights := make(chan chain.Height)
	p.feeds[name], p.at[name] = f, heights
	go func() { ended <- f.Run(ctx, heights) }()
	p.stop[name] = func() { stop(); require.ErrorIs(p.t, <-ended, context.Canceled) }
}

func (p *pair) close() {
	for _, stop := range p.stop {
		stop()
	}
}

func (p *pair) height(h chain.Height, names ...string) {
	for _, name := range names {
		p.at[name] <- h
		synctest.Wait()
	}
}

// tell has an origin tell n messages, of wallets in turn, with one signature.
func (p *pair) tell(origin string, n int) {
	s, err := feed.NewSigner(origin, instanceKey(origin))
	require.NoError(p.t, err)
	var items []feed.Item
	var messages []pipeline.Message
	for range n {
		number := len(p.told[origin]) + len(items) + 1
		m := pipeline.Message{Wallet: wallet(number % 5), Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "%s %d", origin, number)}
		messages = append(messages, m)
		items = append(items, feed.NewItem(origin, uint64(number), m.Wallet, m.Kind, m.Payload)) //nolint:gosec // small
	}
	for i, w := range feed.Witnesses(items, s.SignItems(items)) {
		messages[i].Witness = w
	}
	p.told[origin] = append(p.told[origin], messages...)
}

// take has an instance take in what was told since, all of it at once for each origin.
func (p *pair) take(ctx context.Context, names ...string) {
	for _, name := range names {
		for _, origin := range []string{"alpha", "beta"} {
			if rest := p.told[origin][p.taken[name][origin]:]; len(rest) > 0 {
				first := uint64(p.taken[name][origin]) + 1 //nolint:gosec // small
				require.NoError(p.t, p.feeds[name].Submit(ctx, origin, first, rest))
				p.taken[name][origin] += len(rest)
			}
		}
		synctest.Wait()
	}
}

// got is what a subscriber of an instance's mailbox keeps, and whom it blames.
func (p *pair) got(ctx context.Context, name, mailbox string, until feed.Epoch) (feed.Export, []feed.Blame) {
	r, err := feed.NewReader(name, mailbox, p.keys, feed.Start{}, plenty)
	require.NoError(p.t, err)
	var blames []feed.Blame
	err = p.feeds[name].Follow(ctx, mailbox, pipeline.Position{}, func(n pipeline.News) error {
		if n.Delivered != nil {
			err := r.Entry(n.Delivered.Entry, n.Delivered.Payload)
			if w := n.Delivered.Witness; w != nil && n.Delivered.Entry.Gap == nil {
				_ = r.Witness(*w) // told with the seal
			}
			if n.Delivered.Entry.Gap == nil && !n.Delivered.Entry.Record.Item.Holds(n.Delivered.Payload) {
				return nil
			}
			return err
		}
		found, err := r.Seal(*n.Seal, n.Subscriptions)
		blames = append(blames, found...)
		if err == nil && n.Seal.Epoch == until {
			return errAll
		}
		return err
	})
	require.ErrorIs(p.t, err, errAll)
	return r.Export(), blames
}

// A stage of one of two instances drops, alters, swaps or repeats a record. A subscriber of the other instance finds it, and the proof names that
// instance and, by what it sealed, the stage.
func TestAFaultyStageOfAnotherInstanceIsProvedAcross(t *testing.T) {
	outbox := feed.Actor{Instance: "beta", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("b", 2))}.String()
	for stage, twist := range map[string]func(*pipeline.Feed, func([]feed.Record) []feed.Record){
		"beta/inbox":    (*pipeline.Feed).TwistInbox,
		"beta/inbox ":   (*pipeline.Feed).TwistEntrance,
		"beta/router":   (*pipeline.Feed).TwistRouter,
		"beta/receiver": func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistReceiver(0, w) },
		outbox:          func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistOutbox(0, w) },
	} {
		for how, wrong := range wrongs {
			t.Run(stage+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPair(t)
					once := once(wrong)
					p.start(t.Context(), "alpha", nil)
					p.start(t.Context(), "beta", func(f *pipeline.Feed) {
						twist(f, func(r []feed.Record) []feed.Record {
							if len(p.told["alpha"]) < 12 { // it begins to cheat when both have something
								return r
							}
							return once(r)
						})
					})
					for name, mailbox := range map[string]string{"alpha": "a", "beta": "b"} {
						_, err := p.feeds[name].Subscribe(t.Context(), []feed.Subscription{{Mailbox: mailbox}})
						require.NoError(t, err)
					}
					p.height(window, "alpha", "beta")
					for range 6 {
						p.tell("alpha", 6)
						p.take(t.Context(), "alpha", "beta")
						for name, mailbox := range map[string]string{"alpha": "a", "beta": "b"} {
							p.acknowledge(t.Context(), name, mailbox)
						}
					}
					p.height(2*window, "alpha", "beta")
					a, honest := p.got(t.Context(), "alpha", "a", 1)
					require.Empty(t, honest)
					b, blames := p.got(t.Context(), "beta", "b", 1)
					require.NotEmpty(t, blames)
					c, err := feed.Across(t.Context(), a, []feed.Export{b}, p.keys)
					require.NoError(t, err)
					for _, blame := range c.Blames {
						require.Equal(t, "beta", blame.Actor.Instance)
					}
					require.Len(t, c.Findings, 1)
					proof := c.Findings[0].Proof
					require.NotNil(t, proof)
					require.NoError(t, proof.Verify(p.keys))
					require.Contains(t, proof.Accused.String(), strings.TrimSpace(stage))
					moved := feed.Disorders
					if strings.Contains(stage, "inbox") { // it gives what it moves numbers in order
						moved = feed.Reorders
					}
					require.Equal(t, map[string]feed.Fault{"drops": feed.Omits, "alters": feed.Alters, "swaps": moved, "repeats": moved}[how], proof.Fault)
					require.Equal(t, how == "swaps" || how == "repeats", c.Findings[0].Elsewhere.Strays)
					require.Equal(t, "beta", c.Findings[0].Elsewhere.Instance)
					p.close()
				})
			})
		}
	}
}

func (p *pair) acknowledge(ctx context.Context, name, mailbox string) {
	s, err := p.logs[name].Mailbox(ctx, mailbox, 0)
	require.NoError(p.t, err)
	require.NoError(p.t, p.feeds[name].Acknowledge(ctx, mailbox, s.Last))
}

// Honest instances that take in what two origins tell at moments of their own, end epochs at other moments, are stopped and
// started, have mailboxes that are full, and change who gets what: nothing is proved of anybody.
func TestNothingIsProvedOfHonestInstancesHoweverTheyTookItIn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		outcome := make(chan string, 1) // a failure inside of a bubble is told outside of it
		synctest.Test(t, func(t *testing.T) { outcome <- honest(r, t.Context()) })
		if wrong := <-outcome; wrong != "" {
			r.Fatal(wrong)
		}
	})
}

func honest(r *rapid.T, ctx context.Context) string {
	p := newPair(r)
	defer p.close()
	mailboxes := map[string]string{"alpha": "a", "beta": "b"}
	at := map[string]chain.Height{"alpha": window, "beta": window}
	names := []string{"alpha", "beta"}
	subscribe := func(name string) {
		sub := feed.Subscription{Mailbox: mailboxes[name]}
		for _, w := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 3, rapid.ID[int]).Draw(r, "wallets") {
			sub.Wallets = append(sub.Wallets, wallet(w))
		}
		_, err := p.feeds[name].Subscribe(ctx, []feed.Subscription{sub})
		require.NoError(r, err)
	}
	for _, name := range names {
		p.start(ctx, name, nil)
		subscribe(name)
		p.height(window, name)
	}
	for range rapid.IntRange(5, 40).Draw(r, "steps") {
		name := rapid.SampledFrom(names).Draw(r, "instance")
		switch rapid.IntRange(0, 7).Draw(r, "step") {
		case 0, 1:
			p.tell(name, rapid.IntRange(1, 6).Draw(r, "messages"))
		case 2, 3:
			p.take(ctx, name)
		case 4:
			at[name] += window
			p.height(at[name], name)
		case 5:
			p.acknowledge(ctx, name, mailboxes[name])
		case 6:
			p.stop[name]()
			p.start(ctx, name, nil)
			synctest.Wait()
			p.height(at[name]+1, name)
		case 7:
			subscribe(name)
		}
	}
	last := map[string]feed.Epoch{}
	for _, name := range names {
		p.take(ctx, name)
		last[name] = feed.Epoch(at[name] / window)
		at[name] += window
		p.height(at[name], name)
	}
	a, blamed := p.got(ctx, "alpha", "a", last["alpha"])
	b, also := p.got(ctx, "beta", "b", last["beta"])
	if len(blamed)+len(also) > 0 {
		return fmt.Sprint("blamed: ", blamed, also)
	}
	for _, pair := range [][2]feed.Export{{a, b}, {b, a}} {
		c, err := feed.Across(ctx, pair[0], []feed.Export{pair[1]}, p.keys)
		require.NoError(r, err)
		if len(c.Blames)+len(c.Findings) > 0 {
			return fmt.Sprintf("told: %v %+v", c.Blames, c.Findings)
		}
	}
	return ""
}
