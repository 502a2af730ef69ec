package feed_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// signed adds to an export what the origins of its items signed, item by item.
func signed(t testing.TB, x feed.Export) feed.Export {
	t.Helper()
	x.Epochs = slices.Clone(x.Epochs)
	for i := range x.Epochs {
		k := &x.Epochs[i]
		k.Witnesses = make([]*feed.Witness, len(k.Entries))
		for j, e := range k.Entries {
			k.Witnesses[j] = witness(t, e.Record.Item)
		}
	}
	return x
}

func witness(t testing.TB, item feed.Item) *feed.Witness {
	s, _ := signer(t, item.Source)
	return feed.Witnesses([]feed.Item{item}, s.SignItems([]feed.Item{item}))[0]
}

// withOrigins adds the keys of sources that are instances.
func withOrigins(t testing.TB, keys feed.Keyring, names ...string) feed.Keyring {
	for _, name := range names {
		_, more := signer(t, name)
		keys[name] = more[name]
	}
	return keys
}

// other is an item of the same number with another payload.
func other(item feed.Item) feed.Item {
	item.Payload[0] ^= 1
	return item
}

// proved compares both ways, and expects the same single proof.
func proved(t testing.TB, a, b feed.Export, keys feed.Keyring) feed.Finding {
	t.Helper()
	var found []feed.Finding
	for _, pair := range [][2]feed.Export{{a, b}, {b, a}} {
		c, err := feed.Across(t.Context(), pair[0], []feed.Export{pair[1]}, keys)
		require.NoError(t, err)
		require.Len(t, c.Findings, 1)
		require.NotNil(t, c.Findings[0].Proof)
		require.NoError(t, c.Findings[0].Proof.Verify(keys))
		found = append(found, c.Findings[0])
	}
	raw := found[0].Proof.Encode()
	require.True(t, bytes.Equal(raw, found[1].Proof.Encode()), "there is one form")
	again, err := feed.DecodeProof(raw)
	require.NoError(t, err)
	require.True(t, bytes.Equal(raw, again.Encode()))
	require.NoError(t, again.Verify(keys))
	return found[0]
}

// crossProofs are one of each kind, with the keys that they are verified by.
func crossProofs(t testing.TB) (map[string]feed.Proof, feed.Keyring) {
	t.Helper()
	list := map[string]feed.Proof{}
	a, b, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, [][]feed.Item{from("x", 1, 1, 3)})
	withOrigins(t, keys, "x")
	list["omits"] = *proved(t, signed(t, a), b, keys).Proof
	altered := from("x", 1, 1, 2, 3)
	altered[1] = other(altered[1])
	a, b, _ = twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, [][]feed.Item{altered})
	list["alters"] = *proved(t, signed(t, a), b, keys).Proof
	list["two items"] = *proved(t, signed(t, a), signed(t, b), keys).Proof
	a, b, _ = twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, [][]feed.Item{from("x", 1, 1, 3, 2)})
	list["reorders"] = *proved(t, a, b, keys).Proof
	return list, keys
}

// Beta as a whole leaves out an item: its stages' words fit each other. It is proved from the origin's word and beta's seals.
func TestAnInstanceThatLeftOutAnItemIsProvedToHaveDone(t *testing.T) {
	for name, theirs := range map[string][][]feed.Item{
		"within an epoch":    {from("x", 1, 1, 2, 3, 5, 6)},
		"between two epochs": {from("x", 1, 1, 2, 3), from("x", 1, 5, 6)},
	} {
		a, b, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3, 4), from("x", 1, 5, 6)}, theirs)
		a = signed(t, a)
		c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
		require.NoError(t, err)
		require.Nil(t, c.Findings[0].Proof, "%s: nothing can be told without the origin's key", name)
		f := proved(t, a, b, withOrigins(t, keys, "x"))
		require.Equal(t, feed.Omits, f.Proof.Fault, name)
		require.Equal(t, feed.Actor{Instance: "beta"}, f.Proof.Accused, name)
		origin, ok := f.Proof.Origin()
		require.True(t, ok)
		require.Equal(t, feed.Origin{Source: "x", Number: 4}, origin)
		require.Equal(t, feed.Seq(4), f.Proof.Seq, "%s: before this record it belongs", name)
		_, at := f.Proof.At()
		require.Equal(t, "beta", at)
	}
}

func TestAnInstanceThatSealedAnotherItemThanItsOriginSignedIsProvedToHaveDone(t *testing.T) {
	list, _ := crossProofs(t)
	p := list["alters"]
	require.Equal(t, feed.Alters, p.Fault)
	require.Equal(t, feed.Actor{Instance: "beta"}, p.Accused)
	require.Equal(t, feed.Seq(2), p.Seq)
}

// Beta as a whole numbers an origin's items in another order, or one of them twice: its records stand in order, and its stages' words fit each other.
// Its own seal proves it, whatever origins signed.
func TestAnInstanceThatReordersAnOriginsItemsIsProvedToHaveDone(t *testing.T) {
	both := slices.Concat[[]feed.Item]
	for name, play := range map[string]struct {
		theirs [][]feed.Item
		number uint64
		seq    feed.Seq
		after  feed.Seq // the record that it stands behind
	}{
		"swapped":                {[][]feed.Item{from("x", 1, 1, 3, 2, 4)}, 2, 3, 2},
		"of two wallets":         {[][]feed.Item{both(from("x", 1, 1), from("x", 2, 3), from("x", 1, 2, 4))}, 2, 3, 2},
		"far apart":              {[][]feed.Item{both(from("x", 1, 1, 3, 4), from("y", 1, 1), from("x", 1, 2))}, 2, 5, 3},
		"repeated":               {[][]feed.Item{from("x", 1, 1, 2, 3, 2, 4)}, 2, 4, 3},
		"repeated at once":       {[][]feed.Item{from("x", 1, 1, 2, 2, 3, 4)}, 2, 3, 2},
		"in the last epoch":      {[][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3, 4, 3)}, 3, 5, 4},
		"an earlier series":      {[][]feed.Item{from("x", 1, 1, 2, 3, 4, later, 4)}, 4, 6, 5},
		"after the other's last": {[][]feed.Item{from("x", 1, 1, 2, 3, 4, 6, 5)}, 5, 6, 5},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, keys := twoInstances(t, append([][]feed.Item{from("x", 1, 1, 2, 3, 4)}, make([][]feed.Item, len(play.theirs)-1)...), play.theirs)
			if name == "of two wallets" {
				a, _, _ = twoInstances(t, [][]feed.Item{both(from("x", 1, 1, 2), from("x", 2, 3), from("x", 1, 4))}, nil)
			}
			f := proved(t, a, b, keys)
			require.Equal(t, feed.Reorders, f.Proof.Fault)
			require.Equal(t, feed.Actor{Instance: "beta"}, f.Proof.Accused)
			require.Equal(t, feed.Origin{Source: "x", Number: play.number}, f.Origin)
			require.Equal(t, play.seq, f.Seq)
			require.Equal(t, play.seq, f.Proof.Seq)
			require.Equal(t, play.after, f.Proof.Against[0].Record.Seq)
			require.Equal(t, feed.Elsewhere{Instance: "beta", Mailbox: "b", Epoch: f.Epoch, Strays: true}, *f.Elsewhere)
			require.Len(t, f.Trace, 4, "each stage passes it on")
			_, at := f.Proof.At()
			require.Equal(t, "beta", at)
			_, signed := f.Proof.Origin()
			require.False(t, signed, "no origin's word is needed")
		})
	}
}

// A record that a mailbox has twice from its receiver is proved without another subscriber of that instance, too.
func TestAStrayRecordIsProvedToASubscriberOfAnotherInstance(t *testing.T) {
	repeated := stored(t, "repeated.export")
	_, keys := signer(t, "alpha")
	beta, more := signer(t, "beta")
	keys["beta"] = more["beta"]
	b := told(t, beta, subscriptions(t, 1, feed.Subscription{Mailbox: "b"}), from("y", 1, 1))["b"]
	f := proved(t, b, repeated, keys)
	require.Equal(t, feed.Disorders, f.Proof.Fault)
	found, _, err := feed.Compare(t.Context(), repeated, stored(t, "once.export"), keys)
	require.NoError(t, err)
	require.Equal(t, found[0].Proof.Encode(), f.Proof.Encode(), "the same proof as within the instance")
}

// From one epoch to another an instance that lost data may seal an item again: it is told, keeps the epoch from being confirmed, and blames nobody.
func TestWhatComesAgainInALaterEpochIsToldAndNotProved(t *testing.T) {
	for name, play := range map[string]struct {
		ours, theirs [][]feed.Item
		instance     string
		until        feed.Epoch
	}{
		"there":     {[][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3), from("x", 1, 4)}, [][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3), from("x", 1, 3, 4)}, "beta", 1},
		"here":      {[][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3), from("x", 1, 3, 4)}, [][]feed.Item{from("x", 1, 1, 2), from("x", 1, 3), from("x", 1, 4)}, "alpha", 2},
		"backwards": {[][]feed.Item{from("x", 1, 1), from("x", 1, 2, 3, 4)}, [][]feed.Item{from("x", 1, 1, 3), from("x", 1, 2, 4)}, "beta", 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, keys := twoInstances(t, play.ours, play.theirs)
			withOrigins(t, keys, "x")
			c, err := feed.Across(t.Context(), signed(t, a), []feed.Export{signed(t, b)}, keys)
			require.NoError(t, err)
			require.Len(t, c.Findings, 1)
			require.Nil(t, c.Findings[0].Proof)
			require.True(t, c.Findings[0].Elsewhere.Strays)
			require.Equal(t, play.instance, c.Findings[0].Elsewhere.Instance)
			require.Empty(t, c.Blames)
			require.True(t, c.Covered)
			require.Equal(t, play.until, c.Until)
		})
	}
}

// By an epoch that does not say what the stages did, or an export that is not what was committed to, nothing is out of order.
func TestWhatIsNotSealedIsOutOfNoOrder(t *testing.T) {
	a, b, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, [][]feed.Item{from("x", 1, 1, 3, 2)})
	falsely := func(x feed.Export) feed.Export {
		s, more := signer(t, x.Instance)
		keys[x.Instance] = more[x.Instance]
		seal := *x.Epochs[0].Seal
		seal.Blames = append(slices.Clone(seal.Blames), feed.Blame{Actor: s.Actor(feed.Sequencer, 0), Reason: feed.False})
		seal.Sign(s)
		x.Epochs = slices.Clone(x.Epochs)
		x.Epochs[0].Seal = &seal
		return x
	}
	beta, _ := signer(t, "beta")
	honest := told(t, beta, subscriptions(t, 1, feed.Subscription{Mailbox: "b"}), from("x", 1, 1, 2, 3))["b"]
	altered := honest
	altered.Epochs = slices.Clone(honest.Epochs)
	entries := slices.Clone(honest.Epochs[0].Entries)
	entries[1].Record, entries[2].Record = entries[2].Record, entries[1].Record
	entries[2].Previous = entries[1].Hash()
	altered.Epochs[0].Entries = entries
	for name, x := range map[string]feed.Export{
		"reordered":       falsely(b),
		"a stray":         falsely(stored(t, "repeated.export")),
		"altered by whom": altered,
	} {
		with := a
		if x.Instance == a.Instance {
			with = honest
		}
		c, err := feed.Across(t.Context(), with, []feed.Export{x}, keys)
		require.NoError(t, err, name)
		require.Empty(t, c.Findings, name)
		require.NotEmpty(t, c.Blames, name)
	}
}

// What a move repeats has the echo's numbers, which say nothing of its origin's.
func TestWhatAMoveRepeatsIsOutOfNoOrder(t *testing.T) {
	a, _, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3)}, nil)
	beta, _ := signer(t, "beta")
	b := toldIn(t, beta,
		chapter{subs: subscriptions(t, 1, feed.Subscription{Mailbox: "b", Arriving: true}), items: from("to.b", 1, 2, 1)},
		chapter{subs: subscriptions(t, 2, feed.Subscription{Mailbox: "b", Arriving: true}), items: from("to.b", 1, 2)})["b"]
	require.Len(t, b.Epochs[0].Entries, 2)
	c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
	require.NoError(t, err)
	require.Empty(t, c.Findings)
}

// Who made a proof by hand of what stands in order, of two origins, or of what an echo repeats, has none.
func TestProofsOfAnotherOrderAreRefused(t *testing.T) {
	beta, keys := signer(t, "beta")
	subs := subscriptions(t, 1, feed.Subscription{Mailbox: "b"}, feed.Subscription{Mailbox: "c"})
	b := told(t, beta, subs, slices.Concat(from("x", 1, 1, 3, 2), from("y", 1, 1)))["b"].Epochs[0]
	moving := toldIn(t, beta, chapter{subs: subscriptions(t, 1, feed.Subscription{Mailbox: "b", Arriving: true}), items: from("to.b", 1, 2, 1)})["b"].Epochs[0]
	in := func(b feed.Kept, mailbox string, i uint64) feed.Piece {
		var leaves []feed.Hash
		for _, e := range b.Entries {
			leaves = append(leaves, e.Record.Hash())
		}
		return feed.Piece{Mailbox: mailbox, Index: i, Record: b.Entries[i].Record, Path: feed.PathOf(leaves, i)}
	}
	piece := func(mailbox string, i uint64) feed.Piece { return in(b, mailbox, i) }
	echo := feed.Proof{
		Fault: feed.Reorders, Seq: 2, Accused: feed.Actor{Instance: "beta"}, Seal: *moving.Seal,
		Has: in(moving, "b", 1), Against: []feed.Piece{in(moving, "b", 0)},
	}
	proof := func(before, has feed.Piece) feed.Proof {
		return feed.Proof{Fault: feed.Reorders, Seq: has.Record.Seq, Accused: feed.Actor{Instance: "beta"}, Seal: *b.Seal, Has: has, Against: []feed.Piece{before}}
	}
	whole := proof(piece("b", 1), piece("b", 2))
	require.NoError(t, whole.Verify(keys))
	for name, p := range map[string]feed.Proof{
		"in order":            proof(piece("b", 0), piece("b", 1)),
		"the other way round": proof(piece("b", 2), piece("b", 1)),
		"one record":          proof(piece("b", 1), piece("b", 1)),
		"of two origins":      proof(piece("b", 1), piece("b", 3)),
		"an echo":             echo,
		"of two mailboxes":    proof(piece("c", 1), piece("b", 2)),
	} {
		require.ErrorIs(t, p.Verify(keys), feed.ErrProof, name)
	}
	for name, change := range map[string]func(p *feed.Proof){
		"nothing beside": func(p *feed.Proof) { p.Against = nil },
		"another number": func(p *feed.Proof) { p.Seq++ },
		"nobody's":       func(p *feed.Proof) { p.Accused = beta.Actor(feed.Inbox, 0) },
		"another fault":  func(p *feed.Proof) { p.Fault = feed.Disorders },
		"what the stages said is not in the seal": func(p *feed.Proof) {
			p.Seal.Blames = append(p.Seal.Blames, feed.Blame{Actor: beta.Actor(feed.Sequencer, 0), Reason: feed.False})
			p.Seal.Sign(beta)
		},
	} {
		p := whole
		change(&p)
		require.ErrorIs(t, p.Verify(keys), feed.ErrProof, name)
	}
}

// Proofs are kept for years: each kind's form is what it was.
func TestProofsBetweenInstancesHaveTheFormThatTheyHad(t *testing.T) {
	list, _ := crossProofs(t)
	forms := map[string]string{}
	for kind, p := range list {
		forms[kind] = fmt.Sprintf("%x", sha256.Sum256(p.Encode()))
	}
	require.Equal(t, map[string]string{
		"omits":     "d47cdf2b8ea8b2794478c092a7d07edb5e56d760ab918e967a6819619f07bb17",
		"alters":    "a3fbd53cfa42ae7d8e9584c8eaf01e1b18ff643cfdaa91b555fb4282e28cb7bb",
		"two items": "995975e6d15977fcb15fad03bc79da0c1be9e709d72fc39b39dbc381786b3a5a",
		"reorders":  "b61d5fc20b8bbce9c6e178b31e93304b5ca782b4c17417e4f32e5999fc04a3de",
	}, forms)
}

// What both got was signed: no instance is to blame for it.
func TestAnOriginThatSignedTwoItemsOfOneNumberIsProvedToHaveDone(t *testing.T) {
	list, _ := crossProofs(t)
	p := list["two items"]
	require.Equal(t, feed.TwoItems, p.Fault)
	require.Equal(t, feed.Actor{Instance: "x"}, p.Accused)
}

// Each of these has an honest reason, or may have: the difference is told, or not even that, and nobody is blamed.
func TestNobodyIsProvedToHaveLeftOutWhatTheyNeedNotHave(t *testing.T) {
	all := [][]feed.Item{from("x", 1, 1, 2, 3, 4, 5)}
	lacking := func(t *testing.T, theirs ...[]feed.Item) (a, b feed.Export, keys feed.Keyring) {
		a, b, keys = twoInstances(t, all, theirs)
		return signed(t, a), b, withOrigins(t, keys, "x")
	}
	for name, play := range map[string]func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool){
		"its origin's word is not known": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = lacking(t, from("x", 1, 1, 2, 4))
			a.Epochs[0].Witnesses = nil
			return a, b, keys, true
		},
		"its origin signed something else": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = lacking(t, from("x", 1, 1, 2, 4))
			a.Epochs[0].Witnesses[2] = witness(t, other(a.Epochs[0].Entries[2].Record.Item))
			return a, b, keys, true
		},
		"the instance was away": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = lacking(t, from("x", 1, 1, 2), nil, from("x", 1, 4))
			return a, b, keys, true
		},
		"its sequencer sealed something else than what the stages said": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = lacking(t, from("x", 1, 1, 2, 4))
			beta, _ := signer(t, "beta")
			seal := *b.Epochs[0].Seal
			seal.Blames = append(seal.Blames, feed.Blame{Actor: beta.Actor(feed.Sequencer, 0), Reason: feed.False})
			seal.Sign(beta)
			b.Epochs[0].Seal = &seal
			return a, b, keys, true
		},
		"what it got is not shown": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = lacking(t, from("x", 1, 1, 2, 3, 4))
			entries := b.Epochs[0].Entries
			b.Epochs[0].Entries = slices.Concat(entries[:2], entries[3:])
			b.Epochs[0].Entries[2].Number, b.Epochs[0].Entries[2].Previous = 3, entries[1].Hash()
			return a, b, keys, true
		},
		"its origin had begun another series": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			a, b, keys = twoInstances(t, [][]feed.Item{from("x", 1, 1, 2, 3, later, later+1)}, [][]feed.Item{from("x", 1, 1, 2, later, later+1)})
			c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
			require.NoError(t, err)
			require.False(t, c.Covered, "nor does the other one confirm it")
			return signed(t, a), b, withOrigins(t, keys, "x"), false
		},
		"it is not the mailbox's": func(t *testing.T) (a, b feed.Export, keys feed.Keyring, told bool) {
			own := slices.Clone(all[0])
			own[2] = fact("x", 3, 1, feed.KindResult)
			a, b, keys = twoInstances(t, [][]feed.Item{own}, [][]feed.Item{from("x", 1, 1, 2, 4)})
			return signed(t, a), b, withOrigins(t, keys, "x"), false
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, keys, told := play(t)
			c, err := feed.Across(t.Context(), a, []feed.Export{b}, keys)
			require.NoError(t, err)
			require.Equal(t, told, len(c.Findings) > 0)
			for _, f := range c.Findings {
				require.Nil(t, f.Proof)
			}
		})
	}
}

// later is the first number of a series.
const later = 7*feed.SeriesLength + 1

func TestWithinALaterSeriesWhatIsLeftOutIsProved(t *testing.T) {
	a, b, keys := twoInstances(t, [][]feed.Item{from("x", 1, 1, later, later+1, later+2)}, [][]feed.Item{from("x", 1, 1, later, later+2)})
	f := proved(t, signed(t, a), b, withOrigins(t, keys, "x"))
	require.Equal(t, feed.Omits, f.Proof.Fault)
	origin, _ := f.Proof.Origin()
	require.Equal(t, feed.Origin{Source: "x", Number: later + 1}, origin)
}

// Who made a proof by hand about an epoch in which the mailbox was full, and says so, has none.
func TestAProofAboutAMailboxThatWasClosedIsNone(t *testing.T) {
	list, keys := crossProofs(t)
	p := list["omits"]
	beta, _ := signer(t, "beta")
	for _, closed := range []bool{false, true} {
		seal := p.Epochs[0].Seal
		seal.Commitments = slices.Clone(seal.Commitments)
		for i, c := range seal.Commitments {
			c.Heads = slices.Clone(c.Heads)
			for j := range c.Heads {
				c.Heads[j].Closed = closed
			}
			c.Sign(beta)
			seal.Commitments[i] = c
		}
		seal.Sign(beta)
		p.Epochs = []feed.Stretch{{Seal: seal, Who: p.Epochs[0].Who, Lane: p.Epochs[0].Lane}}
		err := p.Verify(keys)
		if !closed {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, feed.ErrProof)
		require.ErrorContains(t, err, "holds less than what came for it")
	}
}

// Who made a proof by hand, of what lies between two series, has none.
func TestAProofAcrossTwoSeriesIsNone(t *testing.T) {
	ours := append(from("x", 1, 1, 2, 3), from("x", 2, later, later+1, later+2)...)
	theirs := append(from("x", 1, 1, 3), from("x", 2, later, later+2)...)
	a, b, keys := twoInstances(t, [][]feed.Item{ours}, [][]feed.Item{theirs})
	c, err := feed.Across(t.Context(), signed(t, a), []feed.Export{b}, withOrigins(t, keys, "x"))
	require.NoError(t, err)
	require.Len(t, c.Findings, 2)
	byNumber := map[uint64]*feed.Proof{}
	for _, f := range c.Findings {
		require.NoError(t, f.Proof.Verify(keys))
		byNumber[f.Origin.Number] = f.Proof
	}
	p, last := *byNumber[2], *byNumber[later+1]
	item := fact("x", 4, 1, feed.KindProposal)
	p.Items = []feed.Signed{{Item: item, Witness: *witness(t, item)}}
	p.Against = []feed.Piece{p.Against[1], last.Against[0]}
	p.Seq = p.Against[1].Record.Seq
	err = p.Verify(keys)
	require.ErrorIs(t, err, feed.ErrProof)
	require.ErrorContains(t, err, "series")
}

func TestSeries(t *testing.T) {
	for n, begins := range map[uint64]bool{0: false, 1: true, 2: false, feed.SeriesLength: false, feed.SeriesLength + 1: true, later: true, later - 1: false} {
		require.Equal(t, begins, feed.BeginsSeries(n), "%d", n)
	}
}

// An instance as a whole names other recipients in its records than its subscriptions do: its subscriber knows by the committed version.
func TestRecipientsAreThoseOfTheCommittedSubscriptions(t *testing.T) {
	alpha, keys := signer(t, "alpha")
	x := toldIn(t, alpha, chapter{
		subs: subscriptions(t, 1, feed.Subscription{Mailbox: "a"}), items: from("x", 1, 1, 2),
		says: subscriptions(t, 1, feed.Subscription{Mailbox: "a"}, feed.Subscription{Mailbox: "b"}),
	})["a"]
	_, blames, _ := readWith(t, x, keys)
	require.Equal(t, []feed.Blame{{Actor: feed.Actor{Instance: "alpha"}, Reason: feed.Delivery, Seq: 1}}, blames)
}

// A stage of which a link saw that it lied passes nothing on, though its two sides are the same.
func TestAStageThatLiedAcceptsWhatIsHeldAgainstIt(t *testing.T) {
	alpha, _ := signer(t, "alpha")
	seal := *told(t, alpha, everything(t), from("x", 1, 1, 2))["a"].Epochs[0].Seal
	answers, who := feed.Trace(seal, "a", 0, "x")
	require.Equal(t, feed.Actor{Instance: "alpha"}, who)
	require.Len(t, answers, 4)
	seal.Blames = []feed.Blame{{Actor: alpha.Actor(feed.Router, 0), Reason: feed.False}}
	answers, who = feed.Trace(seal, "a", 0, "x")
	require.Equal(t, alpha.Actor(feed.Router, 0), who)
	require.Len(t, answers, 3)
}

// A proof of another kind than its parts, of other parts, or with a foreign key is none.
func TestWhatIsChangedInAProofBetweenInstancesMakesItInvalid(t *testing.T) {
	list, keys := crossProofs(t)
	for kind, p := range list {
		raw := p.Encode()
		for i := range raw {
			flipped := slices.Clone(raw)
			flipped[i] ^= 1 << (i % 8)
			if q, err := feed.DecodeProof(flipped); err == nil {
				require.Error(t, q.Verify(keys), "%s: bit %d of byte %d", kind, i%8, i)
			}
		}
		_, foreign := signer(t, "gamma")
		require.ErrorIs(t, p.Verify(foreign), feed.ErrUnknownInstance)
		_, beta := signer(t, "beta")
		wrong := withOrigins(t, feed.Keyring{}, "x", "beta")
		if _, signed := p.Origin(); signed {
			require.ErrorIs(t, p.Verify(beta), feed.ErrUnknownInstance, "nor without the origin's key")
			wrong["x"] = wrong["beta"]
		} else {
			require.NoError(t, p.Verify(beta), "what the instance alone shows needs its key alone")
			wrong["beta"] = wrong["x"]
		}
		require.ErrorIs(t, p.Verify(wrong), feed.ErrSignature)
		for other, q := range list {
			if other != kind {
				q.Fault = p.Fault
				require.ErrorIs(t, q.Verify(keys), feed.ErrProof)
			}
		}
	}
}

// stored is what a subscriber of alpha's was given by stages of which one lied; see TestKeptExportsOfTwoSubscribersStillProveWhoWithheldARecord.
func stored(tb testing.TB, file string) feed.Export {
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(tb, err)
	x, err := feed.DecodeExport(raw)
	require.NoError(tb, err)
	return x
}

// A record after another one of its receiver is out of order by numbers alone, and only in one lane.
func TestProofsOfDisorderAreRefused(t *testing.T) {
	_, keys := crossProofs(t)
	found, _, err := feed.Compare(t.Context(), stored(t, "repeated.export"), stored(t, "once.export"), keys)
	require.NoError(t, err)
	p := *found[0].Proof
	require.NoError(t, p.Verify(keys))
	for name, change := range map[string]func(p *feed.Proof){
		"in order": func(p *feed.Proof) { p.Has, p.Against = p.Against[0], []feed.Piece{p.Has} },
		"after an earlier one": func(p *feed.Proof) {
			var leaves []feed.Hash
			for _, e := range stored(t, "repeated.export").Epochs[0].Entries {
				if e.Shard != p.Has.Shard {
					continue
				}
				if leaves = append(leaves, e.Record.Hash()); len(leaves) == 1 {
					p.Against[0].Record = e.Record
				}
			}
			require.Less(t, p.Against[0].Record.Seq, p.Seq)
			p.Against[0].Index, p.Against[0].Path = 0, feed.PathOf(leaves, 0)
		},
		"one place":        func(p *feed.Proof) { p.Against = []feed.Piece{p.Has} },
		"nothing beside":   func(p *feed.Proof) { p.Against = nil },
		"another number":   func(p *feed.Proof) { p.Seq++ },
		"nobody's":         func(p *feed.Proof) { p.Accused = feed.Actor{Instance: "alpha"} },
		"another fault":    func(p *feed.Proof) { p.Fault = feed.Differs },
		"a mailbox beside": func(p *feed.Proof) { p.Against[0].Mailbox = "b" },
	} {
		q := p
		q.Against = slices.Clone(p.Against)
		change(&q)
		require.ErrorIs(t, q.Verify(keys), feed.ErrProof, name)
	}
}

func FuzzProof(f *testing.F) {
	list, keys := crossProofs(f)
	for _, p := range list {
		f.Add(p.Encode())
	}
	for one, other := range map[string]string{"robbed": "whole", "repeated": "once"} {
		found, _, err := feed.Compare(f.Context(), stored(f, one+".export"), stored(f, other+".export"), keys)
		require.NoError(f, err)
		f.Add(found[0].Proof.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := feed.DecodeProof(data)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		require.Equal(t, data, p.Encode())
		_ = p.Verify(keys)
	})
}
