package signing

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// CheckProof reports whether two signed messages prove the misdeed they are kept for, and by whom: a coordinator's two differing
// lists of one attempt, or two differing bundles of one round. It takes nothing but the wallet's roster.
func CheckProof(wallet chain.Wallet, proof [][]byte) (chain.Operator, error) {
	if len(proof) != 2 {
		return chain.Operator{}, fmt.Errorf("proof: %d messages, want two", len(proof))
	}
	first, by, err := readSigned(wallet, proof[0])
	if err != nil {
		return chain.Operator{}, fmt.Errorf("proof: first message: %w", err)
	}
	second, also, err := readSigned(wallet, proof[1])
	if err != nil {
		return chain.Operator{}, fmt.Errorf("proof: second message: %w", err)
	}
	if by != also {
		return chain.Operator{}, fmt.Errorf("proof: one message is by %v, the other by %v", by, also)
	}
	if err := differ(wallet, by, first, second); err != nil {
		return chain.Operator{}, fmt.Errorf("proof: %w", err)
	}
	return by, nil
}

// readSigned reads a message that an operator of the wallet signed on the wallet's topic.
func readSigned(wallet chain.Wallet, message []byte) (content any, by chain.Operator, err error) {
	signed, err := wire.ParsePubsub(message)
	if err != nil {
		return nil, by, err
	}
	author, err := signed.Verify()
	if err != nil {
		return nil, by, err
	}
	by = author.Operator()
	if !wallet.Holds(by) || signed.Topic() != signer.SigningTopic(wallet.ID()) {
		return nil, by, errors.New("it is not an operator's of the wallet, or was said elsewhere")
	}
	content, err = decode(signed.Data())
	return content, by, err
}

// differ reports whether one operator may not say both of two things.
func differ(wallet chain.Wallet, by chain.Operator, first, second any) error {
	switch a := first.(type) {
	case list:
		b, ok := second.(list)
		if _, names := coordinator(wallet, a.intent, a.attempt); !ok || a.about != b.about || names != by {
			return errors.New("these are not two lists of one attempt by its coordinator")
		}
		if slices.Equal(a.seats, b.seats) {
			return errors.New("both lists name the same signers")
		}
	case bundle:
		b, ok := second.(bundle)
		if !ok || a.session != b.session || a.round != b.round {
			return errors.New("these are not two bundles of one round")
		}
		if bytes.Equal(encode(a), encode(b)) {
			return errors.New("both bundles are the same")
		}
	default:
		return fmt.Errorf("a message like %T proves nothing", first)
	}
	return nil
}
