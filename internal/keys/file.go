package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
)

// File is what a keystore file says of itself to anybody, without its password. Only opening it shows whether that is
// true.
type File struct {
	Path       string
	Address    chain.Operator // zero if the file leaves it out
	Derivation Derivation
	Mode       fs.FileMode // permissions
}

// Derivation is how a keystore file makes its key from the password: the price of one guess.
type Derivation struct {
	Function string // scrypt or pbkdf2
	N, R, P  uint32 // of scrypt
	C        uint32 // of pbkdf2: rounds
}

// weakest is what a file must cost to guess at to be more than a toy: half of what go-ethereum's standard costs, in bytes
// of memory times passes for scrypt, and what the Web3 Secret Storage definition takes for PBKDF2, in rounds.
const (
	weakestScrypt = 128 << 20
	weakestRounds = 1 << 18
)

// Memory returns how many bytes one derivation takes; 0 where memory is no part of its price.
func (d Derivation) Memory() uint64 { return 128 * uint64(d.N) * uint64(d.R) }

// Weak reports whether guessing is too cheap for a key that holds something.
func (d Derivation) Weak() bool {
	if d.Function == "scrypt" {
		return d.Memory()*uint64(d.P) < weakestScrypt
	}
	return d.C < weakestRounds
}

// String describes the derivation: "scrypt n=262144 r=8 p=1, 256 MiB".
func (d Derivation) String() string {
	if d.Function == "scrypt" {
		return fmt.Sprintf("scrypt n=%d r=%d p=%d, %d MiB", d.N, d.R, d.P, d.Memory()>>20)
	}
	return fmt.Sprintf("%s c=%d", d.Function, d.C)
}

// Inspect reads a keystore file without opening it. A file that others may read is no error here: File.Mode tells.
func Inspect(path string) (File, error) {
	data, info, err := secretfile.ReadAny("operator key", path, maxSecretFile)
	if err != nil {
		return File{}, err
	}
	file, err := parseKeystore(data, maxCost)
	if err != nil {
		return File{}, secretfile.Unusable{Err: fmt.Errorf("read operator key: %s: %w", path, err)}
	}
	params := file.Crypto.KDFParams
	f := File{
		Path:       path,
		Derivation: Derivation{Function: file.Crypto.KDF, N: params.N, R: params.R, P: params.P, C: params.C},
		Mode:       info.Mode().Perm(),
	}
	if file.Address != "" {
		f.Address = chain.Operator(common.HexToAddress(file.Address))
	}
	return f, nil
}

// maxListed bounds how many files of a directory List looks into; a keystore directory holds a few.
const maxListed = 1000

// List returns the keystore files among the first thousand files of a directory, in the order of their names. What is
// none is passed over; a directory that is not there holds none.
func List(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.IsDir() })
	var files []File
	for _, entry := range entries[:min(len(entries), maxListed)] {
		if f, err := Inspect(filepath.Join(dir, entry.Name())); err == nil {
			files = append(files, f)
		}
	}
	return files, nil
}
