//go:build linux

// Command pictures takes the pictures in docs/pictures from the real thing: it builds walletnode, runs devnets with it on a
// pseudo-terminal, and photographs what the terminal shows and the dashboard that is served meanwhile.
//
// It needs Chromium, and PostgreSQL's server programs for an operator with many instances, and takes about four minutes. Nothing
// in a picture is made up or changed; keys and blocks differ from run to run, so the pictures do, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "docs/pictures", "write the pictures to this `DIRECTORY`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := take(ctx, *dir); err != nil {
		log.Fatalln("pictures:", err) //nolint:gocritic // nothing is left to stop
	}
}

// take builds the program and takes all pictures.
func take(ctx context.Context, dir string) (err error) {
	built, err := os.MkdirTemp("", "walletnode-pictures-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(built)) }()
	program := filepath.Join(built, "walletnode")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/walletnode")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build walletnode, in the root of the repository: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pictures are for everybody
		return err
	}
	if err := terminalPicture(ctx, program, filepath.Join(dir, "devnet.png")); err != nil {
		return fmt.Errorf("the terminal: %w", err)
	}
	if err := dashboardPicture(ctx, program, filepath.Join(dir, "dashboard.png")); err != nil {
		return fmt.Errorf("the dashboard: %w", err)
	}
	return nil
}
