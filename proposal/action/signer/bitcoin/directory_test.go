package bitcoin

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func hexOf(tx *wire.MsgTx) string { return hex.EncodeToString(Serialize(tx)) }

type folder struct {
	t    *testing.T
	path string
	log  bytes.Buffer
}

func newFolder(t *testing.T) *folder { return &folder{t: t, path: t.TempDir()} }

func (f *folder) put(name, text string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.path, name), []byte(text), 0o600))
}

func (f *folder) read() []*wire.MsgTx {
	f.t.Helper()
	found, err := NewDirectory(f.path, slog.New(slog.NewTextHandler(&f.log, nil))).Candidates(f.t.Context(), chain.WalletID{})
	require.NoError(f.t, err)
	return found
}

func TestATransactionOfTheDirectoryIsFoundByTheChainsHash(t *testing.T) {
	p := newPurse(signer.CMP, 1)
	main, signed := p.fund(5000, 2)
	_, other := p.fund(6000, 1)
	f := newFolder(t)
	require.Empty(t, f.read())
	f.put(txID(signed)+".hex", hexOf(signed)+"\r\n")
	f.put(txID(other)+".hex", hex.EncodeToString(bare(other)))
	f.put("README", "no transaction, and no business of ours")
	found := f.read()
	require.Len(t, found, 2)
	u, tx, ok := FindMain(main.Hash(), found, p.Script())
	require.True(t, ok)
	require.Equal(t, main, u)
	require.Equal(t, signed, tx)
	require.Empty(t, f.log.String())
}

func TestABadFileOfTheDirectoryIsNamedAndPassedOver(t *testing.T) {
	p := newPurse(signer.FROST, 1)
	_, good := p.fund(5000, 0)
	_, other := p.fund(6000, 0)
	f := newFolder(t)
	f.put(strings.ToUpper(txID(good))+".hex", strings.ToUpper(hexOf(good)))
	f.put("a.hex", "")
	f.put("b.hex", "no hex")
	f.put("c.hex", hexOf(good)+"0")
	f.put("d.hex", hexOf(good)+"00")
	f.put("e.hex", hexOf(other))
	f.put("f.hex", strings.Repeat("0", 2*MaxTransaction+3))
	require.NoError(t, os.Mkdir(filepath.Join(f.path, "g.hex"), 0o700))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(f.path, "h.hex")))
	require.Equal(t, []*wire.MsgTx{good}, f.read())
	for _, words := range []string{
		"a.hex: transaction: it ends too early", "b.hex: it is not hex", "c.hex: it is not hex", "d.hex: transaction: 1 bytes follow it",
		"e.hex: it has transaction " + txID(other) + ", not the one that it is named after", "f.hex: more than 800002 bytes",
	} {
		require.Contains(t, f.log.String(), words)
	}
	require.Equal(t, 6, strings.Count(f.log.String(), "level=WARN"))
}

func TestADirectoryIsReadUpToABoundTheNewestFirst(t *testing.T) {
	p := newPurse(signer.FROST, 1)
	f := newFolder(t)
	var newest []string
	for i := range maxFiles + 5 {
		_, tx := p.fund(uint64(5000+i), 0)
		name := txID(tx) + ".hex"
		f.put(name, hexOf(tx))
		made := time.Unix(int64(1000+i), 0)
		require.NoError(t, os.Chtimes(filepath.Join(f.path, name), made, made))
		if i >= 5 {
			newest = append(newest, txID(tx))
		}
	}
	slices.Reverse(newest)
	var names []string
	for _, tx := range f.read() {
		names = append(names, txID(tx))
	}
	require.Equal(t, newest, names)
	require.Contains(t, f.log.String(), "and 4 older files are too much: take away what is spent")

	// Together they may be no longer than the bound, either.
	large := newFolder(t)
	for i := range maxDirectory/(2*MaxTransaction) + 3 {
		large.put(fmt.Sprintf("%03d.hex", i), strings.Repeat("0", 2*MaxTransaction))
	}
	require.Empty(t, large.read())
	require.Contains(t, large.log.String(), "and 2 older files are too much")
	require.Equal(t, maxDirectory/(2*MaxTransaction)+1, strings.Count(large.log.String(), "level=WARN"))
}

func TestADirectoryThatIsNotThereIsEmptyAndOneThatCannotBeReadIsAnError(t *testing.T) {
	f := newFolder(t)
	f.path = filepath.Join(f.path, "none")
	require.Empty(t, f.read())
	require.NoError(t, os.WriteFile(f.path, nil, 0o600))
	_, err := NewDirectory(f.path, slog.New(slog.DiscardHandler)).Candidates(t.Context(), chain.WalletID{})
	require.ErrorContains(t, err, "read bitcoin transactions")

	full := newFolder(t)
	full.put("a.hex", "")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("over"))
	_, err = NewDirectory(full.path, slog.New(slog.DiscardHandler)).Candidates(ctx, chain.WalletID{})
	require.ErrorIs(t, err, context.Canceled)
}
