package coordination

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/walletnode/walletnode/chain"
)

// maxManifest bounds a wallet manifest, in bytes: 255 addresses of 45 characters with room for indentation.
const maxManifest = 64 << 10

// manifest is the file an operator imports a wallet from.
type manifest struct {
	PublicKey string   `json:"publicKey"` // uncompressed secp256k1 key, 130 hex digits
	Operators []string `json:"operators"` // one EIP-55 address per seat, in seat order
}

// ParseManifest reads a wallet manifest: JSON {"publicKey": hex, "operators": [one EIP-55 address per seat, in seat
// order]}. All that is wrong with it is reported at once, each bad seat by its number.
func ParseManifest(r io.Reader) (chain.Wallet, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return chain.Wallet{}, fmt.Errorf("read wallet manifest: %w", err)
	}
	if len(raw) > maxManifest {
		return chain.Wallet{}, fmt.Errorf("wallet manifest is larger than %d bytes", maxManifest)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var m manifest
	if err := dec.Decode(&m); err != nil {
		return chain.Wallet{}, fmt.Errorf("wallet manifest: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return chain.Wallet{}, errors.New("wallet manifest: something follows the JSON object")
	}

	var errs []error
	key, err := chain.ParsePublicKey(m.PublicKey)
	if err != nil {
		errs = append(errs, err)
	}
	roster := make([]chain.Operator, 0, len(m.Operators))
	for i, text := range m.Operators {
		op, err := chain.ParseOperator(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("seat %d: %w", i+1, err))
		}
		roster = append(roster, op)
	}
	if len(errs) > 0 {
		return chain.Wallet{}, fmt.Errorf("wallet manifest: %w", errors.Join(errs...))
	}
	wallet, err := chain.NewWallet(key, roster)
	if err != nil {
		return chain.Wallet{}, fmt.Errorf("wallet manifest: %w", err)
	}
	return wallet, nil
}

// MarshalManifest writes a wallet's manifest; ParseManifest reads it back.
func MarshalManifest(w chain.Wallet) ([]byte, error) {
	m := manifest{PublicKey: w.Key().String()}
	for _, op := range w.Roster() {
		m.Operators = append(m.Operators, op.String())
	}
	return json.MarshalIndent(m, "", "  ")
}
