package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
)

// epochs is where those of a stay are kept.
func (s shelf) epochs(moves int, instance string) string {
	return filepath.Join(s.dir, fmt.Sprintf(epochsOf, moves, instance))
}

// open makes the directory for the epochs of the instance that has the mailbox from now on.
func (s shelf) open(p place) error {
	if s.dir == "" {
		return nil
	}
	return os.MkdirAll(s.epochs(p.Moves, p.Instance), 0o700)
}

// list names the stays that have a directory, oldest first.
func (s shelf) list() (list []feed.Stay, _ error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), "epochs-")
		digits, instance, parted := strings.Cut(rest, "-")
		moves, err := strconv.Atoi(digits)
		if ours && parted && err == nil && moves >= 0 && feed.CheckName(instance) == nil && fmt.Sprintf(epochsOf, moves, instance) == e.Name() {
			list = append(list, feed.Stay{Moves: moves, Instance: instance})
		}
	}
	slices.SortStableFunc(list, func(a, b feed.Stay) int { return cmp.Compare(a.Moves, b.Moves) })
	return list, nil
}

// stays reads what is kept of each stay, oldest first, the present one last.
func (s shelf) stays(p place) (stays []feed.Stay, _ error) {
	list, err := s.list()
	if err != nil {
		return nil, err
	}
	present := feed.Stay{Moves: p.Moves, Instance: p.Instance}
	verdicts, err := s.verdicts(present)
	if err != nil {
		return nil, err
	}
	for _, stay := range append(slices.DeleteFunc(list, func(l feed.Stay) bool { return l.Moves >= p.Moves }), present) {
		last, until := stay.Moves == p.Moves, ^feed.Epoch(0)
		if last { // one that was written just before a crash is read again from the mailbox
			until = p.Epoch
		}
		if !last || p.Sealed {
			if stay.Kept, err = s.kept(p.Mailbox, stay, until); err != nil {
				return nil, err
			}
		}
		stay.Unverified = verdicts[stay.Moves].Unverified
		if len(stay.Kept) > 0 || last { // where nothing was sealed, nothing is kept
			stays = append(stays, stay)
		}
	}
	return stays, nil
}

// kept reads the epochs of a stay up to one.
func (s shelf) kept(mailbox string, stay feed.Stay, until feed.Epoch) (kept []feed.Kept, err error) {
	dir := s.epochs(stay.Moves, stay.Instance)
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, file := range list {
		name := filepath.Join(dir, file.Name())
		digits, whole := strings.CutSuffix(file.Name(), wholeEnd)
		digits, heads := strings.CutSuffix(digits, headsEnd)
		epoch, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || whole == heads || feed.Epoch(epoch) > until {
			continue
		}
		raw, err := os.ReadFile(name) //nolint:gosec // of our own directory
		if err != nil {
			return nil, err
		}
		k := feed.Kept{Epoch: feed.Epoch(epoch)}
		if whole {
			x, err := feed.DecodeExport(raw)
			if err != nil || len(x.Epochs) != 1 || x.Epochs[0].Epoch != k.Epoch || x.Mailbox != mailbox || x.Instance != stay.Instance {
				return nil, fmt.Errorf("%s: %w: it is not what was written there", name, errors.Join(feed.ErrMalformed, err))
			}
			k = x.Epochs[0]
		} else if err := json.Unmarshal(raw, &k.Heads); err != nil || k.Heads == nil {
			return nil, fmt.Errorf("%s: %w: it is not what was written there", name, errors.Join(feed.ErrMalformed, err))
		}
		kept = append(kept, k)
	}
	slices.SortStableFunc(kept, func(a, b feed.Kept) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return slices.CompactFunc(kept, func(a, b feed.Kept) bool { return a.Epoch == b.Epoch }), nil // a crash between two forms of one
}

// keep makes the directory hold those stays and no others.
func (s shelf) keep(mailbox string, stays []feed.Stay) error {
	if s.dir == "" {
		return nil
	}
	for _, stay := range stays {
		if err := s.keepStay(mailbox, stay); err != nil {
			return err
		}
	}
	list, err := s.list()
	if err != nil {
		return err
	}
	for _, l := range list {
		named := func(k feed.Stay) bool { return k.Moves == l.Moves && k.Instance == l.Instance }
		if !slices.ContainsFunc(stays, named) {
			if err := os.RemoveAll(s.epochs(l.Moves, l.Instance)); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepStay makes a stay's directory hold its epochs and no others.
func (s shelf) keepStay(mailbox string, stay feed.Stay) error {
	dir := s.epochs(stay.Moves, stay.Instance)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, file := range list {
		there[file.Name()] = true
	}
	for _, k := range stay.Kept {
		name := fmt.Sprintf("%020d", uint64(k.Epoch))
		var raw []byte
		if k.Heads == nil {
			name += wholeEnd
		} else if name += headsEnd; !there[name] {
			if raw, err = json.Marshal(k.Heads); err != nil {
				return err
			}
		}
		if there[name] {
			delete(there, name)
			continue
		}
		if k.Heads == nil {
			raw = feed.Export{Instance: stay.Instance, Mailbox: mailbox, Epochs: []feed.Kept{k}}.Encode()
		}
		if err := wholefile.Replace(filepath.Join(dir, name), raw); err != nil {
			return err
		}
	}
	for name := range there {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Confirmed is how far others have confirmed what one instance told.
type Confirmed struct {
	Moves    int // which stay: so many moves of the mailbox came before
	Instance string
	Until    feed.Epoch
}

// verdict is how that is kept.
type verdict struct {
	Moves      int        `json:"moves"`
	Instance   string     `json:"instance"`
	Unverified feed.Epoch `json:"unverified"` // the first epoch that is not confirmed
}

// verdicts reads what others have confirmed of each stay. It has a file of its own, for it is also written by who compares a directory that
// nobody follows with.
func (s shelf) verdicts(present feed.Stay) (map[int]verdict, error) {
	of := map[int]verdict{}
	if s.dir == "" {
		return of, nil
	}
	file := filepath.Join(s.dir, verifiedFile)
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return of, nil
	}
	if err != nil {
		return nil, err
	}
	var one verdict
	if json.Unmarshal(raw, &one) == nil { // as it was before it counted over moves: of the instance that had the mailbox then
		if one.Instance == present.Instance {
			one.Moves = present.Moves
			of[present.Moves] = one
		}
		return of, nil
	}
	var list []verdict
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, v := range list {
		of[v.Moves] = v
	}
	return of, nil
}

// verify adds to it what others have confirmed, and never takes any of it back; what is of stays that are kept no more goes.
func (s shelf) verify(stays []feed.Stay, news ...Confirmed) error {
	if s.dir == "" || len(stays) == 0 {
		return nil
	}
	was, err := s.verdicts(stays[len(stays)-1])
	if err != nil {
		return err
	}
	changed := false
	var list []verdict
	for _, stay := range stays {
		v := was[stay.Moves]
		v.Moves, v.Instance = stay.Moves, stay.Instance
		for _, c := range news {
			if c.Moves == stay.Moves && c.Instance == stay.Instance && c.Until >= v.Unverified {
				v.Unverified, changed = c.Until+1, true
			}
		}
		if v.Unverified > 0 {
			list = append(list, v)
		}
	}
	if !changed {
		return nil
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return wholefile.Replace(filepath.Join(s.dir, verifiedFile), append(raw, '\n'))
}
