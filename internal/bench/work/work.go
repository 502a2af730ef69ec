// Package work is what the benchmarks run on: operators, wallets, blocks and proposals that are the same on every
// machine, so that two runs, or two clients, can be compared.
package work

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/big"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// seats is the number of seats of every wallet.
const seats = 100

// scalar is the private key whose number is the SHA-256 hash of a name.
func scalar(format string, n int) *secp256k1.PrivateKey {
	digest := sha256.Sum256(fmt.Appendf(nil, format, n))
	return secp256k1.PrivKeyFromBytes(digest[:])
}

// OperatorKey is the key of operator n, counted from 0.
func OperatorKey(n int) *secp256k1.PrivateKey { return scalar("perf-operator-%d", n) }

// Operator is the address of operator n.
func Operator(n int) chain.Operator { return wire.PublicKeyOf(OperatorKey(n)).Operator() }

// Instance is the libp2p key of operator n's one instance.
func Instance(n int) (crypto.PrivKey, error) {
	seed := sha256.Sum256(fmt.Appendf(nil, "perf-instance-%d", n))
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		return nil, fmt.Errorf("make instance key: %w", err)
	}
	return key, nil
}

// roster is the roster of every wallet among so many operators: seat s is held by operator (s-1) mod operators.
func roster(operators int) []chain.Operator {
	held := make([]chain.Operator, operators)
	for n := range held {
		held[n] = Operator(n)
	}
	roster := make([]chain.Operator, seats)
	for i := range roster {
		roster[i] = held[i%operators]
	}
	return roster
}

// Wallets are wallets 0 .. n-1 among so many operators.
func Wallets(n, operators int) ([]chain.Wallet, error) {
	roster := roster(operators)
	wallets := make([]chain.Wallet, n)
	for i := range wallets {
		key := wire.PublicKeyOf(scalar("perf-wallet-%d", i)).Uncompressed()
		w, err := chain.NewWallet(chain.PublicKey(key), roster)
		if err != nil {
			return nil, fmt.Errorf("make wallet %d: %w", i, err)
		}
		wallets[i] = w
	}
	return wallets, nil
}

// Header is block n. Blocks lie 12 s apart and begin at the Unix epoch.
func Header(n chain.Height) chain.Header {
	return chain.Header{Height: n, Hash: hash(n), Parent: hash(n - 1), Time: time.Unix(12*int64(n), 0)} //nolint:gosec // small heights
}

func hash(n chain.Height) chain.Hash { return sha256.Sum256(fmt.Appendf(nil, "perf-block-%d", n)) }

// Redemption pays 20 requests, as many as the contracts allow, each to a script of 22 bytes.
func Redemption() proposal.Redemption {
	scripts := make([][]byte, 20)
	for i := range scripts {
		key := sha256.Sum256(fmt.Appendf(nil, "perf-script-%d", i))
		scripts[i] = append([]byte{0x00, 0x14}, key[:20]...) // pay to witness public key hash
	}
	return proposal.Redemption{OutputScripts: scripts, TxFee: big.NewInt(12_000)}
}

// message is what the leader says: the first operator, in a wallet's window.
func message(wallet chain.WalletID, seat chain.Seat, block chain.Height, p proposal.Proposal) []byte {
	return proposal.EncodeMessage(proposal.Message{Sender: seat, Block: block, Wallet: wallet, Proposal: p})
}
