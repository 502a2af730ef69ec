package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// writeExports writes what is kept whole: of the instance that has the mailbox to a file, and of each stay before it to another one beside.
// Those of stays that are kept no more are removed.
func writeExports(file string, kept feedclient.Archive) error {
	written := map[string]bool{}
	for i, stay := range kept.Stays {
		name, x := file, stay.Export(kept.Mailbox)
		if i < len(kept.Stays)-1 {
			name = fmt.Sprintf("%s.%06d-%s", file, stay.Moves, stay.Instance)
		}
		if name != file && len(x.Epochs) == 0 {
			continue
		}
		written[name] = true
		if err := replaceExport(name, x); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("--export: %w", err)
	}
	ours := regexp.MustCompile(`^` + regexp.QuoteMeta(filepath.Base(file)) + `\.[0-9]{6,}-[a-z0-9._-]+$`)
	for _, e := range entries {
		if name := filepath.Join(filepath.Dir(file), e.Name()); ours.MatchString(e.Name()) && !written[name] {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("--export: %w", err)
			}
		}
	}
	return nil
}

// replaceExport writes the file anew, so that one of the two is always whole: as many of the newest epochs as an export can have.
func replaceExport(file string, x feed.Export) error {
	raw := x.Encode()
	for len(raw) > feed.MaxExport {
		x.Epochs = x.Epochs[len(x.Epochs)/8+1:]
		raw = x.Encode()
	}
	if err := wholefile.Replace(file, raw); err != nil {
		return fmt.Errorf("--export: %w", err)
	}
	return nil
}
