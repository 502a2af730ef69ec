package client

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// Bounds of a Directory.
const (
	MaxDirectory = 1 << 20 // bytes of its JSON
	MaxInstances = 64
	MaxURLs      = 8              // of one instance
	MaxLife      = 24 * time.Hour // from Issued to Expires
	// Skew is how far the clocks of a client and an instance may lie apart.
	Skew = 5 * time.Minute
)

// Directory is the operator's instances and where they are reached, signed with the operator's key: a client follows a
// redirect only to hosts that stand in one.
type Directory struct {
	Operator  chain.Operator `json:"operator"`
	Issued    time.Time      `json:"issued"`  // whole seconds
	Expires   time.Time      `json:"expires"` // whole seconds
	Instances []Entry        `json:"instances"`
	Signature Signature      `json:"signature"`
}

// Entry is one instance of a Directory.
type Entry struct {
	ID   string   `json:"id"`
	URLs []string `json:"urls"` // in order of preference
}

// DecodeDirectory reads the JSON of a Directory. Whether it is to be believed is Verify's question.
func DecodeDirectory(raw []byte) (Directory, error) {
	if len(raw) > MaxDirectory {
		return Directory{}, fmt.Errorf("%w: longer than %d bytes", ErrDirectory, MaxDirectory)
	}
	var d Directory
	if err := json.Unmarshal(raw, &d); err != nil {
		return Directory{}, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	return d, nil
}

// Sign signs the directory with its operator's key. Its times are cut to whole seconds.
func (d *Directory) Sign(key *ecdsa.PrivateKey) error {
	d.Issued, d.Expires = d.Issued.UTC().Truncate(time.Second), d.Expires.UTC().Truncate(time.Second)
	if err := d.check(); err != nil {
		return err
	}
	if chain.Operator(crypto.PubkeyToAddress(key.PublicKey)) != d.Operator {
		return fmt.Errorf("%w: the key is not operator %v's", ErrDirectory, d.Operator)
	}
	signature, err := SignText(d.Text(), key)
	if err != nil {
		return fmt.Errorf("sign directory: %w", err)
	}
	d.Signature = signature
	return nil
}

// Verify checks that the operator has signed the directory and that it is valid at a time.
func (d Directory) Verify(operator chain.Operator, now time.Time) error {
	if d.Operator != operator {
		return fmt.Errorf("%w: it is operator %v's", ErrOtherOperator, d.Operator)
	}
	if err := d.check(); err != nil {
		return err
	}
	if err := d.valid(now); err != nil {
		return err
	}
	signer, err := d.signer()
	if err != nil {
		return err
	}
	if signer != operator {
		return fmt.Errorf("%w: signed by %v and not by operator %v", ErrDirectory, signer, operator)
	}
	return nil
}

// valid checks that the directory's time has come and not run out.
func (d Directory) valid(now time.Time) error {
	switch {
	case now.Add(Skew).Before(d.Issued):
		return fmt.Errorf("%w: issued at %v, which is yet to come", ErrDirectory, d.Issued.Format(time.RFC3339))
	case !now.Add(-Skew).Before(d.Expires):
		return fmt.Errorf("%w: expired at %v", ErrDirectory, d.Expires.Format(time.RFC3339))
	}
	return nil
}

func (d Directory) signer() (chain.Operator, error) {
	by, err := SignerOf(d.Text(), d.Signature)
	if err != nil {
		return by, fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	return by, nil
}

// Text is what is signed: lines that name every field, so that no two directories have the same. The first one says what
// it is; nothing else that an operator's key signs begins so.
func (d Directory) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "walletnode-directory-1\noperator %v\nissued %d\nexpires %d\n", d.Operator, d.Issued.Unix(), d.Expires.Unix())
	for _, e := range d.Instances {
		fmt.Fprintf(&out, "instance %s\n", e.ID)
		for _, u := range e.URLs {
			fmt.Fprintf(&out, "url %s\n", u)
		}
	}
	return out.String()
}

var instanceID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// check holds a directory against its bounds. It also makes Text unambiguous: no name and no URL has a space or a line's end.
func (d Directory) check() error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if len(d.Instances) > MaxInstances {
		return fmt.Errorf("%w: more than %d instances", ErrDirectory, MaxInstances)
	}
	life := d.Expires.Sub(d.Issued)
	if life <= 0 || life > MaxLife || d.Issued.Unix() <= 0 {
		complain("valid from %v to %v: want at most %v", d.Issued, d.Expires, MaxLife)
	}
	if d.Issued.Nanosecond() != 0 || d.Expires.Nanosecond() != 0 {
		complain("its times are not whole seconds")
	}
	seen := map[string]bool{}
	for _, e := range d.Instances {
		if !instanceID.MatchString(e.ID) || seen[e.ID] {
			complain("instance %.80q: its name is none, or stands there twice", e.ID)
		}
		seen[e.ID] = true
		if len(e.URLs) > MaxURLs {
			complain("instance %.80q: more than %d URLs", e.ID, MaxURLs)
			continue
		}
		for _, u := range e.URLs {
			if _, err := originOf(u); err != nil {
				complain("instance %.80q: %w", e.ID, err)
			}
		}
	}
	if wrong != nil {
		return fmt.Errorf("%w: %w", ErrDirectory, errors.Join(wrong...))
	}
	return nil
}

// origins returns where the instances are reached.
func (d Directory) origins() map[origin]bool {
	all := map[origin]bool{}
	for _, e := range d.Instances {
		for _, o := range originsOf(e.URLs) {
			all[o] = true
		}
	}
	return all
}
