package feed_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/net/feed"
)

// atOnce are items that an instance tells at the same time.
func atOnce(source string, first uint64, n int) []feed.Item {
	items := make([]feed.Item, n)
	for i := range items {
		items[i] = feed.NewItem(source, first+uint64(i), wallet(i), feed.KindProposal, fmt.Appendf(nil, "told %d", i))
	}
	return items
}

// echoed is an item as a mailbox's echo repeats it.
func echoed(item feed.Item, number uint64) feed.Item {
	item.Source, item.Number = feed.EchoSource("m"), number
	return item
}

func TestOneSignatureIsForAllThatIsToldAtATime(t *testing.T) {
	s, keys := signer(t, "alpha")
	for n := range 70 {
		items := atOnce("alpha", 5, n+1)
		for i, w := range feed.Witnesses(items, s.SignItems(items)) {
			require.NoError(t, keys.VerifyWitness(items[i], *w), "%d of %d", i, n+1)
			require.NoError(t, keys.VerifyWitness(echoed(items[i], 99), *w), "%d of %d, repeated", i, n+1)
			read, err := feed.DecodeWitness(w.Encode())
			require.NoError(t, err)
			require.Equal(t, *w, read)
			require.LessOrEqual(t, len(w.Encode()), feed.MaxWitness)
		}
	}
}

func TestAWitnessIsOfItsItemAlone(t *testing.T) {
	s, keys := signer(t, "alpha")
	b, _ := signer(t, "beta")
	items := atOnce("alpha", 5, 6)
	all := feed.Witnesses(items, s.SignItems(items))
	forged := feed.Witnesses(items, b.SignItems(items))
	require.ErrorIs(t, keys.VerifyWitness(items[0], *forged[0]), feed.ErrSignature)
	foreign := atOnce("beta", 5, 6)
	require.ErrorIs(t, keys.VerifyWitness(foreign[0], *feed.Witnesses(foreign, b.SignItems(foreign))[0]), feed.ErrUnknownInstance)
	for name, change := range map[string]func(*feed.Item, *feed.Witness){
		"another item":              func(i *feed.Item, _ *feed.Witness) { i.Payload[0] ^= 1 },
		"another number":            func(i *feed.Item, _ *feed.Witness) { i.Number++ },
		"another origin":            func(_ *feed.Item, w *feed.Witness) { w.Origin.Number++ },
		"another source":            func(i *feed.Item, _ *feed.Witness) { i.Source = "beta" },
		"another place":             func(_ *feed.Item, w *feed.Witness) { w.Index = 3 },
		"another path":              func(_ *feed.Item, w *feed.Witness) { w.Path[1][3] ^= 1 },
		"another signature":         func(_ *feed.Item, w *feed.Witness) { w.Signature[0] ^= 1 },
		"an echo of another number": func(i *feed.Item, w *feed.Witness) { *i = echoed(*i, 9); w.Origin.Number++ },
	} {
		item, w := items[2], *all[2]
		w.Path = slices.Clone(w.Path)
		change(&item, &w)
		require.ErrorIs(t, keys.VerifyWitness(item, w), feed.ErrSignature, name)
	}
	for name, change := range map[string]func(*feed.Witness){
		"a longer path":     func(w *feed.Witness) { w.Path = append(w.Path, feed.Hash{}) },
		"a shorter path":    func(w *feed.Witness) { w.Path = w.Path[1:] },
		"outside":           func(w *feed.Witness) { w.Index = 6 },
		"none":              func(w *feed.Witness) { w.Count = 0 },
		"too many":          func(w *feed.Witness) { w.Count = feed.MaxTogether + 1 },
		"before the first":  func(w *feed.Witness) { w.Origin.Number = 2 },
		"an echo signed it": func(w *feed.Witness) { w.Origin.Source = feed.EchoSource("m") },
	} {
		w := *all[2]
		w.Path = slices.Clone(w.Path)
		change(&w)
		require.ErrorIs(t, keys.VerifyWitness(items[2], w), feed.ErrMalformed, name)
		_, err := feed.DecodeWitness(w.Encode())
		require.ErrorIs(t, err, feed.ErrMalformed, name)
	}
}

// A verifier that has verified a signature must not believe the next one for it.
func TestWhatWasVerifiedBeforeCountsForTheSameTextAlone(t *testing.T) {
	s, keys := signer(t, "alpha")
	items := atOnce("alpha", 1, 4)
	all := feed.Witnesses(items, s.SignItems(items))
	v := feed.Verifier{Keys: keys}
	for i := range items {
		require.NoError(t, v.Verify(items[i], *all[i]))
	}
	changed := items[1]
	changed.Payload[0] ^= 1
	require.ErrorIs(t, v.Verify(changed, *all[1]), feed.ErrSignature)
	require.NoError(t, v.Verify(items[1], *all[1]))
	other := *all[1]
	other.Signature[5] ^= 1
	require.ErrorIs(t, v.Verify(items[1], other), feed.ErrSignature)
}

// some draws a list of items as a log has them: of several origins, some left out, some repeated by an echo, some with no witness.
func some(t *rapid.T, s feed.Signer) (items []feed.Item, list []*feed.Witness) {
	next, echoes := uint64(1), uint64(0)
	for range rapid.IntRange(0, 6).Draw(t, "groups") {
		own := atOnce("alpha", next, rapid.IntRange(1, 20).Draw(t, "together"))
		next += uint64(len(own))
		all := feed.Witnesses(own, s.SignItems(own))
		echo, without := rapid.Bool().Draw(t, "echo"), rapid.IntRange(0, 3).Draw(t, "without") == 0
		for i := range own {
			if rapid.IntRange(0, 2).Draw(t, "left out") == 0 {
				continue
			}
			if echo {
				echoes++
				own[i] = echoed(own[i], echoes)
			}
			if without {
				all[i] = nil
			}
			items, list = append(items, own[i]), append(list, all[i])
		}
	}
	return items, list
}

func TestWitnessesOfAListAreWrittenTogether(t *testing.T) {
	s, keys := signer(t, "alpha")
	rapid.Check(t, func(t *rapid.T) {
		items, list := some(t, s)
		read, err := feed.DecodeWitnesses(items, feed.EncodeWitnesses(items, list))
		require.NoError(t, err)
		require.Len(t, read, len(list))
		for i, w := range read {
			require.Equal(t, list[i], w)
			if w != nil {
				require.NoError(t, keys.VerifyWitness(items[i], *w))
			}
		}
	})
}

// A signature for 256 items takes three bytes of each, and a row in which half of them are left out not much more.
func TestWitnessesThatShareASignatureAreShort(t *testing.T) {
	s, _ := signer(t, "alpha")
	items := atOnce("alpha", 1, 256)
	all := feed.Witnesses(items, s.SignItems(items))
	require.Less(t, len(feed.EncodeWitnesses(items, all)), 3*256)
	require.Less(t, len(feed.EncodeWitnesses(items[128:], all[128:])), 3*256)
	require.Nil(t, feed.EncodeWitnesses(items, make([]*feed.Witness, len(items))))
}

func TestWitnessesOfOtherItemsAreRefused(t *testing.T) {
	s, keys := signer(t, "alpha")
	items := atOnce("alpha", 1, 9)
	raw := feed.EncodeWitnesses(items, feed.Witnesses(items, s.SignItems(items)))
	_, err := feed.DecodeWitnesses(items[1:], raw)
	require.ErrorIs(t, err, feed.ErrMalformed)
	_, err = feed.DecodeWitnesses(atOnce("alpha", 2, 9), raw)
	require.ErrorIs(t, err, feed.ErrMalformed)
	changed := slices.Clone(items)
	changed[3].Payload[0] ^= 1
	list, err := feed.DecodeWitnesses(changed, raw)
	require.NoError(t, err)
	for i, w := range list { // the tree is computed from the items, so none of them has a signature any more
		require.ErrorIs(t, keys.VerifyWitness(changed[i], *w), feed.ErrSignature)
	}
}

func FuzzWitness(f *testing.F) {
	s, keys := signer(f, "alpha")
	for _, n := range []int{1, 2, 5, 256} {
		items := atOnce("alpha", 3, n)
		for i, w := range feed.Witnesses(items, s.SignItems(items)) {
			if i == 0 || i == n-1 {
				f.Add(w.Encode())
			}
		}
	}
	item := atOnce("alpha", 3, 1)[0]
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := feed.DecodeWitness(raw)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Equal(t, raw, w.Encode())
		_ = keys.VerifyWitness(item, w) // whatever it says, it panics nobody
	})
}

func FuzzWitnesses(f *testing.F) {
	s, _ := signer(f, "alpha")
	items := atOnce("alpha", 1, 12)
	all := feed.Witnesses(items, s.SignItems(items))
	items[4], items[5] = echoed(items[4], 1), echoed(items[5], 2)
	f.Add(feed.EncodeWitnesses(items, all))
	holes := slices.Clone(all)
	holes[2], holes[11] = nil, nil
	f.Add(feed.EncodeWitnesses(items, holes))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := feed.DecodeWitnesses(items, raw)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Len(t, list, len(items))
		if again := feed.EncodeWitnesses(items, list); len(raw) > 0 {
			require.Equal(t, raw, again)
		}
	})
}

// Whatever a verifier has verified before, it says of each witness what one that knows nothing says.
func TestWhatAVerifierKnowsChangesNoAnswer(t *testing.T) {
	s, keys := signer(t, "alpha")
	rapid.Check(t, func(t *rapid.T) {
		var items []feed.Item
		var all []*feed.Witness
		for range rapid.IntRange(1, 2).Draw(t, "signatures") {
			own := atOnce("alpha", uint64(len(items)+1), rapid.IntRange(1, 40).Draw(t, "together"))
			items, all = append(items, own...), append(all, feed.Witnesses(own, s.SignItems(own))...)
		}
		v := feed.Verifier{Keys: keys}
		for range 60 {
			i := rapid.IntRange(0, len(items)-1).Draw(t, "item")
			item, w := items[i], *all[i]
			w.Path = slices.Clone(w.Path)
			switch wrong := rapid.IntRange(0, 8).Draw(t, "wrong"); {
			case wrong == 0:
				item.Payload[7] ^= 1
			case wrong == 1:
				w.Signature[7] ^= 1
			case wrong == 2 && len(w.Path) > 0:
				w.Path[rapid.IntRange(0, len(w.Path)-1).Draw(t, "side")][7] ^= 1
			case wrong == 3 && len(w.Path) > 1:
				w.Path[0], w.Path[1] = w.Path[1], w.Path[0]
			case wrong == 4:
				j := rapid.IntRange(0, len(items)-1).Draw(t, "other")
				w.Path = all[j].Path
			case wrong == 5 && len(w.Path) > 0: // what is known of one item, for another one
				j := rapid.IntRange(0, len(items)-1).Draw(t, "other")
				item = items[j]
				item.Number = w.Origin.Number
			}
			alone, kept := keys.VerifyWitness(item, w), v.Verify(item, w)
			require.Equal(t, alone == nil, kept == nil, "%v and %v", alone, kept)
		}
	})
}

func BenchmarkVerifyWitnesses(b *testing.B) {
	s, keys := signer(b, "alpha")
	items := atOnce("alpha", 1, 256)
	all := feed.Witnesses(items, s.SignItems(items))
	n := 0
	for b.Loop() {
		v := feed.Verifier{Keys: keys}
		for i := range items {
			require.NoError(b, v.Verify(items[i], *all[i]))
		}
		n += len(items)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/item")
}
