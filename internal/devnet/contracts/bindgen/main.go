// Command bindgen writes one Go file that binds several contracts. It calls go-ethereum's abigen library,
// because its command binds one contract per file, and two files of one package would each declare the structs
// that the contracts share.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"
)

func main() {
	dir := flag.String("dir", ".", "folder of <contract>.abi and, where the contract can be deployed, <contract>.bin")
	pkg := flag.String("pkg", "", "name of the Go package")
	out := flag.String("out", "bindings.go", "file to write, inside dir")
	flag.Parse()
	if err := run(*dir, *pkg, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bindgen:", err)
		os.Exit(1)
	}
}

// run binds the contracts in the order given, so that the output depends on its arguments and files alone.
func run(dir, pkg, out string, contracts []string) error {
	abis := make([]string, len(contracts))
	bins := make([]string, len(contracts))
	for i, name := range contracts {
		abi, err := os.ReadFile(filepath.Join(dir, name+".abi"))
		if err != nil {
			return fmt.Errorf("read ABI: %w", err)
		}
		bin, err := os.ReadFile(filepath.Join(dir, name+".bin"))
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("read bytecode: %w", err)
		}
		abis[i], bins[i] = string(abi), strings.TrimSpace(string(bin))
	}
	code, err := abigen.BindV2(contracts, abis, bins, pkg, nil, nil)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, out), []byte(code), 0o644); err != nil { //nolint:gosec // a source file, read by all
		return fmt.Errorf("write binding: %w", err)
	}
	return nil
}
