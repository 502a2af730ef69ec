package scheme

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/taurusgroup/multi-party-sig/pkg/ecdsa"
	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/pkg/taproot"
	"github.com/taurusgroup/multi-party-sig/protocols/cmp"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Signing is one seat's part in one signature. It is not safe for concurrent use. Its nonces exist in memory only, and serve
// once: a party that has begun cannot begin again.
type Signing struct {
	run       *run
	scheme    signer.Scheme
	key       chain.PublicKey
	digest    [32]byte
	signature [64]byte
	found     *[64]byte // verified by another seat of the backend; nil if none was
	done      bool
}

// NewSigning takes a share's seat into a signature of a digest by the signers: at least as many seats as the threshold. The
// session's name must be another one for each attempt, and the same for all signers.
func NewSigning(session []byte, share Share, signers []chain.Seat, digest [32]byte) (*Signing, error) {
	if err := checkGroup(session, share.seat, signers, share.threshold); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	for _, s := range signers {
		if !slices.Contains(share.seats, s) {
			return nil, fmt.Errorf("signing: the key has no seat %d", s)
		}
	}
	signers = slices.Clone(signers)
	var rounds protocolRounds
	var start protocol.StartFunc
	switch share.scheme {
	case signer.FROST:
		config, err := share.frostConfig(signers)
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		rounds, start = frostSigning(), frost.SignTaproot(config, idsOf(signers), digest[:])
	case signer.CMP:
		config, err := share.cmpConfig()
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		rounds, start = cmpSigning(), cmp.Sign(config, idsOf(signers), digest[:], nil)
	default:
		return nil, fmt.Errorf("signing: there is no scheme %q", share.scheme)
	}
	// The library's sessions know neither the key nor, with FROST, the digest. They are made a part of the name, so that a
	// message that was made for another key or digest is refused as one of another session.
	h := sha256.New()
	h.Write([]byte("walletnode/scheme/signing/1:"))
	h.Write(share.key[:])
	h.Write(digest[:])
	h.Write(session)
	return &Signing{
		run:    newRun(share.seat, signers, rounds, h.Sum(nil), start),
		scheme: share.scheme, key: share.key, digest: digest,
	}, nil
}

// Begin makes the nonces, and returns the seat's first messages.
func (s *Signing) Begin() (Step, error) { return s.finish(s.run.begin()) }

// Round takes what all others sent in the round before, and returns the seat's next messages. An error ends the session; if
// another seat may have caused it, it is a *Fault.
func (s *Signing) Round(in []Message) (Step, error) { return s.finish(s.run.round(in)) }

func (s *Signing) finish(step Step, err error) (Step, error) {
	if err != nil || !step.Done {
		return step, err
	}
	err = guard(func() (err error) {
		s.signature, err = signatureOf(s.run.result)
		return err
	})
	if err == nil && (s.found == nil || s.signature != *s.found) {
		err = Verify(s.scheme, s.key, s.digest, s.signature[:])
	}
	if err != nil {
		return Step{}, &Fault{Err: fmt.Errorf("what was signed is no signature: %w", err)}
	}
	s.done = true
	return step, nil
}

// After takes over what another seat of the same backend has verified: all signers end with one signature.
func (s *Signing) After(other *Signing) {
	if other.done && s.scheme == other.scheme && s.key == other.key && s.digest == other.digest {
		found := other.signature
		s.found = &found
	}
}

// Signature returns the signature once there is one: BIP-340, or r || s with s in the lower half. It has been verified.
func (s *Signing) Signature() ([64]byte, error) {
	if !s.done {
		return [64]byte{}, errUnfinished
	}
	return s.signature, nil
}

// signatureOf brings a result of the library into the form of a Bitcoin signature.
func signatureOf(result any) (sig [64]byte, err error) {
	switch result := result.(type) {
	case taproot.Signature:
		if len(result) != len(sig) {
			return sig, fmt.Errorf("a signature of %d bytes", len(result))
		}
		return [64]byte(result), nil
	case *ecdsa.Signature:
		s := curve.Secp256k1{}.NewScalar().Set(result.S)
		if s.IsOverHalfOrder() {
			s.Negate()
		}
		r, err := result.R.XScalar().MarshalBinary()
		if err != nil {
			return sig, err
		}
		low, err := s.MarshalBinary()
		if err != nil {
			return sig, err
		}
		copy(sig[:32], r)
		copy(sig[32:], low)
		return sig, nil
	default:
		return sig, errors.New("the library returned something else")
	}
}
