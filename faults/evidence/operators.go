package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/walletnode/walletnode/chain"
)

// MaxOperators is the most bytes of a file of operators: 255 addresses of 45 characters, with room for indentation.
const MaxOperators = 64 << 10

// Operators is what a verifier has to trust: who holds the seats of one wallet, on one chain.
type Operators struct {
	Chain  uint64 // chain ID
	Wallet chain.Wallet
}

// operatorsFile is the form of that file; docs/schemas/operators.json describes it.
type operatorsFile struct {
	Chain           uint64   `json:"chain"`
	WalletPublicKey string   `json:"walletPublicKey"` // uncompressed secp256k1 key, 130 hex digits
	Operators       []string `json:"operators"`       // one EIP-55 address per seat, in seat order
}

// ParseOperators reads a list of operators: JSON {"chain": ID, "walletPublicKey": hex, "operators": [one EIP-55 address per
// seat, in seat order]}. All that is wrong with it is told at once. Errors are a *Refusal for BadOperators.
func ParseOperators(data []byte) (Operators, error) {
	if len(data) > MaxOperators {
		return Operators{}, refuse(BadOperators, "list of operators: more than %d bytes", MaxOperators)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var file operatorsFile
	if err := dec.Decode(&file); err != nil {
		return Operators{}, refuse(BadOperators, "list of operators: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Operators{}, refuse(BadOperators, "list of operators: something follows the JSON object")
	}
	return file.read()
}

// NoOperators refuses, for BadOperators, what was to say who the operators are in another form than this package's.
func NoOperators(err error) error { return refuse(BadOperators, "list of operators: %w", err) }

func (f operatorsFile) read() (Operators, error) {
	var errs []error
	if f.Chain == 0 {
		errs = append(errs, errors.New("no chain"))
	}
	key, err := chain.ParsePublicKey(f.WalletPublicKey)
	if err != nil {
		errs = append(errs, err)
	}
	roster := make([]chain.Operator, len(f.Operators))
	for i, text := range f.Operators {
		if roster[i], err = chain.ParseOperator(text); err != nil {
			errs = append(errs, fmt.Errorf("seat %d: %w", i+1, err))
		}
	}
	if len(errs) > 0 {
		return Operators{}, refuse(BadOperators, "list of operators: %w", errors.Join(errs...))
	}
	wallet, err := chain.NewWallet(key, roster)
	if err != nil {
		return Operators{}, refuse(BadOperators, "list of operators: %w", err)
	}
	return Operators{f.Chain, wallet}, nil
}
