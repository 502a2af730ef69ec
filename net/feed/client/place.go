package client

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
)

// What others find in a directory in which a place is kept.
const (
	PlaceFile = "place.json"
	ProofsDir = "proofs" // what comparisons proved
)

const (
	verifiedFile = "verified.json"
	proofEnd     = ".proof"
	maxProofs    = 256
	wholeEnd     = ".export" // an epoch that is kept whole: an export of it alone
	headsEnd     = ".heads"  // one that is compressed
	// epochsOf names the directory of the epochs read from one instance: after how many moves, and which.
	epochsOf = "epochs-%06d-%s"
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

// read returns what was kept, the stay of the place last; false if nothing was yet.
func (s shelf) read() (p place, stays []feed.Stay, found bool, err error) {
	if s.dir == "" {
		return p, nil, false, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, PlaceFile))
	if errors.Is(err, os.ErrNotExist) {
		return p, nil, false, nil
	}
	if err != nil {
		return p, nil, false, err
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, nil, false, fmt.Errorf("%s: %w", filepath.Join(s.dir, PlaceFile), err)
	}
	stays, err = s.stays(p)
	return p, stays, true, err
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
	return wholefile.Replace(filepath.Join(s.dir, PlaceFile), append(raw, '\n'))
}

// prove keeps a proof under its hash, and says where; the first maxProofs of them, further ones are of no more use.
func (s shelf) prove(p feed.Proof) (string, error) {
	if s.dir == "" {
		return "", nil
	}
	dir, raw := filepath.Join(s.dir, ProofsDir), p.Encode()
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
