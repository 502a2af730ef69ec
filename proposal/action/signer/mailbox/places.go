package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

const (
	// beforeEnd ends the name of the directory in which what was kept before there was a mailbox at every instance is left.
	beforeEnd = ".before"
	// asideEnd ends that of the one in which what was found false is left for people: the first such, "-2" after it the second, and so on up
	// to maxAside, which is the newest.
	asideEnd = ".false"
	// goneEnd ends that of a directory after whose place the mailbox holds nothing any more.
	goneEnd  = ".collected"
	maxAside = 8
	// maxPlaces is of how many instances places are kept. Names of instances may come and go with each start of a container.
	maxPlaces = 4 * maxReaders
)

// makeRoom puts aside what was kept while one instance alone had a mailbox. Its window was read there, and is read again at all of them.
func (r *Readers) makeRoom() error {
	if r.cfg.Dir == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(r.cfg.Dir, feedclient.PlaceFile)); err != nil {
		return nil //nolint:nilerr // there is none, or nothing can be done there, which opening a mailbox tells
	}
	r.cfg.Logger.Info("What was kept of the only mailbox is put aside: there is one at every instance now", "directory", r.cfg.Dir+beforeEnd)
	return putAside(r.cfg.Dir, r.cfg.Dir+beforeEnd)
}

// tidy forgets the places in mailboxes of instances that are not followed any more, those that were written first, beyond maxPlaces. Proofs stay
// for people.
func (r *Readers) tidy() error {
	if r.cfg.Dir == "" {
		return nil
	}
	entries, err := os.ReadDir(r.cfg.Dir)
	if err != nil {
		return fmt.Errorf("look for the places in mailboxes of before: %w", err)
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), r.cfg.Mailbox+".") {
			list = append(list, filepath.Join(r.cfg.Dir, e.Name()))
		}
	}
	if len(list) <= maxPlaces {
		return nil
	}
	followed := map[string]bool{}
	for _, f := range r.readers() {
		followed[f.cfg.Dir] = true
	}
	written := map[string]time.Time{}
	list = slices.DeleteFunc(list, func(dir string) bool {
		if _, err := os.Stat(filepath.Join(dir, feedclient.ProofsDir)); err == nil || followed[dir] {
			return true
		}
		if place, err := os.Stat(filepath.Join(dir, feedclient.PlaceFile)); err == nil {
			written[dir] = place.ModTime()
		}
		return false
	})
	slices.SortFunc(list, func(a, b string) int { return written[a].Compare(written[b]) })
	for _, dir := range list[:max(0, len(list)-maxPlaces+len(followed))] {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("forget the place in a mailbox of before: %w", err)
		}
	}
	return nil
}

// aside moves the directory out of the way.
func (r *Reader) aside(end string) error {
	if r.cfg.Dir == "" {
		return nil
	}
	if r.cfg.Instance != "" { // beside the one that has those of all instances
		return putAside(r.cfg.Dir, filepath.Join(filepath.Dir(r.cfg.Dir)+end, filepath.Base(r.cfg.Dir)))
	}
	return putAside(r.cfg.Dir, r.cfg.Dir+end)
}

// putAside renames a directory, with a number at its end if there is one of that name already. The newest takes the place of the last.
func putAside(dir, to string) error {
	aside := to
	for n := 2; n <= maxAside; n++ {
		if _, err := os.Stat(aside); errors.Is(err, os.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s-%d", to, n)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(aside), 0o700), os.RemoveAll(aside)); err != nil {
		return fmt.Errorf("make room for what is put aside: %w", err)
	}
	if err := os.Rename(dir, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("put the mailbox's directory aside: %w", err)
	}
	return nil
}
