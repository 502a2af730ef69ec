// Command walletnode runs the node of a threshold-wallet operator and reads what it recorded. Data goes to stdout,
// logs and errors to stderr; exit.go has the meaning of the exit codes.
//
// A command parses, calls and prints: what it tells is a document of package view, asked of the running node or read from its store.
//
//	app.go, flags.go, arguments.go, completion.go  all commands, and how a line is read
//	config.go, init.go, keys.go, check.go          before a node runs
//	start.go, surround.go, signals.go, reload.go   a node that runs, and what surrounds it
//	source.go, reach.go                            where answers come from: a running node, another instance, or the store
//	windows.go, faults.go, wallets.go, ...         what was recorded, one file for each group of commands
//	signer*.go, keygen.go, feed*.go, evidence*.go  signers, key generations, the feed, evidence
//	devnet.go                                      a whole network on this machine
//	output.go, listing.go, progress.go             tables, pages and bars
package main

import "os"

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
