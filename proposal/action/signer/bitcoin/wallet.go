package bitcoin

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Opcodes of the scripts that wallets and redeemers are paid by.
const (
	op0 = 0x00
	op1 = 0x51
)

// Wallet is how a wallet's coins are locked: its key, tweaked already for FROST, and the scheme that signs with it.
type Wallet struct {
	Key    chain.PublicKey
	Scheme signer.Scheme
}

// ScriptOf returns the output script that pays a wallet: P2TR for FROST, whose key is the output key as it is (BIP-341), and
// P2WPKH for CMP. Nil for a scheme that does not exist.
func ScriptOf(scheme signer.Scheme, key chain.PublicKey) []byte {
	switch scheme {
	case signer.FROST:
		return slices.Concat([]byte{op1, 32}, key[1:33])
	case signer.CMP:
		hash := key.Hash()
		return slices.Concat([]byte{op0, 20}, hash[:])
	default:
		return nil
	}
}

// Script returns the output script that pays the wallet.
func (w Wallet) Script() []byte { return ScriptOf(w.Scheme, w.Key) }

// publicKey reads the wallet's key as signatures are verified by it: for FROST the one of the two points that BIP-340 means.
func (w Wallet) publicKey() (key *btcec.PublicKey, err error) {
	switch w.Scheme {
	case signer.FROST:
		key, err = schnorr.ParsePubKey(w.Key[1:33])
	case signer.CMP:
		key, err = btcec.ParsePubKey(w.Key[:])
	default:
		return nil, fmt.Errorf("scheme: there is no %q", w.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("wallet key: %w", err)
	}
	return key, nil
}
