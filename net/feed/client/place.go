package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
)

const (
	placeFile    = "place.json"
	verifiedFile = "verified.json"
	proofsDir    = "proofs" // what comparisons proved
	proofEnd     = ".proof"
	maxProofs    = 256
	wholeEnd     = ".export" // an epoch that is kept whole: an export of it alone
	headsEnd     = ".heads"  // one that is compressed
	// epochsOf names the directory of the epochs read from one instance: after how many moves, and which. Those of the newest maxPast are
	// kept.
	epochsOf = "epochs-%06d-%s"
	maxPast  = 8
)

// place is what a subscriber keeps of where it is.
type place struct {
	Mailbox  string         `json:"mailbox"`
	Instance string         `json:"instance"` // whose feed Number to Seal are of
	Moves    int            `json:"moves"`    // of the mailbox, as far as they were read
	Operator chain.Operator `json:"operator"` // whose lists of keys are believed
	Keys     *Keys          `json:"keys"`     // the newest
	Keep     int            `json:"keep"`     // the policy: so many whole epochs,
	Then     feed.Then      `json:"then"`     // and what becomes of the oldest then
	// Number to Seal are where a reader begins anew: the end of the last epoch that is complete. Entries after it are read again.
	Number feed.Number `json:"number"`
	Head   feed.Hash   `json:"head"`
	Sealed bool        `json:"sealed"`
	Epoch  feed.Epoch  `json:"epoch"`
	Seal   feed.Hash   `json:"seal"`
	// Delivered is the last entry that was handed over; it is not handed over again.
	Delivered feed.Number `json:"delivered"`
}

func (p place) start() feed.Start {
	return feed.Start{Number: p.Number, Head: p.Head, Sealed: p.Sealed, Epoch: p.Epoch, Seal: p.Seal}
}

func (p *place) stand(at feed.Start) {
	p.Number, p.Head, p.Sealed, p.Epoch, p.Seal = at.Number, at.Head, at.Sealed, at.Epoch, at.Seal
}

// shelf is the directory in which a subscriber keeps its place. Without a name nothing is kept.
type shelf struct{ dir string }

// read returns what was kept; false if nothing was yet.
func (s shelf) read() (p place, kept []feed.Kept, found bool, err error) {
	if s.dir == "" {
		return p, nil, false, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, placeFile))
	if errors.Is(err, os.ErrNotExist) {
		return p, nil, false, nil
	}
	if err != nil {
		return p, nil, false, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, nil, false, fmt.Errorf("%s: %w", filepath.Join(s.dir, placeFile), err)
	}
	kept, err = s.kept(p)
	return p, kept, true, err
}

// epochs is where those of the instance are kept that has the mailbox.
func (s shelf) epochs(p place) string {
	return filepath.Join(s.dir, fmt.Sprintf(epochsOf, p.Moves, p.Instance))
}

// open makes the directory for the epochs of the instance that has the mailbox from now on.
func (s shelf) open(p place) error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.epochs(p), 0o700); err != nil {
		return err
	}
	list, err := filepath.Glob(filepath.Join(s.dir, "epochs-*")) // in their order
	if err != nil {
		return err
	}
	for len(list) > maxPast {
		if err := os.RemoveAll(list[0]); err != nil {
			return err
		}
		list = list[1:]
	}
	return nil
}

// kept reads those that are kept and belong to the place: one that was written just before a crash is read again from the mailbox.
func (s shelf) kept(p place) (kept []feed.Kept, err error) {
	list, err := os.ReadDir(s.epochs(p))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, file := range list {
		name := filepath.Join(s.epochs(p), file.Name())
		digits, whole := strings.CutSuffix(file.Name(), wholeEnd)
		digits, heads := strings.CutSuffix(digits, headsEnd)
		epoch, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || whole == heads || !p.Sealed || feed.Epoch(epoch) > p.Epoch {
			continue
		}
		raw, err := os.ReadFile(name) //nolint:gosec // of our own directory
		if err != nil {
			return nil, err
		}
		k := feed.Kept{Epoch: feed.Epoch(epoch)}
		if whole {
			x, err := feed.DecodeExport(raw)
			if err != nil || len(x.Epochs) != 1 || x.Epochs[0].Epoch != k.Epoch || x.Mailbox != p.Mailbox {
				return nil, fmt.Errorf("%s: %w: it is not what was written there", name, errors.Join(feed.ErrMalformed, err))
			}
			k = x.Epochs[0]
		} else if err := json.Unmarshal(raw, &k.Heads); err != nil || k.Heads == nil {
			return nil, fmt.Errorf("%s: %w: it is not what was written there", name, errors.Join(feed.ErrMalformed, err))
		}
		kept = append(kept, k)
	}
	slices.SortFunc(kept, func(a, b feed.Kept) int { return int(int64(a.Epoch) - int64(b.Epoch)) })
	return slices.CompactFunc(kept, func(a, b feed.Kept) bool { return a.Epoch == b.Epoch }), nil // a crash between two forms of one
}

// write keeps a place.
func (s shelf) write(p place) error {
	if s.dir == "" {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Replace(filepath.Join(s.dir, placeFile), append(raw, '\n'))
}

// keep makes the directory hold those epochs and no others.
func (s shelf) keep(p place, kept []feed.Kept) error {
	if s.dir == "" {
		return nil
	}
	dir := s.epochs(p)
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, file := range list {
		there[file.Name()] = true
	}
	for _, k := range kept {
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
			raw = feed.Export{Instance: k.Seal.Actor.Instance, Mailbox: p.Mailbox, Epochs: []feed.Kept{k}}.Encode()
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

// verdict is how far others have confirmed what an instance told.
type verdict struct {
	Instance   string     `json:"instance"`
	Unverified feed.Epoch `json:"unverified"` // the first that is not confirmed
}

// verified reads the first epoch of an instance that is not verified. It has a file of its own, for it is also written by who compares a
// directory that nobody follows with.
func (s shelf) verified(instance string) (feed.Epoch, error) {
	if s.dir == "" {
		return 0, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, verifiedFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var v verdict
	if err := json.Unmarshal(raw, &v); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(s.dir, verifiedFile), err)
	}
	if v.Instance != instance {
		return 0, nil
	}
	return v.Unverified, nil
}

// verify writes it, and never an earlier one.
func (s shelf) verify(instance string, unverified feed.Epoch) error {
	was, err := s.verified(instance)
	if err != nil || s.dir == "" || unverified <= was {
		return err
	}
	raw, err := json.Marshal(verdict{instance, unverified})
	if err != nil {
		return err
	}
	return wholefile.Replace(filepath.Join(s.dir, verifiedFile), append(raw, '\n'))
}

// prove keeps a proof under its hash, and says where; the first maxProofs of them, further ones are of no more use.
func (s shelf) prove(p feed.Proof) (string, error) {
	if s.dir == "" {
		return "", nil
	}
	dir, raw := filepath.Join(s.dir, proofsDir), p.Encode()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	file := filepath.Join(dir, hex.EncodeToString(sum[:16])+proofEnd)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) >= maxProofs {
		return "", err
	}
	return file, wholefile.Replace(file, raw)
}
