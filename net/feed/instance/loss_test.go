package instance_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/net/feed"
)

// kept is what a subscriber can be shown of an instance's epochs: all that it ever read.
func (s *subscriber) kept() (list []feed.Export) {
	for _, stay := range s.reader.Stays() {
		list = append(list, stay.Export(s.mailbox))
	}
	return list
}

// wantNoProof expects that what two subscribers have of the same instance proves nothing against anybody.
func wantNoProof(t require.TestingT, a, b *subscriber) {
	for _, x := range a.kept() {
		for _, y := range b.kept() {
			if x.Instance == y.Instance && len(x.Epochs) > 0 && len(y.Epochs) > 0 {
				wantTheSameSeals(t, x, y)
			}
		}
	}
}

// wantTheSameSeals expects that no epoch was sealed twice.
func wantTheSameSeals(t require.TestingT, x, y feed.Export) {
	seals := map[feed.Epoch]feed.Hash{}
	for _, k := range slices.Concat(x.Epochs, y.Epochs) {
		if was, known := seals[k.Epoch]; known {
			require.Equal(t, was, k.Seal.Hash(), "epoch %d was sealed twice", k.Epoch)
		}
		seals[k.Epoch] = k.Seal.Hash()
	}
}

// A database is put back while its instance has sealed on: nothing is sealed a second time, the subscriber is told, and goes on.
func TestADatabaseThatWasPutBackLeadsToNoSecondSeal(t *testing.T) {
	for name, back := range map[string]func(h *house) *base{ // what happens before it is put back
		"by several epochs": func(h *house) *base {
			was := h.base.copy()
			for range 3 {
				h.tell("alpha", 6)
				h.turn()
			}
			return was
		},
		"within the open epoch": func(h *house) *base {
			h.tell("alpha", 2)
			h.rest()
			was := h.base.copy()
			h.tell("alpha", 5)
			h.turn()
			return was
		},
		"without a seal since": func(h *house) *base { return h.base.copy() },
		"to before it was begun": func(h *house) *base {
			h.turn()
			return newBase("alpha", "beta")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, t.Context(), "alpha", "beta")
				h.dir = t.TempDir()
				h.start("alpha")
				ahead, late, some := h.subscriber("all"), h.subscriber("all"), h.subscriber("some")
				h.tell("alpha", 10)
				h.turn()
				late.read()
				was := back(h)
				h.tell("alpha", 3) // of the open epoch: the subscriber has them, and no seal
				h.rest()
				ahead.read()
				some.read()
				had := ahead.reader.At()
				h.kill("alpha")
				h.base = was
				h.start("alpha")
				h.tell("alpha", 4)
				for range 3 {
					h.turn()
					h.tell("alpha", 4)
				}
				h.rest()
				for _, s := range []*subscriber{ahead, late, some} {
					s.read()
					require.Empty(t, s.blames)
					require.Equal(t, 1, s.moves, "the loss is told")
					require.Greater(t, s.reader.At().Number, had.Number+1<<31, "no number comes twice")
					require.Len(t, s.reader.Stays(), 2)
				}
				require.GreaterOrEqual(t, ahead.reader.At().Epoch, had.Epoch+2)
				require.Equal(t, ahead.reader.At(), late.reader.At())
				new1 := h.subscriber("all") // one that begins now
				new1.read()
				require.Equal(t, ahead.reader.At(), new1.reader.At())
				require.Empty(t, new1.blames)
				wantNoProof(t, ahead, late)
				wantNoProof(t, ahead, new1)
				for w := range 4 { // all that the database has is there, and what came since
					h.base.mu.Lock()
					var want []string
					for _, f := range h.base.facts["alpha"] {
						if f.Wallet == wallet(w) {
							want = append(want, string(f.Payload))
						}
					}
					h.base.mu.Unlock()
					require.Subset(t, ahead.got[wallet(w)], want)
					require.Subset(t, late.got[wallet(w)], want)
				}
				require.Zero(t, h.runs["alpha"].instance.Counts().Blamed)
				require.EqualValues(t, len(mailboxes), h.runs["alpha"].instance.Counts().Losses)
				x, err := h.runs["alpha"].instance.Export(t.Context(), "all")
				require.NoError(t, err)
				require.NotEmpty(t, x.Epochs)
				wantTheSameSeals(t, x, ahead.kept()[1])
				require.NoError(t, h.runs["alpha"].instance.Acknowledge(t.Context(), "all", ahead.reader.At().Number))
				h.kill("alpha")
				h.start("alpha") // a restart is no loss
				h.turn()
				ahead.read()
				require.Equal(t, 1, ahead.moves)
				require.Zero(t, h.runs["alpha"].instance.Counts().Losses)
				h.start("beta") // and it may move
				h.move("all", "beta")
				h.turn()
				h.turn()
				h.tell("alpha", 3)
				h.rest()
				ahead.read()
				require.Equal(t, 2, ahead.moves)
				require.Equal(t, "beta", ahead.reader.Instance())
				require.Empty(t, ahead.blames)
				h.kill("alpha")
				h.kill("beta")
			})
		})
	}
}

// Stopped between the journal and the database, the seal is the one that was journalled, and nothing is lost.
func TestASealThatIsInTheJournalAloneIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.dir = t.TempDir()
		h.start("alpha")
		h.tell("alpha", 5)
		h.turn()
		h.tell("alpha", 5)
		h.rest()
		h.base.logs["alpha"].Before = func(_ context.Context, call string, _ []string) error {
			if call == "seal" {
				return errors.New("the power is gone")
			}
			return nil
		}
		h.turn()
		h.kill("alpha")
		journal, err := os.ReadFile(filepath.Join(h.dir, "alpha.journal"))
		require.NoError(t, err)
		h.base.logs["alpha"].Before = nil
		h.start("alpha")
		h.tell("alpha", 5)
		h.turn()
		all := h.subscriber("all")
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Zero(t, all.moves)
		sealed, err := h.base.logs["alpha"].NextSeal(t.Context(), 1)
		require.NoError(t, err)
		require.True(t, bytes.Contains(journal, sealed.Encode()), "it is the one that was written down")
		h.kill("alpha")
	})
}

// Also before the first seal of all.
func TestADatabaseThatWasPutBackBeforeTheFirstSealIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.dir = t.TempDir()
		h.start("alpha")
		h.tell("alpha", 3)
		h.rest()
		was := h.base.copy()
		h.tell("alpha", 4)
		h.rest()
		all := h.subscriber("all")
		all.read()
		require.EqualValues(t, 7, all.reader.At().Number)
		h.kill("alpha")
		h.base = was
		h.start("alpha")
		h.tell("alpha", 2)
		h.turn()
		h.turn()
		all.read()
		require.Equal(t, 1, all.moves)
		require.Empty(t, all.blames)
		require.True(t, all.reader.At().Sealed)
		h.kill("alpha")
	})
}

// A journal that cannot be read keeps the feed from sealing anything: it does not know what it told.
func TestADamagedJournalStopsTheFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.dir = t.TempDir()
		h.start("alpha")
		h.tell("alpha", 3)
		h.turn()
		h.kill("alpha")
		file := filepath.Join(h.dir, "alpha.journal")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, content[:len(content)-1], 0o600))
		h.start("alpha")
		h.turn()
		last, err := h.base.logs["alpha"].NextSeal(t.Context(), 1)
		require.NoError(t, err)
		require.Nil(t, last)
		list, err := h.runs["alpha"].instance.Mailboxes(t.Context())
		require.NoError(t, err)
		require.Empty(t, list[0].Instance, "nobody is led to it meanwhile")
		require.NoError(t, os.WriteFile(file, content, 0o600))
		h.turn()
		last, err = h.base.logs["alpha"].NextSeal(t.Context(), 1)
		require.NoError(t, err)
		require.NotNil(t, last)
		h.kill("alpha")
	})
}

// Whatever is put back when, restarted and told: no epoch is sealed twice, and every subscriber goes on by itself and blames nobody.
func TestWhateverIsPutBackNobodyIsBlamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 6, 20).Draw(rt, "steps")
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			t.Log("steps", steps)
			h := newHouse(t, t.Context(), "alpha")
			h.dir = dir
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "alpha.journal")))
			h.start("alpha")
			subscribers := []*subscriber{h.subscriber("all"), h.subscriber("all"), h.subscriber("some")}
			h.tell("alpha", 3)
			h.turn()
			was := h.base.copy()
			for _, s := range steps {
				switch s % 8 {
				case 0:
					was = h.base.copy()
				case 1:
					h.kill("alpha")
					h.base = was.copy()
					h.start("alpha")
				case 2:
					h.tell("alpha", 1+s/8)
				case 3:
					h.tell("alpha", 1+s/8)
					h.rest()
				case 4:
					h.turn()
				case 5:
					h.pass(1)
					h.at = h.at/window*window + window - 1
					h.pass(1) // the window is over, and nobody had time
				case 6, 7:
					subscribers[s/8%3].read()
				}
			}
			for range 3 {
				h.tell("alpha", 2)
				h.turn()
			}
			for _, s := range subscribers {
				s.read()
				require.Empty(t, s.blames)
				var got int
				for _, list := range s.got {
					got += len(list)
				}
				require.Positive(t, got)
			}
			require.Equal(t, subscribers[0].reader.At(), subscribers[1].reader.At())
			wantNoProof(t, subscribers[0], subscribers[1])
			h.kill("alpha")
		})
	})
}
