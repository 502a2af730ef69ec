package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Bounds of the delegation exchange, in bytes and entries. What is longer is refused unread.
const (
	// MaxDelegation holds a statement with the longest peer ID (128 bytes) and its signature several times.
	MaxDelegation = 1 << 10
	// MaxRosters is how many shared wallets terms can name: the most a node is built for. A pair of operators
	// that shares more wallets does not compare the rosters of the rest.
	MaxRosters = 1000
	// MaxTerms holds MaxRosters rosters of 58 bytes and the digest.
	MaxTerms = 64 << 10

	maxPeerID = 128
	// maxUnix keeps times far from where arithmetic with them wraps around; it lies in the year 36812.
	maxUnix = 1 << 40
)

// ErrDelegation says that bytes are no delegation, or one that its operator did not sign.
var ErrDelegation = errors.New("bad delegation")

// delegationPrefix keeps a delegation's signature from being one of anything else the operator's key signs:
// pubsub messages, handshakes and transactions all begin differently.
const delegationPrefix = "walletnode-delegation-1:"

// Delegation says that an instance speaks for an operator for some time.
type Delegation struct {
	Instance  []byte // peer ID of the instance
	Operator  PublicKey
	IssuedAt  time.Time // whole seconds
	ExpiresAt time.Time // whole seconds
}

// SignDelegation makes the signed statement that instance (a peer ID) speaks for the operator of key.
func SignDelegation(key *secp256k1.PrivateKey, instance []byte, issued, expires time.Time) []byte {
	operator := PublicKeyOf(key)
	statement := mustMarshal(&pb.DelegationStatement{
		Instance:  instance,
		Operator:  operator[:],
		IssuedAt:  issued.Unix(),
		ExpiresAt: expires.Unix(),
	})
	digest := delegationDigest(statement)
	return mustMarshal(&pb.SignedDelegation{
		Statement: statement,
		Signature: ecdsa.Sign(key, digest[:]).Serialize(),
	})
}

// VerifyDelegation reads a signed delegation and checks the operator's signature. Whether the instance is the peer
// at hand, and whether the time has come or run out, is for the caller.
func VerifyDelegation(data []byte) (Delegation, error) {
	if len(data) > MaxDelegation {
		return Delegation{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(data))
	}
	var signed pb.SignedDelegation
	if err := proto.Unmarshal(data, &signed); err != nil {
		return Delegation{}, fmt.Errorf("%w: %w", ErrDelegation, err)
	}
	var statement pb.DelegationStatement
	if err := proto.Unmarshal(signed.GetStatement(), &statement); err != nil {
		return Delegation{}, fmt.Errorf("%w: statement: %w", ErrDelegation, err)
	}
	if n := len(statement.GetInstance()); n == 0 || n > maxPeerID {
		return Delegation{}, fmt.Errorf("%w: peer ID of %d bytes", ErrDelegation, n)
	}
	if statement.GetIssuedAt() < 0 || statement.GetExpiresAt() <= statement.GetIssuedAt() || statement.GetExpiresAt() > maxUnix {
		return Delegation{}, fmt.Errorf("%w: valid from %d to %d", ErrDelegation, statement.GetIssuedAt(), statement.GetExpiresAt())
	}
	operator, err := ParsePublicKey(statement.GetOperator())
	if err != nil {
		return Delegation{}, fmt.Errorf("%w: operator: %w", ErrDelegation, err)
	}
	if err := verifyDelegation(operator, signed.GetStatement(), signed.GetSignature()); err != nil {
		return Delegation{}, err
	}
	return Delegation{
		Instance:  statement.GetInstance(),
		Operator:  operator,
		IssuedAt:  time.Unix(statement.GetIssuedAt(), 0),
		ExpiresAt: time.Unix(statement.GetExpiresAt(), 0),
	}, nil
}

func verifyDelegation(operator PublicKey, statement, der []byte) error {
	ok, err := VerifyDER(operator, delegationDigest(statement), der)
	if err != nil {
		return fmt.Errorf("%w: signature: %w", ErrDelegation, err)
	}
	if !ok {
		return fmt.Errorf("%w: not signed by %v", ErrDelegation, operator.Operator())
	}
	return nil
}

func delegationDigest(statement []byte) [32]byte {
	return sha256.Sum256(append([]byte(delegationPrefix), statement...))
}

// Terms are what two instances compare once each knows the other's operator.
type Terms struct {
	Params   [32]byte // digest of the protocol parameters
	Admitted bool     // the sender admits the receiver
	Rosters  map[chain.WalletID][32]byte
}

// EncodeTerms writes terms; rosters beyond MaxRosters are left out, which ones is not defined.
func EncodeTerms(t Terms) []byte {
	m := &pb.Terms{Params: t.Params[:], Admitted: t.Admitted}
	for wallet, digest := range t.Rosters {
		if len(m.Rosters) == MaxRosters {
			break
		}
		m.Rosters = append(m.Rosters, &pb.Roster{Wallet: wallet[:], Digest: digest[:]})
	}
	return mustMarshal(m)
}

// DecodeTerms reads terms. Of two rosters for one wallet the last counts.
func DecodeTerms(data []byte) (Terms, error) {
	if len(data) > MaxTerms {
		return Terms{}, fmt.Errorf("%w: terms of %d bytes", ErrTooLarge, len(data))
	}
	var m pb.Terms
	if err := proto.Unmarshal(data, &m); err != nil {
		return Terms{}, fmt.Errorf("%w: terms: %w", ErrMalformed, err)
	}
	if len(m.GetParams()) != 32 || len(m.GetRosters()) > MaxRosters {
		return Terms{}, fmt.Errorf("%w: terms with %d rosters and a digest of %d bytes", ErrMalformed, len(m.GetRosters()), len(m.GetParams()))
	}
	t := Terms{Params: [32]byte(m.GetParams()), Admitted: m.GetAdmitted(), Rosters: make(map[chain.WalletID][32]byte, len(m.GetRosters()))}
	for _, r := range m.GetRosters() {
		if len(r.GetWallet()) != 20 || len(r.GetDigest()) != 32 {
			return Terms{}, fmt.Errorf("%w: roster of %d and %d bytes", ErrMalformed, len(r.GetWallet()), len(r.GetDigest()))
		}
		t.Rosters[chain.WalletID(r.GetWallet())] = [32]byte(r.GetDigest())
	}
	return t, nil
}
