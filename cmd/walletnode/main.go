// Command walletnode runs the node of a threshold-wallet operator and reads what it recorded. Data goes to stdout,
// logs and errors to stderr; exit.go has the meaning of the exit codes.
package main

import "os"

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
