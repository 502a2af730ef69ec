package feed_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// bySide compares both ways, and returns what is told to be withheld to the end, which is the same both ways and proves nothing.
func bySide(t testing.TB, a, b feed.Export, keys feed.Keyring) (list []feed.Finding) {
	t.Helper()
	for _, pair := range [][2]feed.Export{{a, b}, {b, a}} {
		c, err := feed.Across(t.Context(), pair[0], []feed.Export{pair[1]}, keys)
		require.NoError(t, err)
		for _, f := range c.Findings {
			require.Nil(t, f.Proof)
			require.NotZero(t, f.Elsewhere.After, "nothing else differs")
		}
		require.True(t, list == nil || slices.EqualFunc(list, c.Findings, func(a, b feed.Finding) bool {
			return a.Origin == b.Origin && *a.Elsewhere == *b.Elsewhere
		}), "the other way round it is the same")
		list = c.Findings
	}
	return list
}

// What an instance withholds of an origin to the end is told once it has gone on three times with what others told since, and not before.
func TestWhatIsWithheldToTheEndIsTold(t *testing.T) {
	with := slices.Concat[[]feed.Item]
	whole := [][]feed.Item{
		with(from("x", 1, 1, 2), from("y", 2, 1)), with(from("x", 1, 3, 4), from("y", 2, 2)), with(from("x", 1, 5), from("y", 2, 3)),
		with(from("x", 1, 6), from("y", 2, 4)), from("y", 2, 5), from("y", 2, 6),
	}
	y := func(n uint64) []feed.Item { return from("y", 2, n) }
	liar := [][]feed.Item{whole[0], with(from("x", 1, 3), y(2)), y(3), y(4), y(5), y(6)}
	for name, play := range map[string]struct {
		ours, theirs [][]feed.Item
		until        feed.Epoch // 0: nothing is told
	}{
		"withheld":                      {whole, liar, 6},
		"gone on twice":                 {whole[:5], liar[:5], 0},
		"gone on twice, seen longer":    {whole[:5], liar, 0},
		"nothing else is told":          {whole, [][]feed.Item{whole[0], with(from("x", 1, 3), y(2)), nil, nil, nil, nil}, 0},
		"late":                          {whole, [][]feed.Item{whole[0], with(from("x", 1, 3), y(2)), y(3), y(4), with(y(5), from("x", 1, 4, 5, 6)), y(6)}, 0},
		"away, and old things come now": {whole, [][]feed.Item{whole[0], with(from("x", 1, 3), y(2)), nil, nil, nil, with(y(3), y(4), y(5), y(6))}, 0},
		"never had any of it":           {whole, [][]feed.Item{y(1), y(2), y(3), y(4), y(5), y(6)}, 0},
	} {
		a, b, keys := twoInstances(t, play.ours, play.theirs)
		found := bySide(t, signed(t, a), signed(t, b), withOrigins(t, keys, "x", "y"))
		if play.until == 0 {
			require.Empty(t, found, name)
			continue
		}
		require.Len(t, found, 1, name)
		require.Equal(t, feed.Finding{
			Wallet: wallet(1), Epoch: 2, Seq: found[0].Seq, Origin: feed.Origin{Source: "x", Number: 4},
			Elsewhere: &feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: play.until, Lacks: true, After: 3},
		}, found[0], name)
	}

	// Whoever cannot show that the origin told it tells nothing.
	a, b, keys := twoInstances(t, whole, liar)
	withOrigins(t, keys, "y")
	require.Empty(t, bySide(t, a, b, keys))
	require.Empty(t, bySide(t, signed(t, a), b, keys), "its key is not known")
	require.NotEmpty(t, bySide(t, signed(t, a), b, withOrigins(t, keys, "x")))
}

// An item that does not go to the mailbox any more, or may have been cut off, is not withheld; nor is what may be the end of an earlier series.
func TestWhatAMailboxNeedNotHaveIsNotWithheld(t *testing.T) {
	with := slices.Concat[[]feed.Item]
	alpha, keys := signer(t, "alpha")
	beta, others := signer(t, "beta")
	keys["beta"] = others["beta"]
	withOrigins(t, keys, "x", "y")
	var ours [][]feed.Item
	for e := range uint64(7) {
		ours = append(ours, with(from("x", 1, e+1), from("y", 2, e+1)))
	}
	theirs := [][]feed.Item{ours[0], ours[1]}
	for e := range uint64(5) {
		theirs = append(theirs, from("y", 2, e+3))
	}
	compare := func(theirs [][]feed.Item, sub func(e int) feed.Subscription) []feed.Finding {
		a := told(t, alpha, subscriptions(t, 1, feed.Subscription{Mailbox: "a"}), ours...)["a"]
		var list []chapter
		for e, items := range theirs {
			s := sub(e)
			s.Mailbox = "b"
			list = append(list, chapter{subs: subscriptions(t, 1, s), items: items})
		}
		return bySide(t, signed(t, a), signed(t, toldIn(t, beta, list...)["b"]), keys)
	}
	require.Len(t, compare(theirs, func(int) feed.Subscription { return feed.Subscription{} }), 1)
	for without := range 7 { // in whichever epoch since its last item it may have come, and did not go to the mailbox
		found := compare(theirs, func(e int) (s feed.Subscription) {
			if e == without {
				s.Kinds = []feed.Kind{feed.KindAction}
			}
			return s
		})
		require.Equal(t, without == 0, len(found) > 0, without)
	}
	later := slices.Clone(theirs)
	later[6] = with(later[6], from("x", 1, feed.SeriesLength+1))
	require.Empty(t, compare(later, func(int) feed.Subscription { return feed.Subscription{} }), "where a series ended nobody knows")
}

// taker is an instance that is away in some windows, and takes in what sources tell. What comes at a window's end it takes in before or after it.
// When it comes back, all epochs up to the present one pass; what each source told meanwhile comes in any of them.
type taker struct {
	epochs [][]feed.Item
	sealed []int // how many epochs it has sealed in each window, before the window's end
}

// taken draws one of what sources tell, of each window how many items. One that lies is never away, and leaves out x from the third window on.
func taken(draw *rand.Rand, sources []string, tells [][]int, lies bool) taker {
	t := taker{epochs: make([][]feed.Item, len(tells))}
	number, waiting := map[string]uint64{}, map[string][]feed.Item{}
	away, open := 0, 0 // for how many windows, and the epoch in which it was stopped
	for w := range tells {
		back := away == 1
		if away = max(0, away-1); away == 0 && !back && w > 0 && !lies && draw.IntN(5) == 0 {
			away, open = 1+draw.IntN(5), w-1
		}
		if t.sealed = append(t.sealed, w); away > 0 {
			t.sealed[w] = open
		}
		for i, s := range sources {
			early := len(waiting[s])
			for range tells[w][i] {
				if number[s]++; !lies || s != "x" || w < 2 {
					waiting[s] = append(waiting[s], fact(s, number[s], i, feed.KindProposal))
				}
			}
			at, all := w, len(waiting[s])
			switch {
			case away > 0:
				continue
			case back:
				at = open + draw.IntN(w-open+1)
			default: // what is not taken in is late for this epoch
				all = early + draw.IntN(all-early+1)
			}
			t.epochs[at], waiting[s] = append(t.epochs[at], waiting[s][:all]...), waiting[s][all:]
		}
	}
	return t
}

// Whenever they are compared, nothing is told of instances that take in all that they can, however often they are away. Of one that
// leaves out an origin it is, also where the other one was away.
func TestWhatIsLateIsNotTold(t *testing.T) {
	lies := 0
	for seed := range uint64(6) { // signatures are dear
		draw := rand.New(rand.NewPCG(seed, 11)) //nolint:gosec // the same each time
		sources, tells := []string{"v", "x", "y"}, make([][]int, 12)
		for w := range tells {
			for range sources {
				tells[w] = append(tells[w], draw.IntN(3))
			}
		}
		one, other := taken(draw, sources, tells, false), taken(draw, sources, tells, false)
		a, b, keys := twoInstances(t, one.epochs, other.epochs)
		withOrigins(t, keys, sources...)
		a, b = signed(t, a), signed(t, b)
		for w := range tells {
			for late := range 2 { // the one seals an epoch before the other one does
				x, y := a, b
				x.Epochs, y.Epochs = a.Epochs[:one.sealed[w]], b.Epochs[:other.sealed[w]]
				if n := len(y.Epochs); late == 1 && n == w {
					y.Epochs = b.Epochs[:n+1]
				}
				if len(x.Epochs) == 0 || len(y.Epochs) == 0 {
					continue
				}
				c, err := feed.Across(t.Context(), x, []feed.Export{y}, keys)
				require.NoError(t, err)
				require.Empty(t, c.Findings, "seed %d, window %d", seed, w)
			}
		}
		_, b, _ = twoInstances(t, nil, taken(draw, sources, tells, true).epochs)
		lies += len(bySide(t, a, signed(t, b), keys))
	}
	require.Positive(t, lies)
}
