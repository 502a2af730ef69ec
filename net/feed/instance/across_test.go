package instance_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/net/feed"
)

// across compares what two subscribers have of different instances, each stay with each, and returns how many items were alike.
func across(t require.TestingT, a, b *subscriber) (items int, findings []feed.Finding) {
	ring := feed.Keyring{}
	for _, r := range a.h.runs {
		known, err := r.instance.Keyring(a.h.ctx)
		require.NoError(t, err)
		ring = known
	}
	for _, x := range a.kept() {
		for _, y := range b.kept() {
			if x.Instance == y.Instance || len(x.Epochs) == 0 || len(y.Epochs) == 0 {
				continue
			}
			c, err := feed.Across(a.h.ctx, x, []feed.Export{y}, ring)
			require.NoError(t, err)
			require.Empty(t, c.Blames)
			items, findings = items+c.Items, append(findings, c.Findings...)
		}
	}
	return items, findings
}

// wantNothingAcross expects that honest instances are told to differ in nothing.
func wantNothingAcross(t require.TestingT, a, b *subscriber) {
	for _, pair := range [][2]*subscriber{{a, b}, {b, a}} {
		_, findings := across(t, pair[0], pair[1])
		require.Empty(t, findings)
	}
}

// What a move repeats at the new instance is compared with what the old one delivered to another mailbox, and verified by that.
func TestWhatAMoveRepeatsIsComparedBetweenInstances(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all, some := h.subscriber("all"), h.subscriber("some")
		h.tell("alpha", 10)
		h.rest()
		h.move("some", "beta")
		h.turn()
		h.tell("alpha", 7) // the mailbox is arriving
		h.tell("beta", 7)
		h.turn()
		h.tell("alpha", 8)
		h.turn()
		all.read()
		some.read()
		require.Equal(t, "beta", some.reader.Instance())
		require.Positive(t, some.repeats)
		told, err := h.runs["beta"].instance.Export(t.Context(), "some")
		require.NoError(t, err)
		shown := 0
		for _, k := range told.Epochs {
			require.NotContains(t, k.Witnesses, (*feed.Witness)(nil))
			require.Len(t, k.Witnesses, len(k.Entries), "with what was signed")
			shown += len(k.Entries)
		}
		require.Positive(t, shown)
		items, findings := across(t, some, all)
		require.Empty(t, findings)
		repeated := 0
		for _, k := range some.reader.Export().Epochs {
			for _, e := range k.Entries {
				if feed.IsEcho(e.Record.Item.Source) {
					repeated++
				}
			}
		}
		require.Positive(t, repeated)
		require.Greater(t, items, repeated, "what was repeated and what came after it")
	})
}

// A database that was put back has origins go on with another series of numbers. What came since then, and what came before, proves nothing of
// anybody: no number was signed twice, and where the earlier series ended nobody knows.
func TestWhatCameSinceALossProvesNothing(t *testing.T) {
	couple(t, t.TempDir(), func(t *testing.T, h *house) {
		all, some := h.subscriber("all"), h.subscriber("some")
		h.move("some", "beta")
		for range 3 {
			h.tell("alpha", 6)
			h.turn()
		}
		was := h.base.copy()
		h.tell("alpha", 9)
		h.tell("beta", 9)
		h.turn()
		all.read()
		some.read()
		require.Equal(t, "beta", some.reader.Instance())
		h.kill("alpha")
		h.kill("beta")
		h.base = was
		h.start("alpha")
		h.start("beta")
		for range 4 {
			h.tell("beta", 8)
			h.tell("alpha", 8)
			h.turn()
		}
		all.read()
		some.read()
		x, y := all.reader.Export(), some.reader.Export()
		require.Greater(t, x.Epochs[0].Epoch, feed.Epoch(4), "since the loss")
		series := map[bool]int{}
		for _, k := range x.Epochs {
			for _, e := range k.Entries {
				if !feed.IsEcho(e.Record.Item.Source) {
					series[e.Record.Item.Number > feed.SeriesLength]++
				}
			}
		}
		require.Positive(t, series[true])
		require.Zero(t, series[false], "all that was told since is of the later series")
		ring, err := h.runs["alpha"].instance.Keyring(t.Context())
		require.NoError(t, err)
		for _, pair := range [][2]feed.Export{{x, y}, {y, x}} {
			c, err := feed.Across(t.Context(), pair[0], []feed.Export{pair[1]}, ring)
			require.NoError(t, err)
			require.Positive(t, c.Items)
			require.Empty(t, c.Findings)
			require.Empty(t, c.Blames)
		}
		wantNothingAcross(t, all, some)
	})
}

// Beta is gone while alpha tells and seals what the database forgets then. Nothing of beta's own is lost: it goes on in the same epochs, and lacks
// the end of the earlier series between what it has. Nothing is found.
func TestAnInstanceThatWasGoneWhenDataWasLostLacksNothing(t *testing.T) {
	couple(t, t.TempDir(), func(t *testing.T, h *house) {
		all, some := h.subscriber("all"), h.subscriber("some")
		h.tell("alpha", 8)
		h.move("some", "beta")
		h.turn()
		h.turn()
		h.tell("alpha", 8)
		h.rest()
		all.read()
		some.read()
		h.kill("beta")
		was := h.base.copy()
		h.tell("alpha", 8)
		h.turn()
		all.read()
		h.kill("alpha")
		h.base = was
		h.start("beta")
		h.start("alpha")
		h.tell("alpha", 8)
		for range 3 {
			h.turn()
		}
		all.read()
		some.read()
		require.Len(t, some.kept(), 2, "before the move, and since: no loss")
		require.Equal(t, "beta", some.reader.Instance())
		series := map[uint64]bool{}
		for _, k := range some.reader.Export().Epochs {
			for _, e := range k.Entries {
				if !feed.IsEcho(e.Record.Item.Source) {
					series[e.Record.Item.Number/feed.SeriesLength] = true
				}
			}
		}
		require.Len(t, series, 2)
		wantNothingAcross(t, all, some)
	})
}

// Whatever is put back when, and told before and after: subscribers of two instances find no difference in all that they ever read, and no
// origin signed two items of one number.
func TestWhateverIsPutBackNothingDiffersBetweenInstances(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 6, 16).Draw(rt, "steps")
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			t.Log("steps", steps)
			h := newHouse(t, t.Context(), "alpha", "beta")
			h.dir = dir
			for _, name := range []string{"alpha", "beta"} {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, name+".journal")))
				h.start(name)
			}
			subscribers := []*subscriber{h.subscriber("all"), h.subscriber("some")}
			h.tell("alpha", 3)
			h.move("some", "beta")
			h.turn()
			h.tell("beta", 3)
			h.turn()
			signed := map[feed.Origin]feed.Item{}
			note := func() {
				for origin, list := range h.base.facts {
					for _, f := range list {
						item := feed.NewItem(origin, f.Number, f.Wallet, f.Kind, f.Payload)
						was, there := signed[feed.Origin{Source: origin, Number: f.Number}]
						require.True(t, !there || was == item, "number %d of %s is of two items", f.Number, origin)
						signed[feed.Origin{Source: origin, Number: f.Number}] = item
					}
				}
			}
			was := h.base.copy()
			for _, s := range steps {
				switch s % 8 {
				case 0:
					was = h.base.copy()
				case 1:
					beta := h.runs["beta"] != nil
					h.kill("alpha")
					if beta {
						h.kill("beta")
					}
					note()
					h.base = was.copy()
					h.start("alpha")
					if beta {
						h.start("beta")
					}
				case 2, 3:
					h.tell("alpha", 1+s/8)
				case 4:
					h.tell("beta", 1+s/8)
				case 5:
					h.turn()
				case 6:
					subscribers[s/8%2].read()
				case 7: // one that was gone lacks nothing that it told
					if h.runs["beta"] == nil {
						h.start("beta")
					} else {
						h.kill("beta")
					}
				}
			}
			if h.runs["beta"] == nil {
				h.start("beta")
			}
			for range 3 {
				h.tell("alpha", 2)
				h.tell("beta", 2)
				h.turn()
			}
			note()
			for _, s := range subscribers {
				s.read()
				require.Empty(t, s.blames)
			}
			wantNothingAcross(t, subscribers[0], subscribers[1])
			h.kill("alpha")
			h.kill("beta")
		})
	})
}
