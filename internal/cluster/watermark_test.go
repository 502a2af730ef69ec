package cluster

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func seenAt(t *testing.T, path string) Mark {
	t.Helper()
	w, err := OpenWatermark(path)
	require.NoError(t, err)
	return w.Seen()
}

func TestAWatermarkOnlyRisesWithinAGeneration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.seen")
	require.Zero(t, seenAt(t, path))
	w, err := OpenWatermark(path)
	require.NoError(t, err)
	require.NoError(t, w.Note(Mark{"one", 5}))
	require.Zero(t, w.Seen(), "it has entered no generation")

	require.NoError(t, w.Enter(Mark{"one", 7}))
	require.Equal(t, Mark{"one", 7}, seenAt(t, path))
	require.NoError(t, w.Note(Mark{"one", 9}))
	require.NoError(t, w.Note(Mark{"one", 8}))
	require.NoError(t, w.Enter(Mark{"one", 8}))
	require.Equal(t, Mark{"one", 9}, seenAt(t, path))

	require.NoError(t, w.Enter(Mark{"two", 3}))
	require.NoError(t, w.Note(Mark{"one", 10}), "the late word of a session that is over")
	require.Equal(t, Mark{"two", 3}, w.Seen())
	require.Equal(t, Mark{"two", 3}, seenAt(t, path))
}

func TestWhoeverNotesAMarkFindsItOnTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.seen")
	w, err := OpenWatermark(path)
	require.NoError(t, err)
	require.NoError(t, w.Enter(Mark{"one", 1}))
	var noting sync.WaitGroup
	for n := uint64(2); n < 20; n++ {
		noting.Go(func() {
			if err := w.Note(Mark{"one", n}); err != nil {
				t.Error(err)
			}
			if at := seenAt(t, path); at.Position < n {
				t.Errorf("noted %d, the disk has %d", n, at.Position)
			}
		})
	}
	noting.Wait()
	require.Equal(t, Mark{"one", 19}, seenAt(t, path))
}

func TestAMarkThatCouldNotBeWrittenIsWrittenWithTheNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "database.seen")
	w, err := OpenWatermark(path)
	require.NoError(t, err)
	require.ErrorIs(t, w.Enter(Mark{"one", 1}), os.ErrNotExist)
	require.ErrorIs(t, w.Note(Mark{"one", 1}), os.ErrNotExist, "as long as it is not written nobody is told so")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, w.Note(Mark{"one", 1}))
	require.Equal(t, Mark{"one", 1}, seenAt(t, path))
}

func TestWithoutAWatermarkNothingIsRemembered(t *testing.T) {
	var none *Watermark
	require.NoError(t, none.Enter(Mark{"one", 1}))
	require.NoError(t, none.Note(Mark{"one", 2}))
	require.Zero(t, none.Seen())
}

func TestADamagedWatermarkIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.seen")
	good := Mark{"1-word", 77}.format()
	require.Equal(t, "walletnode-database-seen-1 \"1-word\" 77 fdeb8631\n", good)
	for _, content := range []string{"", "x", good[:len(good)-1], good + "\n", "walletnode-database-seen-2" + good[26:], good[:36] + "8" + good[37:]} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := OpenWatermark(path)
		require.ErrorIs(t, err, errWatermarkDamaged, "%q", content)
		require.ErrorContains(t, err, path)
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add(Mark{"1-word", 77}.format())
	f.Add(Mark{"\"\\\x00\xff", 1 << 63}.format())
	f.Add(markMagic + ` "a" 1 00000000` + "\n")
	f.Fuzz(func(t *testing.T, content string) {
		m, err := parseMark(content)
		if err == nil && m.format() != content {
			t.Errorf("%q was read as %+v, which is written %q", content, m, m.format())
		}
	})
}

func FuzzMark(f *testing.F) {
	f.Add("1-word", uint64(77))
	f.Fuzz(func(t *testing.T, generation string, position uint64) {
		m := Mark{Generation(generation), position}
		if len(m.format()) > maxMark {
			t.Skip()
		}
		got, err := parseMark(m.format())
		if err != nil || got != m {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
	})
}
