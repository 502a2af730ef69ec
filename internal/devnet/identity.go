package devnet

import (
	"crypto/ecdsa"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// lot is what a devnet's keys and seats are drawn from. All devnets are of one chain ID, and have windows of the same numbers: with a
// key of an earlier one an honest operator would have said two things about one window, which is a proof against it. So run is another one each time.
type lot struct {
	seed uint64
	run  []byte // none in tests that want the same ones again
}

func drawLot(seed uint64) lot {
	l := lot{seed, make([]byte, 16)}
	_, _ = crand.Read(l.run) // it never fails
	return l
}

// derive makes the key that a purpose, a lot and a number stand for. A digest that is no key, one in 2^128, is an
// error: then another lot has to be taken.
func derive(purpose string, l lot, number int) (*ecdsa.PrivateKey, error) {
	input := binary.BigEndian.AppendUint64([]byte("walletnode devnet "+purpose+" "), l.seed)
	input = append(input, l.run...)
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(input, uint64(number))) //nolint:gosec // a small count
	key, err := crypto.ToECDSA(digest[:])
	if err != nil {
		return nil, fmt.Errorf("derive %s %d: %w", purpose, number, err)
	}
	return key, nil
}

// operatorKeys returns the keys of the first n operators of a lot: more operators do not change those before.
func operatorKeys(l lot, n int) ([]*ecdsa.PrivateKey, error) {
	keys := make([]*ecdsa.PrivateKey, n)
	for i := range keys {
		key, err := derive("operator", l, i)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// makeWallets returns n wallets of a lot. Nobody needs a wallet's private key, so it is forgotten.
func makeWallets(l lot, n, seats int, operators []chain.Operator) ([]chain.Wallet, error) {
	wallets := make([]chain.Wallet, n)
	for i := range wallets {
		var err error
		if wallets[i], err = makeWallet(l, i, seats, operators); err != nil {
			return nil, err
		}
	}
	return wallets, nil
}

// makeWallet returns the wallet that a lot and a number stand for. Its seats follow from the seed.
func makeWallet(l lot, number, seats int, operators []chain.Operator) (chain.Wallet, error) {
	key, err := derive("wallet", l, number)
	if err != nil {
		return chain.Wallet{}, err
	}
	roster := deal(rand.New(rand.NewPCG(l.seed, uint64(number))), seats, operators) //nolint:gosec // seats are no secret
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
