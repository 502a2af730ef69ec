package client

import (
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// ErrSignature says that something is no signature of a text.
var ErrSignature = errors.New("the signature is none")

// Signature is an Ethereum signature: r, s and v (27 or 28), 65 bytes. Its text is hex with 0x.
type Signature []byte

// MarshalText implements encoding.TextMarshaler.
func (s Signature) MarshalText() ([]byte, error) { return []byte("0x" + hex.EncodeToString(s)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Signature) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != crypto.SignatureLength {
		return fmt.Errorf("signature: want 0x and %d hex digits", 2*crypto.SignatureLength)
	}
	*s = raw
	return nil
}

// SignText signs a text with an operator's key, as wallets sign messages (EIP-191). The text's first line says what it is, so that no
// two kinds of document share one.
func SignText(text string, key *ecdsa.PrivateKey) (Signature, error) {
	signature, err := crypto.Sign(digest(text), key)
	if err != nil {
		return nil, err
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}

// SignerOf returns whose signature of a text it is; ErrSignature if it is nobody's.
func SignerOf(text string, signature Signature) (chain.Operator, error) {
	if len(signature) != crypto.SignatureLength {
		return chain.Operator{}, ErrSignature
	}
	raw := append([]byte{}, signature...)
	raw[crypto.RecoveryIDOffset] -= 27
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:64])
	if !crypto.ValidateSignatureValues(raw[crypto.RecoveryIDOffset], r, s, true) { // one signature per key and text
		return chain.Operator{}, ErrSignature
	}
	key, err := crypto.SigToPub(digest(text), raw)
	if err != nil {
		return chain.Operator{}, ErrSignature
	}
	return chain.Operator(crypto.PubkeyToAddress(*key)), nil
}

// digest is that of EIP-191 for personal messages, which every Ethereum library can check.
func digest(text string) []byte {
	return crypto.Keccak256(fmt.Appendf(nil, "\x19Ethereum Signed Message:\n%d%s", len(text), text))
}
