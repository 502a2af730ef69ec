package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

func testEntry(i int) Entry {
	f := Fence{
		Seal:   Seal{Holder: Holder{Instance: "alpha", Boot: Boot{7}}, Generation: "7312:00000001"},
		Wallet: testWallet(i), Epoch: Epoch(i),
	}
	return newEntry(f, 900, coordination.OwnProposal{
		Payload: fmt.Appendf(nil, "payload %d", i), Envelope: []byte("envelope"), SentAt: 905, SentTime: time.Unix(1790000000, 5),
	})
}

func open(t testing.TB, path string) (*Journal, int64) {
	j, torn, err := OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	return j, torn
}

func TestTheJournalKeepsWhatWasAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent.journal")
	j, torn := open(t, path)
	require.Zero(t, torn)
	var want []Entry
	for i := range 5 {
		want = append(want, testEntry(i))
		require.NoError(t, j.Append(want[i]))
	}
	again, torn := open(t, path)
	require.Zero(t, torn)
	got, err := again.Entries()
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.NoError(t, again.Append(testEntry(5)))
	got, err = again.Entries()
	require.NoError(t, err)
	require.Len(t, got, 6)
}

// Wherever a crash cuts the last record off, or leaves room for it that was never filled, all before it is there and the
// next record stands behind it.
func TestATornTailIsNoticedAndCut(t *testing.T) {
	dir := t.TempDir()
	whole := []byte(journalMagic)
	for i := range 3 {
		whole, _ = appendRecord(whole, testEntry(i))
	}
	last, err := appendRecord(nil, testEntry(3))
	require.NoError(t, err)
	check := func(tail []byte) {
		path := filepath.Join(dir, "sent.journal")
		require.NoError(t, os.WriteFile(path, append(bytes.Clone(whole), tail...), 0o600))
		j, torn, err := OpenJournal(path)
		require.NoError(t, err)
		require.EqualValues(t, len(tail), torn)
		require.NoError(t, j.Append(testEntry(4)))
		got, err := j.Entries()
		require.NoError(t, err)
		require.Equal(t, []Entry{testEntry(0), testEntry(1), testEntry(2), testEntry(4)}, got)
		require.NoError(t, j.Close())
	}
	for cut := 1; cut < len(last); cut++ {
		check(last[:cut])
	}
	check(make([]byte, 4096))
	check(append(bytes.Clone(last[:len(last)-1]), last[len(last)-1]^1))
}

func TestAJournalDamagedBeforeItsEndIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent.journal")
	content := []byte(journalMagic)
	for i := range 3 {
		content, _ = appendRecord(content, testEntry(i))
	}
	first, err := appendRecord(nil, testEntry(0))
	require.NoError(t, err)
	for at := len(journalMagic) + 8; at < len(journalMagic)+len(first); at++ {
		content[at] ^= 0x10
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, _, err := OpenJournal(path)
		require.ErrorIs(t, err, ErrJournalDamaged, "byte %d", at)
		content[at] ^= 0x10
	}
	for _, other := range []string{"x", "another file altogether, of more than a few bytes", "walletnode-sent-2\n"} {
		require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
		_, _, err := OpenJournal(path)
		require.ErrorIs(t, err, ErrJournalDamaged)
	}
	require.NoError(t, os.WriteFile(path, []byte(journalMagic[:5]), 0o600))
	_, _, err = OpenJournal(path)
	require.NoError(t, err, "the making of the file itself was cut off")
}

func TestManyAppendsShareASync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent.journal")
	j, _ := open(t, path)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			require.NoError(t, j.Append(testEntry(i)))
			entries, err := j.Entries()
			require.NoError(t, err)
			require.Contains(t, entries, testEntry(i), "it is there once Append returned")
		})
	}
	all.Wait()
	entries, err := j.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 200)
}

func TestAfterAFailedWriteNothingIsWritten(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "sent.journal"))
	require.NoError(t, j.Append(testEntry(0)))
	require.NoError(t, j.file.Close())
	first := j.Append(testEntry(1))
	require.ErrorIs(t, first, os.ErrClosed)
	require.Equal(t, first, j.Append(testEntry(2)))
}

func TestAnEntryHasABound(t *testing.T) {
	j, _ := open(t, filepath.Join(t.TempDir(), "sent.journal"))
	big := testEntry(0)
	big.Own.Envelope = make([]byte, maxEntry)
	require.ErrorContains(t, j.Append(big), "exceeds")
	require.NoError(t, j.Append(testEntry(1)))
}

func TestOldEntriesAreDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent.journal")
	j, _ := open(t, path)
	old, kept := testEntry(0), testEntry(1)
	kept.Window = 900 + keepBlocks
	require.NoError(t, j.Append(old))
	require.NoError(t, j.Append(kept))
	j.rewrite = j.size
	last := testEntry(2)
	last.Window = 1800 + keepBlocks
	require.NoError(t, j.Append(last))
	require.NoError(t, j.Append(testEntry(3)), "what is appended after that counts as little")
	want := []Entry{kept, last, testEntry(3)}
	got, err := j.Entries()
	require.NoError(t, err)
	require.Equal(t, want, got)
	again, torn := open(t, path)
	require.Zero(t, torn)
	got, err = again.Entries()
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestAnyEntryIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Entry
		copy(e.Wallet[:], rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "wallet"))
		copy(e.Holder.Boot[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "boot"))
		e.Window = chain.Height(rapid.Uint64().Draw(t, "window"))
		e.Epoch = Epoch(rapid.Uint64().Draw(t, "epoch"))
		e.Holder.Instance = InstanceID(rapid.StringN(0, 63, 63).Draw(t, "instance"))
		e.Generation = Generation(rapid.StringN(0, 40, 40).Draw(t, "generation"))
		e.Own.Payload = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload")
		e.Own.Envelope = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "envelope")
		e.Own.SentAt = chain.Height(rapid.Uint64().Draw(t, "at"))
		if rapid.Bool().Draw(t, "timed") {
			e.Own.SentTime = time.Unix(0, rapid.Int64Range(1, 1<<61).Draw(t, "time"))
		}
		e.Digest = Digest(e.Own)
		record, err := appendRecord(nil, e)
		require.NoError(t, err)
		got, n, err := readRecord(append(record, "more"...))
		require.NoError(t, err)
		require.Equal(t, len(record), n)
		require.Equal(t, e, got)
	})
}

// FuzzJournal reads any file. What it accepts is, written again, what was read.
func FuzzJournal(f *testing.F) {
	seed := []byte(journalMagic)
	for i := range 2 {
		seed, _ = appendRecord(seed, testEntry(i))
	}
	f.Add(seed)
	f.Add(seed[:len(seed)-3])
	f.Add(append(bytes.Clone(seed), 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, good, err := parseJournal(content)
		if err != nil {
			require.ErrorIs(t, err, ErrJournalDamaged)
			return
		}
		again := []byte(journalMagic)
		for _, e := range entries {
			again, err = appendRecord(again, e)
			require.NoError(t, err)
		}
		require.Equal(t, content[:good], again)
	})
}

// FuzzEntry reads any body, as if its checksum were right.
func FuzzEntry(f *testing.F) {
	record, _ := appendRecord(nil, testEntry(1))
	f.Add(record[8:])
	f.Add(record[8 : len(record)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeBody(body)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		again, err := appendRecord(nil, e)
		require.NoError(t, err)
		require.Equal(t, body, again[8:])
	})
}
