package keygen

import (
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxBackendName is the most characters of a backend's id.
const maxBackendName = 64

// Acceptance names the backend that generates an operator's shares, and the key that messages to it are sealed to.
type Acceptance struct {
	Session signer.SessionID
	Backend string // its own id, for people: 1 to 64 printable ASCII characters without spaces
	SealTo  signer.PublicKey
	By      chain.Operator // who signed it
}

// SignAcceptance makes the document. By is the key's operator, whatever stands there.
func SignAcceptance(key *secp256k1.PrivateKey, a Acceptance) ([]byte, error) {
	if err := checkBackendName(a.Backend); err != nil {
		return nil, err // before it is encoded: only ASCII is sure to be
	}
	signed := signDocument(key, acceptanceTopic, &pb.WalletAcceptance{Session: a.Session[:], Backend: a.Backend, SealTo: a.SealTo[:]})
	_, err := ReadAcceptance(signed)
	return signed, err
}

// ReadAcceptance reads a signed acceptance. Whether its operator is invited is for the caller.
func ReadAcceptance(signed []byte) (Acceptance, error) {
	m := new(pb.WalletAcceptance)
	by, err := readDocument(signed, acceptanceTopic, m)
	if err != nil {
		return Acceptance{}, fmt.Errorf("acceptance: %w", err)
	}
	if len(m.GetSession()) != 32 || len(m.GetSealTo()) != 32 {
		return Acceptance{}, fmt.Errorf("acceptance: %w: session of %d bytes, key of %d", ErrDocument, len(m.GetSession()), len(m.GetSealTo()))
	}
	if err := checkBackendName(m.GetBackend()); err != nil {
		return Acceptance{}, err
	}
	a := Acceptance{signer.SessionID(m.GetSession()), m.GetBackend(), signer.PublicKey(m.GetSealTo()), by}
	if a.SealTo == (signer.PublicKey{}) {
		return Acceptance{}, fmt.Errorf("acceptance: %w: the backend's key is zero, to which anybody could open", ErrDocument)
	}
	return a, nil
}

func checkBackendName(name string) error {
	if name == "" || len(name) > maxBackendName {
		return fmt.Errorf("acceptance: %w: a backend's id has 1 to %d characters, not %d", ErrDocument, maxBackendName, len(name))
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("acceptance: %w: a backend's id has printable ASCII characters, not %#02x", ErrDocument, c)
		}
	}
	return nil
}
