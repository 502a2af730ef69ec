package instance

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

func written(t testing.TB) (told, []byte) {
	signer, err := feed.NewSigner("alpha", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	require.NoError(t, err)
	subs, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: "all"}, {Mailbox: "some", Kinds: []feed.Kind{feed.KindFault}}})
	require.NoError(t, err)
	s := feed.Seal{Actor: signer.Actor(feed.Sequencer, 0), Epoch: 7, First: 5, Count: 3, Version: 1, Subscriptions: subs.Hash()}
	s.Sign(signer)
	k := told{seal: s, subs: subs, last: []feed.Number{12, 1 << 40}}
	j := journal{filepath.Join(t.TempDir(), "journal")}
	require.NoError(t, j.write(k))
	content, err := os.ReadFile(j.path)
	require.NoError(t, err)
	return k, content
}

func TestTheJournalIsWholeOrRefused(t *testing.T) {
	k, content := written(t)
	j := journal{filepath.Join(t.TempDir(), "journal")}
	_, found, err := j.read()
	require.NoError(t, err)
	require.False(t, found, "there was none yet")
	require.NoError(t, os.WriteFile(j.path, content, 0o600))
	read, found, err := j.read()
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, k.seal.Hash(), read.seal.Hash())
	require.Equal(t, k.subs.Hash(), read.subs.Hash())
	require.Equal(t, []feed.Number{12, 1 << 40, 0}, []feed.Number{read.numberOf("all"), read.numberOf("some"), read.numberOf("none")})
	for n := range content {
		bad := append([]byte{}, content...)
		bad[n] ^= 1
		_, err := parseJournal(bad)
		require.ErrorIs(t, err, errJournal, "byte %d", n)
		_, err = parseJournal(content[:n])
		require.ErrorIs(t, err, errJournal, "cut at %d", n)
	}
}

func FuzzJournal(f *testing.F) {
	_, content := written(f)
	f.Add(content)
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseJournal(data)
		if err != nil {
			require.ErrorIs(t, err, errJournal)
			return
		}
		require.Len(t, k.last, k.subs.Len())
	})
}

func TestMarksOutliveTheProcessAndATornSlotSaysNothing(t *testing.T) {
	m := &marks{path: filepath.Join(t.TempDir(), "marks")}
	found, err := m.read()
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, m.set("early", mark{number: 1}), "before it is begun nothing is kept")
	require.NoError(t, m.begin(map[string]mark{"all": {3, feed.Hash{3}}, "some": {4, feed.Hash{4}}}))
	require.NoError(t, m.set("all", mark{9, feed.Hash{9}}))
	require.NoError(t, m.set("new", mark{1, feed.Hash{1}}))
	require.NoError(t, m.set("new", mark{2, feed.Hash{2}}))
	want := map[string]mark{"all": {9, feed.Hash{9}}, "some": {4, feed.Hash{4}}, "new": {2, feed.Hash{2}}}
	found, err = m.read()
	require.NoError(t, err)
	require.Equal(t, want, found, "what is written can be read at once")
	require.NoError(t, m.close())
	content, err := os.ReadFile(m.path)
	require.NoError(t, err)
	require.Len(t, content, 3*slotSize)
	content[2*slotSize+hashAt] ^= 1
	delete(want, "new")
	require.Equal(t, want, parseMarks(content[:len(content)-1+1]))
	require.NoError(t, m.begin(nil))
	found, err = m.read()
	require.NoError(t, err)
	require.Empty(t, found, "what there was has given way")
	require.NoError(t, m.close())
}

func FuzzMarks(f *testing.F) {
	f.Add(append(slotOf("all", mark{3, feed.Hash{3}}), slotOf("some", mark{1 << 40, feed.Hash{4}})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for mailbox, k := range parseMarks(data) {
			require.NoError(t, feed.CheckName(mailbox))
			require.Equal(t, map[string]mark{mailbox: k}, parseMarks(slotOf(mailbox, k)))
		}
	})
}
