package client

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// tell submits what the origin told, with what it signed.
func (w *world) tell(origin string, payloads ...string) {
	w.t.Helper()
	s, err := feed.NewSigner(origin, instanceKey(origin))
	require.NoError(w.t, err)
	var items []feed.Item
	var list []pipeline.Message
	for i, payload := range payloads {
		m := pipeline.Message{Wallet: wallet(1), Kind: feed.KindProposal, Payload: []byte(payload)}
		list, items = append(list, m), append(items, feed.NewItem(origin, w.sent+uint64(i)+1, m.Wallet, m.Kind, m.Payload))
	}
	for i, witness := range feed.Witnesses(items, s.SignItems(items)) {
		list[i].Witness = witness
	}
	require.NoError(w.t, w.feed.Submit(w.t.Context(), origin, w.sent+1, list))
	w.sent += uint64(len(list))
	synctest.Wait()
}

// apart begins two instances, whose keys and whose origin's are known.
func apart(t *testing.T) *pair {
	alpha, one := begin(t, "alpha")
	beta, other := begin(t, "beta")
	ring := feed.Keyring{}
	for _, name := range []string{"alpha", "beta", "node"} {
		ring[name] = feed.Keys(instanceKey(name).Public().(ed25519.PublicKey))
	}
	keys, err := NewKeys(ring, 1, time.Now(), operatorKey(t))
	require.NoError(t, err)
	alpha.keys, beta.keys = keys, keys
	return &pair{t: t, alpha: alpha, beta: beta, end: func() { one(); other() }}
}

// tellApart has the origin tell four items, of which the third is another one at beta: it signed both.
func (p *pair) tellApart() {
	p.t.Helper()
	p.alpha.tell("node", "one", "two", "three", "four")
	p.beta.tell("node", "one", "two")
	p.beta.tell("node", "otherwise")
	p.beta.tell("node", "four")
}

// say has an origin tell an item, with what it signed.
func (w *world) say(origin string, number uint64) {
	w.t.Helper()
	s, err := feed.NewSigner(origin, instanceKey(origin))
	require.NoError(w.t, err)
	m := pipeline.Message{Wallet: wallet(1), Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "%s %d", origin, number)}
	items := []feed.Item{feed.NewItem(origin, number, m.Wallet, m.Kind, m.Payload)}
	m.Witness = feed.Witnesses(items, s.SignItems(items))[0]
	require.NoError(w.t, w.feed.Submit(w.t.Context(), origin, number, []pipeline.Message{m}))
	synctest.Wait()
}

// Beta tells nothing of an origin any more, and goes on with what another one tells. Subscribers of both find it by themselves, whichever of the two
// is lied to; they blame nobody, and confirm no more than before. When the rest comes after all, it was late.
func TestWhatAnInstanceWithholdsToTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alpha, end := begin(t, "alpha")
		beta, also := begin(t, "beta")
		ring := feed.Keyring{}
		for _, name := range []string{"alpha", "beta", "node", "other"} {
			ring[name] = feed.Keys(instanceKey(name).Public().(ed25519.PublicKey))
		}
		keys, err := NewKeys(ring, 1, time.Now(), operatorKey(t))
		require.NoError(t, err)
		alpha.keys, beta.keys = keys, keys
		ours, theirs := &ledger{}, &ledger{}
		shown := alpha.follow(t.TempDir(), nil)
		b := beta.follow(t.TempDir(), func(c *Config) {
			c.Mailbox, c.Peers, c.Compared = "b", []Other{peer(t, shown.Serve(secret))}, theirs.take
		})
		a := alpha.follow(t.TempDir(), func(c *Config) { c.Peers, c.Compared = []Other{peer(t, b.Serve(secret))}, ours.take })
		for e := uint64(1); e <= 9; e++ {
			alpha.say("node", e)
			if e <= 3 {
				beta.say("node", e)
			}
			for _, w := range []*world{alpha, beta} {
				w.say("other", e)
				w.at(chain.Height(e+1) * window)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			for name, c := range map[string]Comparison{"alpha's": ours.last(), "beta's": theirs.last()} {
				if e < 8 { // 4 is the first epoch of which it lacks something
					require.Empty(t, c.Findings, "%s, epoch %d", name, e)
					continue
				}
				require.NoError(t, c.Wrong, name)
				require.Equal(t, Unclear, c.Verdict(), name)
				require.Len(t, c.Findings, 1, name)
				f := c.Findings[0]
				require.Nil(t, f.Proof, name)
				require.Equal(t, feed.Origin{Source: "node", Number: 4}, f.Origin, name)
				require.Equal(t, feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: 8, Lacks: true, After: 3}, *f.Elsewhere, "%s is told once", name)
			}
		}
		require.LessOrEqual(t, a.Unverified(), feed.Epoch(5))
		require.LessOrEqual(t, b.Unverified(), feed.Epoch(5))
		own := a.Archive()
		require.Len(t, Compare(t.Context(), own, b.Archive(), keys.Ring()).Findings, 1)
		own.Stays[0].Moves = 1
		own.Stays = append([]feed.Stay{{Instance: "alpha"}}, own.Stays...)
		require.Empty(t, Compare(t.Context(), own, b.Archive(), keys.Ring()).Findings, "where data was lost it may be forgotten")
		for e := uint64(4); e <= 9; e++ {
			beta.say("node", e)
		}
		for _, w := range []*world{alpha, beta} {
			w.say("other", 10)
			w.at(11 * window)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, ours.last().Findings)
		require.Empty(t, theirs.last().Findings)
		a.end()
		b.end()
		shown.end()
		end()
		also()
	})
}

// Two subscribers at two instances find by themselves, also after a start, that one of them was given something else than its origin signed. They keep a
// proof that holds for everybody who has the keys, and tell it once.
func TestADifferenceBetweenTwoInstancesIsProvedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := apart(t)
		dir := t.TempDir()
		a, b := p.alpha.follow(dir, nil), p.beta.follow("", func(c *Config) { c.Mailbox = "b" })
		p.tellApart()
		p.at(2 * window)
		a.end()
		require.Empty(t, a.blames)

		news := &ledger{}
		a = p.alpha.follow(dir, func(c *Config) { c.Peers, c.Compared = []Other{peer(t, b.Serve(secret))}, news.take })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, news.all(), 1, "it is told once")
		c := news.last()
		require.NoError(t, c.Wrong)
		require.Equal(t, Blamed, c.Verdict())
		require.Len(t, c.Proofs, 1)
		raw, err := os.ReadFile(c.Proofs[0])
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, "proofs"), filepath.Dir(c.Proofs[0]))
		proof, err := feed.DecodeProof(raw)
		require.NoError(t, err)
		require.NoError(t, proof.Verify(p.alpha.keys.Ring()))
		require.Equal(t, feed.TwoItems, proof.Fault)
		require.Equal(t, feed.Actor{Instance: "node"}, proof.Accused)
		require.Zero(t, a.Unverified(), "what differs is not verified")
		a.end()
		b.end()
		p.end()
	})
}

// Where one of two instances is known to have lost data, what differs is told and proves nothing: what came before was numbered otherwise. A mailbox
// that was elsewhere before has lost none.
func TestADifferenceSinceALossIsToldAndNotProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := apart(t)
		a, b := p.alpha.follow("", nil), p.beta.follow("", func(c *Config) { c.Mailbox = "b" })
		p.tellApart()
		p.at(2 * window)
		p.at(3 * window) // with nothing in it
		a.end()
		b.end()
		p.end()
		kept, others := a.Archive().Stays[0].Kept, b.Archive().Stays[0].Kept
		require.Len(t, others, 2)
		for name, test := range map[string]struct {
			own, other []feed.Stay
			proved     bool
		}{
			"nothing was lost": {
				own: []feed.Stay{{Instance: "alpha", Kept: kept}}, other: []feed.Stay{{Instance: "beta", Kept: others}}, proved: true,
			},
			"one's own was elsewhere before": {
				own: []feed.Stay{{Instance: "gamma"}, {Moves: 1, Instance: "alpha", Kept: kept}}, other: []feed.Stay{{Instance: "beta", Kept: others}}, proved: true,
			},
			"one's own was elsewhere in between": {
				own: []feed.Stay{{Instance: "alpha"}, {Moves: 2, Instance: "alpha", Kept: kept}}, other: []feed.Stay{{Instance: "beta", Kept: others}}, proved: true,
			},
			"one's own instance lost data before": {
				own: []feed.Stay{{Instance: "alpha"}, {Moves: 1, Instance: "alpha", Kept: kept}}, other: []feed.Stay{{Instance: "beta", Kept: others}},
			},
			"one's own instance lost data since": {
				own: []feed.Stay{{Instance: "alpha", Kept: kept}, {Moves: 1, Instance: "alpha"}}, other: []feed.Stay{{Instance: "beta", Kept: others}},
			},
			"the other one's instance lost data since": {
				own:   []feed.Stay{{Instance: "alpha", Kept: kept}},
				other: []feed.Stay{{Instance: "beta", Kept: others[:1]}, {Moves: 1, Instance: "beta", Kept: others[1:]}},
			},
		} {
			c := Compare(t.Context(), Archive{Mailbox: "a", Stays: test.own}, Archive{Mailbox: "b", Stays: test.other}, p.alpha.keys.Ring())
			require.NoError(t, c.Wrong, name)
			require.Len(t, c.Findings, 1, "%s: the difference is told", name)
			require.Equal(t, uint64(3), c.Findings[0].Origin.Number, name)
			require.False(t, c.Confirms, name)
			if test.proved {
				require.Equal(t, Blamed, c.Verdict(), name)
				require.NoError(t, c.Findings[0].Proof.Verify(p.alpha.keys.Ring()), name)
				continue
			}
			require.Equal(t, Unclear, c.Verdict(), name)
			require.Nil(t, c.Findings[0].Proof, name)
		}
	})
}

// What one seal shows by itself is proved also where data was lost.
func TestAnOrderThatAnInstanceChangedIsProvedWhateverWasLost(t *testing.T) {
	stays := map[string]feed.Stay{}
	ring := feed.Keyring{}
	for name, file := range map[string]string{"alpha": "straight.export", "beta": "reordered.export"} {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", file))
		require.NoError(t, err)
		x, err := feed.DecodeExport(raw)
		require.NoError(t, err)
		stays[name] = feed.Stay{Instance: name, Kept: x.Epochs}
		ring[name] = feed.Keys(instanceKey(name).Public().(ed25519.PublicKey))
	}
	alpha, beta := stays["alpha"], stays["beta"]
	for name, own := range map[string][]feed.Stay{
		"nothing was lost": {alpha},
		"lost since":       {alpha, {Moves: 1, Instance: "alpha"}},
	} {
		for _, pair := range [][2]Archive{
			{{Mailbox: "a", Stays: own}, {Mailbox: "b", Stays: []feed.Stay{beta}}},
			{{Mailbox: "b", Stays: []feed.Stay{beta}}, {Mailbox: "a", Stays: own}},
		} {
			c := Compare(t.Context(), pair[0], pair[1], ring)
			require.NoError(t, c.Wrong, name)
			require.Equal(t, Blamed, c.Verdict(), name)
			require.Len(t, c.Findings, 1, name)
			require.Equal(t, feed.Reorders, c.Findings[0].Proof.Fault, name)
			require.NoError(t, c.Findings[0].Proof.Verify(ring), name)
			require.False(t, c.Confirms, name)
		}
	}
}

// An instance that delivers a signature which is not the origin's is to blame for it with the epoch's seal, and its subscriber reads on.
func TestASignatureThatIsNotTheOriginsIsTold(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		keys, err := NewKeys(feed.Keyring{
			w.name: feed.Keys(instanceKey(w.name).Public().(ed25519.PublicKey)), "node": feed.Keys(instanceKey("node").Public().(ed25519.PublicKey)),
		}, 1, time.Now(), operatorKey(t))
		require.NoError(t, err)
		w.keys = keys
		s := w.follow(t.TempDir(), nil)
		w.tell("node", "one", "two")
		w.set(func() {
			w.twist = func(l Line) Line {
				if len(l.Witness) > 0 {
					l.Witness[len(l.Witness)-1] ^= 1
				}
				return l
			}
		})
		w.tell("node", "three")
		w.at(2 * window)
		require.Equal(t, []feed.Blame{{Actor: feed.Actor{Instance: w.name}, Reason: feed.Delivery, Seq: 3}}, s.blames)
		require.Equal(t, upTo(1, 3), s.seen)
		s.end()
	})
}

// An origin that loses its disk goes on with another key, however often. Nobody is to blame for it, not even by one that does so on purpose.
func TestAnOriginThatHasANewKeyAgainHasNobodyBlamed(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		ring := feed.Keyring{w.name: feed.Keys(instanceKey(w.name).Public().(ed25519.PublicKey))}
		again := func() {
			key := instanceKey(fmt.Sprint("key ", w.sent))
			ring["node"] = append(ring["node"], feed.Key{Public: key.Public().(ed25519.PublicKey)})
			keys, err := NewKeys(ring, 1, time.Now(), operatorKey(t))
			require.NoError(t, err)
			w.set(func() { w.keys = keys })
			by, err := feed.NewSigner("node", key)
			require.NoError(t, err)
			m := pipeline.Message{Wallet: wallet(1), Kind: feed.KindProposal, Payload: fmt.Append(nil, w.sent)}
			items := []feed.Item{feed.NewItem("node", w.sent+1, m.Wallet, m.Kind, m.Payload)}
			m.Witness = feed.Witnesses(items, by.SignItems(items))[0]
			require.NoError(t, w.feed.Submit(t.Context(), "node", w.sent+1, []pipeline.Message{m}))
			w.sent++
			synctest.Wait()
		}
		s := w.follow(t.TempDir(), nil)
		for e, times := range []int{1, 1, 1, maxAsked + 3, 1} {
			for range times {
				again()
			}
			w.at(chain.Height(e+2) * window)
			require.Empty(t, s.blames)
			known := 0
			for _, witness := range s.Export().Epochs[e].Witnesses {
				if witness != nil {
					known++
				}
			}
			require.Equal(t, min(times, maxAsked), known)
		}
		s.end()
	})
}
