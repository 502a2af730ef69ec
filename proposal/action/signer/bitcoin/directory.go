package bitcoin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
)

const (
	// maxFiles is how many transactions are read from a directory, the newest first: a wallet needs one.
	maxFiles = 1000
	// maxDirectory bounds what they take together, in bytes of hex: 40 of the longest there can be.
	maxDirectory = 80 * MaxTransaction
	hexSuffix    = ".hex"
)

// Directory is a folder in which the operator puts raw transactions: <txid>.hex, one in each file, with or without signatures.
type Directory struct {
	path string
	log  *slog.Logger
}

// NewDirectory names a directory, which need not exist yet.
func NewDirectory(path string, log *slog.Logger) *Directory { return &Directory{path, log} }

// Candidates implements Transactions with every transaction that is there. A file that cannot be used is logged and passed
// over; a directory that is not there is empty.
func (d *Directory) Candidates(ctx context.Context, _ chain.WalletID) ([]*wire.MsgTx, error) {
	found, bad, err := d.read(ctx)
	for _, err := range bad {
		d.log.Warn("A Bitcoin transaction cannot be used", "error", err)
	}
	return found, err
}

// read returns the transactions, and an error for each file that cannot be used.
func (d *Directory) read(ctx context.Context) (found []*wire.MsgTx, bad []error, err error) {
	files, err := d.files()
	if err != nil {
		return nil, nil, fmt.Errorf("read bitcoin transactions: %w", err)
	}
	room := int64(maxDirectory)
	for i, file := range files {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if room -= file.Size(); i == maxFiles || room < 0 {
			bad = append(bad, fmt.Errorf("%s and %d older files are too much: take away what is spent", file.Name(), len(files)-i-1))
			break
		}
		tx, err := d.readFile(file.Name())
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", file.Name(), err))
			continue
		}
		found = append(found, tx)
	}
	return found, bad, nil
}

// files lists the directory, the newest first.
func (d *Directory) files() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), hexSuffix) || !entry.Type().IsRegular() {
			continue // a pipe, say, would keep us waiting
		}
		if info, err := entry.Info(); err == nil { // an error: it was taken away meanwhile
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	return files, nil
}

func (d *Directory) readFile(name string) (*wire.MsgTx, error) {
	file, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	const most = 2*MaxTransaction + 2
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if len(text) > most {
		return nil, fmt.Errorf("more than %d bytes", most)
	}
	return parseHex(strings.TrimSuffix(name, hexSuffix), text)
}

// parseHex reads a transaction in hex, with a line's end or without, whose name must be txid.
func parseHex(txid string, text []byte) (*wire.MsgTx, error) {
	text = bytes.TrimSpace(text)
	raw := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(raw, text); err != nil {
		return nil, fmt.Errorf("it is not hex: %w", err)
	}
	tx, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(txID(tx), txid) {
		return nil, fmt.Errorf("it has transaction %s, not the one that it is named after", txID(tx))
	}
	return tx, nil
}
