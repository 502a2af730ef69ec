package quorum

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
)

// FuzzClassify: whatever endpoints show, a ruling is what its comments promise.
func FuzzClassify(f *testing.F) {
	f.Add([]byte{})
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		seed := make([]byte, 200)
		for i := range seed {
			seed[i] = byte(rng.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dice []byte) { checkRuling(t, dice) })
}

func TestAnyTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkRuling(t, rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "dice"))
	})
}

func checkRuling(t require.TestingT, dice []byte) {
	tr := grow(dice)
	table, straight := tr.table()
	r := Classify(table)
	checkShape(t, table, r)
	checkVote(t, tr, table, r)
	checkOrder(t, table, r)
	for i, row := range table.Rows {
		if row.View != nil {
			checkView(t, tr, row.View)
		}
		if straight[i] {
			checkPlace(t, tr, table, r, row, r.Findings[i])
		}
	}
}

// checkShape: findings say no more than their reason allows.
func checkShape(t require.TestingT, table Table, r Ruling) {
	require.Len(t, r.Findings, len(table.Rows))
	require.Equal(t, r.Votes >= r.Needed, r.Quorum)
	require.Equal(t, r.Groups/2+1, r.Needed)
	require.Equal(t, r.Quorum, r.Agreed != chain.Header{})
	for i, f := range r.Findings {
		require.Contains(t, Reasons(), f.Reason)
		require.NotEqual(t, Recovering, f.Reason)
		require.Equal(t, f.Reason == OK, f.Status == Healthy)
		require.False(t, f.Soft && f.Status != Unhealthy)
		require.False(t, max(f.Depth, f.Beyond) > 0 && f.Reason != Forked)
		require.False(t, f.Lag > 0 && f.Reason != OK && f.Reason != LaggingSameChain && f.Reason != Stalled)
		row := table.Rows[i]
		require.Equal(t, row.Cordoned, f.Reason == Cordoned)
		if !row.Cordoned && row.Trouble == "" {
			require.Equal(t, row.Sight == nil, f.Reason == NeverReported)
		}
	}
}

// checkVote counts again, in the plainest way: for every block, the groups that hold it.
func checkVote(t require.TestingT, tr *tree, table Table, r Ruling) {
	groups := make(map[string][]Row)
	for _, row := range table.Rows {
		if row.Votes {
			groups[row.Group] = append(groups[row.Group], row)
		}
	}
	require.Len(t, groups, r.Groups)
	id := table.ChainID
	if id == 0 {
		id = plainChain(groups)
	}
	var best chain.Header
	votes, heads := 0, []chain.Height{}
	for _, rows := range groups {
		highest, speaks := chain.Height(0), false
		for _, row := range rows {
			if speaking(row, id) {
				highest, speaks = max(highest, row.View.Head().Height), true
			}
		}
		if speaks {
			heads = append(heads, highest)
		}
	}
	slices.Sort(heads)
	for _, b := range tr.headers {
		if n, shown := holders(groups, id, b); n >= r.Needed && shown && b.Height >= best.Height {
			best, votes = b, n
		}
	}
	if len(heads) >= r.Needed {
		// No deeper than WalkBack below the highest height that enough groups reach.
		top := heads[len(heads)-r.Needed]
		require.GreaterOrEqual(t, top, best.Height)
		if top-best.Height > table.Rules.WalkBack {
			votes = 0
		}
	}
	require.Equal(t, votes >= r.Needed, r.Quorum)
	if r.Quorum {
		require.Equal(t, best, r.Agreed)
		require.Equal(t, votes, r.Votes)
	}
}

func speaking(row Row, id uint64) bool {
	return row.Votes && !row.Cordoned && row.Trouble == "" && row.Sight != nil && row.Sight.ChainID == id && row.Sight.Disputed == 0
}

func holders(groups map[string][]Row, id uint64, b chain.Header) (n int, shown bool) {
	for _, rows := range groups {
		holds, differs, whole := false, false, false
		for _, row := range rows {
			if hash, ok := row.View.At(b.Height); ok && speaking(row, id) {
				_, w := row.View.Header(b.Height)
				holds, differs, whole = holds || hash == b.Hash, differs || hash != b.Hash, whole || w
			}
		}
		if holds && !differs {
			n++
			shown = shown || whole
		}
	}
	return n, shown
}

func plainChain(groups map[string][]Row) uint64 {
	for _, id := range []uint64{1, 5} {
		n := 0
		for _, rows := range groups {
			claims, others := 0, 0
			for _, row := range rows {
				switch {
				case row.Cordoned || row.Trouble != "" || row.Sight == nil:
				case row.Sight.ChainID == id:
					claims++
				default:
					others++
				}
			}
			if claims > 0 && others == 0 {
				n++
			}
		}
		if n > len(groups)/2 {
			return id
		}
	}
	return 0
}

// checkOrder: the rows' order does not matter.
func checkOrder(t require.TestingT, table Table, r Ruling) {
	rng := rand.New(rand.NewPCG(uint64(len(table.Rows)), uint64(r.Votes)))
	for range 3 {
		order := rng.Perm(len(table.Rows))
		shuffled := table
		shuffled.Rows = nil
		for _, i := range order {
			shuffled.Rows = append(shuffled.Rows, table.Rows[i])
		}
		again := Classify(shuffled)
		for at, i := range order {
			require.Equal(t, r.Findings[i], again.Findings[at])
		}
		require.Equal(t, r.Agreed, again.Agreed)
		require.Equal(t, r.Votes, again.Votes)
	}
}

// checkView: within a run every block is the parent of the one above.
func checkView(t require.TestingT, tr *tree, v *View) {
	require.LessOrEqual(t, len(v.blocks), viewSize)
	require.True(t, v.blocks[0].whole)
	for i := 1; i < len(v.blocks); i++ {
		above, b := v.blocks[i-1], v.blocks[i]
		require.Less(t, b.Height, above.Height)
		if above.whole && above.Height > 0 {
			require.Equal(t, above.Parent, b.Hash)
			require.Equal(t, above.Height, b.Height+1)
		}
		if b.whole {
			require.Contains(t, tr.headers, b.Header)
		}
	}
}

// checkPlace: of an endpoint that shows one chain it is said how that chain lies beside the agreed one, or beside what
// was agreed before.
func checkPlace(t require.TestingT, tr *tree, table Table, r Ruling, row Row, f Finding) {
	if row.Sight == nil {
		return
	}
	head := row.View.Head()
	var references []chain.Header
	if r.Quorum {
		references = append(references, r.Agreed)
	}
	if top, ok := table.Ring.Head(); ok {
		references = append(references, top)
	}
	same, apart, depths := false, false, []chain.Height{0}
	for _, ref := range references {
		c, ok := tr.common(head, ref)
		require.True(t, ok, "the tree has one root")
		if min(head.Height, ref.Height)-c >= 2 {
			apart, depths = true, append(depths, head.Height-c)
		} else {
			same = true
		}
	}
	top := chain.Height(0)
	if len(references) > 0 {
		top = references[0].Height
	}
	switch f.Reason {
	case Forked:
		require.True(t, apart)
		require.Contains(t, depths, f.Depth)
		require.False(t, f.Depth > 0 && f.Beyond > 0)
		require.True(t, f.Beyond == 0 || f.Beyond < slices.Max(depths))
	case OK:
		require.True(t, same)
		require.LessOrEqual(t, f.Lag, table.Rules.GraceLag)
		require.Equal(t, max(top, head.Height)-head.Height, f.Lag)
	case LaggingSameChain, Stalled:
		require.True(t, same)
		require.Equal(t, top, head.Height+f.Lag)
		require.Equal(t, f.Lag < table.Rules.LagAtOnce, f.Soft)
	case AheadUncorroborated:
		require.GreaterOrEqual(t, head.Height, top+table.Rules.LagAtOnce)
	case Unclassified:
		require.True(t, f.Soft)
	}
}

// TestNoMinorityOfGroupsMovesTheAgreedHash: whatever a minority of groups shows, what is agreed is on the right chain, and
// who is on it is not called forked.
func TestNoMinorityOfGroupsMovesTheAgreedHash(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.IntRange(1, 9).Draw(t, "groups")
		liars := rapid.IntRange(0, (groups-1)/2).Draw(t, "liars")
		table := Table{ChainID: uint64(rapid.IntRange(0, 1).Draw(t, "chain")), Rules: DefaultRules(groups, time.Second)}
		if rapid.Bool().Draw(t, "ring") {
			table.Ring = ringOf(700, chain.Height(rapid.IntRange(900, 1000).Draw(t, "ring's top")))
		}
		honest := make(map[string]bool)
		for g := range groups {
			for m := range rapid.IntRange(1, 3).Draw(t, "members") {
				b, head, depth := right, rapid.IntRange(999, 1001).Draw(t, "head"), rapid.IntRange(4, 20).Draw(t, "depth")
				if g < liars {
					b.id = rapid.Uint64Range(1, 2).Draw(t, "branch")
					b.from = chain.Height(rapid.IntRange(700, 1000).Draw(t, "fork"))
					head = rapid.IntRange(10, 1100).Draw(t, "lie")
				}
				r := b.row(fmt.Sprint(g, ".", m), chain.Height(head))
				r.Group, r.View = fmt.Sprint(g), b.view(chain.Height(head), chain.Height(min(head, depth)))
				if g < liars && rapid.Bool().Draw(t, "foreign") {
					r.Sight.ChainID = 5
				}
				honest[r.Name] = g >= liars
				table.Rows = append(table.Rows, r)
			}
		}
		got := Classify(table)
		require.True(t, got.Quorum)
		require.Equal(t, right.header(got.Agreed.Height), got.Agreed)
		require.LessOrEqual(t, got.Agreed.Height, chain.Height(1001))
		require.GreaterOrEqual(t, got.Agreed.Height, chain.Height(999))
		for i, f := range got.Findings {
			if honest[table.Rows[i].Name] {
				lag := max(got.Agreed.Height, table.Rows[i].Sight.Head.Height) - table.Rows[i].Sight.Head.Height
				if lag > 1 {
					require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: lag, Soft: true}, f)
				} else {
					require.Equal(t, Finding{Status: Healthy, Reason: OK, Lag: lag}, f)
				}
			}
		}
	})
}
