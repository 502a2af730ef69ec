package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
)

func sentEntry(window chain.Height) cluster.Entry {
	own := coordination.OwnProposal{Payload: []byte("payload"), Envelope: []byte("envelope")}
	return cluster.Entry{Wallet: chain.WalletID{1}, Window: window, Digest: cluster.Digest(own), Own: own}
}

// A journal that cannot be written is opened anew once it can; what it holds is as it was.
func TestABrokenJournalIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), sentFile)
	l, err := openSentLog(path, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, l.Append(sentEntry(900)))
	require.NoError(t, l.broken())
	require.NoError(t, l.heal(), "nothing is to be done")

	require.NoError(t, l.journal.Close()) // as a file whose disk has gone
	require.Error(t, l.Append(sentEntry(1800)))
	require.Error(t, l.broken())
	require.NoError(t, l.heal())
	require.NoError(t, l.broken())
	require.NoError(t, l.Append(sentEntry(2700)))
	entries, err := l.Entries()
	require.NoError(t, err)
	require.Equal(t, []chain.Height{900, 2700}, []chain.Height{entries[0].Window, entries[1].Window})

	require.NoError(t, l.journal.Close())
	require.Error(t, l.Append(sentEntry(3600)))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("something else"), 0o600))
	require.ErrorIs(t, l.heal(), cluster.ErrJournalDamaged)
	require.ErrorIs(t, l.Append(sentEntry(3600)), cluster.ErrJournalDamaged)
	_, err = l.Entries()
	require.ErrorIs(t, err, cluster.ErrJournalDamaged)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	require.NoError(t, l.heal())
	require.NoError(t, l.close())
	require.Error(t, l.Append(sentEntry(3600)))
}

func TestADirectoryIsOneProcessesAlone(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	h, err := openHome(dir, log)
	require.NoError(t, err)
	_, err = openHome(dir, log)
	require.ErrorIs(t, err, errDirectoryTaken)
	require.NoError(t, h.close())

	h, err = openHome(dir, log)
	require.NoError(t, err)
	require.NoError(t, h.close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, sentFile), []byte("something else"), 0o600))
	_, err = openHome(dir, log)
	require.ErrorIs(t, err, cluster.ErrJournalDamaged, "what was sent is not known: somebody has to look")
}
