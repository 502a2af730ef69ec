package devnet

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// derive makes the key that a purpose, a seed and a number stand for. A digest that is no key, one in 2^128, is an
// error: then another seed has to be taken.
func derive(purpose string, seed uint64, number int) (*ecdsa.PrivateKey, error) {
	input := binary.BigEndian.AppendUint64([]byte("walletnode devnet "+purpose+" "), seed)
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(input, uint64(number))) //nolint:gosec // a small count
	key, err := crypto.ToECDSA(digest[:])
	if err != nil {
		return nil, fmt.Errorf("derive %s %d: %w", purpose, number, err)
	}
	return key, nil
}

// operatorKeys returns the keys of the first n operators of a seed: more operators do not change those before.
func operatorKeys(seed uint64, n int) ([]*ecdsa.PrivateKey, error) {
	keys := make([]*ecdsa.PrivateKey, n)
	for i := range keys {
		key, err := derive("operator", seed, i)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// makeWallets returns n wallets of a seed. Nobody needs a wallet's private key, so it is forgotten.
func makeWallets(seed uint64, n, seats int, operators []chain.Operator) ([]chain.Wallet, error) {
	wallets := make([]chain.Wallet, n)
	for i := range wallets {
		var err error
		if wallets[i], err = makeWallet(seed, i, seats, operators); err != nil {
			return nil, err
		}
	}
	return wallets, nil
}

// makeWallet returns the wallet that a seed and a number stand for.
func makeWallet(seed uint64, number, seats int, operators []chain.Operator) (chain.Wallet, error) {
	key, err := derive("wallet", seed, number)
	if err != nil {
		return chain.Wallet{}, err
	}
	roster := deal(rand.New(rand.NewPCG(seed, uint64(number))), seats, operators) //nolint:gosec // seats are no secret
	w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), roster)
	if err != nil {
		return chain.Wallet{}, fmt.Errorf("make wallet %d: %w", number, err)
	}
	return w, nil
}

// deal gives each operator one seat and the rest unevenly, as in a network where stakes differ: an operator's
// chance of a further seat is in proportion to the seats it has. Then the seats are shuffled.
func deal(rng *rand.Rand, seats int, operators []chain.Operator) []chain.Operator {
	roster := append([]chain.Operator{}, operators...)
	for len(roster) < seats {
		roster = append(roster, roster[rng.IntN(len(roster))])
	}
	rng.Shuffle(len(roster), func(i, j int) { roster[i], roster[j] = roster[j], roster[i] })
	return roster
}
